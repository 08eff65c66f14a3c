"""The mock service's HTTP server, which listens on loopback only."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from qep_qiskit.checks import whole
from qep_qiskit.devices.ibm.account import ANSWER_VARIABLE, URL_VARIABLE
from qep_qiskit.errors import InputError
from qep_qiskit.rehearsal.machine import machine_names
from qep_qiskit.rehearsal.service import PLAN, ConnectionLostError, ReplyError, Service
from qep_qiskit.runs.jobs.ownership import LOOKUP_VARIABLE

HOST = "127.0.0.1"
ROOT = "/rt"
"""The common prefix of the paths of the Runtime's own interface."""
SILENT_SECONDS = 600.0
IDLE_SECONDS = 60.0
"""Seconds before a connection is closed: SILENT_SECONDS for an ignored request, IDLE_SECONDS without traffic."""
LARGEST_BODY = 64_000_000
CONTENT = frozenset(("application/json", "application/x-www-form-urlencoded", "application/octet-stream"))
QUICK = {LOOKUP_VARIABLE: "5", ANSWER_VARIABLE: "10"}
"""The client's waiting times in a rehearsal, unless set in the environment."""
UNREAD = (403, 411, 413, 415, 421)
"""Status codes sent before the body is read, after which the connection must be closed."""


class MockServer(ThreadingHTTPServer):
    """The running HTTP server of a mock service; see :func:`start` and :func:`serve`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, service: Service, port: int = 0) -> None:
        self.service = service
        self.closing = threading.Event()
        self._ends = ExitStack()
        try:
            super().__init__((HOST, whole("port", port, most=65535)), _Handler)
        except OSError as error:
            raise InputError(f"port: {port} cannot be used ({error.strerror}); give another one, or none") from None
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="mock service", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"MockServer({'closed' if self.closing.is_set() else self.url})"

    def __exit__(self, *unused: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address to which QEP_RUNTIME_URL must be set."""
        return f"http://{HOST}:{self.server_address[1]}{ROOT}"

    def order(self, *faults: str) -> None:
        """Order faults to happen, by name: ``order("failed-job")``, or ``order("storm:5")`` for five times."""
        self.service.order(*faults)

    def ledger(self) -> dict[str, Any]:
        """Return the jobs of the service with their billed seconds, the sum of these ``seconds``, and the ``faults`` so far."""
        return self.service.ledger()

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """Make this server IBM's service for this process, by environment variables, within a ``with`` block."""
        before = {name: os.environ.get(name) for name in (URL_VARIABLE, *QUICK)}
        os.environ[URL_VARIABLE] = self.url
        for name, seconds in QUICK.items():
            os.environ.setdefault(name, seconds)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    def close(self) -> None:
        """End the server and the service's jobs."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._ends.close()
        self.shutdown()
        self.server_close()
        self.service.close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that have disconnected."""


def serve(
    *, seed: int = 0, noise: str = "full", faults: Iterable[str] = (), port: int = 0, queue_seconds: float = 0.0
) -> MockServer:
    """Start a mock service, by default at any free port, for use in a ``with`` block; see `Service` for the other parameters."""
    return MockServer(Service(seed=seed, noise=noise, faults=faults, queue_seconds=queue_seconds), port)


