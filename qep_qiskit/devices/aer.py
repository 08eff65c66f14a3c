"""Aer: shots with or without noise, and exact noisy distributions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit_aer import AerError, AerSimulator
from qiskit_aer import __version__ as aer_version
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2

from qep_qiskit.devices import noisy, rows
from qep_qiskit.devices.compilation import Cache, compile_with
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.noise import confused, confusion_of, cut_to_active, noise_of
from qep_qiskit.devices.snapshots import Snapshot, snapshot
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.measurement.samples import Samples, from_bit_array, from_probabilities


@dataclass(frozen=True)
class AerDevice:
    """Aer's simulator as a device; see :func:`aer` and :func:`fake`."""

    name: str
    seed: int = 0
    method: str = "automatic"
    noise: NoiseModel | None = None
    snapshot: Snapshot | None = None
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)

    @property
    def exact(self) -> bool:
        """True where there is no noise: the prepared state itself answers."""
        return self.noise is None and self.snapshot is None

    @functools.cached_property
    def _passes(self) -> PassManager:
        if self.snapshot is not None:
            raise TypeError("a snapshot's passes depend on the layout")
        gates = rows.GATES if self.noise is None else [g for g in self.noise.basis_gates if g in _KNOWN]
        return generate_preset_pass_manager(optimization_level=1, basis_gates=gates, seed_transpiler=11)

    @property
    def needs_circuits(self) -> bool:
        """True."""
        return True

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit in the noise's gates, on the snapshot's best qubits, cut down to the active ones."""
        return self.cache.compiled(circuit, None if self.snapshot is None else qubits, self._compile)

    def _compile(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        if self.snapshot is None:
            wires = tuple(range(circuit.num_qubits))
            return self._judged(Compiled(self._passes.run(circuit), wires, wires, wires, simulator="qiskit-aer"))
        whole = compile_with(self.snapshot.backend, circuit, qubits)
        small, active = cut_to_active(whole.circuit, whole.wires)
        place = {w: i for i, w in enumerate(active)}
        small.metadata = {"active": list(active)}
        return self._judged(
            Compiled(small, tuple(place[w] for w in whole.wires), whole.qubits, whole.start, simulator="qiskit-aer")
        )

    def _judged(self, compiled: Compiled) -> Compiled:
        """Return the circuit with the name of this package's own simulation, where that is what gives its shots."""
        named = replace(compiled, simulator=rows.NAME)
        if self.method != "automatic":
            return compiled
        if self.exact:
            return named if rows.suits(compiled.circuit) else compiled
        small = compiled.circuit.num_qubits <= noisy.MOST_WIRES
        return named if small and self._program_of(named) is not None else compiled

    def _program_of(self, compiled: Compiled) -> noisy.NoisyProgram | None:
        """Return this package's own simulation of a circuit with noise; None where it is left to Aer."""
        if self.method != "automatic" or compiled.circuit.num_qubits > noisy.MOST_WIRES_EXACT:
            return None
        model = self._noise_for(compiled)
        return None if model is None else noisy.program_of(compiled, model, self.cache)

    def _noise_for(self, compiled: Compiled) -> NoiseModel | None:
        known = self.snapshot
        if known is None:
            return self.noise
        active = tuple(compiled.circuit.metadata["active"])
        return self.cache.kept(("noise", active), lambda: noise_of(known, active))

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run all circuits, one job for each noise model, with Aer's run-time parameter binding.

        With the method left to the device, small circuits are computed by this package's own simulation instead: the same
        distributions, each state once for all bases. ``Compiled.simulator`` says which it is.
        """
        results: list[list[Samples]] = [[] for _ in work]
        groups: dict[int, list[int]] = {}
        models: dict[int, NoiseModel | None] = {}
        own = [i for i, item in enumerate(work) if item.compiled.simulator == rows.NAME]
        programs = self._programs([work[i] for i in own])
        if not self.exact:
            own = [own[k] for k in programs]  # a circuit that was folded afterwards may be no longer suited
        mine = [work[i] for i in own]
        if self.exact:
            drawn = rows.sampled(mine, self.cache, shots=shots, seed=seed)
        else:
            drawn = noisy.sampled(noisy.distributions(mine, list(programs.values())), mine, shots=shots, seed=seed)
        for index, samples in zip(own, drawn, strict=True):
            results[index] = samples
        for index in sorted(set(range(len(work))) - set(own)):
            models[index] = self._noise_for(work[index].compiled)
            groups.setdefault(id(models[index]), []).append(index)
        for number, members in enumerate(groups.values()):
            options = {"noise_model": models[members[0]], "method": self.method}
            sampler = SamplerV2(
                seed=(seed + 104729 * number) % 2**31,
                options={"backend_options": options, "run_options": {"runtime_parameter_bind_enable": True}},
            )
            pubs = [(self.cache.measured(work[i].compiled, work[i].axes), work[i].values) for i in members]
            try:
                outcome = sampler.run(pubs, shots=shots).result()
            except AerError as error:
                raise _refused(self.method, error) from None
            for i, result in zip(members, outcome, strict=True):
                results[i] = from_bit_array(result.data.outcome)
        return results

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return exact distributions from density matrices (state vectors without noise), readout error included.

        With noise, and with the method left to the device, they are those of this package's own simulation.

        Raises
        ------
        InputError
            For circuits of more than 12 active wires.
        """
        programs = self._programs(work)
        mine = [work[i] for i in programs]
        found = dict(zip(programs, noisy.exact(noisy.distributions(mine, list(programs.values())), mine), strict=True))
        return [found[i] if i in found else self._distributions(item) for i, item in enumerate(work)]

    def _programs(self, work: Sequence[Work]) -> dict[int, noisy.NoisyProgram]:
        """Return the programs of those items with noise that this package simulates by itself."""
        found = {} if self.exact else {i: self._program_of(item.compiled) for i, item in enumerate(work)}
        return {i: program for i, program in found.items() if program is not None}

    def _distributions(self, item: Work) -> list[Samples]:
        model, circuit = self._noise_for(item.compiled), item.compiled.rotated(item.axes)
        if model is not None and circuit.num_qubits > noisy.MOST_WIRES_EXACT:
            raise InputError(
                f"shots: exact noisy expectations of {circuit.num_qubits} active qubits do not fit "
                f"(at most {noisy.MOST_WIRES_EXACT}); give measurement shots"
            )
        circuit.save_probabilities(list(item.compiled.wires), label="outcome")
        method = "statevector" if model is None or not model._noise_instructions else "density_matrix"
        simulator = AerSimulator(method=method, noise_model=model)
        # Aer skips save instructions' noise, so readout errors are applied to the distribution afterwards
        parameters = circuit.parameters
        bound = [circuit.assign_parameters(dict(zip(parameters, row, strict=True))) for row in item.values]
        matrices = confusion_of(model, item.compiled.wires)
        result = simulator.run(bound, shots=1).result()
        if not result.success:
            raise RuntimeError(f"Aer could not compute the distribution: {result.status}")
        n = len(item.compiled.wires)
        return [from_probabilities(confused(np.asarray(result.data(i)["outcome"]), matrices), n) for i in range(len(bound))]

    def describe(self) -> dict[str, object]:
        """Return name, method, noise and calibration date."""
        about: dict[str, object] = {"name": self.name, "method": self.method, "qiskit-aer": aer_version, "noise": None}
        if self.method == "automatic":
            size = f"{rows.MOST_QUBITS} qubits" if self.exact else f"{noisy.MOST_WIRES} active qubits"
            about["simulator"] = f"{rows.NAME} up to {size}, qiskit-aer beyond"
        if self.snapshot is not None:
            about |= {"noise": self.snapshot.name, "calibration_date": self.snapshot.calibrated}
        elif self.noise is not None:
            about["noise"] = "NoiseModel on " + ", ".join(sorted(self.noise.noise_instructions))
        return about


