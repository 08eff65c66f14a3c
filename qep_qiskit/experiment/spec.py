"""A validated spec and the objects that it stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.experiment.messages import named, shown
from qep_qiskit.experiment.sections import (
    ANSATZ,
    ANSATZE,
    MOST_SITES,
    MOST_SPINS,
    AdiabaticPreparation,
    AerDevice,
    CrossEntropyCost,
    ElasticNetwork,
    FakeDevice,
    Graph,
    IBMDevice,
    IsingNetwork,
    MeanFieldPreparation,
    Measurement,
    MPSPreparation,
    OperatorCost,
    OscillatorNetwork,
    PauliNetwork,
    PhaseNetwork,
    ResistorNetwork,
    Sample,
    ScaledTerm,
    Section,
    SimulatorDevice,
    SquaredErrorCost,
    StencilSection,
    ThermalPreparation,
    VQEPreparation,
)
from qep_qiskit.experiment.training import Data, Training
from qep_qiskit.experiment.weights import resolve

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qep_qiskit.costs import Cost
    from qep_qiskit.devices.device import Device
    from qep_qiskit.measurement.split import OptimalShots, Split
    from qep_qiskit.networks import Network
    from qep_qiskit.preparation.preparer import Preparer
    from qep_qiskit.problem import Problem
    from qep_qiskit.stencils import AnyStencil


@dataclass(frozen=True)
class Spec:
    """An experiment: what is asked, and how it is measured.

    Attributes
    ----------
    seed : int
    network, cost, sample, stencil_section, preparation, measurement, device_section, data, training : Section
        As validated; the methods below make the objects of them.
    weights : mapping
        As written: by group or by name.
    tables : mapping
        The whole spec as plain tables, overrides included.
    path : Path or None
    """

    seed: int
    network: Section
    cost: Section
    sample: Sample
    stencil_section: StencilSection
    preparation: Section
    measurement: Measurement
    device_section: Section
    data: Data = field(default_factory=lambda: Data.model_validate({}))
    training: Training = field(default_factory=lambda: Training.model_validate({}))
    weights: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def shots(self) -> int | Split | OptimalShots | None:
        """Shots of a circuit, or how they are shared out; None: exact expectations."""
        from qep_qiskit.measurement.split import OptimalShots, Split

        section = self.measurement
        if isinstance(section.split, list):
            if section.shots is not None:
                raise InputError("measurement.split: a table of shots does not go with measurement.shots; leave shots out")
            with named("measurement", key="split"):
                return Split(section.split)
        if section.split == "optimal":
            if section.shots is None:
                raise InputError('measurement.split: "optimal" needs measurement.shots, the mean of a circuit')
            return OptimalShots(section.shots)
        return section.shots

    @property
    def mitigation(self) -> str:
        """What is done about the device's errors, such as ``"tensored"``."""
        return self.measurement.mitigation

    @property
    def calibration_shots(self) -> int | None:
        """Shots of a calibration circuit; None: the device layer's choice."""
        return self.measurement.calibration_shots

    def weighted_network(self) -> tuple[Network, dict[str, float]]:
        """Return the network, and its weights by name."""
        network = _network(self.network, self.device if self._native else None)
        return network, resolve(network, self.weights, self.seed)

    def problem(self) -> Problem:
        """Return the network with its weights, sample and cost."""
        from qep_qiskit.problem import Problem

        self.refuse_training()
        network, weights = self.weighted_network()
        x = self.sample.x
        if len(x) != network.num_inputs:
            raise InputError(
                f"sample.x: {shown(x)} has {len(x)} values, expected {network.num_inputs}: one per input of the network"
            )
        return Problem(network, weights, x, cost=_cost(self.cost, self.sample, network))

    def refuse_training(self) -> None:
        """Refuse a spec that trains on data and has no sample of its own: it is for ``qep train``."""
        if self.data.source is not None and "sample" not in self.tables:
            raise InputError(
                f"[sample]: missing; this spec has [data], so it is a training: use `qep train {self.path or 'SPEC'}`, or add a "
                "[sample] for one gradient"
            )

    def preparer(self) -> Preparer:
        """Return what prepares the states."""
        from qep_qiskit.preparation import MPS, VQE, Adiabatic, Exact, MeanField, Thermal

        section = self.preparation
        with named("preparation"):
            if isinstance(section, VQEPreparation):
                options = section.options(without=("method", "optimizer"))
                if section.ansatz not in ANSATZE:
                    options["ansatz"] = self._circuit_file(section.ansatz)
                if section.optimizer is not None:
                    options["optimizer"] = _optimizer(section.optimizer, section.max_iterations)
                return VQE(**options)
            if isinstance(section, AdiabaticPreparation):
                return Adiabatic(**section.options(without=("method",)))
            if isinstance(section, MPSPreparation):
                return MPS(**section.options(without=("method",)))
            if isinstance(section, MeanFieldPreparation):
                return MeanField(**section.options(without=("method",)))
            if isinstance(section, ThermalPreparation):
                return Thermal(**section.options(without=("method",)))
            return Exact(**section.options(without=("method",)))

    def ansatz(self) -> QuantumCircuit:
        """Return the circuit that the preparation varies, with its parameters unbound.

        Raises
        ------
        InputError
            If the preparation is not variational, or the circuit does not fit the network.
        """
        import numpy as np

        from qep_qiskit.ansatz import build
        from qep_qiskit.preparation.family import Family

        section = self.preparation
        if not isinstance(section, VQEPreparation):
            raise InputError(f"preparation.method: {shown(self.preparation.options().get('method', 'exact'))} has no ansatz")
        problem = self.problem()
        nudge = np.abs(problem.cost_rows).sum(axis=0)
        family = Family(problem.frame, problem.hamiltonian_row, nudge, (0.0,))
        options = section.options(without=("method", "starts", "optimizer", "tolerance", "max_iterations"))
        if section.ansatz not in ANSATZE:
            options["ansatz"] = self._circuit_file(section.ansatz)
        with named("preparation"):
            return build(
                options.pop("ansatz", section.ansatz),
                num_qubits=family.num_qubits,
                paulis=family.frame.paulis[family.support],
                **options,
            )

    def stencil(self) -> AnyStencil:
        """Return the phases and their factors; without a β where it is left to the planner or to the free phase."""
        from qep_qiskit.stencils import stencil

        return stencil(self.stencil_section.kind, self.stencil_section.beta)

    @property
    def left_to_the_planner(self) -> bool:
        """Whether β, the split of the shots or the qubits are to be chosen."""
        return self.stencil_section.beta == "auto" or self.measurement.split == "optimal" or self._native

    @property
    def _native(self) -> bool:
        return isinstance(self.network, IsingNetwork) and self.network.edges == "native"

    def device(self) -> Device:
        """Return the device, seeded with the spec's seed."""
        from qep_qiskit.devices import aer, fake, ibm, simulator, statevector

        section = self.device_section
        with named("device", key="noise" if isinstance(section, AerDevice | SimulatorDevice) else "name"):
            if isinstance(section, SimulatorDevice):
                return simulator(**section.options(without=("name",)), seed=self.seed)
            if isinstance(section, AerDevice):
                return aer(**section.options(without=("name",)), seed=self.seed)
            if isinstance(section, FakeDevice):
                return fake(section.name, **section.options(without=("name",)), seed=self.seed)
            if isinstance(section, IBMDevice):
                return ibm(section.name, **section.options(without=("name",)), seed=self.seed)
            return statevector(seed=self.seed)

    def settings(self) -> dict[str, Any]:
        """Return the options of ``qep.gradient`` and ``qep.compare``."""
        return {
            "preparer": self.preparer(),
            "stencil": self.stencil(),
            "device": self.device(),
            "shots": self.shots,
            "mitigation": self.mitigation,
            "calibration_shots": self.calibration_shots,
            "seed": self.seed,
        }

    def to_toml(self) -> str:
        """Return the spec with its overrides as TOML; it loads as an equal spec."""
        import tomli_w

        order = (
            "seed",
            "network",
            "weights",
            "cost",
            "sample",
            "stencil",
            "preparation",
            "measurement",
            "device",
            "data",
            "training",
        )
        tables = {**self.tables, "seed": self.seed}
        return tomli_w.dumps({key: tables[key] for key in order if key in tables})

    def _circuit_file(self, ansatz: str) -> str:
        """Return the file of a circuit: looked for where the program runs, beside the spec, and in the gallery."""
        from qep_qiskit.ansatz.qasm import gallery_folders, load, locate

        beside = self.path.parent / ansatz if self.path is not None else None
        found = beside if beside is not None and beside.is_file() and not Path(ansatz).is_file() else locate(ansatz)
        if found is None:
            gallery = [path.stem for folder in gallery_folders() for path in folder.glob("*.qasm")]
            close = nearest(ansatz, [*ANSATZE, *gallery])
            raise InputError(f"ansatz: {shown(ansatz)} is not allowed; give {ANSATZ}{close}")
        load(found)
        return str(found)


