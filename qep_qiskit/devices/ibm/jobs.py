"""Jobs of the IBM service: retrieval by id, and comparison of their inputs with those of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.digests import DECIMALS, of_circuit
from qep_qiskit.devices.remote import RunPub
from qep_qiskit.errors import DeviceError, ForgottenJobError


def job_of(service: Any, job_id: str) -> Any:
    """Return a job by its id.

    Raises
    ------
    ForgottenJobError
        If the service has no such job, or has deleted it.
    """
    from qiskit_ibm_runtime import RuntimeJobNotFound

    try:
        return service.job(job_id)
    except RuntimeJobNotFound:
        why = "it expired, was deleted, or belongs to another account"
        raise ForgottenJobError(f"device: job {job_id} is unknown to the service: {why}") from None


def result_of(job: Any, timeout: float) -> Any:
    """Return the result of a completed job.

    Raises
    ------
    ForgottenJobError
        If the service no longer has the result; that of a private job can be read only once.
    """
    try:
        return job.result(timeout=timeout)
    except Exception as error:
        if getattr(error, "status_code", None) == 404:
            raise ForgottenJobError(f"device: the service has no result of job {job.job_id()}, or none any more") from None
        raise


def same_inputs(inputs: Mapping[str, Any] | None, pubs: Sequence[RunPub], shots: int) -> bool | None:
    """Return whether a job's inputs are these circuits, values and shots, or None if the inputs cannot be read.

    Twirled circuits are stored as templates with different gates. Only their couplings, values and shots are compared.
    """
    try:
        program = (inputs or {})["quantum_program"]
        circuits = [item.circuit for item in program.items]
        items = [_read(item) for item in program.items]
    except (KeyError, TypeError, AttributeError):  # the client returns the inputs in another form, or not at all
        return None
    if len(items) != len(pubs):
        return False
    for circuit, (values, randomizations), pub in zip(circuits, items, pubs, strict=True):
        plain = randomizations is None
        if (program.shots != shots) if plain else (program.shots * int(randomizations or 1) < shots):
            return False
        alike = of_circuit(circuit) == of_circuit(pub.circuit) if plain else _couplings(circuit) == _couplings(pub.circuit)
        if not alike or not _equal(values, pub.values):
            return False
    return True


def _read(item: Any) -> tuple[NDArray[np.float64], int | None]:
    """Return an item's rows of values and, if it is twirled, its number of randomisations."""
    given = getattr(item, "circuit_arguments", None)
    if given is not None:
        return np.asarray(given, dtype=float), None
    arguments = dict(item.samplex_arguments)
    return np.asarray(arguments.get("parameter_values", np.zeros(0)), dtype=float), int(item.shape[0])


def _couplings(circuit: QuantumCircuit) -> Counter[tuple[str, tuple[int, ...]]]:
    places = [(i.operation.name, tuple(circuit.find_bit(q).index for q in i.qubits)) for i in circuit.data]
    return Counter((name, qubits) for name, qubits in places if len(qubits) == 2 and name != "barrier")


def _equal(values: NDArray[np.float64], wanted: NDArray[np.float64]) -> bool:
    actual = np.asarray(values, dtype=float).reshape(-1)
    expected = np.asarray(wanted, dtype=float).reshape(-1)
    return actual.shape == expected.shape and bool(np.all(np.abs(actual - expected) <= 10.0**-DECIMALS))


@contextmanager
def named_if_left(jobs: Sequence[str], tag: str, device: str) -> Iterator[None]:
    """Name the jobs in the error if sending or waiting for them ends early: they are billed, and their results remain available.

    Parameters
    ----------
    jobs : sequence of str
        The ids of the jobs sent so far. A job whose reply was lost has no id here, but it has the tag.
    """

    def left() -> str:
        sent = f"job {', '.join(jobs)} on {device} keeps its results at the service; all jobs of this call have the tag {tag}"
        unsent = f"if a job was made all the same, it has the tag {tag}"
        return f"{sent if jobs else unsent}; qep_qiskit.runs.submit keeps jobs in a run"

    try:
        yield
    except DeviceError as error:
        raise type(error)(f"{error}; {left()}") from None
    except KeyboardInterrupt as error:
        error.add_note(left())
        raise
