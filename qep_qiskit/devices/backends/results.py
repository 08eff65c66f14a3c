"""Results of backends and samplers, checked and converted to the shots of every circuit.

Providers return counts or shot memory. Outcomes are bit strings, hexadecimal numbers or whole numbers, in one or several
registers, for the measured qubits or for all qubits. Missing, failed or ambiguous results raise an error of one line; missing
data are never read as the outcome 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray
from qiskit.result import Result

from qep_qiskit.devices.backends.counts import Counts, Entry, counts_of, of_memory, total_of
from qep_qiskit.errors import FailedCircuitError, UnreadableResultError
from qep_qiskit.secrets import scrubbed

REGISTER = "outcome"
"""The classical register that holds the measured qubits."""
IDLE_SHARE = 0.2
"""A qubit without gates is expected to be read as 1 in less than this fraction of shots."""


@dataclass(frozen=True)
class Request:
    """A measured circuit that was sent to a device, without its parameter values.

    Attributes
    ----------
    rows : int
        The number of rows of parameter values; each row is executed separately.
    bits : tuple of int
        The classical bits that hold the measured qubits, in the order of the logical qubits.
    wires : tuple of int
        The wires that are measured into `bits`.
    """

    rows: int
    bits: tuple[int, ...]
    num_clbits: int
    num_qubits: int
    wires: tuple[int, ...]
    name: str = ""

    @classmethod
    def of(cls, circuit: QuantumCircuit, rows: int = 1, name: str = "") -> Request:
        """Return the request for a measured circuit."""
        place = {bit: i for i, bit in enumerate(circuit.clbits)}
        registers = [register for register in circuit.cregs if register.name == REGISTER]
        bits = tuple(place[bit] for bit in (registers[0] if registers else circuit.clbits))
        measured = {
            place[item.clbits[0]]: circuit.find_bit(item.qubits[0]).index
            for item in circuit.data
            if item.operation.name == "measure"
        }
        wires = tuple(measured.get(bit, -1) for bit in bits)
        return cls(rows, bits, circuit.num_clbits, circuit.num_qubits, wires, name)


def circuit_name(tag: str, number: int) -> str:
    """Return the name of a circuit in a job."""
    return f"{tag}.{number}"


def read_result(answer: object, requests: Sequence[Request], *, shots: int, source: str) -> list[BitArray]:
    """Return the shots of every requested circuit, as one `BitArray` of shape (rows,) per circuit.

    Parameters
    ----------
    answer : Result, PrimitiveResult, list of BitArray, counts or list of counts
        The provider's answer.
    shots : int
        The number of shots requested for each row. If a device returns another number, that one is used, with a warning in the
        gradient.

    Raises
    ------
    FailedCircuitError
        If a circuit failed. The message names it and quotes the provider.
    UnreadableResultError
        If results, counts, shots or bits are missing, or their number or kind does not match the request.
    """
    reader = _Reader(tuple(requests), shots, source)
    arrays = _pub_arrays(answer)
    if arrays is not None:
        return reader.from_arrays(arrays)
    return reader.from_counts(answer)


@dataclass(frozen=True)
class _Reader:
    requests: tuple[Request, ...]
    shots: int
    source: str

    def wrong(self, text: str) -> UnreadableResultError:
        return UnreadableResultError(f"device: {self.source} returned a result that cannot be used: {scrubbed(text)[:400]}")

    def check_number(self, found: int, wanted: int) -> None:
        if found != wanted:
            raise self.wrong(f"{found} results for {wanted} circuits")

    # pub results -----------------------------------------------------------------------------------------------------------

    def from_arrays(self, found: list[object]) -> list[BitArray]:
        self.check_number(len(found), len(self.requests))
        return [self._array(number, *pair) for number, pair in enumerate(zip(found, self.requests, strict=True), start=1)]

    def _array(self, number: int, data: object, request: Request) -> BitArray:
        bits = data if isinstance(data, BitArray) else self._register(number, data, request)
        if bits.num_bits != len(request.bits):
            raise self.wrong(f"circuit {number} has {bits.num_bits} bits, {len(request.bits)} were measured")
        if math.prod(bits.shape) != request.rows:
            raise self.wrong(f"circuit {number} has {math.prod(bits.shape)} rows of shots, {request.rows} were requested")
        if bits.num_shots < 2:
            raise self.wrong(f"circuit {number} has {bits.num_shots} shots, {self.shots} were requested")
        return bits if bits.shape == (request.rows,) else bits.reshape((request.rows,))

    def _register(self, number: int, data: Any, request: Request) -> BitArray:
        try:
            fields = dict(data.items())
        except (AttributeError, TypeError, ValueError):
            raise self.wrong(f"circuit {number} has no registers of shots") from None
        bits = fields.get(REGISTER)
        if bits is None:
            fitting = [each for each in fields.values() if isinstance(each, BitArray) and each.num_bits == len(request.bits)]
            if len(fitting) != 1:
                names = ", ".join(repr(name) for name in fields) or "none"
                raise self.wrong(f"circuit {number} has no register {REGISTER!r} (registers: {names})")
            bits = fitting[0]
        if not isinstance(bits, BitArray):
            raise self.wrong(f"register {REGISTER!r} of circuit {number} holds {type(bits).__name__}, not shots")
        return bits

    # counts ----------------------------------------------------------------------------------------------------------------

    def from_counts(self, answer: object) -> list[BitArray]:
        rows = [item for item in self.requests for _ in range(item.rows)]
        entries = self._in_order(self._entries(answer, len(rows)), rows)
        counted = [counts_of(number, entry, self.shots, self.wrong) for number, entry in enumerate(entries, start=1)]
        by_wire = self._by_wire(counted, rows)
        every = [
            self._bits(number, counts, request, by_wire)
            for number, (counts, request) in enumerate(zip(counted, rows, strict=True), start=1)
        ]
        arrays, place = [], 0
        for item in self.requests:
            of_circuit = every[place : place + item.rows]
            place += item.rows
            if len({bits.num_shots for bits in of_circuit}) > 1:
                raise self.wrong("the rows of one circuit have different numbers of shots")
            arrays.append(BitArray(np.concatenate([bits.array for bits in of_circuit]), len(item.bits)))
        return arrays

    def _entries(self, answer: Any, wanted: int) -> list[Entry]:
        """Return one entry per circuit, with its counts."""
        if answer is None:
            raise self.wrong("nothing")
        if hasattr(answer, "quasi_dists"):
            raise self.wrong("quasi-probabilities in place of counts")
        if isinstance(answer, Mapping) and isinstance(answer.get("results"), list):
            answer = self._whole(answer)
        if isinstance(answer, Mapping):
            answer = [answer]
        results = getattr(answer, "results", None)
        if isinstance(results, list | tuple):
            _refuse_failures(answer, results, self.source, wanted)
            self.check_number(len(results), wanted)
            return [self._entry(answer, number, result) for number, result in enumerate(results)]
        if callable(getattr(answer, "get_counts", None)):
            if getattr(answer, "success", True) is False:
                raise FailedCircuitError(f"device: {self.source}: the job failed: {_words(answer)}")
            answer = self._counts_from(answer)
            answer = [answer] if isinstance(answer, Mapping) else answer
        if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
            raise self.wrong(f"{type(answer).__name__} in place of counts")
        parts = list(answer)
        self.check_number(len(parts), wanted)
        return [Entry(part) for part in parts]

    def _whole(self, answer: Mapping[str, Any]) -> Result:
        """Return the result object for a result that a device returned as plain data."""
        try:
            return Result.from_dict(dict(answer))
        except Exception as error:  # the type of error depends on the missing part
            raise self.wrong(f"plain data that is not a whole result ({type(error).__name__}: {error})") from None

    def _counts_from(self, answer: Any, *number: int) -> Any:
        try:
            return answer.get_counts(*number)
        except Exception as error:  # a provider's class may raise anything
            which = f"circuit {number[0] + 1} has no counts" if number else "no counts"
            raise self.wrong(f"{which} ({' '.join(str(error).split())[:200]})") from None

    def _entry(self, answer: Any, number: int, result: Any) -> Entry:
        data = _plain(getattr(result, "data", None))
        header = _plain(getattr(result, "header", None))
        counts, memory = data.get("counts"), data.get("memory")
        if counts is not None and memory is not None and total_of(counts) not in (None, len(memory)):
            raise self.wrong(f"circuit {number + 1} has {len(memory)} shots in memory and {total_of(counts)} in its counts")
        if counts is None and memory is None:
            counts = self._counts_from(answer, number) if callable(getattr(answer, "get_counts", None)) else None
        if counts is None:
            counts = of_memory(number + 1, memory, self.wrong)
        name = header.get("name")
        return Entry(counts, header, name if isinstance(name, str) else "")

    def _in_order(self, entries: list[Entry], rows: list[Request]) -> list[Entry]:
        """Return the entries in the order of the circuits, sorted by their names if the provider kept these."""
        place = {item.name: i for i, item in enumerate(rows) if item.name}
        if len(place) < len(rows):
            return entries
        named = [place.get(entry.name) for entry in entries]
        if all(where is None or where == i for i, where in enumerate(named)):
            return entries
        if None in named or len(set(named)) < len(rows):
            raise self.wrong("its circuits are not those that were sent")
        return [entry for _, entry in sorted(zip(named, entries, strict=True), key=lambda pair: pair[0] or 0)]

    # the order of the bits -------------------------------------------------------------------------------------------------

    def _by_wire(self, found: list[Counts], rows: list[Request]) -> bool:
        """Return whether counts with more bits than the register have one bit per qubit of the device, in qubit order.

        Otherwise they are padded with zeros. They cannot be padded if a bit beyond the register is 1. They cannot have one bit
        per qubit if a qubit without gates would then often be 1.
        """
        wide = [(c, a) for c, a in zip(found, rows, strict=True) if _is_wide(c, a)]
        if not wide:
            return False
        for number, (counts, request) in enumerate(zip(found, rows, strict=True), start=1):
            if _is_wide(counts, request) and counts.width != request.num_qubits:
                width = "more" if counts.width is None else f"{counts.width}"
                raise self.wrong(
                    f"circuit {number} has {width} bits, {len(request.bits)} were measured; nothing says which they are"
                )
        if any(-1 in request.wires for _, request in wide):
            raise self.wrong("its counts are wider than the circuits' registers; nothing says which bits are which")
        padded = not any(value >> a.num_clbits for c, a in wide for value in c.values)
        quiet = all(
            counts.share_of_ones(q) <= IDLE_SHARE
            for counts, request in wide
            for q in set(range(request.num_qubits)) - set(request.wires)
        )
        same = all(a.wires == a.bits for _, a in wide)
        if (padded and same) or padded != quiet:
            return quiet and not padded
        counts, request = wide[0]
        raise self.wrong(f"its counts have {counts.width} bits, {len(request.bits)} were measured; nothing says which they are")

    def _bits(self, number: int, counts: Counts, request: Request, by_wire: bool) -> BitArray:
        places = self._places(number, counts, request, by_wire)
        selected: dict[int, int] = {}
        for value, count in zip(counts.values, counts.numbers, strict=True):
            short = sum((value >> p & 1) << i for i, p in enumerate(places))
            selected[short] = selected.get(short, 0) + count
        return BitArray.from_counts([selected], num_bits=len(places))

    def _places(self, number: int, counts: Counts, request: Request, by_wire: bool) -> tuple[int, ...]:
        width = counts.width
        if width is not None and sum(size for _, size in counts.registers) == width and width > request.num_clbits:
            start = 0
            for name, size in counts.registers:
                if name == REGISTER and size == len(request.bits):
                    return tuple(range(start, start + size))
                start += size
        if _is_wide(counts, request):
            return request.wires if by_wire else request.bits
        if width is None or width == request.num_clbits:
            return request.bits
        raise self.wrong(f"circuit {number} has {width} bits, {len(request.bits)} were measured")


def _is_wide(counts: Counts, request: Request) -> bool:
    """Return whether counts have more bits than the circuit's registers, and no registers that identify the bits."""
    if counts.width is None:
        return any(value >> request.num_clbits for value in counts.values)
    named = any(name == REGISTER and size == len(request.bits) for name, size in counts.registers)
    whole = sum(size for _, size in counts.registers) == counts.width
    return counts.width > request.num_clbits and not (named and whole)