_KNOWN = {
    *("id", "rz", "sx", "sxdg", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "rx", "ry", "p", "u", "u1", "u2", "u3"),
    *("cx", "cz", "cy", "ecr", "rzz", "rxx", "ryy", "rzx", "cp", "swap"),
}


def _refused(method: str, error: AerError) -> InputError:
    return InputError(f"device: Aer's method {method!r} cannot run this circuit ({str(error).splitlines()[0][:160]})")


def aer(*, noise: str | NoiseModel | None = None, method: str = "automatic", seed: int = 0) -> AerDevice:
    """Return Aer as a device.

    Parameters
    ----------
    noise : str or NoiseModel, optional
        ``"fake_guadalupe"`` and so on: circuits are laid out on that device's snapshot and get the noise of the qubits
        in use. A NoiseModel acts on the circuit's own qubits. Shot noise alone where absent.
    method : str
        Any of Aer's methods: automatic, statevector, density_matrix, matrix_product_state, stabilizer, … With ``"automatic"``
        circuits of at most 12 qubits without noise, or 11 with noise, are simulated by this package itself, exactly and many
        times as fast; what its simulation cannot treat exactly (errors on more than two qubits or before the measurement,
        correlated readout errors, delays, resets) stays with Aer.
    seed : int
    """
    known = AerSimulator().available_methods()
    if method not in known:
        raise InputError(f"device.method: unknown {method!r}; allowed: {', '.join(known)}{nearest(str(method), known)}")
    if noise is None or isinstance(noise, NoiseModel):
        return AerDevice("aer", seed, method, noise=noise)
    if not isinstance(noise, str):
        raise InputError(f"device.noise: {noise!r} is not allowed; give a name such as 'fake_guadalupe' or a NoiseModel")
    return AerDevice("aer", seed, method, snapshot=snapshot(noise))


def fake(name: str, *, method: str = "automatic", seed: int = 0) -> AerDevice:
    """Return a snapshot of a device: its layout, its gates, the noise of the qubits in use.

    Parameters
    ----------
    name : str
        ``"guadalupe"`` or ``"fake_guadalupe"``; ``qep devices`` lists them.
    """
    full = name if str(name).startswith("fake_") else f"fake_{name}"
    return AerDevice(full, seed, method, snapshot=snapshot(full))
