"""Ground states by evolution in imaginary time."""

from preparer_contract import PreparerContract, lowest

from qep_qiskit.kinds import PREPARERS


class TestImaginaryTime(PreparerContract):
    preparer = PREPARERS["imaginary_time"](40.0)
    accuracy = 1e-6

    def truth(self, matrix):
        return lowest(matrix)