def _pub_arrays(answer: Any) -> list[object] | None:
    """Return the data of every pub of a primitive's result, or None if it is not such a result."""
    if isinstance(answer, str | bytes | Mapping) or hasattr(answer, "get_counts") or not isinstance(answer, Iterable):
        return None
    if hasattr(answer, "quasi_dists") or isinstance(getattr(answer, "results", None), list):
        return None
    parts = list(answer)
    data = [part if isinstance(part, BitArray) else getattr(part, "data", None) for part in parts]
    return data if parts and all(item is not None for item in data) else None


def _refuse_failures(answer: Any, results: Sequence[Any], source: str, wanted: int) -> None:
    for number, result in enumerate(results, start=1):
        if _failed(result):
            raise FailedCircuitError(f"device: {source}: circuit {number} of {wanted} failed: {_words(result, answer)}")
    if getattr(answer, "success", True) is False:
        raise FailedCircuitError(f"device: {source}: the job failed: {_words(answer)}")


def _failed(result: Any) -> bool:
    status = str(getattr(getattr(result, "status", ""), "name", getattr(result, "status", ""))).strip()
    return getattr(result, "success", True) is False or bool(re.match(r"(?i)(error|fail|cancel)", status))


def _words(*told: Any) -> str:
    """Return a provider's message about a failure, from the first of these objects that has one."""
    words = []
    for thing in told:
        for name in ("status", "error_message", "error", "message"):
            value = getattr(thing, name, None)
            if value is not None and not callable(value) and str(value).strip():
                words.append(" ".join(str(getattr(value, "name", value)).split()))
        if words:
            break
    return scrubbed("; ".join(dict.fromkeys(words)))[:300] or "the provider gives no reason"


def _plain(thing: Any) -> dict[str, Any]:
    """Return a part of a result, which may be a mapping or a namespace, as a mapping."""
    if isinstance(thing, Mapping):
        return dict(thing)
    if callable(getattr(thing, "to_dict", None)):
        fields = thing.to_dict()
        return dict(fields) if isinstance(fields, Mapping) else {}
    return dict(vars(thing)) if hasattr(thing, "__dict__") else {}
