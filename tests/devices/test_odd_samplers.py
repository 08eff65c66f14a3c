"""Results of samplers are checked like those of backends."""

import numpy as np
import pytest
from qiskit.primitives import BaseSamplerV2, BitArray, DataBin, PrimitiveResult, SamplerPubResult, StatevectorSampler
from qiskit.result import QuasiDistribution

import qep_qiskit as qep
from qep_qiskit.errors import DeviceError

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
OPTIONS = {"preparer": qep.Adiabatic(time=4, steps=12), "stencil": qep.symmetric(0.2), "shots": 2000}


class Job:
    def __init__(self, answer):
        self._answer = answer

    def result(self):
        return self._answer


class OddSampler(BaseSamplerV2):
    """Hands back what `twist` makes of a right result."""

    def __init__(self, twist):
        self._twist = twist

    def run(self, pubs, *, shots=None):
        pubs = list(pubs)
        return Job(self._twist(StatevectorSampler().run(pubs, shots=shots).result(), pubs))


def rebuilt(change):
    def twist(result, pubs):
        return PrimitiveResult([SamplerPubResult(change(pub.data)) for pub in result])

    return twist


def column(bits, shape=None):
    return BitArray(bits.array.reshape((*(shape or bits.shape), *bits.array.shape[-2:])), bits.num_bits)


RIGHT = {
    "as it is": lambda result, pubs: result,
    "a list of pubs": lambda result, pubs: list(result),
    "a list of arrays": lambda result, pubs: [pub.data.outcome for pub in result],
    "another name": rebuilt(lambda data: DataBin(meas=data.outcome, shape=data.shape)),
    "a column of rows": rebuilt(lambda data: DataBin(outcome=column(data.outcome, (*data.shape, 1)), shape=(*data.shape, 1))),
    "another register beside": rebuilt(lambda data: DataBin(flags=_flags(data), outcome=data.outcome, shape=data.shape)),
}


def _flags(data):
    return BitArray(np.ones((*data.shape, data.outcome.num_shots, 1), dtype=np.uint8), 1)


WRONG = {
    "nothing": lambda result, pubs: None,
    "fewer pubs": lambda result, pubs: PrimitiveResult(list(result)[:-1]),
    "more pubs": lambda result, pubs: PrimitiveResult([*result, result[0]]),
    "no registers": rebuilt(lambda data: DataBin(shape=data.shape)),
    "two registers of that size": rebuilt(lambda data: DataBin(a=data.outcome, b=data.outcome, shape=data.shape)),
    "one bit more": rebuilt(
        lambda data: DataBin(outcome=BitArray(data.outcome.array, data.outcome.num_bits + 1), shape=data.shape)
    ),
    "one bit less": rebuilt(lambda data: DataBin(outcome=data.outcome.slice_bits([0]), shape=data.shape)),
    "one row": rebuilt(lambda data: DataBin(outcome=column(data.outcome.slice_shots([0, 1]))[:1].reshape(()), shape=())),
    "one shot": rebuilt(lambda data: DataBin(outcome=data.outcome.slice_shots([0]), shape=data.shape)),
    "raw voltages": rebuilt(lambda data: DataBin(outcome=data.outcome.array.astype(complex), shape=data.shape)),
    "expectations": rebuilt(lambda data: DataBin(evs=np.zeros(data.shape), stds=np.zeros(data.shape), shape=data.shape)),
    "quasi-probabilities": lambda result, pubs: type("Old", (), {"quasi_dists": [QuasiDistribution({0: 1.0})] * len(pubs)})(),
    "words": lambda result, pubs: "COMPLETED",
    "numbers": lambda result, pubs: [0.5] * len(pubs),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_the_gradient_is_right_within_its_error_bars(kind):
    exact = qep.gradient(PROBLEM, **{**OPTIONS, "shots": None}).values
    gradient = qep.gradient(PROBLEM, device=OddSampler(RIGHT[kind]), seed=1, **OPTIONS)
    assert np.abs((gradient.values - exact) / gradient.stderr).max() < 4.5


@pytest.mark.parametrize("kind", WRONG)
def test_unusable_results_are_refused_in_one_line(kind):
    with pytest.raises(DeviceError) as error:
        qep.gradient(PROBLEM, device=OddSampler(WRONG[kind]), seed=1, **OPTIONS)
    assert "OddSampler" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_samplers_exception_gives_one_line():
    def angry(result, pubs):
        raise RuntimeError("no\nmore apikey=0123456789abcdef")

    with pytest.raises(DeviceError, match=r"^device: OddSampler could not run the circuits: no more apikey=…$"):
        qep.gradient(PROBLEM, device=OddSampler(angry), seed=1, **OPTIONS)
