"""Fixtures of the tests of devices."""

import pytest


@pytest.fixture(scope="class")
def device(request):
    """The device of a class that inherits `DeviceContract`, made once."""
    return request.cls.make()
