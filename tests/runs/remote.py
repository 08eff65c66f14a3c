"""A device whose jobs live in a folder: what a service is to a client, without the network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qiskit import qpy
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_aer.primitives import SamplerV2

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.remote import RemoteJob
from qep_qiskit.errors import DeviceError

SMALL = """
seed = 3
[network]
kind = "ising"
sites = 2
edges = "chain"
inputs = [0]
outputs = [1]
[cost]
kind = "squared_error"
[sample]
x = [0.5]
y = [1.0]
[stencil]
kind = "symmetric"
beta = 0.2
[preparation]
method = "exact"
[measurement]
shots = 400
mitigation = "tensored"
[device]
name = "ibm_folder"
"""


@dataclass
class FolderDevice:
    """Runs on Aer when the result is requested; the same circuits and values give the same shots."""

    folder: Path
    faults: tuple[str, ...] = ()
    name: str = "ibm_folder"
    seed: int = 0
    exact: bool = False
    needs_circuits: bool = True
    cache: Cache = field(default_factory=Cache)

    def compile(self, circuit, *, qubits=None) -> Compiled:
        return self.cache.compiled(circuit, qubits, self._compile)

    def _compile(self, circuit, qubits) -> Compiled:
        passes = generate_preset_pass_manager(optimization_level=1, basis_gates=["rz", "sx", "x", "cx"], seed_transpiler=1)
        wires = tuple(range(circuit.num_qubits))
        return Compiled(passes.run(circuit), wires, wires, wires)

    def ready(self) -> None:
        pass

    def measured(self, compiled, axes):
        return self.cache.measured(compiled, axes)

    def sent(self, circuit, values):
        return [(circuit, values)]

    def check(self, pubs) -> None:
        assert pubs

    def _jobs(self) -> list[dict]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def submit(self, pubs, *, shots, tag) -> str:
        if "storm" in self.faults:
            raise DeviceError("device: the job could not be sent: 503")
        for _ in range(2 if "duplicate" in self.faults else 1):
            number = len(self._jobs())
            job = {"id": f"job{number:03d}", "tag": tag, "shots": shots, "state": "done", "created": f"{number:06d}"}
            with open(self.folder / f"{job['id']}.qpy", "wb") as file:
                qpy.dump([pub.circuit for pub in pubs], file)
            job["values"] = [pub.values.tolist() for pub in pubs]
            (self.folder / f"{job['id']}.json").write_text(json.dumps(job))
        if "lost reply" in self.faults:
            raise DeviceError("device: the job could not be sent: the connection was closed")
        return job["id"] if "duplicate" not in self.faults else f"job{len(self._jobs()) - 2:03d}"

    def find(self, tag) -> list[RemoteJob]:
        return [RemoteJob(job["id"], job["state"], job["created"]) for job in self._jobs() if job["tag"] == tag]

    def _job(self, job_id) -> dict:
        return next(job for job in self._jobs() if job["id"] == job_id)

    def status(self, job_id):
        if "queue" in self.faults:
            return "queued", ""
        if "failed" in self.faults:
            return "failed", "the device is on fire"
        return self._job(job_id)["state"], ""

    def result(self, job_id, *, timeout=1.0):
        with open(self.folder / f"{job_id}.qpy", "rb") as file:
            circuits = qpy.load(file)
        values = self._job(job_id)["values"]
        pubs = [(c, np.array(v).reshape(len(v), c.num_parameters)) for c, v in zip(circuits, values, strict=True)]
        words = repr([(dict(c.count_ops()), v) for c, v in zip(circuits, values, strict=True)]).encode()
        seed = int(hashlib.sha256(words).hexdigest()[:8], 16) % 2**31
        noise = NoiseModel()
        noise.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
        sampler = SamplerV2(seed=seed, options={"backend_options": {"noise_model": noise}})
        outcome = sampler.run(pubs, shots=self._job(job_id)["shots"]).result()
        return [pub.data.outcome for pub in outcome]

    def cancel(self, job_id) -> None:
        job = self._job(job_id)
        (self.folder / f"{job_id}.json").write_text(json.dumps({**job, "state": "cancelled"}))

    def seconds(self, job_id):
        return 0.0 if "failed" in self.faults else 1.5

    def calibration(self, qubits):
        return {"date": "2026-01-01"}

    def describe(self):
        return {"name": self.name}

    def sample(self, work, *, shots, seed):
        raise NotImplementedError

    def distribution(self, work):
        raise NotImplementedError
