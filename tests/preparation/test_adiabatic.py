"""Adiabatic preparation: the circuit against matrix exponentials, how its errors fall, and its depth."""

import math

import numpy as np
import pytest
from qiskit.quantum_info import Operator, PauliList, SparsePauliOp, Statevector
from scipy.linalg import expm

from docs.gallery import ising_paulis
from qep_qiskit.ansatz.ramp import Ramp, ramp_circuit
from qep_qiskit.ansatz.ramp_states import ramp_states
from qep_qiskit.ansatz.schedules import schedule_of
from qep_qiskit.errors import InputError
from qep_qiskit.networks.frame import Frame
from qep_qiskit.preparation.adiabatic import Adiabatic
from qep_qiskit.preparation.family import Family


def family_of(labels, free, nudge=None, betas=(0.0,)) -> Family:
    free = np.asarray(free, dtype=float)
    nudge = np.zeros_like(free) if nudge is None else np.asarray(nudge, dtype=float)
    return Family(Frame(PauliList(labels), np.zeros((0, len(free)))), free, nudge, tuple(betas))


def random_family(seed: int, labels=None, betas=(-0.1, 0.0, 0.1)) -> Family:
    rng = np.random.default_rng(seed)
    labels = labels or ["III", *ising_paulis("ring", 3).to_labels()]
    return family_of(labels, rng.uniform(-1, 1, len(labels)), rng.uniform(-1, 1, len(labels)), betas)


def matrix(labels, coefficients) -> np.ndarray:
    return SparsePauliOp(list(labels), coefficients).to_matrix()


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(abs(np.vdot(first, second)) ** 2)


def circuit_states(prepared) -> list[np.ndarray]:
    (group,) = prepared.circuits()
    return [Statevector(group.circuit.assign_parameters(row)).data for row in group.values]


MIXED = ["III", "XXI", "IYY", "ZIZ", "XYZ", "IZI", "YII", "ZZI", "IIX", "XZI"]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "curved_20", lambda s: s**2])
@pytest.mark.parametrize("labels", [None, MIXED], ids=["ising", "mixed"])
def test_circuit_and_fast_states_agree(labels, schedule, order):
    family = random_family(3, labels)
    prepared = Adiabatic(time=3.0, steps=5, schedule=schedule, order=order).prepare(family)
    for fast, slow in zip(prepared.states(), circuit_states(prepared), strict=True):
        assert overlap(fast, slow) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("num_qubits", [2, 6])
@pytest.mark.parametrize("alike", [True, False], ids=["equal fields", "own fields"])
def test_rows_that_are_ramped_together_have_the_states_of_each_alone(num_qubits, alike):
    rng, paulis = np.random.default_rng(8), ising_paulis("chain", num_qubits)
    rows, fields = rng.uniform(-1, 1, (5, len(paulis))), paulis.x.any(axis=1)
    rows[:, fields] = -rng.uniform(0.5, 1.5, (1 if alike else 5, int(fields.sum())))
    ramp = Adiabatic(steps=4).ramp(random_family(0, paulis.to_labels()))
    together = ramp_states(ramp, rows, 2.0)
    assert np.array_equal(together, np.concatenate([ramp_states(ramp, row[None], 2.0) for row in rows]))
    times = np.linspace(1.0, 3.0, 5)  # the fields turn by different angles even if they are equal
    each = np.concatenate([ramp_states(ramp, row[None], time) for row, time in zip(rows, times, strict=True)])
    assert np.array_equal(ramp_states(ramp, rows, times), each)


def exact_ramp(family: Family, phase: int, preparer: Adiabatic) -> np.ndarray:
    """Return the time-ordered product of many short dense exponentials: the ramp without Trotter's error."""
    ramp = preparer.ramp(family)
    h0 = sum(
        value * Operator.from_label("I" * (ramp.num_qubits - 1 - q) + letter + "I" * q).data
        for q, row in enumerate(ramp.fields)
        for letter, value in zip("XYZ", row, strict=True)
    )
    h1 = matrix(family.frame.labels, family.coefficients[phase])
    state = np.linalg.eigh(h0)[1][:, 0]
    fine = 800
    for level in schedule_of(preparer.schedule)((np.arange(fine) + 0.5) / fine):
        state = expm(-1j * preparer.time / fine * ((1 - level) * h0 + level * h1)) @ state
    return state


