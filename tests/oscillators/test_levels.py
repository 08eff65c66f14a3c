"""Oscillators on qubits: against matrices in levels, against the closed form, and every preparer."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import choose_bases
from qep_qiskit.networks.polynomial import MOMENTUM, POSITION, PRODUCT
from qep_qiskit.networks.quadratic.levels import codes, ladder

MODERATE, STRONG = (2.0, 1.0, 1.2), (5.0, 1.0, 1.2)
"""k, a_0, a_1 of two oscillators: a spring twice and five times as stiff as an oscillator's own."""
COSTS = {"expectations": qep.SquaredError([0.3]), "observable": qep.SquaredError([0.3]).observable()}


def pair(levels=None, encoding="binary", **options) -> qep.Network:
    return qep.oscillators(sites=2, inputs=[0], outputs=[1], levels=levels, encoding=encoding, **options)


def asked(network: qep.Network, weights, cost) -> qep.Problem:
    return qep.Problem(network, weights, x=[1.0], cost=cost)


def position_and_momentum(size: int):
    step = np.diag(np.sqrt(np.arange(1.0, size) / 2), 1)
    return step + step.T, -1j * (step - step.T)


@pytest.mark.parametrize("levels", [2, 4, 8])
def test_operators_are_projections_of_the_true_ones(levels: int) -> None:
    x, p = position_and_momentum(levels + 2)
    keep = slice(0, levels)
    np.testing.assert_allclose(ladder(POSITION, levels), x[keep, keep], atol=1e-14)
    np.testing.assert_allclose(ladder(PRODUCT, levels), (x @ x)[keep, keep], atol=1e-14)
    np.testing.assert_allclose(ladder(MOMENTUM, levels), (p @ p)[keep, keep].real, atol=1e-14)
    short = x[keep, keep]
    assert np.abs(ladder(PRODUCT, levels) - short @ short).max() == pytest.approx(levels / 2)  # in the highest level


def test_neighbouring_gray_codes_differ_in_one_bit() -> None:
    words = codes(16, "gray")
    assert sorted(words) == list(range(16))
    assert set(np.bitwise_count(words[1:] ^ words[:-1])) == {1}


@pytest.mark.parametrize("encoding", ["binary", "gray"])
def test_hamiltonian_is_the_projected_one(encoding: str) -> None:
    """H of two oscillators of different masses in 4 levels each around its mean field, from matrices of 8 levels."""
    masses, (k, a0, a1), b, x = [1.0, 1.7], (0.7, 1.1, 0.8), [0.2, -0.4], 0.9
    network = pair(4, encoding, masses=masses, biases=True)
    stiffness = np.array([[a0 + k, -k], [-k, a1 + k]])
    shift = np.linalg.solve(stiffness, [x + b[0], b[1]])
    positions, squares = [], []
    for site in range(2):
        q, p = position_and_momentum(8)
        scale = np.sqrt(masses[site] * np.sqrt(stiffness[site, site] / masses[site]))
        r = shift[site] * np.eye(8) + q / scale
        order = np.argsort(codes(4, encoding))  # the level of each basis state
        cut = np.ix_(order, order)
        positions.append(r[cut])
        squares.append(((r @ r)[cut], (p @ p).real[cut] * scale**2))
    one = np.eye(4)
    r0, r1, r00, r11 = (np.kron(one, positions[0]), np.kron(positions[1], one), *(
        np.kron(one, squares[0][0]), np.kron(squares[1][0], one)))  # fmt: skip
    expected = np.kron(one, squares[0][1]) / 2 / masses[0] + np.kron(squares[1][1], one) / 2 / masses[1]
    expected = expected + (a0 * r00 + a1 * r11 + k * (r00 + r11 - 2 * r0 @ r1)) / 2 - (x + b[0]) * r0 - b[1] * r1
    matrix = network.hamiltonian([k, a0, a1, *b], [x]).to_matrix()
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    problem = qep.Problem(network, [k, a0, a1, *b], x=[x], cost=qep.ObservableCost({"r[0] r[1]": 1.0, "p[1]^2": 0.5}))
    np.testing.assert_allclose(problem.frame.operator(problem.hamiltonian_row).to_matrix(), expected, atol=1e-12)
    np.testing.assert_allclose(
        problem.frame.operator(problem.cost_rows[0]).to_matrix(), r0 @ r1 + 0.5 * np.kron(squares[1][1], one), atol=1e-12
    )


