"""Validated specs, and the objects built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from qiskit.circuit import QuantumCircuit

from qep_qiskit.costs import Cost
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.named import DEVICE_FORMS, as_device
from qep_qiskit.display import counted
from qep_qiskit.equilibrium.plan import refuse_without_qubits
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.experiment.messages import named
from qep_qiskit.experiment.section import KindSection
from qep_qiskit.experiment.sections import KEYS, Data, Measurement, Sample, Training
from qep_qiskit.files import typed
from qep_qiskit.kinds import shown
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.networks import Network
from qep_qiskit.preparation import VQE, Family, Preparer
from qep_qiskit.problem import Problem
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AnyStencil


@dataclass(frozen=True)
class Spec:
    """A validated experiment: a problem, and the settings for measuring its gradient.

    The sections are checked; the methods below build objects from them. The weights are those written, by group or by name. The
    tables hold the whole spec, including overrides.
    """

    seed: int
    network: KindSection
    cost: KindSection
    sample: Sample
    stencil_section: KindSection
    preparation: KindSection
    measurement: Measurement
    device_section: KindSection
    data: Data = field(default_factory=lambda: Data.model_validate({}))
    training: Training = field(default_factory=lambda: Training.model_validate({}))
    weights: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def shots(self) -> int | Split | OptimalShots | None:
        """Shots per circuit, or their distribution over circuits; None for exact expectations."""
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
        """The mitigation of the device's errors, such as ``"tensored"``."""
        return self.measurement.mitigation

    def weighted_network(self) -> tuple[Network, dict[str, float]]:
        """Return the network and its weights by name."""
        network = _network(self.network, self.device() if self._native else None)
        return network, resolve(network, self.weights, self.seed)

    def problem(self) -> Problem:
        """Return the problem: the network with its weights, sample and cost."""
        self.refuse_training()
        network, weights = self.weighted_network()
        x = self.sample.x
        if len(x) != network.num_inputs:
            raise InputError(
                f"sample.x: {shown(x)} has {len(x)} values, expected {network.num_inputs}: one per input of the network"
            )
        cost = _cost(self.cost, self.sample, network)
        return Problem(network, weights, x, cost=cost, input_gradient=self.sample.input_gradient)

    @property
    def is_training(self) -> bool:
        """Whether this is a training rather than a single gradient: it has training data but no sample."""
        return self.data.source is not None and "sample" not in self.tables

    def refuse_training(self) -> None:
        """Refuse a spec of a training; such a spec is for ``qep train``."""
        if self.is_training:
            raise InputError(
                f"[sample]: missing; this spec has [data], so it is a training: use `qep train {typed(self.path or 'SPEC')}`, "
                "or add a [sample] for one gradient"
            )

    def preparer(self) -> Preparer:
        """Return the preparer of the states."""
        with named("preparation"):
            preparer: Preparer = self.preparation.build(Preparer, folder=self._folder)
        return preparer

    def ansatz(self) -> QuantumCircuit:
        """Return the circuit of a variational preparation, with its parameters unbound.

        Raises
        ------
        InputError
            If the preparation is not variational, or the circuit does not fit the network.
        """
        preparer = self.preparer()
        if not isinstance(preparer, VQE):
            raise InputError(f"preparation.method: {shown(self.preparation.kind_.name)} has no ansatz")
        problem = self.problem()
        refuse_without_qubits(problem, preparer, None)
        nudge = np.abs(problem.cost_rows).sum(axis=0)
        with named("preparation"):
            return preparer.compiled(Family(problem.frame, problem.hamiltonian_row, nudge, (0.0,))).circuit

    def stencil(self) -> AnyStencil:
        """Return the stencil, without a β if that is left to the planner or chosen from the free phase."""
        with named("stencil"):
            stencil: AnyStencil = self.stencil_section.build()
        return stencil

    @property
    def left_to_the_planner(self) -> bool:
        """Whether the planner chooses β, the split of the shots, or the qubits."""
        return getattr(self.stencil_section, "beta", None) == "auto" or self.measurement.split == "optimal" or self._native

    @property
    def _native(self) -> bool:
        return "device" in self.network.kind_.parameters and getattr(self.network, "edges", None) == "native"

    @property
    def _folder(self) -> Path | None:
        return None if self.path is None else self.path.parent

    def device(self) -> Device:
        """Return the device, seeded with the spec's seed."""
        with named("device", key="noise" if "noise" in self.device_section.kind_.parameters else "name"):
            return as_device(self.device_section.build(*DEVICE_FORMS, folder=self._folder, seed=self.seed))

    def settings(self) -> Settings:
        """Return the settings for measuring the gradient: ``qep.gradient(spec.problem(), **spec.settings())``."""
        return Settings(
            preparer=self.preparer(),
            stencil=self.stencil(),
            device=self.device(),
            shots=self.shots,
            mitigation=parse(self.mitigation, "measurement.mitigation"),
            calibration_shots=self.measurement.calibration_shots,
            seed=self.seed,
        )

    def to_toml(self) -> str:
        """Return the spec with its overrides as TOML; it loads as an equal spec."""
        tables = {**self.tables, "seed": self.seed}
        return tomli_w.dumps({key: tables[key] for key in KEYS if key in tables})


