"""conftest.py's search for the planted key finds it; and a key that a service repeats is not written anywhere."""

import base64
import json
import logging
import os
import urllib.parse

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli
from qep_qiskit.rehearsal import programs
from qep_qiskit.rehearsal.server import _Handler, serve
from qep_qiskit.secrets import scrubbed

KEY = "-".join(("K3y", "that", "a", "service", "repeats", "0123456789"))
FORMS = {
    "plain": KEY,
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
    "basic": base64.b64encode(f"apikey:{KEY}".encode()).decode(),
    "hex": KEY.encode().hex(),
    "percent": "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "json": "".join(f"\\u{byte:04x}" for byte in KEY.encode()),
    "upper": KEY.upper(),
    "reversed": KEY[::-1],
    "first": KEY[:20],
    "quoted": urllib.parse.quote(json.dumps({"apikey": KEY})),
}
SPEC = """
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.2}
measurement = {shots = 200}
device = {name = "ibm_lagos"}
"""


def test_every_test_runs_with_a_planted_token():
    token = os.environ["QISKIT_IBM_TOKEN"]
    assert len(token) > 20
    assert token not in scrubbed(f"401: token {token} expired")


def test_files_that_hold_a_secret_are_found(tmp_path, request):
    holding = next(p.holding for p in request.config.pluginmanager.get_plugins() if hasattr(p, "holding"))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "run.db").write_bytes(b"\x00\x01another secret\x02")
    (tmp_path / "clean.txt").write_text("nothing")
    assert holding(tmp_path, "another secret") == [tmp_path / "below" / "run.db"]


@pytest.fixture
def submitted(monkeypatch):
    """Everything that comes to the mock service, as it comes."""
    requests = []
    read = _Handler.parse_request

    def recording(handler):
        done = read(handler)
        requests.append(f"{handler.requestline} {getattr(handler, 'headers', '')}")
        return done

    monkeypatch.setattr(_Handler, "parse_request", recording)
    return requests


@pytest.mark.parametrize("where", ["environment", pytest.param("account", marks=pytest.mark.slow)])
def test_a_key_that_the_service_repeats_is_not_written_anywhere(monkeypatch, tmp_path, submitted, caplog, where):
    home, work = tmp_path / "home", tmp_path / "work"
    (home / ".qiskit").mkdir(parents=True)
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    if where == "environment":
        monkeypatch.setenv("QISKIT_IBM_TOKEN", KEY)
    else:
        monkeypatch.delenv("QISKIT_IBM_TOKEN")
        (home / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps({"mine": {"channel": "ibm_cloud", "token": KEY}}))
    monkeypatch.chdir(work)
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    (work / "spec.toml").write_text(SPEC)
    messages, failures = [], iter(["the job with " + ", ".join(FORMS.values())])
    run = programs.run

    def failing(program, machine, *rest):
        for reason in failures:
            raise RuntimeError(reason)
        return run(program, machine, *rest)

    monkeypatch.setattr(programs, "run", failing)

    def qep(*words):
        result = CliRunner().invoke(cli, list(words))
        messages.append(result.output)
        return result.exit_code

    caplog.set_level(logging.DEBUG)
    with serve(noise="none", faults=["echo"]) as server:
        server.service.key = " and ".join(FORMS.values())
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        assert qep("submit", "spec.toml", "--run", "run", "--yes") == 1
        assert "was refused" in messages[-1]
        code = 3
        while code != 0 and len(messages) < 100:
            code = qep("collect", "run", "--yes", "--resubmit")
        assert code == 0
    for words in (["status", "run", "--offline"], ["runs", "show", "run"], ["runs", "show", "run", "--json"]):
        assert qep(*words) == 0
    assert qep("runs", "export", "run", "-o", "run.json") == 0 and qep("report", "run", "--no-exact") == 0
    assert "RuntimeError" in "".join(messages) or "the job with" in "".join(messages)
    stored = "".join(path.read_bytes().decode("latin-1") for path in work.rglob("*") if path.is_file())
    output = "".join(messages) + caplog.text
    for name, form in FORMS.items():
        assert form not in stored, f"{name} is on disk"
        assert form not in output, f"{name} is shown"
        assert not any(form in request for request in submitted), f"{name} is on the wire"
