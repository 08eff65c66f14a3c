"""A mock service for every test, and the program told of it."""

import pytest

from qep_qiskit.rehearsal.server import serve


@pytest.fixture
def mock_service(monkeypatch):
    """Start a mock service with these options and point the program at it."""
    open_ones = []

    def start(**options):
        context = serve(**options)
        server = context.__enter__()
        open_ones.append(context)
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing is there: the program must set them itself
        monkeypatch.setenv("QEP_LOOKUP_SECONDS", "5")
        return server

    yield start
    for context in open_ones:
        context.__exit__(None, None, None)
