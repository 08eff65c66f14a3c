"""Variational ground states. The free phase is searched from several starts, the nudged phases from the free angles."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.choice import ALLOWED, BUILT_IN, build, circuit_file, identified
from qep_qiskit.ansatz.hardware_efficient import ENTANGLEMENTS
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.kinds import PREPARERS, Key
from qep_qiskit.memory import require
from qep_qiskit.preparation.angle_search import MOST_NEWTON_ANGLES, AngleSearch
from qep_qiskit.preparation.ansatz_response import ansatz_response
from qep_qiskit.preparation.capabilities import Capabilities, GroundStateAim
from qep_qiskit.preparation.family import Family, inward_neighbour, outwards
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer, Progress, StateCircuit, silent
from qep_qiskit.preparation.reported_program import ReportedProgram
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.threads import single_threaded

Vector = NDArray[np.float64]
MOST_QUBITS = 24


OPTIMIZERS = (
    "ADAM", "AQGD", "CG", "COBYLA", "GradientDescent", "GSLS", "L_BFGS_B",
    "NELDER_MEAD", "NFT", "POWELL", "SLSQP", "SPSA", "TNC", "UMDA",
)  # fmt: skip
"""The optimizers of qiskit-algorithms that a spec can name."""


@PREPARERS.register("vqe")
@dataclass(frozen=True)
class VQE(Preparer):
    """Variational states: one set of angles θ of an ansatz per phase, at which ⟨H + βC⟩ is stationary.

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
        Default: L-BFGS with the adjoint gradient, followed by Newton steps. Another optimizer gets only energies (and gradients,
        if expectations are exact); SPSA with an estimator optimises from shots.
    estimator : BaseEstimatorV2, optional
        The source of energies, through the VQE of qiskit-algorithms. By default energies are exact.
    starts : int
        The number of random starts of the free phase; the lowest energy is kept.
    tolerance : float
        The allowed residual |∂_θ⟨H + βC⟩| (Euclidean norm).
    max_iterations : int

    Notes
    -----
    For a variational state the EP identity needs stationarity in θ, not the true ground state. EP then gives the gradient of the
    ansatz's own loss (see :func:`variational_gradient`). The error of an unconverged phase is divided by β.
    """

    ansatz: Annotated[str | os.PathLike[str] | QuantumCircuit, Key(ALLOWED, read=circuit_file)] = "hamiltonian"
    layers: Annotated[int, Key("the number of layers", least=1, most=1000)] = 3
    shared_angles: Annotated[bool, Key("whether terms of one class share an angle per layer")] = False
    entanglement: Annotated[str, Key(words=ENTANGLEMENTS)] = "pairwise"
    optimizer: Annotated[Any, Key("an optimizer of qiskit-algorithms", words=OPTIMIZERS)] = None
    estimator: BaseEstimatorV2 | None = None
    starts: Annotated[int, Key("the number of starts", least=1, most=10_000)] = 3
    tolerance: Annotated[float, Key("the allowed residual |∂⟨H + βC⟩/∂θ|", above=0)] = 1e-6
    max_iterations: Annotated[int, Key("the number of iterations", least=1, most=10_000_000)] = 2000
    supports: ClassVar[Capabilities] = Capabilities(
        variational="ansatz",
        neighbours=False,
        start="angles",
        aim=GroundStateAim(
            0.1, "the ansatz's own loss, not of the true ground state's: take another ansatz, more layers or starts", follows=True
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
            raise InputError(f"VQE: estimator is {self.estimator!r}; give a Qiskit BaseEstimatorV2")
        if isinstance(self.optimizer, str):
            object.__setattr__(self, "optimizer", _optimizer_named(self.optimizer, self.max_iterations))
        elif self.optimizer is not None and not callable(getattr(self.optimizer, "minimize", None)):
            raise InputError(f"VQE: optimizer is {self.optimizer!r}; give a qiskit-algorithms optimizer or its name")

    def compiled(self, family: Family) -> tuple[QuantumCircuit, CircuitProgram]:
        """Return the ansatz for a family of Hamiltonians, both as a circuit and as a compiled program for fast gradients."""
        labels = tuple(family.frame.labels[i] for i in family.support)
        ansatz = self.ansatz if isinstance(self.ansatz, QuantumCircuit) else os.fspath(self.ansatz)
        options = (self.layers, self.shared_angles, self.entanglement)
        if ansatz not in BUILT_IN:
            labels, options = ("I" * family.num_qubits,), (1, False, "")  # these options do not apply to a user's circuit
        content = _Ansatz(fingerprint(identified(ansatz), "ansatz"), ansatz)
        return _compiled(content, family.num_qubits, labels, *options)

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Optimise the angles of every phase."""
        if family.num_qubits > MOST_QUBITS:
            raise InputError(
                f"preparation.method: VQE optimises on state vectors, and {family.num_qubits} qubits do not fit "
                f"(at most {MOST_QUBITS}); use adiabatic circuits"
            )
        each = len(family.support) if self.ansatz == "hamiltonian" else 2 * family.num_qubits
        angles_at_least = 0 if self.shared_angles or self.ansatz not in BUILT_IN else self.layers * each
        require(
            32.0 * angles_at_least**2,
            f"preparation.layers: {self.layers} layers of {each} angles",
            "take fewer layers, or shared_angles = true",
        )
        circuit, program = self.compiled(family)
        structure = structure_of(family)
        operators = [bound(structure, family, p) for p in range(len(family.betas))]
        reported: Any = ReportedProgram(program, progress)
        searches = [
            AngleSearch(self, circuit, reported, operator, functools.partial(family.hamiltonian, p))
            for p, operator in enumerate(operators)
        ]
        angles: dict[int, Vector] = {}
        free_angles = None if free is None or free.angles is None else free.angles[0]
        nearby = None if warm_start is None or warm_start.angles is None else warm_start.angles[0]
        if nearby is not None and len(nearby) != program.num_parameters:
            nearby = None  # the ansatz of other strings has other angles
        order = outwards(family.betas)
        with single_threaded(family.num_qubits):
            for done, p in enumerate(order):
                reported.stage(f"VQE at β = {family.betas[p]:g}", done / len(order))
                start = inward_neighbour(angles, family.betas, p, free_angles)
                if start is not None:
                    angles[p] = searches[p].follow(start)
                elif nearby is not None:
                    angles[p] = searches[p].polish(searches[p].optimise(nearby))
                else:
                    angles[p] = searches[p].from_random_starts(seed)
            theta = np.array([angles[p] for p in range(len(order))])
            phases = tuple(_report(program, operators[p], theta[p], family.betas[p]) for p in range(len(order)))
        progress("VQE", 1.0)

        @functools.cache
        def states() -> NDArray[np.complex128]:
            return np.array([program.state(row) for row in theta])

        def expectations(paulis: PauliList) -> NDArray[np.float64]:
            return np.atleast_2d(structure_for(paulis).expectations(states()))

        return Prepared(
            phases=phases,
            states=states,
            circuits=lambda: (StateCircuit(circuit, tuple(range(len(theta))), theta),),
            expectations=expectations,
            angles=theta,
            details={**self.describe(), "angles": program.num_parameters, "warnings": self._warnings(phases)},
            response=None if 0.0 not in family.betas else ansatz_response(family, program, theta[family.betas.index(0.0)]),
            silence=f"more than {MOST_NEWTON_ANGLES} angles take too long" if program.num_parameters > MOST_NEWTON_ANGLES else "",
        )

    def _warnings(self, phases: tuple[Phase, ...]) -> list[str]:
        remedy = "raise max_iterations, or take another ansatz or optimizer"
        if self.estimator is not None:
            remedy = "an estimator's energies rarely lead further: leave estimator out, or take an optimizer that goes on longer"
        return [
            f"VQE at β = {ph.beta:g} stopped at residual {ph.residual:.1e} (wanted {self.tolerance:.1e}); {remedy}"
            for ph in phases
            if ph.residual is not None and not ph.residual <= self.tolerance
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
            "optimizer": "l-bfgs + newton" if self.optimizer is None else type(self.optimizer).__name__,
            "estimator": None if self.estimator is None else type(self.estimator).__name__,
            "starts": self.starts,
            "tolerance": self.tolerance,
        }