@pytest.mark.parametrize("initial", [None, {"IIX": 0.5, "IIZ": -0.7, "IYI": 0.8, "IXI": 0.1, "ZII": 1.1}], ids=["X", "any"])
@pytest.mark.parametrize("labels", [None, MIXED], ids=["ising", "mixed"])
def test_trotter_error_has_its_order(labels, initial):
    family = random_family(5, labels, betas=(0.2,))
    reference = exact_ramp(family, 0, Adiabatic(time=2.0, initial=initial))
    for order in (1, 2):
        steps = np.array([40, 80, 160])
        errors = [
            math.sqrt(
                max(
                    1 - overlap(Adiabatic(2.0, int(k), order=order, initial=initial).prepare(family).states()[0], reference),
                    0,
                )
            )
            for k in steps
        ]
        slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert slope == pytest.approx(-order, abs=0.15)


def test_a_slow_ramp_ends_in_the_ground_state():
    labels = ising_paulis("chain", 4).to_labels()
    free = [-0.8, 0.6, -0.9, -0.3, 0.2, -0.4, 0.1, -1.0, 0.9, -0.8, 1.1]
    family = family_of(labels, free, [0, 0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0], (-0.1, 0.1))
    prepared = Adiabatic(time=30, steps=200).prepare(family)
    for phase, row, state in zip(prepared.phases, family.coefficients, prepared.states(), strict=True):
        energies, vectors = np.linalg.eigh(matrix(labels, row))
        assert 1 - overlap(vectors[:, 0], state) < 1e-3
        assert phase.energy - energies[0] < 1e-2


def test_the_field_of_the_start_follows_the_targets_sign():
    family = family_of(["IX", "XI", "ZZ"], [0.7, -0.2, 1.0])
    np.testing.assert_array_equal(Adiabatic().ramp(family).fields[:, 0], [1.0, -1.0])
    assert Adiabatic().prepare(family).details["initial"] == {"IX": 1.0, "XI": -1.0}


def test_all_phases_share_one_circuit():
    family = random_family(2)
    (group,) = Adiabatic(steps=4).prepare(family).circuits()
    assert group.phases == (0, 1, 2)
    assert [p.name for p in group.circuit.parameters] == [f"c_{k:03d}" for k in range(9)]
    np.testing.assert_array_equal(group.values, family.coefficients[:, family.support])
    again = Adiabatic(steps=4).prepare(random_family(2, betas=(0.0, 0.3))).circuits()[0].circuit
    assert again is group.circuit  # devices compile an object once
    assert ramp_circuit(Adiabatic(steps=4).ramp(family), time=20.0) == group.circuit
    assert Adiabatic(steps=5).prepare(family).circuits()[0].circuit != group.circuit


def test_families_of_different_strings_are_prepared_together():
    two = ["III", "ZZI", "IIX", "IXI", "XII"]
    families = [
        random_family(0),
        random_family(1, MIXED),
        random_family(2, betas=(0.0,)),
        random_family(3, two),
        random_family(0),
    ]
    preparer = Adiabatic(time=4.0, steps=6)
    for family, prepared in zip(families, preparer.prepare_all(families), strict=True):
        alone = preparer.prepare(family)
        np.testing.assert_allclose(prepared.states(), alone.states(), atol=1e-12)
        assert prepared.circuits()[0].circuit is alone.circuits()[0].circuit


def depth_of_a_step(edges: str, sites: int, order: int) -> tuple[int, int]:
    fields = np.tile([-1.0, 0, 0], (sites, 1))
    circuits = [ramp_circuit(Ramp(ising_paulis(edges, sites), fields, k, order=order), time=1.0) for k in (3, 4)]
    two = [circuit.depth(lambda item: item.operation.num_qubits > 1) for circuit in circuits]
    return two[1] - two[0], circuits[1].depth() - circuits[0].depth()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("edges", "two_qubit_depth"), [("chain", 2), ("heavy-hex", 3)])
def test_depth_does_not_grow_with_the_number_of_edges(edges, two_qubit_depth, order):
    sizes = (6, 20, 100) if edges == "chain" else (12, 20, 100)
    assert {depth_of_a_step(edges, sites, order) for sites in sizes} == {(two_qubit_depth, two_qubit_depth + 2)}


def test_fields_outermost_have_the_smaller_trotter_error_in_a_paramagnet():
    labels, fields = ising_paulis("chain", 6), np.tile([-1.0, 0, 0], (6, 1))
    rows = -np.concatenate([np.full(5, 0.5), np.full(6, 0.1), np.full(6, 1.0)])[None]

    class Before(Ramp):
        packing = tuple(reversed(Ramp(labels, fields, 1).packing))

    limit = ramp_states(Ramp(labels, fields, 400), rows, 4.0)[0]
    now, before = (1 - overlap(ramp_states(kind(labels, fields, 16), rows, 4.0)[0], limit) for kind in (Ramp, Before))
    assert now < 0.6 * before