def _network(section: Section, device: Callable[[], Device] | None) -> Network:
    from qep_qiskit.networks import elastic, ising, oscillators, pauli, phase_oscillators, resistors

    if isinstance(section, Graph) and section.rows and section.columns:
        most = MOST_SPINS if isinstance(section, IsingNetwork | PhaseNetwork) else MOST_SITES
        if section.rows * section.columns > most:
            raise InputError(f"network.rows: {section.rows} × {section.columns} sites are not allowed; give at most {most}")
    with named("network"):
        if isinstance(section, PauliNetwork):
            return pauli(
                terms={name: _term(term) for name, term in section.terms.items()},
                fixed=section.fixed,
                inputs=section.inputs,
                outputs=section.outputs,
            )
        if isinstance(section, OscillatorNetwork):
            return oscillators(**section.options(without=("kind",)))
        if isinstance(section, ElasticNetwork):
            return elastic(**section.options(without=("kind",)))
        if isinstance(section, ResistorNetwork):
            return resistors(**section.options(without=("kind",)))
        if isinstance(section, PhaseNetwork):
            return phase_oscillators(**section.options(without=("kind",)))
        assert isinstance(section, IsingNetwork)
        return ising(**section.options(without=("kind",)), device=None if device is None else device())


def _term(term: dict[str, float] | ScaledTerm) -> Any:
    return (term.operator, term.input) if isinstance(term, ScaledTerm) else term


