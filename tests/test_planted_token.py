"""The search that conftest.py makes after the whole suite finds what it shall find."""

import os

from qep_qiskit.secrets import scrubbed


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