@pytest.mark.parametrize(("edges", "couplings"), [("chain", 19), ("ring", 20), ("heavy-hex", 20)])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_second_order_ramp_has_one_layer_of_couplings_per_step_and_no_first_layer_of_fields(edges, couplings, steps):
    circuit = ramp_circuit(Ramp(ising_paulis(edges, 20), np.tile([-1.0, 0, 0], (20, 1)), steps), time=1.0)
    gates = {"h": 20, "rzz": couplings * steps, "rz": 20 * steps, "rx": 20 * steps}
    assert dict(circuit.count_ops()) == gates
    assert circuit.num_parameters == couplings + 40


def test_the_first_layer_is_left_out_only_where_it_is_a_phase():
    paulis, steps = ising_paulis("chain", 3), 2
    tilted = ramp_circuit(Ramp(paulis, np.tile([-1.0, 0, 0.5], (3, 1)), steps), time=1.0).count_ops()
    assert tilted["rx"] == 3 * (steps + 1) and tilted["rzz"] == 2 * steps
    along_z = ramp_circuit(Ramp(paulis, np.tile([0, 0, 1.0], (3, 1)), steps), time=1.0).count_ops()
    assert along_z["rx"] == 3 * steps and along_z["rzz"] == 2 * steps
    couplings = PauliList(["XXI", "IXX", "IIZ", "IZI", "ZII"])
    of_x = ramp_circuit(Ramp(couplings, np.tile([1.0, 0, 0], (3, 1)), steps), time=1.0).count_ops()
    assert of_x["rxx"] == 2 * steps and of_x["rz"] == 3 * steps


def test_the_costliest_group_is_innermost():
    ramp = Ramp(PauliList(["ZZI", "IZZ", "IIY", "YII", "XII"]), np.tile([1.0, 0, 0], (3, 1)), 3)
    assert ramp_circuit(ramp, time=1.0).count_ops()["rzz"] == 2 * 3


def test_a_change_of_the_layout_changes_the_identity_of_second_order_ramps_alone():
    first, second = Adiabatic(order=1).identity(), Adiabatic().identity()
    assert second.pop("outermost") == "the fields of H0" and "outermost" not in first
    assert {**second, "order": 1} == first


def test_expectations_of_many_qubits_come_from_light_cones(monkeypatch):
    labels = ising_paulis("chain", 8).to_labels()
    free, nudge = np.random.default_rng(4).uniform(-1, 1, (2, len(labels)))
    family = family_of(labels, free, nudge, (-0.2, 0.0, 0.2))
    few, many = Adiabatic(time=2.0, steps=2), Adiabatic(time=20.0, steps=30)
    truth = few.prepare(family).expectations(family.frame.paulis)
    monkeypatch.setattr("qep_qiskit.preparation.adiabatic.STATE_QUBITS", 4)
    prepared = few.prepare(family)
    assert math.isnan(prepared.phases[0].energy)
    np.testing.assert_allclose(prepared.expectations(family.frame.paulis), truth, atol=1e-12)
    labels = ising_paulis("chain", 30).to_labels()
    with pytest.raises(InputError, match=r"adiabatic: light cones: .*depends on 30 qubits.*or give a device and shots"):
        many.prepare(family_of(labels, np.full(len(labels), -0.5))).expectations(PauliList(labels))


def test_a_hundred_qubits_are_built_but_not_simulated():
    labels = ising_paulis("chain", 100).to_labels()
    prepared = Adiabatic(steps=3).prepare(family_of(labels, np.full(len(labels), -0.5)))
    assert math.isnan(prepared.phases[0].energy)
    assert "100 qubits" in prepared.details["warnings"][-1]
    assert prepared.circuits()[0].circuit.num_qubits == 100
    with pytest.raises(InputError, match="100 qubits is not computed"):
        prepared.states()


def test_a_step_that_turns_too_far_is_named():
    warnings = Adiabatic(time=20, steps=10).prepare(random_family(1)).details["warnings"]
    assert "use steps = 40 or more" in warnings[0]
    assert Adiabatic().prepare(random_family(1)).details["warnings"] == []


def test_it_describes_its_initial_fields():
    described = Adiabatic(initial=SparsePauliOp(["IZ", "XI"], [-1.0, 0.5])).describe()
    assert described == {
        "method": "adiabatic",
        "time": 20.0,
        "steps": 100,
        "schedule": "cosine",
        "curvature": 4.934802,
        "order": 2,
        "initial": {"IZ": -1.0, "XI": 0.5},
    }
    assert Adiabatic().describe()["initial"] == "transverse field"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": 0.0}, "time: 0.0"),
        ({"time": math.inf}, "time: inf"),
        ({"time": math.nan}, "time: nan"),
        ({"time": "20"}, "time: '20'"),
        ({"steps": 0}, "steps: 0"),
        ({"steps": 2.5}, "steps: 2.5"),
        ({"steps": True}, "steps: True"),
        ({"order": 3}, "order: 3"),
        ({"schedule": "cosin"}, "schedule: unknown 'cosin'.*did you mean 'cosine'"),
        ({"initial": {"ZZ": 1.0, "IX": 1.0, "XI": 1.0}}, "initial: 'ZZ' acts on 2 qubits"),
        ({"initial": {"IX": 1.0}}, "initial: qubit 1 has no field.*degenerate"),
        ({"initial": {"IQ": 1.0}}, "initial: label 'IQ'"),
        ({"initial": 4}, "initial: 4 is not an operator"),
    ],
    ids=str,
)
def test_an_invalid_option_gives_one_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        Adiabatic(**options)
    assert "\n" not in str(caught.value)


