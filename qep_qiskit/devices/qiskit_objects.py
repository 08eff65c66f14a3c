"""Any Qiskit backend or sampler as a device, and devices by name."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, StatevectorSampler
from qiskit.providers import BackendV2
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer.primitives import SamplerV2 as AerSampler

from qep_qiskit.devices.aer import aer
from qep_qiskit.devices.compilation import Cache, compile_with
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.fake import fake
from qep_qiskit.devices.ibm import ibm
from qep_qiskit.devices.simulator import simulator
from qep_qiskit.devices.snapshots import is_snapshot, snapshot_name
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.measurement.samples import Samples, from_bit_array
from qep_qiskit.seeds import integer, stream

NAMES = ("statevector", "simulator", "aer", "fake_<name>", "ibm_<name>")


@dataclass(frozen=True)
class SamplerDevice:
    """A Qiskit sampler, with the backend that its circuits are compiled for where there is one.

    Parameters
    ----------
    sampler : BaseSamplerV2
        Its own options decide what happens to the circuits. One without a seed draws afresh in every call.
    backend : BackendV2, optional
    """

    sampler: BaseSamplerV2
    backend: BackendV2 | None = None
    seed: int = 0
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The backend's name, or the sampler's class."""
        return type(self.sampler).__name__ if self.backend is None else str(self.backend.name)

    @property
    def exact(self) -> bool:
        """False: a sampler gives shots."""
        return False

    @property
    def needs_circuits(self) -> bool:
        """True."""
        return True

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit for the backend, or in rz, sx, x and cx where there is none."""
        return self.cache.compiled(circuit, qubits, self._compile)

    def _compile(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        if self.backend is not None and self.backend.target is not None and self.backend.target.num_qubits:
            return compile_with(self.backend, circuit, qubits)
        passes = generate_preset_pass_manager(optimization_level=1, basis_gates=["rz", "sx", "x", "cx"], seed_transpiler=11)
        wires = tuple(range(circuit.num_qubits))
        return Compiled(passes.run(circuit), wires, wires, wires)

    def _measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        circuit = self.cache.measured(compiled, axes)
        target = None if self.backend is None else self.backend.target
        if target is None or {"rz", "sx"} <= set(target.operation_names):
            return circuit
        passes = generate_preset_pass_manager(
            optimization_level=0, target=target, initial_layout=list(range(circuit.num_qubits)), seed_transpiler=11
        )
        return self.cache.kept(("translated", id(circuit)), lambda: passes.run(circuit), anchor=circuit)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run all circuits as one job."""
        pubs = [(self._measured(item.compiled, item.axes), item.values) for item in work]
        outcome = _reseeded(self.sampler, seed).run(pubs, shots=shots).result()
        return [from_bit_array(result.data.outcome) for result in outcome]

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Refuse: a sampler gives shots."""
        raise InputError(f"shots: {self.name} measures, so it needs measurement shots (for instance 10000)")

    def describe(self) -> dict[str, object]:
        """Return the sampler's class and the backend's name."""
        return {"name": self.name, "sampler": type(self.sampler).__name__, "noise": "its own"}


def _reseeded(sampler: BaseSamplerV2, seed: int) -> BaseSamplerV2:
    """Return a seeded sampler with random numbers of this call's own.

    A fixed seed gives the same numbers in every run, in ``StatevectorSampler`` even in every row of one run. Phases and
    calibrations would then not be independent, and the error bars, which take them as such, wrong.
    """
    if isinstance(sampler, StatevectorSampler):
        if isinstance(sampler.seed, int):
            return StatevectorSampler(default_shots=sampler.default_shots, seed=stream(sampler.seed, "sampler", seed))
    elif isinstance(sampler, AerSampler):
        backend = sampler._backend  # neither the backend nor the seed of this sampler can be reached in public
        own = _first(sampler.seed, sampler.options.run_options.get("seed_simulator"), backend.options.seed_simulator)
        if own is not None:
            again = copy.copy(sampler)
            again._seed = integer(own, "sampler", seed)
            return again
    elif isinstance(sampler, BackendSamplerV2):
        own = _first(sampler.options.seed_simulator, getattr(sampler.backend.options, "seed_simulator", None))
        if own is not None:
            options = {**asdict(sampler.options), "seed_simulator": integer(own, "sampler", seed)}
            return BackendSamplerV2(backend=sampler.backend, options=options)
    return sampler


def _first(*seeds: int | None) -> int | None:
    return next((seed for seed in seeds if seed is not None), None)


def statevector(*, seed: int = 0) -> StatevectorDevice:
    """Return the noise-free device: exact expectations, or samples of the exact distribution where shots are given."""
    return StatevectorDevice(seed)


def as_device(thing: object) -> Device:
    """Return a device for None (statevector), a device, a name, a Qiskit backend or a Qiskit sampler."""
    if thing is None:
        return StatevectorDevice()
    if isinstance(thing, str):
        return device_named(thing)
    if isinstance(thing, BaseSamplerV2):
        backend = getattr(thing, "backend", None)
        backend = backend() if callable(backend) else backend
        return SamplerDevice(thing, backend if isinstance(backend, BackendV2) else None)
    if isinstance(thing, BackendV2) and is_snapshot(thing):
        return fake(thing)
    if isinstance(thing, BackendV2):
        return SamplerDevice(BackendSamplerV2(backend=thing), thing)
    if isinstance(thing, Device):
        return thing
    raise InputError(
        f"device: {thing!r} is not allowed; give qep.statevector(), qep.simulator(), qep.aer(), qep.fake(name), "
        "or a Qiskit BackendV2 or BaseSamplerV2"
    )


def device_named(
    name: str, *, seed: int = 0, noise: str | None = None, engine: str = "auto", method: str = "automatic"
) -> Device:
    """Return the device of a spec: ``statevector``, ``simulator``, ``aer``, ``fake_<name>`` or ``ibm_<name>``.

    A snapshot's name may be written ``fake_torino``, ``torino`` or ``FakeTorino``.

    Raises
    ------
    InputError
        For an unknown name, or noise where the device is neither the simulator nor Aer.
    """
    if name == "aer":
        return aer(noise=noise, method=method, seed=seed)
    if name == "simulator":
        return simulator(noise=noise, seed=seed)
    if noise is not None:
        raise InputError(f"device.noise: {noise!r} goes only with device.name = 'simulator' or 'aer', not with {name!r}")
    if name == "statevector":
        return StatevectorDevice(seed)
    if str(name).startswith("ibm_"):
        return ibm(name, seed=seed)
    if str(name).startswith("fake_") or snapshot_name(name) is not None:
        return fake(name, engine=engine, method=method, seed=seed)
    raise InputError(f"device.name: unknown {name!r}; allowed: {', '.join(NAMES)}{nearest(str(name), NAMES)}")
