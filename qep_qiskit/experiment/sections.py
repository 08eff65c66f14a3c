"""The sections of a spec. A field's description is what an error says is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from qep_qiskit.experiment.section import Section as Section
from qep_qiskit.experiment.training import Data, Training
from qep_qiskit.measurement.mitigation.mitigation import ALLOWED, parse

ANSATZE = ("hamiltonian", "efficient_su2", "real_amplitudes")
ENTANGLEMENTS = ("pairwise", "linear", "reverse_linear", "circular", "full", "sca")
OPTIMIZERS = (
    "ADAM", "AQGD", "CG", "COBYLA", "GradientDescent", "GSLS", "L_BFGS_B",
    "NELDER_MEAD", "NFT", "POWELL", "SLSQP", "SPSA", "TNC", "UMDA",
)  # fmt: skip


def _other_than_zero(value: float | str) -> float | str:
    if value == 0:
        raise ValueError
    return value


def _mitigation(value: str) -> str:
    return str(parse(value))


def _count(what: str, most: int, default: Any = ...) -> Any:
    return Field(default, ge=1, le=most, description=f"{what}, a whole number from 1 to {most}")


def _one_of(*words: str) -> str:
    return "one of " + ", ".join(f'"{word}"' for word in words)


ANSATZ = f"{_one_of(*ANSATZE)}, the path of a .qasm file, or a circuit of the gallery (`qep circuits list`)"
Label = Annotated[str, StringConstraints(min_length=1)]
Operator = dict[Label, float]

MOST_SPINS, MOST_SITES = 1000, 100_000
_KINDS = _one_of("ising", "pauli", "oscillators", "phase_oscillators", "elastic", "resistors")
_EDGES = '"chain", "ring", "complete", "heavy-hex", "square" (with rows and columns), or a list of pairs such as [[0, 1], [1, 2]]'


Sites = Annotated[list[int], BeforeValidator(lambda value: [value] if type(value) in (int, float) else value)]
"""A list of sites; one site alone is a list of one."""


def _lattice(side: str) -> Any:
    return Field(
        None, ge=1, le=MOST_SITES, description=f"the number of {side} of a square lattice, a whole number from 1 to 100000"
    )


class Graph(Section):
    """A network on a graph: where its sites are, and which of them are inputs and outputs."""

    sites: int | None = _count("the number of sites", MOST_SITES, None)
    edges: str | list[list[int]] = Field("chain", description=_EDGES)
    rows: int | None = _lattice("rows")
    columns: int | None = _lattice("columns")
    inputs: Sites = Field([], description="a list of sites, such as [0, 1]")
    outputs: Sites = Field(description="a list of sites, such as [3]")


class IsingNetwork(Graph):
    """A transverse-field Ising network."""

    kind: Literal["ising"] = Field(description=_KINDS)
    sites: int | None = _count("the number of sites", MOST_SPINS, None)
    edges: str | list[list[int]] = Field("chain", description=f'"native" (the device\'s own graph), {_EDGES}')
    clamp: bool = Field(False, description="true or false")
    qubits: list[int] = Field([], description="the device qubit of each site, such as [3, 4, 5]")
    transverse: bool = Field(True, description="true or false (a classical network, without the weights g)")


class PhaseNetwork(Graph):
    """Coupled phase oscillators."""

    kind: Literal["phase_oscillators"] = Field(description=_KINDS)
    sites: int | None = _count("the number of sites", MOST_SPINS, None)
    clamp: bool = Field(False, description="true or false")


class OscillatorNetwork(Graph):
    """Coupled harmonic oscillators."""

    kind: Literal["oscillators"] = Field(description=_KINDS)
    masses: float | list[float] = Field(1.0, description="a number above 0, or a list with one for each site")
    biases: bool = Field(False, description="true or false")
    levels: int | None = Field(None, description="a power of two from 2 to 64, or leave it out for the closed form")
    encoding: str = Field("binary", description=_one_of("binary", "gray"), pattern="^(binary|gray)$")


class ElasticNetwork(Graph):
    """Springs at rest."""

    kind: Literal["elastic"] = Field(description=_KINDS)
    biases: bool = Field(False, description="true or false")


class ResistorNetwork(Graph):
    """Linear resistors."""

    kind: Literal["resistors"] = Field(description=_KINDS)
    ground: Sites = Field([], description="a list of nodes, such as [5]")
    clamp: bool = Field(True, description="true (inputs are voltages) or false (currents)")


class ScaledTerm(Section):
    """A term that an input multiplies."""

    operator: Operator
    input: int


_OPERATOR = "labels with numbers, such as { XII = -1.0 }"


class PauliNetwork(Section):
    """Any Hamiltonian that is linear in its weights."""

    kind: Literal["pauli"] = Field(description=_KINDS)
    terms: dict[str, Operator | ScaledTerm] = Field(
        description=f"one table a weight: {_OPERATOR}, or {{ operator = {{ XII = -1.0 }}, input = 0 }}"
    )
    fixed: Operator = Field({}, description=_OPERATOR)
    inputs: list[Operator | Label] = Field([], description=f"a list of operators, each {_OPERATOR}, or one label")
    outputs: list[Operator | Label] = Field(description=f"a list of operators, each {_OPERATOR}, or one label")


class SquaredErrorCost(Section):
    """Σ (⟨O_m⟩ − y_m)², or ⟨Σ (O_m − y_m)²⟩."""

    kind: Literal["squared_error", "squared_error_observable"]


class OperatorCost(Section):
    """⟨C⟩ of a given operator."""

    kind: Literal["observable"]
    operator: Operator = Field(description=f'{_OPERATOR}; for oscillators also {{ "r[0] r[1]" = 1.0, "p[0]^2" = 0.5 }}')


class CrossEntropyCost(Section):
    """−Σ y_m log softmax(scale · ⟨O⟩)_m."""

    kind: Literal["softmax_cross_entropy"]
    scale: float = Field(1.0, gt=0, description="a number above 0")


class Sample(Section):
    """What the network is asked, and the answer that is wanted."""

    x: list[float] = Field([], description="a list of finite numbers, one an input")
    y: int | float | list[float] | None = Field(
        None, description="a list of finite numbers, one an output (a class number for softmax_cross_entropy)"
    )


class StencilSection(Section):
    """β and the phases around it."""

    kind: Literal["one_sided", "symmetric", "extrapolated"] = Field(
        "symmetric", description=_one_of("one_sided", "symmetric", "extrapolated")
    )
    beta: Annotated[float | Literal["adaptive", "auto"], AfterValidator(_other_than_zero)] = Field(
        "adaptive",
        description='a finite number other than 0, such as 0.1, "adaptive": from the gap, the nudge and the shots, '
        'or "auto": where the predicted error is least',
    )


class ExactPreparation(Section):
    """True ground states."""

    method: Literal["exact"] = "exact"
    tolerance: float = Field(1e-9, gt=0, description="the angle to the true ground state, a number above 0")
    gap: bool = Field(True, description="true or false")
    level: int = Field(0, ge=0, le=2**26, description="the eigenstate's number by energy, 0 for the ground state")


class VQEPreparation(Section):
    """A variational circuit."""

    method: Literal["vqe"]
    ansatz: Label = Field("hamiltonian", description=ANSATZ)
    layers: int = _count("the number of layers", 1000, 3)
    shared_angles: bool = Field(False, description="true or false")
    entanglement: str = Field("pairwise", description=_one_of(*ENTANGLEMENTS), pattern=f"^({'|'.join(ENTANGLEMENTS)})$")
    starts: int = _count("the number of starts", 10_000, 3)
    optimizer: str | None = Field(
        None,
        description=f"an optimizer of qiskit-algorithms, {_one_of(*OPTIMIZERS)}",
        pattern=f"^({'|'.join(OPTIMIZERS)})$",
    )
    tolerance: float = Field(1e-6, gt=0, description="a number above 0")
    max_iterations: int = _count("the number of iterations", 10_000_000, 2000)


class AdiabaticPreparation(Section):
    """A ramp from the ground state of the transverse field."""

    method: Literal["adiabatic"]
    time: float = Field(20.0, gt=0, description="the ramp's duration, a number above 0")
    steps: int = _count("the number of Trotter steps", 1_000_000, 100)
    schedule: Literal["cosine", "smoothstep", "linear"] = Field("cosine", description=_one_of("cosine", "smoothstep", "linear"))
    order: Literal[1, 2] = Field(2, description="1 or 2")


class MPSPreparation(Section):
    """Matrix product states."""

    method: Literal["mps"]
    bond_dimension: int = Field(64, ge=2, le=100_000, description="the largest bond dimension, a whole number from 2 to 100000")
    max_sweeps: int = _count("the number of DMRG sweeps of a phase", 100_000, 30)
    gap: bool = Field(True, description="true or false")


class MeanFieldPreparation(Section):
    """Product states: classical spins."""

    method: Literal["mean_field"]
    starts: int = _count("the number of starts", 10_000, 16)
    tolerance: float = Field(1e-10, gt=0, description="a number above 0")
    max_iterations: int = _count("the number of Newton steps", 1_000_000, 100)


class ThermalPreparation(Section):
    """Gibbs states."""

    method: Literal["thermal"]
    temperature: float = Field(gt=0, description="a number above 0, in units of the Hamiltonian")


class Measurement(Section):
    """How often, and what is done about readout errors."""

    shots: int | None = Field(
        None, ge=2, le=10**9, description="a whole number from 2 to 1000000000, or leave it out for exact expectations"
    )
    split: Literal["even", "optimal"] | list[list[int]] = Field(
        "even",
        description='"even", "optimal" (the same total, for the least predicted error), or the shots of each phase and basis, '
        "such as [[1000, 0], [4000, 2000], [4000, 2000]]",
    )
    mitigation: Annotated[str, AfterValidator(_mitigation)] = Field("none", description=ALLOWED)
    calibration_shots: int | None = Field(
        None, ge=2, le=10**9, description="the shots of each calibration circuit, a whole number from 2 to 1000000000"
    )


class StatevectorDevice(Section):
    """The exact distribution, or samples of it."""

    name: Literal["statevector"] = "statevector"


AER_METHODS = (
    "automatic", "statevector", "density_matrix", "matrix_product_state", "stabilizer",
    "extended_stabilizer", "tensor_network", "unitary", "superop",
)  # fmt: skip


NOISE = 'the name of a snapshot, such as "fake_guadalupe"'


class SimulatorDevice(Section):
    """The package's exact simulation of circuits, with the noise of a snapshot or with shot noise alone."""

    name: Literal["simulator"]
    noise: str | None = Field(None, description=NOISE, pattern=r"^\w+$")


