"""Every kind of network passes the same suite, and every registered one is among them."""

from typing import ClassVar

import pytest
from network_contract import NetworkContract

import qep_qiskit as qep
from qep_qiskit.kinds import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
CHAIN = {"sites": 3, "edges": "chain", "inputs": [0], "outputs": [2]}


class TestIsing(NetworkContract):
    @staticmethod
    def make():
        return qep.ising(**CHAIN)


class TestIsingClamped(NetworkContract):
    @staticmethod
    def make():
        return qep.ising(**CHAIN, clamp=True)


class TestIsingClassical(NetworkContract):
    responds = False

    @staticmethod
    def make():
        return qep.ising(**CHAIN, transverse=False)


class TestIsingNineSites(NetworkContract):
    """Large enough for training steps to start from the last one's states."""

    @staticmethod
    def make():
        return qep.ising(sites=9, edges="chain", inputs=[0], outputs=[8])


class TestPauli(NetworkContract):
    section: ClassVar = {
        "kind": "pauli",
        "terms": {"g": {"XI": -1.0, "IX": -1.0}, "J": {"YY": -0.5}, "k": {"operator": {"ZZ": 0.5}, "input": 1}},
        "fixed": {"ZZ": -1.0},
        "inputs": [{"ZI": -1.0}, {}],
        "outputs": [{"IZ": 1.0}, {"ZI": 0.5, "XX": -0.5}],
    }

    @staticmethod
    def make():
        return qep.pauli(
            terms={"g": {"XI": -1.0, "IX": -1.0}, "J": {"YY": -0.5}, "k": ({"ZZ": 0.5}, 1)},
            fixed={"ZZ": -1.0},
            inputs=[{"ZI": -1.0}, None],
            outputs=[{"IZ": 1.0}, {"ZI": 0.5, "XX": -0.5}],
        )


class TestPhaseOscillators(NetworkContract):
    @staticmethod
    def make():
        return qep.phase_oscillators(sites=3, inputs=[0], outputs=[2])


class TestOscillators(NetworkContract):
    @staticmethod
    def make():
        return qep.oscillators(**CHAIN, biases=True)


class TestOscillatorsOnQubits(NetworkContract):
    @staticmethod
    def make():
        return qep.oscillators(sites=2, edges="chain", inputs=[0], outputs=[1], levels=4)


class TestElastic(NetworkContract):
    @staticmethod
    def make():
        return qep.elastic(**CHAIN)


class TestResistors(NetworkContract):
    @staticmethod
    def make():
        return qep.resistors(sites=4, edges=[[0, 1], [1, 2], [2, 3]], inputs=[0], outputs=[2])


def test_every_network_is_among_them():
    tested = {contract.make().description["kind"] for contract in NetworkContract.__subclasses__()}
    assert set(NETWORKS.built_in) <= tested