def error(levels: int, weights, cost, encoding="gray") -> float:
    closed = qep.exact_gradient(asked(pair(), weights, cost)).values
    values = qep.exact_gradient(asked(pair(levels, encoding), weights, cost)).values
    return float(np.linalg.norm(values - closed) / np.linalg.norm(closed))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("weights", [MODERATE, STRONG])
def test_truncation_error_falls_tenfold_per_doubling(weights, cost: str) -> None:
    errors = [error(levels, weights, COSTS[cost]) for levels in (2, 4, 8, 16)]
    assert errors[0] > errors[1] > 10 * errors[2] > 100 * errors[3]
    assert errors[3] < 1e-6


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("levels", [2, 4, 8, 16])
def test_binary_and_gray_agree(levels: int, cost: str) -> None:
    binary, gray = (qep.exact_gradient(asked(pair(levels, code), MODERATE, COSTS[cost])) for code in ("binary", "gray"))
    np.testing.assert_allclose(binary.values, gray.values, atol=1e-10)
    assert binary.loss == pytest.approx(gray.loss, abs=1e-10)


def test_truncation_is_measured_and_reported() -> None:
    problem = asked(pair(4), MODERATE, COSTS["expectations"])
    truncation = qep.exact_gradient(problem).diagnostics["truncation"]
    assert truncation["gradient_error"] == pytest.approx(error(4, MODERATE, COSTS["expectations"]), rel=1e-6)  # type: ignore[index]
    closed = qep.exact_gradient(asked(pair(), MODERATE, COSTS["expectations"]))
    energy = qep.exact_gradient(problem).diagnostics["phases"][0]["energy"]  # type: ignore[index]
    assert 0 < energy - closed.diagnostics["phases"][0]["energy"] == pytest.approx(truncation["energy_error"])  # type: ignore[index]
    measured = qep.gradient(problem, stencil=qep.symmetric(0.1), shots=100, device=qep.statevector(seed=1))
    assert measured.diagnostics["truncation"]["leakage"] == truncation["leakage"]  # type: ignore[index]
    assert measured.provenance["network"]["levels"] == 4  # type: ignore[index]
    pauli_cost = qep.exact_gradient(asked(pair(4), MODERATE, qep.ObservableCost({"ZIII": 1.0})))
    assert "gradient_error" not in pauli_cost.diagnostics["truncation"]  # type: ignore[operator]


@pytest.mark.parametrize("levels", [2, 4, 8])
def test_leakage_is_that_of_the_true_ground_state(levels: int) -> None:
    """Populations of the ground state of two oscillators in 24 levels each, beyond the levels that are kept."""
    problem = asked(pair(levels), STRONG, COSTS["expectations"])
    reported = qep.exact_gradient(problem).diagnostics["truncation"]["leakage"]  # type: ignore[index]
    k, a0, a1 = STRONG
    x, p = position_and_momentum(24)
    scales = [(a0 + k) ** 0.25, (a1 + k) ** 0.25]
    r = [np.kron(x / scales[0], np.eye(24)), np.kron(np.eye(24), x / scales[1])]
    kinetic = np.kron((p @ p).real * scales[0] ** 2, np.eye(24)) + np.kron(np.eye(24), (p @ p).real * scales[1] ** 2)
    hamiltonian = kinetic / 2 + ((a0 + k) * r[0] @ r[0] + (a1 + k) * r[1] @ r[1]) / 2 - k * r[0] @ r[1]
    state = np.linalg.eigh(hamiltonian)[1][:, 0].reshape(24, 24) ** 2
    np.testing.assert_allclose(reported, [state[levels:].sum(), state[:, levels:].sum()], rtol=1e-4)


def test_gradient_at_a_fixed_basis_is_the_slope_of_the_truncated_loss() -> None:
    """The basis is held fixed: differences of the loss in the levels of one reference, from its matrices."""
    cost = COSTS["observable"]
    problem = asked(pair(4), STRONG, cost)
    operators = [term.operator.to_matrix() for term in problem.network.terms]
    rest = problem.network.fixed.to_matrix() + problem.network.inputs[0].to_matrix()
    target = problem.cost_observables[0].to_matrix()

    def loss(weights) -> float:
        state = np.linalg.eigh(rest + sum(w * o for w, o in zip(weights, operators, strict=True)))[1][:, 0]
        return float(np.vdot(state, target @ state).real)

    step, slopes = 1e-3, []
    for direction in np.eye(3):
        near, far = ((loss(STRONG + h * direction) - loss(STRONG - h * direction)) / (2 * h) for h in (step, 2 * step))
        slopes.append((4 * near - far) / 3)
    np.testing.assert_allclose(qep.exact_gradient(problem).values, slopes, atol=1e-8)