class AerDevice(Section):
    """Qiskit Aer, with the noise of a snapshot or with shot noise alone."""

    name: Literal["aer"]
    noise: str | None = Field(None, description=NOISE, pattern=r"^\w+$")
    method: str = Field("automatic", description=_one_of(*AER_METHODS), pattern=f"^({'|'.join(AER_METHODS)})$")


class FakeDevice(Section):
    """A snapshot of a real device: its layout, its gates, the noise of the qubits in use."""

    name: str
    engine: Literal["auto", "simulator", "aer"] = Field("auto", description=_one_of("auto", "simulator", "aer"))
    method: str = Field("automatic", description=_one_of(*AER_METHODS), pattern=f"^({'|'.join(AER_METHODS)})$")


class IBMDevice(Section):
    """A device of IBM Quantum, through the account that the Runtime client has saved."""

    name: str
    dynamical_decoupling: Literal["XX", "XpXm", "XY4"] | None = Field(None, description=_one_of("XX", "XpXm", "XY4"))
    gate_twirling: bool = Field(False, description="true or false")
    measure_twirling: bool = Field(False, description="true or false")
    fractional_gates: bool = Field(False, description="true or false")
    instance: str | None = Field(None, description="the name of an instance of your account")
    mode: Literal["job", "batch", "session"] = Field("job", description=_one_of("job", "batch", "session"))


