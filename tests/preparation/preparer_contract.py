"""The contract of preparers: tests that each of them inherits.

A subclass gives its preparer and, where the states are exact, the density matrix that a dense calculation gives for a
Hamiltonian. Properties of one preparer are tested in its own test file.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, Statevector

import qep_qiskit as qep
from qep_qiskit.equilibrium.combination import joined
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.kinds import PREPARERS
from qep_qiskit.preparation import Capabilities, Preparer
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.preparation.preparer import started
from qep_qiskit.training import fitting, task_of
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.starts import carries, kept, restored

EVERY_STRING = PauliList(["".join(letters) for letters in product("IXYZ", repeat=3)])
MATRICES = np.array([string.to_matrix() for string in EVERY_STRING])
BETAS = (0.0, 0.05, -0.05)


def slope(function, step=1e-3):
    """The derivative of a function of one number at zero, to fourth order in the step."""
    near, far = ((function(h) - function(-h)) / (2 * h) for h in (step, 2 * step))
    return (4 * near - far) / 3


def ising_problem(sites=3, x=0.5, **options):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1], **options)
    return qep.Problem(network, network.initial_weights(seed=3), x=[x], cost=qep.SquaredError([0.4]).observable())


def problem_with_y():
    """Three qubits whose Hamiltonian is complex."""
    terms = {"a": {"XXI": -0.9}, "b": {"IYZ": 0.7}, "c": {"ZIZ": -0.6}, "d": {"IIY": 0.8, "XII": -1.0}}
    network = qep.pauli(terms=terms, fixed={"ZII": 1.3, "IZI": 1.1, "IIZ": 0.9}, outputs=[{"IIZ": 1.0}])
    return qep.Problem(network, [0.8, 0.6, -0.7, 0.5], cost=qep.ObservableCost({"IIZ": 1.0, "IXI": 0.3}))


def nudged_family(problem, betas=BETAS):
    return family_of(problem, problem.cost_rows[0], betas)


def lowest(matrix, level=0):
    """The density matrix of an eigenstate."""
    vector = np.linalg.eigh(matrix)[1][:, level]
    return np.outer(vector, vector.conj())


class PreparerContract:
    preparer: Preparer
    trained: Preparer | None = None
    """A quicker one for tests that prepare many states; the same if None."""
    accuracy = 1e-8
    """Allowed error of expectations."""

    alone = 1e-12
    """Allowed difference between a sample in a batch and the sample by itself."""

    responds = True
    """Whether it computes the response of its states to a nudge."""

    def truth(self, matrix):
        """The density matrix to be prepared for a Hamiltonian; None for an approximation of the ground state."""
        return

    @property
    def quick(self):
        return self.trained or self.preparer

    @pytest.fixture(scope="class", params=[ising_problem, problem_with_y])
    @classmethod
    def problem(cls, request):
        return request.param()

    @pytest.fixture(scope="class")
    @classmethod
    def prepared(cls, problem):
        """All phases, once for all tests that only look at them."""
        return cls.preparer.prepare(replace(nudged_family(problem), limit=True))

    def prepare(self, problem, betas=BETAS, **options):
        return self.preparer.prepare(nudged_family(problem, betas), **options)

    def density(self, prepared, phase):
        """The density matrix that has these expectations."""
        return np.tensordot(prepared.expectations(EVERY_STRING)[phase], MATRICES, axes=1) / 8

    def close(self, one, other, **more):
        np.testing.assert_allclose(one, other, atol=self.accuracy, rtol=0, **more)

    def test_it_is_a_value(self):
        preparer = self.preparer
        assert isinstance(preparer, Preparer) and isinstance(preparer.supports, Capabilities)
        assert pickle.loads(pickle.dumps(preparer)) == preparer and replace(preparer) == preparer
        assert repr(preparer).startswith(f"{type(preparer).__name__}(") and "\n" not in repr(preparer)
        assert hash(preparer) == hash(replace(preparer))
        with pytest.raises(AttributeError):
            preparer.supports = None

    def test_a_spec_builds_it(self):
        described = json.loads(json.dumps(self.preparer.describe(), allow_nan=False))
        kind = PREPARERS.named(described["method"], "preparation.method")
        assert kind.value is type(self.preparer)
        keys = {name: getattr(self.preparer, name) for name, p in kind.parameters.items() if not p.key.hidden}
        section = SECTIONS["preparation"].model(kind.name, "preparation.method")
        written = {name: value for name, value in keys.items() if name in section.model_fields and value is not None}
        assert section(method=kind.name, **json.loads(json.dumps(written))).build() == self.preparer
        assert {k: described[k] for k in described.keys() & written.keys()} == {
            k: written[k] for k in described.keys() & written.keys()
        }

    def test_its_reference_is_exact(self):
        reference = reference_state(self.preparer)
        assert reference_state(reference) is reference
        assert (reference is self.preparer) == (
            self.truth(np.diag(np.arange(8.0))) is not None and self.preparer.reference is not None
        )

    def test_states_are_those_of_a_dense_calculation(self, problem, prepared):
        family = nudged_family(problem)
        for phase, report in enumerate(prepared.phases):
            matrix = family.hamiltonian(phase).to_matrix()
            rho = self.density(prepared, phase)
            energy = np.trace(rho @ matrix).real
            assert report.beta == BETAS[phase]
            assert report.energy == pytest.approx(energy, abs=self.accuracy)
            assert np.linalg.eigvalsh(matrix)[0] <= energy + self.accuracy
            assert np.linalg.eigvalsh(rho)[0] > -1e-6 and np.trace(rho).real == pytest.approx(1)
            if report.variance is not None:
                assert report.variance == pytest.approx(np.trace(rho @ matrix @ matrix).real - energy**2, abs=1e-7)
            if report.residual is not None:
                assert 0 <= report.residual < 1e-5
            if (truth := self.truth(matrix)) is not None:
                self.close(rho, truth)

    def test_the_gap_and_the_bound_are_true(self, problem, prepared):
        family = nudged_family(problem)
        gap = prepared.phases[0].gap
        if gap is not None:
            energies = np.linalg.eigvalsh(family.hamiltonian(0).to_matrix())
            level = getattr(self.preparer, "level", 0)
            assert gap == pytest.approx(np.abs(np.delete(energies, level) - energies[level]).min(), rel=1e-4)
        for phase, report in enumerate(prepared.phases):
            if report.error_bound is not None:
                off = self.density(prepared, phase) - lowest(family.hamiltonian(phase).to_matrix())
                assert np.abs(np.einsum("ij,sji->s", off, MATRICES)).max() <= report.error_bound + 1e-9

    def test_circuits_make_the_states(self, problem, prepared):
        if self.preparer.supports.no_circuits:
            with pytest.raises(InputError, match=r"^[^\n]+$"):
                prepared.circuits()
            with pytest.raises(InputError, match=r"^[^\n]+$"):
                qep.gradient(problem, preparer=self.preparer, shots=100)
            return
        from_circuits = {}
        for structure in prepared.circuits():
            assert structure.values.shape == (len(structure.phases), structure.circuit.num_parameters)
            for phase, row in zip(structure.phases, structure.values, strict=True):
                from_circuits[phase] = Statevector(structure.circuit.assign_parameters(row)).data
        for phase, state in enumerate(prepared.states()):
            assert abs(np.vdot(from_circuits[phase], state)) == pytest.approx(1, abs=1e-9)
            self.close(self.density(prepared, phase), np.outer(state, state.conj()))

    def test_shots_are_drawn_from_the_states(self, problem, prepared):
        if prepared.draw is None:
            return
        samples = prepared.draw(1, "XYZ", 40_000, np.random.default_rng(4))
        signs = samples.weights @ (1.0 - 2.0 * samples.outcomes)
        # axes are of qubits 0, 1, 2; strings are written with qubit 0 at the right
        expected = prepared.expectations(PauliList(["IIX", "IYI", "ZII"]))[1]
        assert np.abs(signs - expected).max() < 5 / np.sqrt(40_000)

    def test_the_response_is_the_derivative_by_the_nudge(self, problem, prepared):
        def values(beta):
            nudged = self.quick.prepare(nudged_family(problem, (beta,)), free=prepared)
            return nudged.expectations(problem.frame.paulis)[0]

        numeric = slope(values)
        if prepared.slopes is not None:
            np.testing.assert_allclose(prepared.slopes(), numeric, atol=1e-5)
            return
        assert (prepared.response is not None) == self.responds
        if not self.responds:
            return
        for exact in (False, True):
            response = prepared.response(problem.cost_rows[0], exact=exact)
            assert response.of and response.reach > 0
            np.testing.assert_allclose(response.changes(problem.frame.paulis), numeric, atol=2e-5)

    def test_the_response_is_the_gradient_of_the_loss(self, problem, prepared):
        """d⟨C⟩/dw = d⟨∂H/∂w⟩/dβ, which needs stationary states: energies or free energies."""
        if prepared.slopes is not None or not self.responds:  # the end of a ramp is not stationary
            return
        limit = problem.derivative_rows @ prepared.response(problem.cost_rows[0], exact=True).changes(problem.frame.paulis)
        for direction in np.random.default_rng(1).normal(size=(2, len(limit))):

            def loss(step, direction=direction):
                moved = qep.Problem(problem.network, problem.weights + step * direction, problem.x, cost=problem.cost)
                state = self.quick.prepare(nudged_family(moved, (0.0,)), free=prepared)
                return float(moved.cost_rows[0] @ state.expectations(moved.frame.paulis)[0])

            assert limit @ direction == pytest.approx(slope(loss), abs=2e-5)
        if reference_state(self.preparer) is self.preparer:
            self.close(qep.exact_gradient(problem, preparer=self.preparer).values, limit)
        elif self.preparer.supports.variational:
            self.close(qep.variational_gradient(problem, self.preparer).values, limit)

    def test_the_same_seed_gives_the_same_bits(self, problem):
        one, other = (self.prepare(problem, (0.0, 0.05), seed=5) for _ in range(2))
        np.testing.assert_array_equal(one.expectations(EVERY_STRING), other.expectations(EVERY_STRING))
        assert one.phases == other.phases and one.details == other.details

    def test_nudged_phases_start_from_a_free_one_that_was_pickled(self, problem, prepared):
        free = self.prepare(problem, (0.0,))
        copy = pickle.loads(pickle.dumps(free))
        assert copy.phases == free.phases and copy.details == free.details
        later = joined(free, self.prepare(problem, BETAS[1:], free=copy))
        self.close(later.expectations(EVERY_STRING), prepared.expectations(EVERY_STRING))
        assert [phase.beta for phase in later.phases] == list(BETAS)
        with pytest.raises(InputError, match="not kept"):
            copy.circuits()

    def test_a_warm_start_leads_to_the_same_states(self, problem, prepared):
        warm = self.prepare(problem, (0.0, 0.05), warm_start=prepared)
        self.close(warm.expectations(EVERY_STRING), prepared.expectations(EVERY_STRING)[:2])

    def test_a_stored_start_is_the_start_bit_for_bit(self):
        kind = self.preparer.supports.start
        problem = ising_problem(max(3, self.preparer.supports.start_qubits))
        free = self.prepare(problem, (0.0,))
        array = free.start(kind)
        assert (array is None) == (kind == "") == (kept(free, self.preparer) is None)
        assert carries(self.preparer, problem.network.num_qubits, 10) == bool(kind)
        if array is None:
            return
        stored = pickle.loads(pickle.dumps(array))
        np.testing.assert_array_equal(started(kind, stored).start(kind), array)
        near = ising_problem(problem.network.num_qubits, x=0.51)
        one, other = (self.prepare(near, warm_start=start) for start in (free, restored(stored, self.preparer)))
        strings = near.frame.paulis
        np.testing.assert_array_equal(one.expectations(strings), other.expectations(strings))

    def test_a_batch_is_its_samples_one_by_one(self, problem):
        families = [
            nudged_family(problem, (0.0, 0.05)),
            nudged_family(ising_problem(x=-0.2), (0.0,)),
            nudged_family(problem, (0.0,)),
        ]
        for family, prepared in zip(families, self.quick.prepare_all(families), strict=True):
            alone = self.quick.prepare(family)
            np.testing.assert_allclose(prepared.expectations(EVERY_STRING), alone.expectations(EVERY_STRING), atol=self.alone)
            assert prepared.details == alone.details and [p.beta for p in prepared.phases] == list(family.betas)
            if not self.preparer.supports.no_circuits:
                for one, other in zip(prepared.circuits(), alone.circuits(), strict=True):
                    assert one.circuit is other.circuit  # devices compile an object once
                    np.testing.assert_allclose(one.values, other.values, rtol=0, atol=0 if self.alone <= 1e-12 else 1e-4)
        assert self.quick.prepare_all([]) == []

    def test_each_family_of_a_batch_has_its_own_starts(self, problem):
        """A start for one family, a free phase for another, none for the third: the same as one by one."""
        families = [nudged_family(problem, (0.0,)), nudged_family(problem, (0.05, -0.05)), nudged_family(ising_problem(x=-0.2))]
        free, near = (self.quick.prepare(nudged_family(one, (0.0,)), seed=4) for one in (problem, ising_problem(x=-0.25)))
        stages = []
        together = self.quick.prepare_all(
            families,
            free=[None, free, None],
            warm_start=[free, None, near],
            seed=4,
            progress=lambda stage, share=None: stages.append((stage, share)),
        )
        starts = [{"warm_start": free}, {"free": free}, {"warm_start": near}]
        for family, start, prepared in zip(families, starts, together, strict=True):
            alone = self.quick.prepare(family, seed=4, **start)
            self.close(prepared.expectations(EVERY_STRING), alone.expectations(EVERY_STRING))
            assert prepared.details.keys() == alone.details.keys()
            assert [phase.beta for phase in prepared.phases] == list(family.betas)
        assert stages and all(stage and (share is None or 0 <= share <= 1) for stage, share in stages)

    def test_gradients_of_a_batch_are_those_of_its_samples(self):
        batch = [ising_problem(x=x) for x in (0.4, 0.41)]
        options = {"preparer": self.quick, "stencil": qep.symmetric(0.05), "seed": 2}
        for problem, gradient in zip(batch, qep.gradients(batch, **options), strict=True):
            np.testing.assert_allclose(gradient.values, qep.gradient(problem, **options).values, atol=20 * self.accuracy)

    def test_workers_change_nothing(self, two_workers):
        network = ising_problem().network
        inputs, targets = np.array([[-0.8], [0.1], [0.7]]), np.array([-0.3, 0.0, 0.3])
        shared = {
            "preparer": self.quick,
            "batch_size": 3,
            "learning_rate": 0.02,
            "stencil": qep.symmetric(0.1),
        }
        measured = {} if self.preparer.supports.no_circuits else {"shots": 100, "device": "statevector"}
        epochs = 2 if self.preparer.supports.start else 1  # the second starts from the first one's states
        for options, size in (({"epochs": epochs}, 2), ({"epochs": 1, **measured}, 8)):
            task = task_of(network, inputs, targets, **shared, **options)
            spread = replace(task, source=Distributed(task.source, two_workers, size=size))
            here, there = (fitting.gathered(each) for each in (task, spread))
            np.testing.assert_allclose(np.asarray(there.weights), np.asarray(here.weights), atol=1e-7)
            assert [row["loss"] for row in there.history] == pytest.approx([row["loss"] for row in here.history], abs=1e-7)

    def test_networks_in_closed_form(self):
        network = qep.oscillators(sites=2, edges="chain", inputs=[0], outputs=[1])
        problem = qep.Problem(network, network.initial_weights(), x=[0.3], cost=qep.SquaredError([0.2]))
        if self.preparer.supports.closed_form and not getattr(self.preparer, "level", 0):
            gradient = qep.gradient(problem, preparer=self.preparer, stencil=qep.symmetric(0.01))
            np.testing.assert_allclose(gradient.values, qep.exact_gradient(problem).values, atol=1e-9)
            return
        with pytest.raises(InputError, match=r"^preparation\.[^\n]+$"):
            qep.gradient(problem, preparer=self.preparer, stencil=qep.symmetric(0.01))

    def test_progress_is_a_share(self, problem):
        shares = []
        self.prepare(problem, (0.0,), progress=lambda stage, share: shares.append((stage, share)))
        assert shares and all(stage for stage, _ in shares)
        assert all(share is None or 0 <= share <= 1 for _, share in shares)
