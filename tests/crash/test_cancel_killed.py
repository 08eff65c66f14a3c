"""SIGKILL while a run is cancelled, with the real client: cancelled again, nothing is billed and nothing is left under way."""

import multiprocessing
import os
import signal

import pytest
from life import COSTS, write_spec
from points import kill_at

from qep_qiskit import runs
from qep_qiskit.experiment import load
from qep_qiskit.rehearsal.server import serve

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["life", "qiskit_ibm_runtime.executor_sampler", "qiskit_aer", "samplomatic"])
SUBMIT = ("", "submit data: sent, id not written", "submit data: id written")
CANCEL = ("cancel data: asked", "cancel data: written")


def act(verb, run, *, url, kill, spec=None):
    os.environ |= {"QEP_RUNTIME_URL": url, "QEP_LOOKUP_SECONDS": "3", "OMP_NUM_THREADS": "1"}
    kill_at(kill)
    runs.cancel(run) if verb == "cancel" else runs.submit(load(spec), run=run)


def in_a_process(verb, run, **options):
    process = CONTEXT.Process(target=act, args=(verb, run), kwargs=options)
    process.start()
    process.join(200)
    return process.exitcode


@pytest.mark.parametrize(
    ("count", "point"),
    [pytest.param(a, b, marks=() if (a, b) == (SUBMIT[1], CANCEL[0]) else pytest.mark.slow) for a in SUBMIT for b in CANCEL],
)
def test_a_killed_cancel_is_resumed(count, point, tmp_path):
    with serve(seed=5, queue_seconds=600) as server:
        code = in_a_process("submit", tmp_path / "run", url=server.url, kill=count, spec=write_spec(tmp_path, COSTS[1]))
        assert code == (-signal.SIGKILL if count else 0)
        assert in_a_process("cancel", tmp_path / "run", url=server.url, kill=point) == -signal.SIGKILL
        assert in_a_process("cancel", tmp_path / "run", url=server.url, kill="") == 0
        ledger = server.service.ledger()
    assert [job["status"] for job in ledger["jobs"]] == ["Cancelled"] and ledger["seconds"] == 0
    assert runs.status(tmp_path / "run", ask=False).state == "cancelled"
