"""Counts in the many formats of providers, checked and converted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Wrong = Callable[[str], Exception]
"""A function that returns the error for a message."""
MOST_SHOTS = 10**7
"""If a circuit has more shots than this, and more than twice those requested, its counts are refused to save memory."""


@dataclass(frozen=True)
class Counts:
    """The counts of one circuit by outcome (a whole number), with the width and registers of the original bit strings."""

    values: list[int]
    numbers: list[int]
    width: int | None
    registers: tuple[tuple[str, int], ...]

    def share_of_ones(self, bit: int) -> float:
        """Return the fraction of shots in which a bit was 1."""
        return sum(n for v, n in zip(self.values, self.numbers, strict=True) if v >> bit & 1) / sum(self.numbers)


@dataclass(frozen=True)
class Entry:
    """A provider's answer for one circuit: counts, the header of its result, and the circuit's name."""

    counts: object
    header: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


def counts_of(number: int, entry: Entry, shots: int, wrong: Wrong) -> Counts:
    """Return the checked counts of a circuit."""
    if not isinstance(entry.counts, Mapping):
        raise wrong(f"circuit {number} has {type(entry.counts).__name__} in place of counts")
    if not entry.counts:
        raise wrong(f"circuit {number} has no counts")
    merged: dict[int, int] = {}
    widths: set[int | None] = set()
    for key, count in entry.counts.items():
        value, width = _key(number, key, wrong)
        whole = _whole(number, key, count, wrong)
        widths.add(width)
        merged[value] = merged.get(value, 0) + whole
    if len(widths) > 1:
        raise wrong(f"the outcomes of circuit {number} are of different lengths")
    total = sum(merged.values())
    if total < 2:
        raise wrong(f"circuit {number} has {total} shots, {shots} were requested (shares in place of counts?)")
    if total > max(MOST_SHOTS, 2 * shots):
        raise wrong(f"circuit {number} has {total} shots, {shots} were requested")
    observed = {value: count for value, count in merged.items() if count}
    width = next(iter(widths))
    try:
        registers = tuple((str(name), int(size)) for name, size in entry.header.get("creg_sizes") or ())
    except (TypeError, ValueError):
        raise wrong(f"the header of circuit {number} is damaged") from None
    slots = entry.header.get("memory_slots")
    if width is None and isinstance(slots, int | np.integer) and not isinstance(slots, bool):
        width = int(slots)
        if any(value >> width for value in observed):
            raise wrong(f"circuit {number} has outcomes of more bits than the {width} that it names")
    return Counts(list(observed), list(observed.values()), width, registers)


def _key(number: int, key: object, wrong: Wrong) -> tuple[int, int | None]:
    """Return an outcome as a whole number, and its number of bits (None if the key does not show it)."""
    if isinstance(key, bytes):
        key = key.decode("ascii", "replace")
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and key >= 0:
        return int(key), None
    if isinstance(key, str):
        text = re.sub(r"[\s_]", "", key)
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
            return int(text, 16), None
        text = text[2:] if text[:2] in ("0b", "0B") else text
        if re.fullmatch(r"[01]+", text):
            return int(text, 2), len(text)
    raise wrong(f"circuit {number} has {_shown(key)} among its outcomes; they are bit strings, 0x… or whole numbers")


def _whole(number: int, key: object, count: object, wrong: Wrong) -> int:
    if isinstance(count, float | np.floating) and math.isfinite(count) and float(count).is_integer():
        count = int(count)
    if isinstance(count, int | np.integer) and not isinstance(count, bool) and count >= 0:
        return int(count)
    what = f"{_shown(count)} as the count of {_shown(key)}"
    raise wrong(f"circuit {number} has {what}; counts are whole numbers from 0 on")


def of_memory(number: int, memory: object, wrong: Wrong) -> dict[object, int]:
    """Return the counts of a list of single shots."""
    if not isinstance(memory, list | tuple) or not all(isinstance(shot, str | bytes | int) for shot in memory):
        raise wrong(f"circuit {number} has no counts")
    totals: dict[object, int] = {}
    for shot in memory:
        totals[shot] = totals.get(shot, 0) + 1
    return totals


def total_of(counts: object) -> int | None:
    """Return the total number of counts, or None if it cannot be computed."""
    if not isinstance(counts, Mapping):
        return None
    try:
        return int(sum(counts.values()))
    except (TypeError, ValueError, OverflowError):
        return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
