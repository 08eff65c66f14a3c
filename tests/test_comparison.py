"""The error budget: which rungs there are, and what each holds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit import comparison
from qep_qiskit.budget import Budget, deviation
from qep_qiskit.comparison import Climb
from qep_qiskit.kinds import RUNGS
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.4], cost=qep.SquaredError([1.0]))
VQE = qep.VQE(layers=1, starts=1)


def test_noisy_device_fills_every_rung() -> None:
    budget = qep.compare(
        PROBLEM, preparer=VQE, device=qep.simulator(noise="fake_manila", seed=4), shots=2000, mitigation="tensored"
    )
    assert [rung.name for rung in budget.rungs] == [name for name in RUNGS if name != "mean_field"]
    assert all(rung.values is not None for rung in budget.rungs)
    exact = qep.exact_gradient(PROBLEM).values
    size = np.linalg.norm(exact)
    before = exact
    for rung in budget.rungs:
        assert rung.values is not None
        assert rung.relative_error == pytest.approx(np.linalg.norm(rung.values - exact) / size)
        assert rung.added is None or rung.added == pytest.approx(np.linalg.norm(rung.values - before) / size)
        if rung.name != "mitigated_limit":  # raw shots are compared with the device, without mitigation
            before = rung.values
    assert budget["prepared"].stderr is None
    z = budget["shots"].z
    assert z is not None and z == pytest.approx((budget["shots"].values - exact) / budget["shots"].stderr)
    used = qep.symmetric(budget.settings["stencil"]["beta"])
    assert budget["finite_beta"].values == pytest.approx(qep.gradient(PROBLEM, stencil=used).values, abs=1e-9)
    restored = json.loads(json.dumps(budget.to_dict(), allow_nan=False))
    assert restored["diagnostics"]["gap"] > 0 and restored["provenance"]["versions"]["qiskit"]


def test_rungs_that_do_not_apply_say_why() -> None:
    budget = qep.compare(PROBLEM)
    notes = {rung.name: rung.note for rung in budget.rungs if rung.values is None}
    assert set(notes) == {"device", "mitigated_limit", "shots", "mitigated"}
    assert notes["device"] == "statevector adds no noise" and notes["shots"] == "no shots were requested"


def test_infinite_shots_is_what_many_shots_tend_to() -> None:
    device = qep.simulator(noise="fake_manila", seed=8)
    budget = qep.compare(PROBLEM, preparer=VQE, device=device, stencil=qep.symmetric(0.5), shots=400_000)
    device_rung, shots = budget["device"], budget["shots"]
    assert device_rung.values is not None and shots.stderr is not None
    pulls = (shots.values - device_rung.values) / shots.stderr
    assert np.abs(pulls).max() < 4.5


def test_a_stopped_climb_keeps_its_rungs() -> None:
    climb = Climb(PROBLEM, Settings(shots=100))
    steps = climb.rungs()
    next(steps), next(steps)
    assert [rung.name for rung in climb.budget().rungs] == ["exact", "finite_beta"]


@pytest.mark.parametrize("cost", [qep.SquaredError([1.0]), qep.SquaredError([1.0]).observable()], ids=["two rounds", "one"])
@pytest.mark.parametrize(("mitigation", "times"), [("tensored", 1), ("m3", 1), ("trex", 2), ("zne+tensored", 1)])
def test_raw_and_mitigated_are_read_from_the_same_counts_where_they_can_be(cost, mitigation, times, monkeypatch) -> None:
    """The first round is run once, and each rung is what a gradient of its own would be."""
    rounds: list[tuple[int, int | None]] = []
    real = comparison.execute

    def counted(part, device=None, **options):
        if part.shots is not None:
            rounds.append((part.round, part.shots))
        return real(part, device, **options)

    monkeypatch.setattr(comparison, "execute", counted)
    problem = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.4], cost=cost)
    device = qep.simulator(noise="fake_manila", seed=4)
    budget = qep.compare(problem, device=device, shots=500, mitigation=mitigation)
    assert [number for number, _ in rounds].count(0) == times
    for name, method in (("shots", "none"), ("mitigated", mitigation)):
        alone = qep.gradient(problem, device=device, shots=500, mitigation=method)
        if mitigation.startswith("zne"):  # more circuits in the job, so other random numbers
            assert np.abs((budget[name].values - alone.values) / alone.stderr).max() < 6
        else:
            np.testing.assert_array_equal(budget[name].values, alone.values)


def test_an_error_bar_of_zero_leaves_z_unknown() -> None:
    """A weight that its input switches off has gradient 0 ± 0: 0/0 is not known, and counts neither as a hit nor as a miss."""
    network = qep.pauli(
        terms={"J": {"ZZ": -1}, "s": ({"IZ": -1}, 0), "g": {"IX": -1, "XI": -1}},
        inputs=[None],
        outputs=[{"ZI": 1}],
        fixed={"IZ": -0.4},
    )
    problem = qep.Problem(network, {"J": 0.8, "s": 0.5, "g": 0.9}, x=[0.0], cost=qep.SquaredError([1.0]))
    budget = qep.compare(problem, device=qep.statevector(), shots=400, seed=2)
    rung, k = budget["shots"], network.names.index("s")
    assert rung.values[k] == rung.stderr[k] == 0.0 and np.isnan(rung.z[k])
    assert np.isfinite(np.delete(rung.z, k)).all() and (np.delete(rung.stderr, k) > 0).all()
    restored = Budget.of(json.loads(json.dumps(budget.to_dict())))["shots"]
    assert np.isnan(restored.z[k]) and rung.to_dict()["z"][k] is None
    others = np.delete(rung.z, k)
    assert restored.chi_square == pytest.approx(np.mean(others**2))
    assert restored.largest_z == pytest.approx(np.abs(others).max())


def test_scores_are_unknown_where_there_is_no_error_bar() -> None:
    z = deviation([1.0, 0.0, 2.0], [1.0, 0.5, 1.0], [0.0, 0.0, 0.5]).z
    assert np.isnan(z[:2]).all() and z[2] == 2.0


def test_a_saturated_network_is_within_its_error_bars() -> None:
    """With a plain sample variance half of these budgets lay outside of their bars, or had χ² without bound."""
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, [1.5, 1.0, 1.0, 0.4, 0.4], x=[1.0], cost=qep.SquaredError([-1.0]).observable())
    chi = []
    for seed in range(12):
        budget = qep.compare(problem, stencil=qep.symmetric(0.05), device=qep.statevector(), shots=150, seed=seed)
        assert np.isfinite(budget["shots"].z).all()
        chi.append(budget["shots"].chi_square)
    assert max(chi) < 4 and 0.2 < np.mean(chi) < 1.6


def test_a_budget_comes_back_from_json() -> None:
    budget = qep.compare(PROBLEM, device=qep.statevector(), stencil=qep.symmetric(0.2), shots=300, seed=1)
    restored = Budget.of(json.loads(json.dumps(budget.to_dict())))
    assert restored == budget and restored is not budget and Budget.of(budget) is budget
    assert restored["shots"].chi_square == budget["shots"].chi_square
    with pytest.raises(qep.InputError, match="float is not an error budget"):
        Budget.of(0.5)  # type: ignore[arg-type]


def test_the_rungs_are_climbed_in_the_order_of_the_error_budget():
    order = ["exact", "mean_field", "finite_beta", "prepared", "device", "mitigated_limit", "shots", "mitigated"]
    assert list(RUNGS) == order


def test_mitigation_at_infinite_shots_is_the_mean_of_mitigated_shots() -> None:
    device = qep.simulator(noise="fake_manila", seed=8)
    options = {"preparer": VQE, "device": device, "stencil": qep.symmetric(0.5), "mitigation": "tensored"}
    budget = qep.compare(PROBLEM, shots=400_000, calibration_shots=400_000, **options)
    left, shots = budget["mitigated_limit"], budget["mitigated"]
    assert left.stderr is None and left.relative_error < budget["device"].relative_error
    assert np.abs((shots.values - left.values) / shots.stderr).max() < 4.5
    assert left.added == pytest.approx(np.linalg.norm(left.values - budget["device"].values) / np.linalg.norm(budget.exact))


def stopped(folder, after, **options):
    """The rungs of a comparison that is stopped, as by Ctrl-C."""
    climb = Climb(PROBLEM, Settings(**options), keep=folder)
    steps = climb.rungs()
    return climb, [next(steps) for _ in range(after)]


@pytest.mark.parametrize("after", [1, 3, 5, 6])
def test_a_stopped_comparison_resumes_without_computing_again(tmp_path, monkeypatch, after):
    options = {"preparer": VQE, "device": qep.simulator(noise="fake_manila", seed=4), "shots": 500, "mitigation": "tensored"}
    whole = qep.compare(PROBLEM, **options)
    stopped(tmp_path, after, **options)
    document = json.loads((tmp_path / "budget.json").read_text())
    assert document["complete"] is False and len(document["rungs"]) == after
    computed = []
    real = Climb._computed

    def counted(climb, name):
        computed.append(name)
        return real(climb, name)

    monkeypatch.setattr(Climb, "_computed", counted)
    budget = qep.compare(PROBLEM, keep=tmp_path, **options)
    assert len([name for name in computed if name != "mean_field"]) == len(whole) - after
    assert budget.rungs == whole.rungs and budget.mean_field == whole.mean_field
    assert budget == whole
    assert json.loads((tmp_path / "budget.json").read_text())["complete"] is True
    computed.clear()
    qep.compare(PROBLEM, keep=tmp_path, **options)
    assert len(computed) == len(list(RUNGS))  # a complete one starts again


def test_a_comparison_stopped_twice_loses_no_rung_and_no_doubt(tmp_path, monkeypatch):
    real = Climb._true
    monkeypatch.setattr(Climb, "_true", lambda climb, *stencil: replace(real(climb, *stencil), warnings=("metastable",)))
    options = {"preparer": VQE, "shots": 500}
    whole = qep.compare(PROBLEM, **options)
    stopped(tmp_path, 3, **options)
    before = (tmp_path / "budget.json").read_bytes()
    climb, _ = stopped(tmp_path, 1, **options)
    assert climb.resumed == 3 and (tmp_path / "budget.json").read_bytes() == before
    budget = qep.compare(PROBLEM, keep=tmp_path, **options)
    assert budget == whole and budget.diagnostics.warnings[0] == "metastable"


@pytest.mark.parametrize("change", [{"shots": 501}, {"seed": 1}, {"preparer": qep.VQE(layers=2, starts=1)}])
def test_rungs_of_other_settings_are_not_used(tmp_path, change):
    options = {"preparer": VQE, "shots": 500}
    stopped(tmp_path, 3, **options)
    climb, _ = stopped(tmp_path, 1, **{**options, **change})
    assert climb.resumed == 0


def test_a_file_with_changed_numbers_starts_again(tmp_path):
    stopped(tmp_path, 3, shots=100)
    path = tmp_path / "budget.json"
    document = json.loads(path.read_text())
    for values in (document["rungs"][1]["values"][:2], [None, *document["rungs"][1]["values"][1:]]):
        document["rungs"][1]["values"] = values
        path.write_text(json.dumps(document))
        assert Climb(PROBLEM, Settings(shots=100), keep=tmp_path).resumed == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"complete": false, "question": null}'])
def test_a_file_that_cannot_be_read_starts_again(tmp_path, content):
    (tmp_path / "budget.json").write_text(content)
    climb, rungs = stopped(tmp_path, 1, shots=100)
    assert climb.resumed == 0 and rungs[0].name == "exact"


def test_a_prepared_state_below_the_reference_is_said(monkeypatch):
    climb = Climb(PROBLEM, Settings(preparer=VQE))
    steps = climb.rungs()
    next(steps)
    climb._energy = 1.0
    list(steps)
    assert "metastable" in climb.budget().diagnostics.warnings[0]


def test_matrix_product_states_stand_for_the_exact_gradient_with_their_uncertainty(monkeypatch):
    exact = qep.compare(PROBLEM, preparer=VQE)
    monkeypatch.setattr("qep_qiskit.reference.selection.DENSE_QUBITS", 2)
    budget = qep.compare(PROBLEM, preparer=VQE)
    for name in ("exact", "finite_beta"):
        rung = budget[name]
        assert "matrix product states" in rung.note and rung.uncertainty.shape == rung.values.shape
        assert np.abs(rung.values - exact[name].values).max() < 1e-4
    assert Budget.of(json.loads(json.dumps(budget.to_dict()))) == budget
