"""Qiskit samplers of any kind as devices."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, BitArray
from qiskit.providers import BackendV2

from qep_qiskit.devices.backends.backend_device import BackendDevice, Compiling
from qep_qiskit.devices.backends.independence import continues, fresh_sampler, is_known, refuse_equal
from qep_qiskit.devices.backends.results import Request, read_result
from qep_qiskit.devices.client_errors import client_errors
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Device, Work
from qep_qiskit.samples import Samples, from_bit_array
from qep_qiskit.seeds import integer

PROBE_QUBITS, PROBE_SHOTS = 5, 200
Pub = tuple[QuantumCircuit, Any]


@dataclass(frozen=True)
class SamplerDevice(Compiling):
    """A Qiskit sampler as a device, with the backend for which its circuits are compiled, if there is one.

    A sampler of an unknown class is tested with a small circuit before its first job, and refused if its random numbers repeat.

    Parameters
    ----------
    sampler : BaseSamplerV2
        The sampler, whose options apply to the circuits. If it or an object inside it has a seed, each call uses a seed derived
        from that one and the call's. Otherwise each call uses new random numbers.
    """

    sampler: BaseSamplerV2
    backend: BackendV2 | None = None
    seed: int = 0
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)

    def __repr__(self) -> str:
        backend = "" if self.backend is None else f", backend={self.backend.name}"
        return f"SamplerDevice({type(self.sampler).__name__}{backend}, seed={self.seed})"

    @property
    def name(self) -> str:
        """The backend's name or, without a backend, the sampler's class."""
        return type(self.sampler).__name__ if self.backend is None else str(self.backend.name)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run all circuits as one job, or row by row with a new seed each if one job would repeat its random numbers."""
        self._probe()
        pubs: list[Pub] = [(self.measured(item.compiled, item.axes), item.values) for item in work]
        sampler = fresh_sampler(self.sampler, seed)
        if sampler is self.sampler or continues(self.sampler):
            return [from_bit_array(bits) for bits in self._run(sampler, pubs, shots)]
        samples: list[list[Samples]] = []
        for number, (circuit, values) in enumerate(pubs):
            samples.append([])
            for place, row in enumerate(values):
                fresh = fresh_sampler(self.sampler, integer(seed, "row", number, place))
                (bits,) = self._run(fresh, [(circuit, row[None])], shots)
                samples[-1] += from_bit_array(bits)
        return samples

    def _run(self, sampler: BaseSamplerV2, pubs: Sequence[Pub], shots: int) -> list[BitArray]:
        with client_errors(f"{self.name} could not run the circuits"):
            answer = sampler.run(pubs, shots=shots).result()
        requests = [Request.of(circuit, len(values)) for circuit, values in pubs]
        return read_result(answer, requests, shots=shots, source=self.name)

    def _probe(self) -> None:
        """Test once whether the random numbers of a sampler of an unknown class repeat, with a small circuit."""
        if is_known(self.sampler) or _was_probed(self.sampler):
            return
        few = PROBE_QUBITS if self.backend is None or not self.backend.num_qubits else min(PROBE_QUBITS, self.backend.num_qubits)
        circuit = QuantumCircuit(few, name="probe")
        circuit.rx(np.pi / 2, range(few))
        measured = self.measured(self.compile(circuit), "Z" * few)

        def rows(call: int) -> list[BitArray]:
            sampler = fresh_sampler(self.sampler, integer(self.seed, "probe", call))
            pub = (measured, np.zeros((1, 0)))
            if sampler is self.sampler:
                return self._run(sampler, [pub, pub], PROBE_SHOTS)
            other = fresh_sampler(self.sampler, integer(self.seed, "probe row", call))
            return self._run(sampler, [pub], PROBE_SHOTS) + self._run(other, [pub], PROBE_SHOTS)

        (first, again), (other, _) = rows(0), rows(1)
        refuse_equal([(first, again), (first, other)], self.name)
        with contextlib.suppress(TypeError):  # not hashable or weakly referable: the next device tests it again
            _PROBED.add(self.sampler)

    def describe(self) -> dict[str, object]:
        """Return the sampler's class and the backend's name."""
        return {"name": self.name, "sampler": type(self.sampler).__name__, "noise": "its own"}


_PROBED: weakref.WeakSet[BaseSamplerV2] = weakref.WeakSet()


def _was_probed(sampler: BaseSamplerV2) -> bool:
    try:
        return sampler in _PROBED
    except TypeError:
        return False


def sampler_device(sampler: BaseSamplerV2) -> Device:
    """Return a sampler as a device.

    Qiskit's `BackendSamplerV2` and the equivalent sampler of the Runtime client's local mode read missing shots as 0
    (Qiskit/qiskit#15694). Their backend is therefore run directly, without the sampler.
    """
    backend = getattr(sampler, "backend", None)
    backend = backend() if callable(backend) else backend
    backend = backend if isinstance(backend, BackendV2) else None
    if backend is not None and type(sampler).run is BackendSamplerV2.run and type(sampler)._run is BackendSamplerV2._run:
        options = dict(sampler.options.run_options or {})
        if sampler.options.seed_simulator is not None:
            options["seed_simulator"] = sampler.options.seed_simulator
        return BackendDevice(backend, options=options)
    if backend is not None and _is_local_runtime(sampler, backend):
        simulator = sampler.options.simulator
        given = {name: getattr(simulator, name, None) for name in ("seed_simulator", "noise_model")}
        options = {name: value for name, value in given.items() if value is not None and type(value).__name__ != "UnsetType"}
        return BackendDevice(backend, options=options)
    return SamplerDevice(sampler, backend)


def _is_local_runtime(sampler: BaseSamplerV2, backend: BackendV2) -> bool:
    """Return whether this is the Runtime client's sampler in local mode."""
    remote = any(c.__name__ == "IBMBackend" for c in type(backend).__mro__)
    runtime = type(sampler).__module__ == "qiskit_ibm_runtime.sampler" and type(sampler).__name__ == "SamplerV2"
    return runtime and not remote
