"""A plan counts the circuits that a mitigation adds, and its predicted error bars are those that it makes."""

import numpy as np
import pytest

import qep_qiskit as qep

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, [1.0, 0.2, 0.1, 0.8, 0.6], x=[0.5], cost=qep.SquaredError([1.0]).observable())


@pytest.mark.parametrize(
    ("mitigation", "rows"), [("none", 5), ("tensored", 7), ("zne:1,3", 10), ("zne:1,3+trex", 44), ("clifford", 28)]
)
def test_circuits_and_error_bars(mitigation: str, rows: int) -> None:
    options = {
        "preparer": qep.VQE(layers=1),
        "stencil": qep.symmetric(0.3),
        "device": qep.fake("fake_manila", seed=1),
        "shots": 4000,
        "mitigation": mitigation,
    }
    forecast = qep.plan(PROBLEM, **options)
    planned = forecast.to_dict()
    gradient = qep.gradient(PROBLEM, **options)
    # two qubits have four sets of flips, in the data and in the calibration
    assert sum(row["circuits"] for row in planned["circuits"]) == rows
    total = sum(row["circuits"] * row["shots"] for row in planned["circuits"])
    assert total == gradient.provenance["shots_total"] + (gradient.provenance["calibration_shots_total"] or 0)
    read = [int(title.split(" × ")[0]) if " × " in title else 1 for title in (row.title for row in forecast.sending.rows)]
    assert sum(read) == rows  # what a reader of the table counts
    np.testing.assert_allclose(planned["stderr"], gradient.stderr, rtol=0.1)
