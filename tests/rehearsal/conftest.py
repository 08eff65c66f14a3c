"""A mock service for every test, and the program told of it."""

from contextlib import ExitStack

import pytest

from qep_qiskit.rehearsal.server import serve


@pytest.fixture
def mock_service(monkeypatch):
    """Start a mock service with these options and point the program at it."""

    def start(**options):
        server = stack.enter_context(serve(**options))
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing is there: the program must set them itself
        monkeypatch.setenv("QEP_LOOKUP_SECONDS", "5")
        return server

    with ExitStack() as stack:
        yield start