MEAN_FIELD = {"IIIZ": -1.0, "IIZI": -1.0, "IZII": -1.0, "ZIII": -1.0}
"""Its ground state is all oscillators in their lowest level."""


@functools.cache
def truncated() -> tuple[qep.Problem, np.ndarray]:
    problem = asked(pair(4, "gray"), (0.5, 1.0, 1.2), COSTS["expectations"])
    return problem, qep.gradient(problem, stencil=qep.symmetric(0.3)).values


@pytest.mark.parametrize(
    ("preparer", "tolerance"),
    [
        (qep.VQE(ansatz="hamiltonian", layers=1, regulariser=1e-8, tolerance=1e-5, max_iterations=20_000), 1e-3),
        (qep.VQE(ansatz="efficient_su2", layers=4, starts=2), 2e-2),
        (qep.Adiabatic(time=30.0, steps=120, initial=MEAN_FIELD), 2e-2),
    ],
    ids=["hamiltonian", "efficient_su2", "adiabatic"],
)
def test_circuits_come_to_the_truncated_gradient(preparer, tolerance: float) -> None:
    problem, exact = truncated()
    gradient = qep.gradient(problem, preparer=preparer, stencil=qep.symmetric(0.3))
    assert np.linalg.norm(gradient.values - exact) < tolerance * np.linalg.norm(exact)


def test_shots_and_readout_mitigation_come_to_the_truncated_gradient() -> None:
    problem, exact = truncated()
    for options in ({}, {"mitigation": "tensored"}):
        gradient = qep.gradient(
            problem,
            stencil=qep.symmetric(0.3),
            device=qep.simulator(seed=3),
            shots=4000,
            **options,  # type: ignore[arg-type]
        )
        assert np.abs((gradient.values - exact) / gradient.stderr).max() < 4


@pytest.mark.parametrize(("encoding", "levels", "strings", "bases"), [
    ("binary", 2, 5, 2), ("binary", 4, 32, 10), ("binary", 8, 190, 52),
    ("gray", 2, 5, 2), ("gray", 4, 32, 7), ("gray", 8, 190, 14), ("binary", 16, 1144, 232), ("gray", 16, 1144, 23),
])  # fmt: skip
def test_terms_and_bases_are_those_of_the_table(encoding: str, levels: int, strings: int, bases: int) -> None:
    problem = asked(pair(levels, encoding), MODERATE, COSTS["expectations"])
    assert problem.frame.busy.sum() == strings
    needed = np.flatnonzero((problem.derivative_rows != 0).any(axis=0) | (problem.output_rows != 0).any(axis=0))
    assert len(choose_bases(problem.frame.paulis, needed)) <= bases


def test_all_samples_share_their_strings() -> None:
    network = pair(8)
    frames = [qep.Problem(network, MODERATE, x=[x], cost=COSTS["expectations"]).frame.labels for x in (0.0, 1.3)]
    assert frames[0] == frames[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair(3), "levels: 3 is not allowed; give a power of two from 2 to 64"),
        (lambda: pair(1), "levels: 1 is not allowed"),
        (lambda: pair(128), "levels: 128 is not allowed"),
        (lambda: pair(4.0), "levels: 4.0 is not allowed"),
        (lambda: pair(4, "grey"), "encoding: 'grey' is not allowed.*did you mean 'gray'"),
        (lambda: pair(None, "grey"), "encoding: 'grey' is not allowed"),
        (lambda: asked(pair(4), (0.1, -1.0, 1.0), COSTS["observable"]), "normal mode on sites 0"),
        (lambda: asked(pair(4), MODERATE, qep.ObservableCost({"r[2]": 1.0})), "site 2 of r.2. is out of range"),
        (lambda: asked(pair(4), MODERATE, qep.ObservableCost({"ZZ": 1.0})), "'ZZ' acts on 2 qubits"),
    ],
)
def test_errors_name_what_is_wrong(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
