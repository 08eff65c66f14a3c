"""Networks on a device's own coupling graph: no SWAP, good qubits, and a plan of fifty of them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.native_graph import native_graph
from qep_qiskit.devices.simulated import light_cones
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.prediction import Predictor
from qep_qiskit.forecasting.sending import sending
from qep_qiskit.measurement.split import Split
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.cones import noisy

RAMP = qep.Adiabatic(time=1.0, steps=2)


@pytest.mark.parametrize("name", [pytest.param("fake_brisbane", marks=pytest.mark.slow), "fake_torino"])
def test_fifty_native_qubits_need_no_swap(name):
    device = qep.device_named(name)
    network = qep.ising(sites=50, edges="native", device=device, inputs=[0], outputs=[49])
    couplings = backend_of(device).coupling_map.graph.to_undirected(multigraph=False)
    edges = network.description["edges"]
    assert all(couplings.has_edge(network.layout[i], network.layout[j]) for i, j in edges)
    weights = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    settings = Settings(preparer=RAMP, stencil=qep.symmetric(0.1), device=device, shots=4000, mitigation="tensored")
    prediction = Predictor(weights, settings).at(settings.stencil)
    sent = sending(prediction.plan, device, Split(np.where(prediction.measured, 4000, 0).tolist(), 4000))
    assert sent.qubits == network.layout
    for row in sent.rows:
        if row.phase is not None:
            assert not row.appraisal.moved
            assert row.appraisal.two_qubit_gates == 2 * len(edges) * 2  # a ZZ is two gates, and a step has one layer
            assert 0 < row.appraisal.two_qubit_depth <= row.appraisal.depth < 150
    worst = np.sqrt(2 / 4000) / (2 * 0.1)  # s = 1/2β, two phases of one basis, a string of variance one
    stderr = np.sqrt(prediction.variances(np.full(prediction.measured.shape, 4000.0), 4000.0))
    assert prediction.local and 0.1 * worst < stderr.min() < stderr.max() < 2 * worst


def test_native_qubits_are_better_than_most_connected_ones():
    graph = native_graph("fake_torino", 5)
    assert graph.score > 0.9
    target = backend_of(qep.fake("torino")).target
    readout = [target["measure"][(q,)].error for q in graph.qubits]
    assert np.mean(readout) < np.median([p.error for p in target["measure"].values()])


@pytest.mark.filterwarnings("ignore:the ansatz does not follow:qep_qiskit.errors.NudgeWarning")
def test_a_native_network_keeps_its_gradient():
    device = qep.fake("manila", seed=2)
    network = qep.ising(sites=3, edges="native", device=device, outputs=[2])
    weights = qep.Problem(network, network.initial_weights(seed=7), cost=qep.SquaredError([1.0]))
    gradient = qep.gradient(weights, preparer=qep.VQE(layers=1), device=device, shots=200)
    assert tuple(gradient.provenance["layout"]) == network.layout
    ideal = qep.gradient(weights, device=qep.simulator(), shots=200, stencil=qep.symmetric(0.2))
    assert ideal.provenance["layout"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give one, such as device="),
        ({"device": qep.statevector()}, "coupling graph"),
        ({"device": "fake_manila", "sites": 9}, "9 connected working qubits"),
        ({"device": "fake_manila", "clamp": True, "inputs": [0]}, "clamp"),
    ],
)
def test_a_wrong_native_network(options, words):
    with pytest.raises(InputError, match=words):
        qep.ising(**{"sites": 3, "edges": "native", "outputs": [1], **options})


def test_native_in_a_spec_becomes_numbers_for_a_run(small_spec):
    from qep_qiskit.experiment import load
    from qep_qiskit.experiment.settlement import settled_spec

    words = ["plan", str(small_spec), "--json", "--device", "fake_manila", "--set", "network.edges=native"]
    options = ["--set", "preparation.method=vqe", "--set", "preparation.layers=1"]
    answer = json.loads(CliRunner().invoke(cli, [*words, *options]).stdout)
    assert answer["layout"] == answer["provenance"]["network"]["qubits"]
    overrides = [
        ("network.edges", "native"),
        ("device.name", "fake_manila"),
        ("stencil.beta", "auto"),
        ("measurement.split", "optimal"),
    ]
    spec, note = settled_spec(load(small_spec, overrides=overrides))
    assert spec.tables["network"]["qubits"] == answer["layout"]
    assert isinstance(spec.tables["stencil"]["beta"], float) and len(spec.tables["measurement"]["split"]) == 3
    assert note.startswith("#") and not spec.left_to_the_planner
    assert spec.problem().network.layout == tuple(answer["layout"])


def test_a_worst_case_is_shown_as_bars_without_values(small_spec, monkeypatch):
    monkeypatch.setattr(noisy, "MOST_LEGS", 1)
    monkeypatch.setattr(light_cones, "MOST_DENSE", 4)
    changed = [
        "network.sites=14",
        "weights.J=0.8",
        "weights.h=0.1",
        "weights.g=0.9",
        "preparation.method=adiabatic",
        "preparation.steps=2",
        "preparation.time=1.0",
    ]
    options = [word for change in changed for word in ("--set", change)]
    result = CliRunner().invoke(cli, ["plan", str(small_spec), "--device", "fake_guadalupe", *options])
    assert result.exit_code == 0, result.output
    for text in ("error at most", "of a gradient whose norm is not known", "worst case"):
        assert text in " ".join(result.stdout.split())
    assert "unknown" not in result.stdout and "nan" not in result.stdout