def test_a_family_that_does_not_fit_gives_one_line():
    with pytest.raises(InputError, match=r"initial: .* the network has 3 qubits"):
        Adiabatic(initial={"IX": 1.0, "XI": 1.0}).prepare(random_family(1))
    with pytest.raises(InputError, match="the Hamiltonian is a constant"):
        Adiabatic().prepare(family_of(["II", "ZZ"], [1.0, 0.0]))


# One qubit, H(0) = −Z to H = −0.8 Z − 1.5 X, C = −Z. The errors oscillate in T, so they are means over windows of T,
# longer than the oscillation (2π / gap ≈ 2.8); at this many steps Trotter's error is below a hundredth of them.
STARTS = np.array([10.0, 15.0, 20.0, 30.0, 40.0])
OFFSETS = np.linspace(0.0, 4.0, 12, endpoint=False)
TIMES = (STARTS[:, None] + OFFSETS).ravel()
STEPS = 5000


def one_qubit(beta: float) -> Family:
    return family_of(["Z", "X"], [-0.8, -1.5], [-1.0, 0.0], (beta,))


def windows(schedule: str, beta: float) -> np.ndarray:
    """Return the final states, shape (windows, times, 2)."""
    family = one_qubit(beta)
    ramp = Adiabatic(steps=STEPS, schedule=schedule, initial={"Z": -1}).ramp(family)
    states = ramp_states(ramp, np.repeat(family.coefficients, len(TIMES), axis=0), TIMES)
    return states.reshape(len(STARTS), len(OFFSETS), 2)


def ground(beta: float) -> np.ndarray:
    family = one_qubit(beta)
    return np.linalg.eigh(matrix(["Z", "X"], family.coefficients[0]))[1][:, 0]


def slope(errors: np.ndarray) -> float:
    return float(np.polyfit(np.log(STARTS + OFFSETS.mean()), np.log(errors), 1)[0])


@pytest.mark.parametrize(
    ("schedule", "exponent", "tolerance"),
    [("cosine", -4, 0.3), ("smoothstep", -4, 0.3), ("quintic", -5.7, 0.4), ("linear", -2, 0.2)],
)
def test_infidelity_falls_with_the_time_as_the_schedule_says(schedule, exponent, tolerance):
    infidelity = 1 - np.abs(windows(schedule, 0.0) @ ground(0.0)) ** 2
    assert slope(infidelity.mean(axis=1)) == pytest.approx(exponent, abs=tolerance)


def expectation_gradients(states: np.ndarray) -> np.ndarray:
    """Return ⟨∂H/∂w⟩ for the weights of −Z and −X."""
    z = np.abs(states[..., 0]) ** 2 - np.abs(states[..., 1]) ** 2
    return -np.stack([z, 2 * (states[..., 0].conj() * states[..., 1]).real], axis=-1)


def gradient_errors(schedule: str, beta: float) -> np.ndarray:
    """Return the error of the symmetric EP gradient against exact ground states at the same β: rms of each window."""
    prepared, exact = (
        (expectation_gradients(state(beta)) - expectation_gradients(state(-beta))) / (2 * beta)
        for state in (lambda b: windows(schedule, b), ground)
    )
    return np.sqrt((np.abs(prepared - exact) ** 2).sum(axis=-1).mean(axis=1))


def test_the_gradients_error_falls_with_the_cosine_schedule_alone():
    assert slope(gradient_errors("cosine", 0.02)) == pytest.approx(-1, abs=0.2)
    assert slope(gradient_errors("linear", 0.02)) > -0.2


def test_a_linear_schedule_is_worse_than_a_cosine_at_a_large_beta_too():
    assert np.all(gradient_errors("linear", 0.1) > 4 * gradient_errors("cosine", 0.1))


def test_the_public_preparer_gives_the_states_of_the_windows():
    prepared = Adiabatic(time=float(TIMES[3]), steps=STEPS, initial={"Z": -1}).prepare(one_qubit(0.1))
    np.testing.assert_allclose(prepared.states()[0], windows("cosine", 0.1)[0, 3], atol=1e-12)
