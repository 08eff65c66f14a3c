"""Records of the simulators and instructions used on a device, and warnings about surprising parts of noise models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.device import Compiled, Device
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.simulation.noise.aer_model import error_of, label_of


@dataclass(frozen=True)
class Ran:
    """A record of the simulators, noise and instructions used on a device.

    Attributes
    ----------
    noise : NoiseModel or None
        A user-defined noise model.
    places : mapping of str to set of tuple of int
        The wires on which an instruction acts, by its label (or name, if it has no label); empty without a noise model.
    names : mapping of str to str
        The gate's name, by label.
    """

    simulators: frozenset[str] = frozenset()
    noise: NoiseModel | None = None
    places: Mapping[str, set[tuple[int, ...]]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def joined(self, later: Ran) -> Ran:
        """Return both records together."""
        places = {label: set(wires) for label, wires in self.places.items()}
        for label, wires in later.places.items():
            places.setdefault(label, set()).update(wires)
        return Ran(self.simulators | later.simulators, self.noise or later.noise, places, {**later.names, **self.names})

    def described(self, about: Mapping[str, object]) -> dict[str, object]:
        """Return a device's description, extended by the simulators that ran and the errors of a noise model that acted."""
        description = dict(about)
        if self.simulators:
            description["simulator"] = ", ".join(sorted(self.simulators))
        if self.noise is not None and self.places:
            labels = acting(self.noise, self)
            description["noise"] = (
                f"NoiseModel on {', '.join(labels)}" if labels else "NoiseModel without errors on these circuits"
            )
        return description

    def notes(self) -> list[str]:
        """Return one note for each kind of entry in a noise model that does not act as one may expect."""
        if self.noise is None or not self.places:
            return []
        parts = (_unused, _of_other_sizes, _labelled, _unknown_places, _together)
        return [note for part in parts for note in part(self.noise, self)]


def ran_on(device: Device, circuits: Sequence[tuple[Compiled, str]]) -> Ran:
    """Return the record of a device, from the compiled circuits and the axes in which they were measured.

    With a noise model, it has the instructions of the circuits, including basis changes and measurements.
    """
    simulators = frozenset(compiled.simulator for compiled, _ in circuits) - {""}
    if not isinstance(device, SimulatedDevice) or device.noise is None:
        return Ran(simulators)
    places: dict[str, set[tuple[int, ...]]] = {}
    names: dict[str, str] = {}

    def add(label: str, name: str, wires: tuple[int, ...]) -> None:
        places.setdefault(label, set()).add(wires)
        names.setdefault(label, name)

    seen = set()
    for compiled, axes in circuits:
        if id(compiled) not in seen:
            seen.add(id(compiled))
            place = {qubit: i for i, qubit in enumerate(compiled.circuit.qubits)}
            for each in compiled.circuit.data:
                if each.operation.name != "barrier":
                    add(label_of(each.operation), each.operation.name, tuple(place[q] for q in each.qubits))
        for letter, wire in zip(axes, compiled.wires, strict=True):
            add("measure", "measure", (wire,))
            for each in basis_change(letter, compiled.gates).data:
                add(each.operation.name, each.operation.name, (wire,))
    return Ran(simulators, device.noise, places, names)


def _labels(model: NoiseModel) -> set[str]:
    """Return the labels and names of the gates for which a model has errors."""
    return {*model._default_quantum_errors, *model._local_quantum_errors}


def acting(model: NoiseModel, ran: Ran) -> list[str]:
    """Return the labels of gates whose errors act on the circuits, and ``measure`` if readout errors do."""
    labels = _labels(model)
    active = {label for label in labels if any(error_of(model, label, wires) is not None for wires in ran.places.get(label, ()))}
    if model._default_readout_error is not None or any(
        wires in ran.places.get("measure", ()) for wires in model._local_readout_errors
    ):
        active.add("measure")
    return sorted(active)


def _unused(model: NoiseModel, ran: Ran) -> Iterable[str]:
    labels = sorted(_labels(model) - set(ran.places))
    if labels:
        yield f"device.noise: the errors on {', '.join(map(repr, labels))} act on nothing, because no circuit has such a gate"


def _of_other_sizes(model: NoiseModel, ran: Ran) -> Iterable[str]:
    for label, errors in sorted(model._local_quantum_errors.items()):
        sizes = {len(wires) for wires in ran.places.get(label, ())}
        lost = sorted(wires for wires in errors if sizes and len(wires) not in sizes)
        if lost:
            yield f"device.noise: the errors on {label!r} of qubits {_places(lost)} act on nothing: it acts on {min(sizes)}"


def _labelled(model: NoiseModel, ran: Ran) -> Iterable[str]:
    with_errors = _labels(model)
    for label, name in sorted(ran.names.items()):
        if label != name and label not in with_errors and name in with_errors:
            yield (
                f"device.noise: the gates {name!r} labelled {label!r} have no errors, because Aer looks for those of the label; "
                "give the model errors of that label, or leave the label out"
            )


def _unknown_places(model: NoiseModel, ran: Ran) -> Iterable[str]:
    """Yield notes about gates on qubits without errors, in a model that has errors for the same gates on other qubits."""
    for label, errors in sorted(model._local_quantum_errors.items()):
        if label in model._default_quantum_errors:
            continue
        places = ran.places.get(label, set())
        with_errors = {wires for wires in errors if len(wires) in {len(place) for place in places}}
        most = max((qubit for wires in with_errors for qubit in wires), default=len(places))
        # an error of a single-qubit gate may be meant for one qubit only
        lost = {wires for wires in places - with_errors if with_errors and (len(wires) > 1 or wires[0] > most)}
        if lost:
            yield (
                f"device.noise: {label!r} on qubits {_places(sorted(lost))} has no errors, because the model has them for other "
                "qubits only; qep.fake(name) compiles for a device's own pairs"
            )


def _together(model: NoiseModel, ran: Ran) -> Iterable[str]:
    lost = sorted(wires for wires in model._local_readout_errors if len(wires) > 1)
    if lost:
        yield (
            f"device.noise: the readout errors of qubits {_places(lost)} together act on nothing, "
            "because Aer applies them only to a measurement of those qubits at once"
        )


def _places(places: Sequence[tuple[int, ...]]) -> str:
    shown = ", ".join(str(wires if len(wires) > 1 else wires[0]) for wires in places[:6])
    return f"{shown} and {len(places) - 6} more" if len(places) > 6 else shown