def _cost(section: Section, sample: Sample, network: Network) -> Cost:
    from qep_qiskit.costs import ObservableCost, SquaredError, softmax_cross_entropy

    if isinstance(section, OperatorCost):
        if sample.y is not None:
            raise InputError(f"sample.y: {shown(sample.y)} is not allowed; a cost of kind 'observable' has no target")
        with named("cost"):
            cost = ObservableCost(section.operator)
            cost.observables(network)
            return cost
    if sample.y is None:
        raise InputError(f"sample.y: missing; give a list of finite numbers, one for each of {network.num_outputs} outputs")
    if isinstance(section, CrossEntropyCost):
        return softmax_cross_entropy(_classes(sample.y, network), scale=section.scale)
    assert isinstance(section, SquaredErrorCost)
    target = SquaredError(_one_an_output(sample.y if isinstance(sample.y, list) else [float(sample.y)], network))
    return target.observable() if section.kind == "squared_error_observable" else target


def _one_an_output(y: list[float], network: Network) -> list[float]:
    if len(y) != network.num_outputs:
        raise InputError(
            f"sample.y: {shown(y)} has {len(y)} values, expected {network.num_outputs}: one per output of the network"
        )
    return y


def _classes(y: int | float | list[float], network: Network) -> int | list[float]:
    if isinstance(y, list):
        _one_an_output(y, network)
        if min(y) < 0 or not math.isclose(sum(y), 1.0, abs_tol=1e-9):
            raise InputError(f"sample.y: {shown(y)} is not allowed; give probabilities that sum to 1, or a class")
        return y
    y = int(y) if isinstance(y, float) and y.is_integer() else y
    if not isinstance(y, int) or not 0 <= y < network.num_outputs:
        raise InputError(
            f"sample.y: {shown(y)} is not allowed; give a class from 0 to {network.num_outputs - 1}, or probabilities"
        )
    return y


def _optimizer(name: str, iterations: int) -> Any:
    import qiskit_algorithms.optimizers as optimizers

    return getattr(optimizers, name)(maxiter=iterations)
