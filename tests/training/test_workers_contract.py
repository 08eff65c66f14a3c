"""With workers a training gives what it gives without, for every preparer and every kind of network."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit import networks, preparation
from qep_qiskit.training import fitting as fit
from qep_qiskit.training import task_of
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.workers import pool

X, Y = np.linspace(-0.8, 0.8, 5)[:, None], np.linspace(-0.3, 0.3, 5)


def ising(**overrides):
    return qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2], **overrides)


PREPARERS = {
    "Exact": qep.Exact(),
    "Exact, a level": qep.Exact(level=1),
    "VQE": qep.VQE(layers=1, starts=1),
    "VQE, hardware-efficient": qep.VQE(ansatz="efficient_su2", layers=1, starts=2),
    "Adiabatic": qep.Adiabatic(time=2.0, steps=20),
    "MPS": qep.MPS(bond_dimension=8),
    "MeanField": qep.MeanField(starts=4),
    "Thermal": qep.Thermal(1.0),
}
NETWORKS = {
    "ising": ising,
    "ising, clamped": lambda: ising(clamp=True),
    "ising, classical": lambda: qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2], transverse=False),
    "ising, nine sites": lambda: qep.ising(sites=9, edges="chain", inputs=[0], outputs=[8]),
    "pauli": lambda: qep.pauli(
        terms={"g": {"XI": -1.0, "IX": -1.0}, "J": {"YY": -0.5}}, fixed={"ZZ": -1.0}, inputs=[{"ZI": -1.0}], outputs=[{"IZ": 1.0}]
    ),
    "phase_oscillators": lambda: qep.phase_oscillators(sites=3, inputs=[0], outputs=[2]),
    "oscillators": lambda: qep.oscillators(sites=3, edges="chain", inputs=[0], outputs=[2]),
    "oscillators, levels": lambda: qep.oscillators(sites=2, edges="chain", inputs=[0], outputs=[1], levels=4),
    "elastic": lambda: qep.elastic(sites=3, edges="chain", inputs=[0], outputs=[2]),
    "resistors": lambda: qep.resistors(sites=4, edges=[[0, 1], [1, 2], [2, 3]], inputs=[0], outputs=[2]),
}


@pytest.fixture(scope="module")
def two():
    with pool(2) as processes:
        yield processes


def ends(two, network, **overrides):
    """The losses and weights of a training here, and on two workers that share each batch in two tasks."""
    settings = {"epochs": 2, "batch_size": 5, "learning_rate": 0.02, **overrides}
    task = task_of(network, X, Y, **settings)
    spread = replace(task, source=Distributed(task.source, task.preparer, two, size=3))
    for result in (fit.gathered(task), fit.gathered(spread)):
        yield np.r_[[row["loss"] for row in result.history], np.asarray(result.weights)]


@pytest.mark.parametrize("case", PREPARERS)
def test_every_preparer(two, case):
    here, there = ends(two, ising(), preparer=PREPARERS[case])
    np.testing.assert_allclose(there, here, atol=1e-7)


@pytest.mark.parametrize("case", NETWORKS)
def test_every_network(two, case):
    here, there = ends(two, NETWORKS[case]())
    np.testing.assert_allclose(there, here, atol=1e-7)


@pytest.mark.parametrize("case", ["oscillators", "oscillators, levels", "ising, classical", "elastic"])
def test_linear_response_on_workers_is_the_same(two, case):
    here, there = ends(two, NETWORKS[case](), gradient="exact")
    np.testing.assert_allclose(there, here, atol=1e-9)


@pytest.mark.parametrize("case", ["Exact", "VQE", "Adiabatic", "MeanField"])
def test_a_batch_that_fits_a_task_draws_the_same_shots(two, case):
    options = {"epochs": 1, "batch_size": 5, "preparer": PREPARERS[case], "shots": 100, "device": "statevector"}
    task = task_of(ising(), X, Y, **options)
    here, there = (fit.gathered(t) for t in (task, replace(task, source=Distributed(task.source, task.preparer, two))))
    np.testing.assert_allclose(np.asarray(there.weights), np.asarray(here.weights), atol=1e-12)


def test_all_preparers_and_networks_are_among_them():
    names = {
        name for name in preparation.__all__ if inspect.isclass(kind := getattr(preparation, name)) and hasattr(kind, "prepare")
    }
    assert names - {"Preparer"} <= {name.split(",")[0] for name in PREPARERS}
    kinds = {name for name in networks.__all__ if inspect.isfunction(getattr(networks, name))}
    assert kinds & set(qep.__all__) <= {name.split(",")[0] for name in NETWORKS}
