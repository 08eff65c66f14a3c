"""The key of an account goes to IBM alone; a mock service gets a word of ours, whatever the environment says."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qep_qiskit import InputError, ibm
from qep_qiskit.devices.ibm.account import mock_url
from qep_qiskit.errors import DeviceError
from qep_qiskit.rehearsal.server import serve

KEY = "-".join(("K3y", "of", "an", "account", "0123456789", "abcdef"))


class Listener(BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
        self.server.got.append(f"{self.requestline}\n{self.headers}\n{body}")
        self.send_response(*self.server.answer[:1])
        for name, value in self.server.answer[1:]:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.do_POST()

    def do_CONNECT(self):
        self.do_POST()


@contextmanager
def listening(*answer, port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), Listener)
    server.got, server.answer = [], answer or (401,)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", KEY)
    monkeypatch.delenv("QEP_RUNTIME_URL", raising=False)


def asked():
    with pytest.raises((InputError, DeviceError)) as caught:
        ibm("ibm_torino").ready()
    assert KEY not in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


@pytest.fixture(scope="module")
def mock():
    with serve(noise="none") as server:
        yield server


def test_nothing_of_a_mock_service_outlasts_it(mock, monkeypatch):
    monkeypatch.setenv("QEP_RUNTIME_URL", mock.url)
    before = dict(os.environ)
    ibm("ibm_torino").ready()
    assert dict(os.environ) == before
    monkeypatch.setenv("QEP_RUNTIME_URL", "http://127.0.0.1:9/rt")
    asked()
    assert os.environ["QEP_RUNTIME_URL"] == "http://127.0.0.1:9/rt" and "IAM_URL" not in os.environ


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{}\\@127.0.0.1/rt",
        "http://u:p@127.0.0.1:{}/rt",
        "http://127.0.0.1@evil.example:{}/rt",
        "https://127.0.0.1:{}/rt",
        "ftp://127.0.0.1:{}/rt",
        "http://127.0.0.1/rt",
        "http://127.0.0.1:{}/rt?x=1",
        "http://127.0.0.1:{}/rt#x",
        "http://127.0.0.1:{}/../rt",
        "http://127.0.0.1:{}/%2e%2e/rt",
        "http://127.1:{}/rt",
        "http://2130706433:{}/rt",
        "http://0x7f000001:{}/rt",
        "http://0177.0.0.1:{}/rt",
        "http://127.0.0.256:{}/rt",
        "http://localhost.evil.example:{}/rt",
        "http://LOCALHOST:{}/rt",
        "http://localhost\u2024evil:{}/rt",
        "http://[::ffff:10.0.0.1]:{}/rt",
        "http://0.0.0.0:{}/rt",
        "http://example.org:{}/rt",
        "http:///127.0.0.1:{}/rt",
        "http:\\\\127.0.0.1:{}\\rt",
        " http://127.0.0.1:{}/rt",
        "http://127.0.0.1:{}/rt\n",
        "http://127.0.0.1:99999/rt",
        "127.0.0.1:{}",
        "",
    ],
)
def test_an_address_that_two_readers_could_take_for_two_is_refused(monkeypatch, address):
    with listening() as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", address.format(server.server_address[1]))
        assert isinstance(asked(), InputError)
        assert server.got == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/rt", "http://localhost:1/rt", "http://[::1]:65535", "http://127.3.2.1:8/a/b/"]
)
def test_plain_addresses_of_this_machine_are_accepted(monkeypatch, address):
    monkeypatch.setenv("QEP_RUNTIME_URL", address)
    assert mock_url() == address.rstrip("/")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize("except_for", [None, "example.org"])
def test_a_mock_service_is_never_asked_through_a_proxy(mock, monkeypatch, name, except_for):
    with listening() as proxy:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_address[1]}")
        if except_for:
            monkeypatch.setenv("no_proxy", except_for)
        monkeypatch.setenv("QEP_RUNTIME_URL", mock.url)
        device = ibm("ibm_torino")
        device.ready()
        mock.service.revoke_tokens()
        device.service._active_api_client._session.auth.tm.expire_time = 0  # a new access token comes by the same way
        device.find("none")
        assert proxy.got == []
        monkeypatch.setenv("QEP_RUNTIME_URL", "http://127.0.0.1:9/rt")
        asked()
        assert proxy.got == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_mock_service_cannot_send_the_client_elsewhere(monkeypatch, status):
    with listening() as elsewhere:
        there = ("Location", f"http://127.0.0.1:{elsewhere.server_address[1]}/identity/token")
        with listening(status, there) as server:
            monkeypatch.setenv("QEP_RUNTIME_URL", f"http://127.0.0.1:{server.server_address[1]}/rt")
            asked()
            assert server.got
            assert not any(KEY in request for request in server.got + elsewhere.got)


def test_a_mock_service_gets_our_word_alone(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text(f"default login me password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    (tmp_path / "ibm-credentials.env").write_text(f"GLOBAL_SEARCH_URL=http://127.0.0.1:9\nGLOBAL_SEARCH_APIKEY={KEY}\n")
    with listening() as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", f"http://127.0.0.1:{server.server_address[1]}/rt")
        asked()
        assert "apikey=rehearsal" in server.got[0]
        assert not any(KEY in request or "uthorization" in request for request in server.got)


def test_a_mock_service_takes_no_other_key(mock, monkeypatch):
    from qep_qiskit.rehearsal.service import ReplyError

    with pytest.raises(ReplyError, match="'rehearsal' only"):
        mock.service.token(KEY)
    assert mock.service.key == "rehearsal"


def elsewhere(port):
    address = f"http://127.0.0.1:{port}"
    account = {"channel": "ibm_quantum_platform", "token": KEY}
    return {
        "IAM_URL": ({"IAM_URL": address}, None, {}),
        "IAM_URL over TLS": ({"IAM_URL": "https://evil.example"}, None, {}),
        "a host that looks like IBM's": ({"IAM_URL": "https://iam.cloud.ibm.com.evil.example"}, None, {}),
        "userinfo": ({"IAM_URL": f"https://iam.cloud.ibm.com@127.0.0.1:{port}"}, None, {}),
        "GLOBAL_SEARCH_URL": ({"GLOBAL_SEARCH_URL": address}, None, {}),
        "GLOBAL_CATALOG_URL": ({"GLOBAL_CATALOG_URL": address}, None, {}),
        "no verification": ({"GLOBAL_SEARCH_DISABLE_SSL": "true"}, None, {}),
        "QISKIT_IBM_URL": ({"QISKIT_IBM_URL": address}, None, {}),
        "an account elsewhere": ({"QISKIT_IBM_TOKEN": ""}, {"default": {**account, "url": address}}, {}),
        "an account without TLS": ({"QISKIT_IBM_TOKEN": ""}, {"default": {**account, "url": "http://cloud.ibm.com"}}, {}),
        "an account without verification": ({"QISKIT_IBM_TOKEN": ""}, {"default": {**account, "verify": False}}, {}),
        "credentials in the folder": ({}, None, {"ibm-credentials.env": f"GLOBAL_SEARCH_URL={address}\n"}),
    }


@pytest.mark.parametrize("what", ["QEP_RUNTIME_URL", "IAM_URL", "GLOBAL_SEARCH_URL", "QISKIT_IBM_URL"])
def test_a_refused_address_is_shown_without_its_password(monkeypatch, what):
    monkeypatch.setenv(what, "https://me:Pr0xy/pass-word@evil.example/rt")
    error = asked()
    assert isinstance(error, InputError) and "pass-word" not in str(error) and "@evil.example" in str(error)


@pytest.mark.parametrize("how", elsewhere(1))
def test_the_real_key_goes_to_ibm_alone(monkeypatch, tmp_path, how):
    with listening() as server:
        variables, accounts, files = elsewhere(server.server_address[1])[how]
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        if accounts:
            (tmp_path / ".qiskit").mkdir()
            (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps(accounts))
            monkeypatch.setattr(
                "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE",
                str(tmp_path / ".qiskit" / "qiskit-ibm.json"),
            )
        assert isinstance(asked(), InputError)
        assert server.got == []


def test_without_an_account_one_line_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "")
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(tmp_path / "qiskit-ibm.json")
    )
    assert "save_account" in str(asked())
