"""Variational ground states. The free phase is searched from several starts, the nudged phases from the free angles."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2

from qep_qiskit.ansatz.choice import ALLOWED, BUILT_IN, circuit_file, identified
from qep_qiskit.ansatz.hamiltonian import annealing_angles
from qep_qiskit.ansatz.hardware_efficient import ENTANGLEMENTS
from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.kinds import PREPARERS, Key
from qep_qiskit.memory import require
from qep_qiskit.preparation.angle_search import measured_warnings, optimizer_named, search_angles
from qep_qiskit.preparation.ansatz_response import AnsatzResponses, ansatz_response
from qep_qiskit.preparation.capabilities import Capabilities, GroundStateAim
from qep_qiskit.preparation.compiled_ansatz import MOST_QUBITS, Ansatz, Compiled, compiled_ansatz
from qep_qiskit.preparation.evaluator import NAMES, Reported
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.found_states import FoundStates, found_states
from qep_qiskit.preparation.free_phases import MOST_CURVED_ANGLES
from qep_qiskit.preparation.local_response import affordable, local_response
from qep_qiskit.preparation.model import regulariser
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer, StateCircuit, each
from qep_qiskit.preparation.shortfall import shortfall_warnings, shortfalls
from qep_qiskit.preparation.solution import Begin, Precision, Solution
from qep_qiskit.preparation.variational import solve
from qep_qiskit.progress import Progress, one_of, silent
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.threads import single_threaded
from qep_qiskit.values import Brief

Vector = NDArray[np.float64]
RANDOM_STARTS = 3
"""The usual number of starts of an ansatz without an annealing schedule; one such schedule is better than three random starts."""
SIMULATIONS = ("auto", "statevector", "light_cones")
SPREADS = (0.1, 0.6, 1.2)
"""Standard deviations of the initial angles of random starts, used in turn."""

OPTIMIZERS = (
    "ADAM", "AQGD", "CG", "COBYLA", "GradientDescent", "GSLS", "L_BFGS_B",
    "NELDER_MEAD", "NFT", "POWELL", "SLSQP", "SPSA", "TNC", "UMDA",
)  # fmt: skip
"""The optimizers of qiskit-algorithms that a spec can name."""


@PREPARERS.register("vqe")
@dataclass(frozen=True, repr=False)
class VQE(Brief, Preparer):
    """Variational states: one set of angles θ of an ansatz per phase, at which ⟨H + βC⟩ + ½μ|θ − θ_c|² is stationary.

    Parameters
    ----------
    ansatz : str, path or QuantumCircuit
        ``"hamiltonian"``, ``"efficient_su2"``, ``"real_amplitudes"``, an OpenQASM 3 file, or a circuit.
    layers : int
    shared_angles : bool
        For the Hamiltonian ansatz: whether there is one angle per class of terms and layer instead of one per term and layer.
    entanglement : str
        The entanglement of the hardware-efficient ansätze.
    optimizer : qiskit_algorithms.optimizers.Optimizer or its name, optional
        Default: quasi-Newton steps with exact gradients, with all samples, starts and phases as rows of one array. Another
        optimizer gets one phase at a time, and only energies (and gradients, if expectations are exact); SPSA with an estimator
        optimises from shots. Random numbers of qiskit-algorithms come from the seed; an estimator draws its own.
    estimator : BaseEstimatorV2, optional
        The source of energies and, by parameter shifts, of gradients; residuals then state their noise. By default both are
        exact. Without an optimizer, SPSA minimises the measured energies.
    starts : int
        The number of starts of the free phase; the lowest energy is kept. The first start of the Hamiltonian ansatz is an
        annealing schedule, all others are random. Default: 0, for the annealing schedule alone, or three random starts of another
        ansatz.
    tolerance : float
        The wanted relative error of the gradient due to unfinished descents.
    prediction_tolerance : float
        The wanted error of predictions due to an unfinished descent; the loss follows.
    max_iterations : int
        The largest number of evaluations per phase.
    regulariser : float
        μ in units of the largest coefficient of H (or of ten times the median one, if that is smaller). It changes the gradient
        by 0.1 % in the median of random networks, and by several percent where the energy is nearly flat. A smaller μ changes it
        less and takes longer. Around 0, the centre of ansätze other than the Hamiltonian one, a large μ can also favour a minimum
        of small angles that is not the lowest.
    simulation : {"auto", "statevector", "light_cones"}
        ``"light_cones"`` computes each expectation from the few qubits that it depends on, exactly, at any number of qubits.
        ``"auto"`` takes it where it is cheaper and where state vectors do not fit.

    Notes
    -----
    For a variational state the EP identity needs stationarity in θ, not the true ground state. EP then gives the gradient of the
    ansatz's own loss (see :func:`variational_gradient`). The regulariser ½μ|θ − θ_c|² chooses one point of a flat valley of the
    energy; without it stationarity would not define the state. Its centre θ_c is the annealing schedule of H for the Hamiltonian
    ansatz, and 0 for others; it is held fixed in the gradient. What the free phase leaves of its gradient is subtracted in the
    nudged phases, so that its effect on the gradient is not divided by β.
    """

    ansatz: Annotated[str | os.PathLike[str] | QuantumCircuit, Key(ALLOWED, read=circuit_file)] = "hamiltonian"
    layers: Annotated[int, Key("the number of layers", least=1, most=1000)] = 3
    shared_angles: Annotated[bool, Key("whether terms of one class share an angle per layer")] = False
    entanglement: Annotated[str, Key(words=ENTANGLEMENTS)] = "pairwise"
    optimizer: Annotated[Any, Key("an optimizer of qiskit-algorithms", words=OPTIMIZERS)] = None
    estimator: BaseEstimatorV2 | None = None
    starts: Annotated[int, Key("the number of starts, 0 for the usual one", least=0, most=10_000)] = 0
    tolerance: Annotated[float, Key("the wanted relative error of the gradient", above=0)] = 1e-3
    prediction_tolerance: Annotated[float, Key("the wanted error of predictions", above=0)] = 1e-3
    max_iterations: Annotated[int, Key("the largest number of evaluations per phase", least=1, most=10_000_000)] = 5000
    regulariser: Annotated[float, Key("the regulariser of the angles", least=1e-12)] = 2e-4
    simulation: Annotated[str, Key("how energies are computed", words=SIMULATIONS)] = "auto"
    supports: ClassVar[Capabilities] = Capabilities(
        variational="ansatz",
        together=True,
        neighbours=False,
        start="angles",
        aim=GroundStateAim(
            0.1,
            "the ansatz's own loss, not of the true ground state's: take another ansatz, more layers or starts, or a smaller "
            "regulariser",
            follows=True,
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.ansatz, str | os.PathLike | QuantumCircuit):
            kind = getattr(self.ansatz, "__name__", type(self.ansatz).__name__)
            raise InputError(
                f"VQE: ansatz is {kind}; give a name such as 'hamiltonian', the path of an OpenQASM 3 file, or a QuantumCircuit "
                "such as efficient_su2(4)"
            )
        super().__post_init__()
        if self.estimator is not None and not isinstance(self.estimator, BaseEstimatorV2):
            raise InputError(f"VQE: estimator is {shown(self.estimator)}; give a Qiskit BaseEstimatorV2")
        if isinstance(self.optimizer, str):
            object.__setattr__(self, "optimizer", optimizer_named(self.optimizer, self.max_iterations))
        elif self.optimizer is not None and not callable(getattr(self.optimizer, "minimize", None)):
            raise InputError(f"VQE: optimizer is {shown(self.optimizer)}; give a qiskit-algorithms optimizer or its name")

    def compiled(self, family: Family) -> Compiled:
        """Return the ansatz for a family of Hamiltonians: as a circuit, and compiled for fast gradients."""
        labels = tuple(family.frame.labels[i] for i in family.support)
        ansatz = self.ansatz if isinstance(self.ansatz, QuantumCircuit) else os.fspath(self.ansatz)
        options = (self.layers, self.shared_angles, self.entanglement)
        if ansatz not in BUILT_IN:
            labels, options = ("I" * family.num_qubits,), (1, False, "")  # these options do not apply to a user's circuit
        content = Ansatz(fingerprint(identified(ansatz), "ansatz"), ansatz)
        return compiled_ansatz(content, family.num_qubits, labels, family.frame.labels, self.simulation, *options)

    def prepare_all(
        self,
        families: Sequence[Family],
        *,
        free: Sequence[Prepared | None] | None = None,
        warm_start: Sequence[Prepared | None] | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Prepared]:
        """Optimise the angles of every phase of several families. Families with the same strings advance as rows of one array."""
        count = len(families)
        groups: dict[int, tuple[Compiled, list[int]]] = {}
        for number, family in enumerate(families):
            self._refuse_too_large(family)
            compiled = self.compiled(family)
            groups.setdefault(id(compiled), (compiled, []))[1].append(number)
        frees, nears = each(free, count), each(warm_start, count)
        prepared: dict[int, Prepared] = {}
        for part, (compiled, members) in enumerate(groups.values()):
            evaluator, ours = Reported(compiled.evaluator, one_of(len(groups), part, progress)), [families[i] for i in members]
            begins = [self._begin(families[i], compiled, frees[i], nears[i], seed) for i in members]
            with single_threaded(compiled.circuit.num_qubits):
                if self.optimizer is None and self.estimator is None:
                    solutions = solve(evaluator, ours, begins, self.precision, evaluator.stage)
                else:
                    solutions = [
                        search_angles(self, compiled.circuit, evaluator, family, begin, seed)
                        for family, begin in zip(ours, begins, strict=True)
                    ]
                angles = [solution.angles for solution in solutions]
                shares = shortfalls(ours, compiled, angles)
                if compiled.program is None:
                    for i, solution, share in zip(members, solutions, shares, strict=True):
                        prepared[i] = self._without_states(families[i], compiled, solution, share)
                    continue
                states = found_states(compiled.states, ours, angles)
                for i, solution, share, each_states in zip(members, solutions, shares, states, strict=True):
                    prepared[i] = self._prepared(families[i], compiled, solution, share, each_states)
            prepared |= self._responding_together(families, compiled, {i: prepared[i] for i in members})
        progress("VQE", 1.0)
        return [prepared[i] for i in range(count)]

    @property
    def precision(self) -> Precision:
        """The precision at which descents end."""
        return Precision(self.tolerance, self.prediction_tolerance, self.max_iterations, self.regulariser)

    def _mu(self, family: Family) -> float:
        return regulariser(self.regulariser, family.frame, family.free)

    def _responding_together(
        self, families: Sequence[Family], compiled: Compiled, prepared: dict[int, Prepared]
    ) -> dict[int, Prepared]:
        """Return the results of a batch with their responses computed together; the response of a single sample stays alone."""
        free = {i: result for i, result in prepared.items() if result.response is not None and not result.silence}
        if len(free) < 2:
            return {}
        thetas = [result.angles[families[i].betas.index(0.0)] for i, result in free.items() if result.angles is not None]
        rows = np.array([families[i].free for i in free])
        mu = np.array([self._mu(families[i]) for i in free])
        alone = [result.response for result in free.values() if result.response is not None]
        frame, inverses = families[next(iter(free))].frame, [_matrix(result.carried) for result in free.values()]
        responses = AnsatzResponses(compiled.evaluator, frame, rows, np.array(thetas), mu, alone, inverses)
        members = zip(free, responses.members(), strict=True)
        return {i: replace(free[i], response=member) for i, member in members}

    def _refuse_too_large(self, family: Family) -> None:
        if family.num_qubits > MOST_QUBITS and self.simulation == "statevector":
            raise InputError(
                f"preparation.simulation: {family.num_qubits} qubits do not fit in a state vector (at most {MOST_QUBITS}); "
                "take simulation = 'light_cones' or adiabatic circuits"
            )
        each = len(family.support) if self.ansatz == "hamiltonian" else 2 * family.num_qubits
        angles_at_least = 0 if self.shared_angles or self.ansatz not in BUILT_IN else self.layers * each
        require(
            32.0 * angles_at_least**2,
            f"preparation.layers: {self.layers} layers of {each} angles",
            "take fewer layers, or shared_angles = true",
        )

    def _begin(self, family: Family, compiled: Compiled, free: Prepared | None, near: Prepared | None, seed: int) -> Begin:
        """Return the start of a search: the free angles if known, else the angles of a similar problem, else several starts."""
        size, centre = compiled.evaluator.num_parameters, self._centre(family)
        if free is not None and free.angles is not None and 0.0 not in family.betas:
            return Begin(free.angles[:1], centre, True, _matrix(free.carried))
        near = near if free is None else free
        if near is not None and near.angles is not None and near.angles.shape[1] == size:  # other strings have other angles
            return Begin(near.angles[:1], centre, warm=True)
        starts = []
        annealed = self.ansatz == "hamiltonian"
        for number in range(self.starts or (1 if annealed else RANDOM_STARTS)):
            spread = SPREADS[number % len(SPREADS)]
            starts.append(stream(seed, "VQE start", number).normal(0.0, spread, size))
        if annealed:
            starts[0] = centre
        return Begin(np.array(starts).reshape(len(starts), size), centre)

    def _centre(self, family: Family) -> Vector:
        """Return the angles at which the regulariser is zero, shape (P,): the annealing schedule of H, or 0 without one."""
        if self.ansatz != "hamiltonian":
            return np.zeros(self.compiled(family).evaluator.num_parameters)
        labels = [family.frame.labels[i] for i in family.support]
        coefficients = family.free[family.support] / family.unit
        return annealing_angles(labels, coefficients, layers=self.layers, shared_angles=self.shared_angles)

    def _prepared(
        self, family: Family, compiled: Compiled, solution: Solution, share: float | None, states: FoundStates
    ) -> Prepared:
        """Return the result for a circuit with a state vector."""
        program, theta, response = compiled.program, solution.angles, None
        assert program is not None
        many = program.num_parameters > MOST_CURVED_ANGLES and not affordable(compiled.evaluator)
        if 0.0 in family.betas:
            response = ansatz_response(family, program, compiled.evaluator, theta[family.betas.index(0.0)], self._mu(family))
        return self._result(
            compiled,
            solution,
            share,
            _phases(family, solution, states.energies, states.variances),
            states=lambda: states.rows,
            expectations=states.expectations,
            response=response,
            silence=f"more than {MOST_CURVED_ANGLES} angles take too long" if many else "",
        )

    def _without_states(self, family: Family, compiled: Compiled, solution: Solution, share: float | None) -> Prepared:
        """Return the result for more qubits than a state vector holds."""
        from qep_qiskit.simulation.circuit_shots import CircuitShots  # it imports Aer

        def states() -> NDArray[np.complex128]:
            raise InputError(f"{family.num_qubits} qubits do not fit in a state vector (at most {MOST_QUBITS})")

        theta, response, silence = solution.angles, None, "a Hessian by light cones takes too long"
        if 0.0 in family.betas and affordable(compiled.evaluator):
            free = theta[family.betas.index(0.0)]
            centre = self._centre(family)
            softened = functools.partial(self._softened, family, compiled, Begin(free[None], centre, warm=True))
            response, silence = local_response(family, compiled, free, self._mu(family), centre, softened), ""
        energies = np.einsum("pl,pl->p", compiled.evaluator.expectations(theta), family.coefficients)
        return self._result(
            compiled,
            solution,
            share,
            _phases(family, solution, energies, None),
            states=states,
            expectations=functools.partial(compiled.expectations, theta),
            draw=CircuitShots(compiled.circuit, theta),
            response=response,
            silence=silence,
        )

    def _softened(self, family: Family, compiled: Compiled, begin: Begin) -> Vector:
        """Return the free phase's angles at half the regulariser, by a descent from its angles at the full regulariser."""
        free = replace(family, nudge=np.zeros_like(family.nudge), betas=(0.0,))
        softer = replace(self.precision, regulariser=self.regulariser / 2)
        return solve(compiled.evaluator, [free], [begin], softer)[0].angles[0]

    def _result(
        self, compiled: Compiled, solution: Solution, share: float | None, phases: tuple[Phase, ...], **parts: Any
    ) -> Prepared:
        theta = solution.angles
        details = {
            **self.describe(),
            "simulation": NAMES[type(compiled.evaluator)],
            "angles": compiled.evaluator.num_parameters,
            "variance_near_outputs": share,
            "warnings": [*self._warnings(phases, solution), *shortfall_warnings(share)],
        }
        return Prepared(
            phases=phases,
            circuits=lambda: (StateCircuit(compiled.circuit, tuple(range(len(theta))), theta),),
            angles=theta,
            carried=solution.inverse,
            details=details,
            **parts,
        )

    def _warnings(self, phases: tuple[Phase, ...], solution: Solution) -> list[str]:
        if self.estimator is not None:
            return measured_warnings(phases, solution.done.tolist(), self.tolerance)

        def remedy(evaluations: int, error: float) -> str:
            if self.optimizer is not None:
                return "raise max_iterations or tolerance, or leave optimizer out"
            if evaluations >= self.max_iterations:
                return "raise max_iterations or tolerance"
            if error > self.tolerance:
                return "rounding ends this descent, so raise tolerance"
            return "this is a saddle of the energy and not a minimum, so take more starts or another seed"

        return [
            f"VQE at β = {phase.beta:g} stopped after {evaluations:,} evaluations with a relative error of the gradient of about "
            f"{phase.gradient_error:.1e} (wanted {self.tolerance:.1e}); {remedy(evaluations, phase.gradient_error or 0.0)}"
            for phase, done, evaluations in zip(phases, solution.done, solution.evaluations, strict=True)
            if not done
        ]

    def identity(self) -> dict[str, object]:
        """Return every option, with the content of an ansatz file in place of its path."""
        options = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**options, "ansatz": identified(self.ansatz)}

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        ansatz = self.ansatz.name if isinstance(self.ansatz, QuantumCircuit) else os.fspath(self.ansatz)
        return {
            "method": "vqe",
            "ansatz": ansatz,
            "layers": self.layers,
            "shared_angles": self.shared_angles,
            "entanglement": self.entanglement,
            "optimizer": "quasi-newton" if self.optimizer is None else type(self.optimizer).__name__,
            "estimator": None if self.estimator is None else type(self.estimator).__name__,
            "starts": self.starts,
            "tolerance": self.tolerance,
            "prediction_tolerance": self.prediction_tolerance,
            "regulariser": self.regulariser,
            "simulation": self.simulation,
        }


def _phases(family: Family, solution: Solution, energies: Vector, variances: Vector | None) -> tuple[Phase, ...]:
    return tuple(
        Phase(
            beta,
            float(energies[p]),
            float(solution.residuals[p]),
            None if variances is None else float(variances[p]),
            gradient_error=float(solution.errors[p]),
            residual_noise=None if solution.noise is None else float(solution.noise[p]),
        )
        for p, beta in enumerate(family.betas)
    )


def _matrix(carried: object) -> Vector | None:
    return carried if isinstance(carried, np.ndarray) else None