def start(*, seed: int = 0, noise: str = "full", faults: Iterable[str] = (), queue_seconds: float = 0.0) -> MockServer:
    """Start a mock service, which stands in for IBM's service in this process until it is closed.

    Every ``qep.ibm(...)`` is then one of its devices, which are snapshots: ``ibm_torino`` has the couplings, gates and noise of
    ``fake_torino``. Nothing leaves this machine.

    Parameters
    ----------
    seed, noise, faults, queue_seconds
        See :class:`~qep_qiskit.rehearsal.service.Service`.

    Returns
    -------
    MockServer
        The running server. ``close()``, or the end of a ``with`` block, ends it.

    Examples
    --------
    >>> from qep_qiskit import rehearsal
    >>> with rehearsal.start(noise="none") as mock:
    ...     mock.order("failed-job")
    ...     len(mock.ledger()["jobs"])
    0
    """
    server = serve(seed=seed, noise=noise, faults=faults, queue_seconds=queue_seconds)
    server._ends.enter_context(server.standing_in())
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: MockServer

    def log_message(self, *unused: Any) -> None:
        pass

    def _answer(self) -> None:
        url = urlsplit(self.path)
        headers: dict[str, str] = {}
        try:
            body = self._admitted()
            status, value = self._routed(self.command, url.path, parse_qs(url.query), body)
        except (ConnectionLostError, TimeoutError):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        except ReplyError as error:
            status, headers = error.status, error.headers
            self.close_connection = self.close_connection or status in UNREAD
            value = {"error": {"message": error.message, "code": error.status}}
        except Exception as error:
            status, value = 400, {"error": {"message": f"{type(error).__name__}: {error}", "code": 400}}
        data = value.encode() if isinstance(value, str) else b"" if value is None else json.dumps(value).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, text in headers.items():
                self.send_header(name.replace("_", "-"), text)
            self.end_headers()
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _admitted(self) -> bytes:
        """Return the body of a request, if it may come from the Runtime client; requests from browser pages are refused.

        Raises
        ------
        ReplyError
            If the request is refused; its body is not read.
        """
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            raise ReplyError(421, "a mock service answers to its own address only")
        if any(name.lower() in ("origin", "referer") or name.lower().startswith("sec-") for name in self.headers):
            raise ReplyError(403, "a mock service answers the Runtime client, not pages in a browser")
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            raise ReplyError(411, "a request needs a Content-Length that is a whole number")
        if len(length) > 12 or int(length) > LARGEST_BODY:
            raise ReplyError(413, f"a request may have at most {LARGEST_BODY:,} bytes")
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if int(length) and kind not in CONTENT:
            raise ReplyError(415, f"a request is one of {', '.join(sorted(CONTENT))}")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionLostError
        return body

    def _routed(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        service = self.server.service
        match method, path:
            case "POST", "/identity/token":
                return 200, service.token(parse_qs(body.decode()).get("apikey", [""])[0])
            case "POST", "/v3/resources/search":
                return 200, service.instances()
            case "GET", _ if path == f"/{PLAN}" or path.endswith(f"/{PLAN}"):
                return 200, {"overview_ui": {"en": {"display_name": "Open"}}, "metadata": {"pricing": {"type": "free"}}}
            case "GET", "/ledger":
                return 200, service.ledger()
            case "POST", "/faults":
                service.order(*json.loads(body)["faults"])
                return 200, {"faults": json.loads(body)["faults"]}
        if not path.startswith(ROOT + "/"):
            raise ReplyError(404, f"{path} is not served here")
        rest = path.removeprefix(ROOT)
        self._struck(method, rest)
        service.admit(self.headers.get("Authorization", "").removeprefix("Bearer "))
        for verb, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, rest)
            if verb == method and match:
                return 200, answer(service, match.groups(), query, json.loads(body) if body else {})
        raise ReplyError(404, f"{method} {rest} is not served here")

    def _struck(self, method: str, path: str) -> None:
        """Cause the ordered faults that happen before a request is processed."""
        service = self.server.service
        if path.startswith("/jobs"):
            if service.strikes("storm") or service.strikes("long-storm"):
                raise ReplyError(503, "the service is overloaded", Retry_After="1")
            if method == "POST" and path == "/jobs":
                if service.strikes("expired-token"):
                    service.revoke_tokens()
                if service.strikes("echo"):
                    secrets = [self.headers.get(name, "") for name in ("Authorization", "Service-CRN")]
                    raise ReplyError(400, f"request {' '.join(secrets)} with key {service.key} was refused")
            if method == "GET" and re.fullmatch(r"/jobs/[^/]+", path) and service.strikes("silence"):
                self.server.closing.wait(SILENT_SECONDS)
                raise ConnectionLostError


Answer = Callable[[Service, tuple[str, ...], dict[str, list[str]], dict[str, Any]], Any]


def _first(query: dict[str, list[str]], name: str, default: str = "") -> str:
    return query.get(name, [default])[0]


def _list_jobs(service: Service, _: tuple[str, ...], query: dict[str, list[str]], __: dict[str, Any]) -> Any:
    pending = _first(query, "pending")
    return service.jobs(
        tags=query.get("tags", []),
        machine=_first(query, "backend") or None,
        pending=None if not pending else pending == "true",
        limit=int(_first(query, "limit", "10")),
        offset=int(_first(query, "offset", "0")),
        ascending=_first(query, "sort") == "ASC",
    )


def _described(service: Service, names: tuple[str, ...], query: dict[str, list[str]], _: dict[str, Any]) -> Any:
    return service.job(names[0]).document(inputs=_first(query, "exclude_params") != "true")


def _retag(service: Service, names: tuple[str, ...], _: dict[str, list[str]], body: dict[str, Any]) -> None:
    service.job(names[0]).tags = [str(tag) for tag in body["tags"]]


USAGE = {"instance_id": "rehearsal", "usage_consumed_seconds": 0, "usage_limit_reached": False}
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/backends", lambda s, n, q, b: {"devices": [{"name": name, "class": "mock"} for name in machine_names()]}),
    ("GET", "/backends/([^/]+)/configuration", lambda s, n, q, b: s.machine(n[0]).configuration()),
    ("GET", "/backends/([^/]+)/properties", lambda s, n, q, b: s.machine(n[0]).properties()),
    ("GET", "/backends/([^/]+)/status", lambda s, n, q, b: s.status(s.machine(n[0]).name)),
    ("GET", "/instances/usage", lambda s, n, q, b: USAGE),
    ("POST", "/jobs", lambda s, n, q, b: s.submit(b)),
    ("GET", "/jobs", _list_jobs),
    ("GET", "/jobs/([^/]+)", _described),
    ("GET", "/jobs/([^/]+)/results", lambda s, n, q, b: s.result(n[0])),
    ("GET", "/jobs/([^/]+)/metrics", lambda s, n, q, b: s.metrics(n[0])),
    ("GET", "/jobs/([^/]+)/logs", lambda s, n, q, b: s.job(n[0]).reason),
    ("POST", "/jobs/([^/]+)/cancel", lambda s, n, q, b: s.cancel(n[0])),
    ("PUT", "/jobs/([^/]+)/tags", _retag),
    ("POST", "/sessions", lambda s, n, q, b: s.open_session(b)),
    ("GET", "/sessions/([^/]+)", lambda s, n, q, b: s.session(n[0])),
    ("PATCH", "/sessions/([^/]+)", lambda s, n, q, b: s.session(n[0], change=b)),
    ("DELETE", "/sessions/([^/]+)/close", lambda s, n, q, b: s.session(n[0], close=True)),
)