def _network(section: KindSection, device: Device | None) -> Network:
    sites = section.kind_.parameters.get("sites")
    rows, columns = getattr(section, "rows", None), getattr(section, "columns", None)
    if sites is not None and sites.key.most is not None and rows and columns and rows * columns > sites.key.most:
        raise InputError(f"network.rows: {rows} × {columns} sites are not allowed; give at most {sites.key.most}")
    with named("network"):
        network: Network = section.build(Network, device=device)
    return network


def _cost(section: KindSection, sample: Sample, network: Network) -> Cost:
    y = sample.y
    if "target" not in section.kind_.parameters:
        if y is not None:
            kind = section.kind_.name
            raise InputError(f"sample.y: {shown(y)} is not allowed; a cost of kind {kind!r} has no target")
        with named("cost"):
            cost: Cost = section.build()
            cost.observables(network)
        return cost
    if y is None:
        raise InputError(f"sample.y: missing; give a list of {counted(network.num_outputs, 'finite number')}, one per output")
    if isinstance(y, list) and len(y) != network.num_outputs:
        raise InputError(
            f"sample.y: {shown(y)} has {len(y)} values, expected {network.num_outputs}: one per output of the network"
        )
    try:
        cost = section.build(target=y)
        cost.observables(network)
    except InputError as error:
        raise InputError(f"sample.y: {shown(y)} is not allowed; {error}") from None
    return cost


def resolve(network: Network, table: Mapping[str, object], seed: int) -> dict[str, float]:
    """Return every weight of the network by name.

    Parameters
    ----------
    table : mapping
        ``{"J": [0.1, 0.2], "g": 1.0, "h[0]": 0.3}``: for a group, a list for its members in order or one number for all of them;
        for one weight, a number, which takes precedence over its group's.
    seed : int
        The seed for weights that are not in the table.
    """
    groups: dict[str, list[str]] = {}
    for name in network.names:
        groups.setdefault(name.split("[")[0], []).append(name)
    by_group: dict[str, float] = {}
    by_name: dict[str, float] = {}
    for key, value in table.items():
        if key in network.names:
            by_name[key] = _number(f"weights.{key}", value)
        elif key in groups:
            by_group.update(_members(key, groups[key], value))
        else:
            raise InputError(
                f"weights.{key} = {shown(value)}: unknown key; the network has the groups {', '.join(groups)} "
                f"and the names {_some(network.names)}{nearest(key, [*groups, *network.names])}"
            )
    return {**network.initial_weights(seed=seed), **by_group, **by_name}


def _members(group: str, names: list[str], value: object) -> dict[str, float]:
    if not isinstance(value, list):
        return dict.fromkeys(names, _number(f"weights.{group}", value))
    if len(value) != len(names):
        raise InputError(
            f"weights.{group}: {shown(value)} has {len(value)} values, expected {len(names)}: one for each of {_some(names)}"
        )
    return {name: _number(f"weights.{group}[{i}]", v) for i, (name, v) in enumerate(zip(names, value, strict=True))}


def _number(key: str, value: object) -> float:
    with suppress(OverflowError):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    raise InputError(f"{key}: {shown(value)} is not allowed; give a finite number")


def _some(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]}, …, {names[-1]}"
