"""The mock service obeys the Runtime client and our own tests, and nobody else."""

import json
import socket
import time

import pytest

from qep_qiskit.rehearsal.server import serve


@pytest.fixture(scope="module")
def server():
    with serve(noise="none") as server:
        yield server


def asked(server, *lines, body=b"", host=None, wait=5.0):
    """Send a request as it is and return the status of the reply, None where the connection is closed without one."""
    port = server.server_address[1]
    head = [lines[0], f"Host: {host or f'127.0.0.1:{port}'}", *lines[1:], "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1") + body)
        try:
            reply = connection.recv(65536).decode("latin-1")
        except TimeoutError:
            return "waits"
    return int(reply.split()[1]) if reply else None


ORDER = json.dumps({"faults": ["storm"]}).encode()
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("headers", "host", "status"),
    [
        ([JSON], "evil.example", 421),
        ([JSON], "127.0.0.1", 421),
        ([JSON], "127.0.0.1:1", 421),
        ([JSON, "Origin: http://evil.example"], None, 403),
        ([JSON, "Origin: null"], None, 403),
        ([JSON, "Referer: http://evil.example/page"], None, 403),
        ([JSON, "Sec-Fetch-Site: cross-site"], None, 403),
        (["Content-Type: text/plain"], None, 415),
        (["Content-Type: multipart/form-data"], None, 415),
        ([], None, 415),
        (["Content-Type: text/plain", "Origin: http://evil.example"], "evil.example", 421),
    ],
)
def test_another_client_is_not_obeyed(server, headers, host, status):
    reply = asked(server, "POST /faults HTTP/1.1", f"Content-Length: {len(ORDER)}", *headers, body=ORDER, host=host)
    assert reply == status
    assert not server.service.strikes("storm")
    for path in ("/ledger", "/rt/backends", "/identity/token"):
        assert asked(server, f"GET {path} HTTP/1.1", "Origin: http://evil.example") == 403


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_our_own_requests_are_accepted(server, kind):
    assert asked(server, "POST /faults HTTP/1.1", f"Content-Type: {kind}", f"Content-Length: {len(ORDER)}", body=ORDER) == 200
    assert server.service.strikes("storm")
    assert asked(server, "GET /ledger HTTP/1.1") == 200


@pytest.mark.parametrize(
    ("length", "status"),
    [("-1", 411), ("+5", 411), ("1e9", 411), ("0x10", 411), ("５", 411), ("500000000", 413), ("9" * 30, 413), ("", 411)],
)
def test_a_body_of_no_size_or_too_large_is_refused_before_it_is_read(server, length, status):
    length = length.encode("utf-8").decode("latin-1")
    begun = time.monotonic()
    assert asked(server, "POST /faults HTTP/1.1", JSON, f"Content-Length: {length}", body=b"{" * 1000) == status
    assert time.monotonic() - begun < 5


def test_a_body_in_pieces_is_refused(server):
    assert asked(server, "POST /faults HTTP/1.1", JSON, "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n") == 411


def test_a_client_that_stops_within_its_request_is_left(server, monkeypatch):
    from qep_qiskit.rehearsal.server import _Handler

    monkeypatch.setattr(_Handler, "timeout", 0.3)
    assert asked(server, "POST /faults HTTP/1.1", JSON, "Content-Length: 50", body=b"{") is None


def test_the_rest_of_a_body_is_not_read_as_a_second_request(server):
    smuggled = (
        b"POST /faults HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (
            server.server_address[1],
            len(ORDER),
            ORDER,
        )
    )
    assert (
        asked(server, "POST /faults HTTP/1.1", "Content-Type: text/plain", f"Content-Length: {len(smuggled)}", body=smuggled)
        == 415
    )
    time.sleep(0.2)
    assert not server.service.strikes("drift")


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{}", b"\xff", b'{"faults": 3}', b'{"faults": ["no such"]}'])
def test_nonsense_is_an_error_reply(server, body):
    assert asked(server, "POST /faults HTTP/1.1", JSON, f"Content-Length: {len(body)}", body=body) == 400