def _report(program: CircuitProgram, operator: PauliSum, theta: Vector, beta: float) -> Phase:
    energy, slope = program.energy_and_gradient(theta, operator)
    state = program.state(theta)
    moved = operator.apply(state) - energy * state
    return Phase(beta, float(energy), float(np.linalg.norm(slope)), float(np.vdot(moved, moved).real))


def _optimizer_named(name: str, max_iterations: int) -> Any:
    from qiskit_algorithms import optimizers

    by_name = {
        key.lower(): cls
        for key, cls in vars(optimizers).items()
        if isinstance(cls, type) and issubclass(cls, optimizers.Optimizer) and cls not in (optimizers.Optimizer,)
    }
    if name.lower() not in by_name:
        allowed = ", ".join(sorted(by_name))
        raise InputError(f"VQE: unknown optimizer {name!r}; allowed: {allowed}{nearest(name.lower(), by_name)}")
    try:
        return by_name[name.lower()](maxiter=max_iterations)
    except TypeError:
        return by_name[name.lower()]()


@dataclass(frozen=True)
class _Ansatz:
    """An ansatz identified by its content, so that a changed circuit counts as another ansatz."""

    content: str
    ansatz: str | QuantumCircuit = field(compare=False)


@functools.lru_cache(maxsize=16)
def _compiled(
    content: _Ansatz, num_qubits: int, labels: tuple[str, ...], layers: int, shared: bool, entanglement: str
) -> tuple[QuantumCircuit, CircuitProgram]:
    circuit = build(
        content.ansatz,
        num_qubits=num_qubits,
        paulis=PauliList(list(labels)),
        layers=layers,
        shared_angles=shared,
        entanglement=entanglement,
    )
    return circuit, CircuitProgram.from_circuit(circuit)
