"""Every preparer passes the same suite, and every registered one is among them."""

import pytest
from preparer_contract import PreparerContract, ising_problem, lowest
from scipy.linalg import expm

import qep_qiskit as qep
from qep_qiskit.kinds import PREPARERS
from qep_qiskit.preparation import Preparer

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")


class TestExact(PreparerContract):
    preparer = qep.Exact()

    def truth(self, matrix):
        return lowest(matrix)


class TestExactLevel(PreparerContract):
    preparer = qep.Exact(level=2)

    def truth(self, matrix):
        return lowest(matrix, 2)


class TestMPS(PreparerContract):
    preparer = qep.MPS(bond_dimension=8)
    trained = qep.MPS(bond_dimension=8, gap=False)
    accuracy = 1e-6

    def truth(self, matrix):
        return lowest(matrix)


class TestThermal(PreparerContract):
    preparer = qep.Thermal(0.7)

    def truth(self, matrix):
        weights = expm(-matrix / 0.7)
        return weights / weights.trace()


class TestMeanField(PreparerContract):
    preparer = qep.MeanField(starts=6)


class TestVQE(PreparerContract):
    preparer = qep.VQE(layers=1, starts=1, tolerance=1e-8, regulariser=1e-5)  # it moves with the weights
    accuracy = 1e-6
    alone = 1e-6


class TestVQEHardwareEfficient(PreparerContract):
    preparer = qep.VQE(ansatz="efficient_su2", layers=1, starts=1, tolerance=1e-8, regulariser=1e-5)
    accuracy = 1e-6
    alone = 1e-6


class TestAdiabatic(PreparerContract):
    preparer = qep.Adiabatic(time=3.0, steps=20)


class TestAdiabaticFirstOrder(PreparerContract):
    preparer = qep.Adiabatic(time=2.0, steps=30, schedule="linear", order=1)


def test_every_preparer_is_among_them():
    tested = {type(contract.preparer) for contract in PreparerContract.__subclasses__()}
    assert {kind.value for kind in PREPARERS.built_in.values()} <= tested


def test_a_preparer_of_a_few_lines():
    class Slow(Preparer):
        def prepare(self, family, **options):
            return qep.Exact().prepare(family, **options)

        def describe(self):
            return {"method": "slow"}

    problem = ising_problem()
    slow, exact = (qep.gradient(problem, preparer=preparer) for preparer in (Slow(), qep.Exact()))
    assert slow.values.tolist() == exact.values.tolist()
    with pytest.raises(qep.InputError, match=r"a preparer whose class derives from qep_qiskit\.preparation\.Preparer"):
        qep.gradient(problem, preparer=type("Duck", (), {"prepare": Slow.prepare, "describe": Slow.describe})())
