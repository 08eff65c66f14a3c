"""Devices simulated on this machine: compilation, noise, and the choice of the engine that runs a circuit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

from qiskit.circuit import QuantumCircuit
from qiskit_aer import __version__ as aer_version
from qiskit_aer.noise import NoiseModel

from qep_qiskit.checks import seed_of
from qep_qiskit.devices.compilation import Cache, compile_with
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.device_card import device_card
from qep_qiskit.devices.gate_set import gate_set, translated
from qep_qiskit.devices.price import IBM, Tariff
from qep_qiskit.devices.simulated import aer_engine, density_engine, exact_engine, light_cones
from qep_qiskit.devices.simulated.noise import active_wires, cut_to, noise_of
from qep_qiskit.devices.simulated.snapshots import Snapshot
from qep_qiskit.errors import InputError, TooLargeError
from qep_qiskit.samples import Samples
from qep_qiskit.simulation.noise.aer_model import Unsuited
from qep_qiskit.simulation.noise.program import MOST_WIRES

ENGINES = ("auto", "simulator", "aer")


@dataclass(frozen=True, repr=False)
class SimulatedDevice:
    """A device simulated on this machine; see :func:`simulator`, :func:`aer` and :func:`fake`.

    Attributes
    ----------
    engine : {"auto", "simulator", "aer"}
        "simulator" is this package's simulation: exact, or for shots of circuits on more than 12 wires with noise, by matrix
        product density operators. "aer" is qiskit-aer. "auto" uses the first for each circuit for which it is faster, and
        otherwise Aer. ``Compiled.simulator`` names the engine of a circuit.
    noise : NoiseModel or None
        Noise on the circuit's own qubits.
    snapshot : Snapshot or None
        The device on which circuits are laid out. They get the noise of the qubits in use.
    """

    name: str
    seed: int = 0
    engine: str = "auto"
    method: str = "automatic"
    noise: NoiseModel | None = None
    snapshot: Snapshot | None = None
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)
    needs_circuits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", seed_of(self.seed))

    def __repr__(self) -> str:
        alone = self.snapshot is not None and self.name == self.snapshot.name
        given = {
            "noise": None if alone else self.noise_name,
            "engine": None if not alone or self.engine == "auto" else self.engine,
            "method": None if self.method == "automatic" else self.method,
            "seed": self.seed or None,
        }
        arguments = [repr(self.name.removeprefix("fake_"))] if alone else []
        arguments += [f"{key}={value!r}" for key, value in given.items() if value is not None]
        return f"{'fake' if alone else self.name}({', '.join(arguments)})"

    def _repr_html_(self) -> str:
        return device_card(repr(self), self.describe(), None if self.snapshot is None else self.snapshot.backend.target)

    @property
    def noise_name(self) -> str | None:
        """The name of the snapshot, or "NoiseModel"; None without noise."""
        return self.snapshot.name if self.snapshot is not None else None if self.noise is None else "NoiseModel"

    def __getstate__(self) -> dict[str, object]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def noise_free(self) -> bool:
        """Whether neither gates nor readout have errors."""
        return self.noise is None and self.snapshot is None

    @property
    def tariff(self) -> Tariff | None:
        """The tariff of the real device, if this is a snapshot."""
        return None if self.snapshot is None else IBM

    @property
    def exact(self) -> bool:
        """Whether expectations are computed from the prepared state: True without noise, unless the engine is Aer."""
        return self.noise_free and self.engine != "aer"

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit in the gates of the noise model or snapshot.

        With a snapshot, the circuit is laid out on the given qubits, or on the best ones, and reduced to the active wires.

        Raises
        ------
        InputError
            If the chosen engine cannot run the circuit.
        """
        return self.cache.compiled(circuit, None if self.snapshot is None else qubits, self._compile, self._instructions)

    def _compile(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        if self.snapshot is None:
            wires = tuple(range(circuit.num_qubits))
            names, keep = self._instructions
            gates = gate_set(names)
            compiled = Compiled(translated(circuit, gates, keep), wires, wires, wires, gates=gates)
        else:
            whole = compile_with(self.snapshot.backend, circuit, qubits)
            active = sorted(active_wires(whole.circuit) | set(whole.wires))
            small = cut_to(whole.circuit, active)
            place = {w: i for i, w in enumerate(active)}
            small.metadata = {"active": active}
            gates = gate_set(self.snapshot.backend.operation_names)
            compiled = Compiled(small, tuple(place[w] for w in whole.wires), whole.qubits, whole.start, gates=gates)
        compiled = replace(compiled, noise=self._noise_for(compiled))
        return compiled.run_by(self._engine_of(compiled))

    @property
    def _instructions(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the gates to which circuits are compiled, and of the instructions that have errors."""
        if self.noise is None:
            return tuple(exact_engine.GATES), ()
        return tuple(self.noise.basis_gates), tuple(sorted({*self.noise.noise_instructions, *self.noise.basis_gates}))

    def _engine_of(self, compiled: Compiled) -> str:
        """Return the name of the engine that runs a circuit."""
        if self.engine == "aer":
            return aer_engine.NAME
        model, most = self._noise_for(compiled), MOST_WIRES if self.engine == "simulator" else exact_engine.FAST_NOISY_WIRES
        try:
            if model is None or compiled.circuit.num_qubits <= most:
                fast = exact_engine.suits(compiled, model, self.cache)
                return exact_engine.NAME if fast or self.engine == "simulator" else aer_engine.NAME
            density_engine.suits(compiled, model, self.cache)
        except Unsuited as reason:
            if self.engine == "simulator":
                raise _refused(reason) from None
            return aer_engine.NAME
        return density_engine.NAME

    def _noise_for(self, compiled: Compiled) -> NoiseModel | None:
        snapshot = self.snapshot
        if snapshot is None:
            return self.noise
        active = tuple(compiled.circuit.metadata["active"])
        return self.cache.kept(("noise", active), lambda: noise_of(snapshot, active))

    def for_distributions(self, compiled: Compiled) -> Compiled:
        """Return a compiled circuit with the engine for its exact distribution, which may differ from the one for shots."""
        if compiled.simulator != density_engine.NAME:
            return compiled
        return compiled.run_by(exact_engine.NAME if self.engine == "simulator" else aer_engine.NAME)

    def sample(
        self, work: Sequence[Work], *, shots: int, seed: int, done: density_engine.Share = density_engine.silent
    ) -> list[list[Samples]]:
        """Run all circuits, each with the engine chosen when it was compiled.

        The engine for large circuits calls `done` with the number of states from which shots have been drawn, and the number of
        all states.
        """
        return self._run(work, shots, seed, done)

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return exact distributions, including readout errors, each computed by the engine chosen when it was compiled.

        For noisy circuits on more than 12 wires they come from light cones, as `LocalSamples`, if the work has `supports`.

        Raises
        ------
        TooLargeError
            If a light cone is too large.
        InputError
            If a circuit is too large for this machine's memory.
        """
        local = {i: each for i, item in enumerate(work) if (each := self._local(item)) is not None}
        rest = [i for i in range(len(work)) if i not in local]
        whole = dict(zip(rest, self._run([work[i] for i in rest], None, 0), strict=True))
        return [local[i] if i in local else whole[i] for i in range(len(work))]

    def _local(self, item: Work) -> list[Samples] | None:
        """Return distributions from light cones; None if the whole distributions can be computed."""
        model, wires = self._noise_for(item.compiled), item.compiled.circuit.num_qubits
        if item.supports is None or model is None or wires <= MOST_WIRES:
            return None
        try:
            return light_cones.distributions(item, model, self.cache)
        except Unsuited as reason:
            if wires <= light_cones.MOST_DENSE:
                return None
            raise TooLargeError(
                f"shots: {self.name} cannot compute exact expectations with {reason}; give shots, or take fewer layers"
            ) from reason

    def _run(
        self, work: Sequence[Work], shots: int | None, seed: int, done: density_engine.Share = density_engine.silent
    ) -> list[list[Samples]]:
        models = [self._noise_for(item.compiled) for item in work]
        members: dict[str, list[int]] = {}
        for number, item in enumerate(work):
            compiled = self.for_distributions(item.compiled) if shots is None else item.compiled
            name = compiled.simulator if compiled.simulator in (exact_engine.NAME, density_engine.NAME) else aer_engine.NAME
            if self.engine == "aer":
                name = aer_engine.NAME
            elif self.engine == "simulator" and name == aer_engine.NAME:
                name = exact_engine.NAME
            members.setdefault(name, []).append(number)
        results: dict[int, list[Samples]] = {}
        for name, numbers in members.items():
            items, noise = [work[i] for i in numbers], [models[i] for i in numbers]
            if name == exact_engine.NAME:
                try:
                    samples = exact_engine.run(items, noise, self.cache, shots=shots, seed=seed)
                except Unsuited as reason:
                    raise _refused(reason) from None
            elif name == density_engine.NAME:
                assert shots is not None
                samples = density_engine.run(items, noise, self.cache, shots=shots, seed=seed, done=done)
            else:
                samples = aer_engine.run(items, noise, self.cache, method=self.method, shots=shots, seed=seed)
            results.update(zip(numbers, samples, strict=True))
        return [results[i] for i in range(len(work))]

    def describe(self) -> dict[str, object]:
        """Return the name, engine, noise and calibration date."""
        simulator = aer_engine.NAME if self.engine == "aer" else exact_engine.NAME
        if self.engine == "simulator" and not self.noise_free:
            simulator += f" up to {MOST_WIRES} active qubits, {density_engine.NAME} for shots beyond"
        if self.engine == "auto":
            beyond = f"{aer_engine.NAME} beyond"
            if not self.noise_free:
                beyond = f"{density_engine.NAME} for shots beyond, {aer_engine.NAME} otherwise"
            simulator = f"{simulator} up to {exact_engine.fast_wires(self.noise_free)} active qubits, {beyond}"
        description: dict[str, object] = {"name": self.name, "simulator": simulator, "noise": None}
        if self.engine != "simulator":
            description |= {"method": self.method, "qiskit-aer": aer_version}
        if self.snapshot is not None:
            description |= {"noise": self.snapshot.name, "calibration_date": self.snapshot.calibrated}
        elif self.noise is not None:
            description["noise"] = "NoiseModel on " + ", ".join(sorted(self.noise.noise_instructions))
        return description


def adds_no_noise(device: Device) -> bool:
    """Return whether the expectations of a device are those of the prepared states."""
    return device.noise_free if isinstance(device, SimulatedDevice) else device.exact


def _refused(reason: Unsuited) -> InputError:
    return InputError(f'device: this package\'s exact simulation cannot treat {reason}; take qep.aer (device.name = "aer")')
