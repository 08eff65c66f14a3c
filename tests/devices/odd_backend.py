"""Legal backends over Aer whose results are odd in every way that providers' results are."""

from __future__ import annotations

import uuid
from enum import Enum

import numpy as np
from qiskit.circuit import Measure, Parameter, QuantumCircuit
from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.result import QuasiDistribution, Result
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

QUBITS = 5


class OddJob(JobV1):
    def submit(self):
        pass

    def cancel(self):
        return True

    def status(self):
        return self.backend().word

    def error_message(self):
        return "the cryostat is warm"

    def result(self):
        answer = AerSimulator(seed_simulator=self.seed).run(self.circuits, shots=self.shots, memory=True).result().to_dict()
        return TWISTS[self.backend().kind](answer, self.circuits, self.shots)


class OddBackend(BackendV2):
    """`kind` names the oddity; `most` and `most_shots` limit the circuits per job and the shots per circuit."""

    def __init__(self, kind="plain", *, most=None, most_shots=None, word=JobStatus.DONE, target=True):
        super().__init__(name="odd")
        self.kind, self.word, self.jobs, self._most = kind, word, {}, most
        if most_shots is not None:
            self.max_shots = most_shots
        self._target = Target(num_qubits=QUBITS) if target else None
        if target:
            ones, pairs = (
                {(i,): None for i in range(QUBITS)},
                {(i, j): None for i in range(QUBITS) for j in range(QUBITS) if i != j},
            )
            for gate in (RZGate(Parameter("a")), SXGate(), XGate(), Measure()):
                self._target.add_instruction(gate, ones)
            self._target.add_instruction(CZGate(), pairs)

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return self._most

    @classmethod
    def _default_options(cls):
        return Options(shots=1024)

    def run(self, circuits, shots=1024, **options):
        circuits = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        if self._most and len(circuits) > self._most:
            raise ValueError(f"at most {self._most} circuits per job")
        if shots > getattr(self, "max_shots", 10**9):
            raise ValueError(f"at most {self.max_shots} shots")
        job = OddJob(self, str(uuid.uuid4()))
        job.circuits, job.shots, job.seed = circuits, 100 if self.kind == "few shots" else shots, 100 + len(self.jobs)
        self.jobs[job.job_id()] = job
        return job

    def retrieve_job(self, job_id):
        return self.jobs[job_id]


class Words(Enum):
    """A provider's own enumeration of states."""

    FINISHED = 3
    WARMING_UP = 1


TWISTS = {}


def twist(name):
    def keep(function):
        TWISTS[name] = function
        return function

    return keep


def on_counts(change, *, headers=True):
    """A result whose counts are changed one circuit at a time, without memory."""

    def twisted(answer, circuits, shots):
        for number, entry in enumerate(answer["results"]):
            data = entry["data"]
            data.pop("memory", None)
            data["counts"] = change(data["counts"], circuits[number], shots)
            if not headers:
                entry["header"] = {}
        return Result.from_dict(answer)

    return twisted


def bits(counts, circuit):
    return {format(int(key, 16), f"0{circuit.num_clbits}b"): n for key, n in counts.items()}


def on_wires(counts, circuit, order=1):
    """Counts of all qubits of the device, the qubit that each outcome is read from at its own place."""
    wires = [circuit.find_bit(i.qubits[0]).index for i in circuit.data if i.operation.name == "measure"]
    bits = {}
    for key, n in counts.items():
        letters = ["0"] * QUBITS
        for place, wire in enumerate(wires):
            letters[wire] = str(int(key, 16) >> place & 1)
        bits["".join(letters[::-1][::order])] = n
    return bits