def _snapshot_section(name: str) -> type[Section] | None:
    from qep_qiskit.devices.simulated.snapshots import snapshot_name

    return None if snapshot_name(name) is None else FakeDevice


@dataclass(frozen=True)
class Choice:
    """A section whose model depends on one of its keys.

    Attributes
    ----------
    selector : str
    models : mapping of the selector's value to a model
        A value that ends in ``*`` stands for all that begin so.
    default : str or None
        The selector's value where it is absent; None: it must be given.
    other : callable, optional
        value → model or None, for values that are not listed.
    """

    selector: str
    models: dict[str, type[Section]] = field(default_factory=dict)
    default: str | None = None
    other: Callable[[str], type[Section] | None] | None = None

    def model(self, value: str) -> type[Section] | None:
        """Return the model of this value of the selector, or None where there is none."""
        for known, model in self.models.items():
            if value == known or (known.endswith("*") and value.startswith(known[:-1]) and len(value) >= len(known)):
                return model
        return None if self.other is None else self.other(value)

    @property
    def allowed(self) -> str:
        """What the selector may be, for errors."""
        return _one_of(*(known.replace("*", "<name>") for known in self.models))


SECTIONS: dict[str, Choice | type[Section]] = {
    "network": Choice(
        "kind",
        {
            "ising": IsingNetwork,
            "pauli": PauliNetwork,
            "oscillators": OscillatorNetwork,
            "phase_oscillators": PhaseNetwork,
            "elastic": ElasticNetwork,
            "resistors": ResistorNetwork,
        },
    ),
    "cost": Choice(
        "kind",
        {
            "squared_error": SquaredErrorCost,
            "squared_error_observable": SquaredErrorCost,
            "observable": OperatorCost,
            "softmax_cross_entropy": CrossEntropyCost,
        },
    ),
    "sample": Sample,
    "stencil": StencilSection,
    "preparation": Choice(
        "method",
        {
            "exact": ExactPreparation,
            "vqe": VQEPreparation,
            "adiabatic": AdiabaticPreparation,
            "mps": MPSPreparation,
            "mean_field": MeanFieldPreparation,
            "thermal": ThermalPreparation,
        },
        "exact",
    ),
    "measurement": Measurement,
    "device": Choice(
        "name",
        {
            "statevector": StatevectorDevice,
            "simulator": SimulatorDevice,
            "aer": AerDevice,
            "fake_*": FakeDevice,
            "ibm_*": IBMDevice,
        },
        "statevector",
        other=_snapshot_section,
    ),
    "data": Data,
    "training": Training,
}
"""Every section but ``[weights]``, whose keys are the network's own."""
