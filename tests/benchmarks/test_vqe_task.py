"""The VQE task: a rival that is stopped keeps its best angles and a time that is a lower bound."""

import numpy as np
import pytest

from benchmarks.tasks import vqe


@pytest.fixture(scope="module")
def case():
    return vqe.case(4, layers=1)


def test_a_rival_that_is_stopped_gives_a_lower_bound(case, monkeypatch):
    monkeypatch.setattr(vqe, "CAP", 0.2)
    answer = vqe.qiskit_vqe(case)()
    assert answer.stopped
    assert list(answer.angles) == [0]
    assert answer.angles[0].shape == case.start.shape
    assert not np.array_equal(answer.angles[0], case.start)
    assert vqe.details(case, answer)["lower bound"].startswith("0 of 3 phases")


def test_a_rival_that_arrives_agrees_with_ours(case):
    ours, other = vqe.ours(case)(), vqe.qiskit_vqe(case, plugin=True)()
    assert not other.stopped
    assert other.evaluations > 10
    assert vqe.error(case, other, ours) < 5e-3
    assert vqe.relative(case, ours, case.precise) < 2 * vqe.WANTED
    assert "lower bound" not in vqe.details(case, ours)