twist("plain")(lambda answer, circuits, shots: Result.from_dict(answer))
twist("few shots")(lambda answer, circuits, shots: Result.from_dict(answer))
twist("counts")(on_counts(lambda c, q, n: c))
twist("no header")(on_counts(lambda c, q, n: c, headers=False))
twist("bit strings")(on_counts(lambda c, q, n: bits(c, q), headers=False))
twist("padded")(on_counts(lambda c, q, n: {k.rjust(QUBITS, "0"): v for k, v in bits(c, q).items()}, headers=False))
twist("all qubits")(on_counts(lambda c, q, n: on_wires(c, q), headers=False))
twist("numpy counts")(on_counts(lambda c, q, n: {k: np.int64(v) for k, v in c.items()}))
twist("whole floats")(on_counts(lambda c, q, n: {k: float(v) for k, v in c.items()}))
twist("keys of bytes")(on_counts(lambda c, q, n: {k.encode(): v for k, v in bits(c, q).items()}))
twist("keys of numbers")(on_counts(lambda c, q, n: {int(k, 16): v for k, v in c.items()}))
twist("spaces")(on_counts(lambda c, q, n: {" ".join(k): v for k, v in bits(c, q).items()}))
twist("shares")(on_counts(lambda c, q, n: {k: v / n for k, v in c.items()}))
twist("one share")(on_counts(lambda c, q, n: {"0x0": 1.0}))
twist("negative")(on_counts(lambda c, q, n: {k: v if k == "0x0" else -v for k, v in c.items()}))
twist("nan")(on_counts(lambda c, q, n: {k: float("nan") for k in c}))
twist("absent numbers")(on_counts(lambda c, q, n: dict.fromkeys(c)))
twist("words for numbers")(on_counts(lambda c, q, n: {k: str(v) for k, v in c.items()}))
twist("truths")(on_counts(lambda c, q, n: dict.fromkeys(c, True)))
twist("decimal keys")(on_counts(lambda c, q, n: {"3" if k == "0x3" else k: v for k, v in c.items()}))
twist("lost zeros")(on_counts(lambda c, q, n: {k.lstrip("0") or "0": v for k, v in bits(c, q).items()}, headers=False))
twist("short")(on_counts(lambda c, q, n: {k[1:]: v for k, v in bits(c, q).items()}, headers=False))
twist("reversed qubits")(on_counts(lambda c, q, n: on_wires(c, q, order=-1), headers=False))
twist("seven bits")(on_counts(lambda c, q, n: {k.rjust(7, "0"): v for k, v in bits(c, q).items()}, headers=False))
twist("no counts")(on_counts(lambda c, q, n: {}))
twist("too many shots")(on_counts(lambda c, q, n: {k: v * 10**12 for k, v in c.items()}))


@twist("other register")
def _(answer, circuits, shots):
    """A second register of a provider's own, below the outcomes."""
    for entry in answer["results"]:
        entry["data"].pop("memory")
        entry["data"]["counts"] = {hex(int(k, 16) << 3 | 5): n for k, n in entry["data"]["counts"].items()}
        entry["header"]["creg_sizes"] = [["heralds", 3], *entry["header"]["creg_sizes"]]
        entry["header"]["memory_slots"] += 3
    return Result.from_dict(answer)


@twist("memory alone")
def _(answer, circuits, shots):
    for entry in answer["results"]:
        entry["data"].pop("counts")
    return Result.from_dict(answer)


@twist("list of counts")
def _(answer, circuits, shots):
    return [entry["data"]["counts"] for entry in answer["results"]]


twist("plain data")(lambda answer, circuits, shots: answer)
twist("less than plain data")(lambda answer, circuits, shots: {"results": [{"data": {"counts": {"0x0": shots}}}]})


@twist("another order")
def _(answer, circuits, shots):
    answer["results"] = answer["results"][::-1]
    return Result.from_dict(answer)


@twist("one twice")
def _(answer, circuits, shots):
    answer["results"] = [*answer["results"][:-1], answer["results"][0]]
    return Result.from_dict(answer)


@twist("fewer")
def _(answer, circuits, shots):
    answer["results"] = answer["results"][:-1]
    return Result.from_dict(answer)


@twist("more")
def _(answer, circuits, shots):
    answer["results"] = [*answer["results"], answer["results"][0]]
    return Result.from_dict(answer)


@twist("memory and counts differ")
def _(answer, circuits, shots):
    answer["results"][0]["data"]["memory"] = answer["results"][0]["data"]["memory"][:-1]
    return Result.from_dict(answer)


@twist("failed")
def _(answer, circuits, shots):
    entry = answer["results"][min(1, len(answer["results"]) - 1)]
    entry.update(success=False, status="ERROR: qubit 3 is too hot", data={})
    answer["success"] = False
    return Result.from_dict(answer)


@twist("failed as a whole")
def _(answer, circuits, shots):
    answer.update(success=False, status="ERROR: the shift is over")
    return Result.from_dict(answer)


twist("nothing")(lambda answer, circuits, shots: None)
twist("a word")(lambda answer, circuits, shots: "DONE")
twist("empty list")(lambda answer, circuits, shots: [])


@twist("quasi-probabilities")
def _(answer, circuits, shots):
    return [QuasiDistribution({int(k, 16): n / shots for k, n in e["data"]["counts"].items()}) for e in answer["results"]]


@twist("raises")
def _(answer, circuits, shots):
    raise RuntimeError("apikey=0123456789abcdef0123: no result\nfor you")


RIGHT = (
    "plain",
    "counts",
    "no header",
    "bit strings",
    "numpy counts",
    "whole floats",
    "keys of bytes",
    "keys of numbers",
    "spaces",
    "other register",
    "memory alone",
    "list of counts",
    "plain data",
    "another order",
    "few shots",
)
"""Kinds that have all that is needed."""
WIDE = ("all qubits", "padded")
"""Kinds whose bits can be assigned to qubits even when the qubits in use are not the first ones."""
FAILED = ("failed", "failed as a whole")
REFUSED = tuple(kind for kind in TWISTS if kind not in (*RIGHT, *WIDE, *FAILED))
