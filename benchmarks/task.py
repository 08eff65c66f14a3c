"""Benchmark tasks and the methods that compete in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from benchmarks.machine import OURS, version

C = TypeVar("C")
Call: TypeAlias = Callable[[], Any]


def largest_difference(case: object, answer: Any, reference: Any) -> float:
    """Return max |answer − reference|."""
    return float(np.max(np.abs(np.asarray(answer) - np.asarray(reference))))


def no_details(case: object, answer: Any) -> Mapping[str, Any]:
    """Return nothing."""
    return {}


@dataclass(frozen=True)
class Method(Generic[C]):
    """One way to do a task.

    Attributes
    ----------
    name : str
    package : str
        The distribution whose version is reported.
    setup : callable
        Case → a call without arguments that does the work and returns the answer. What a user would keep between calls
        belongs here; it is timed apart.
    ours : bool
    qiskit : bool
        What plain Qiskit's documentation would have one write: named apart in the README's table.
    largest : int, optional
        Larger sizes are left out.
    modules : tuple of str
        Imported before anything is timed.
    note : str
    """

    name: str
    package: str
    setup: Callable[[C], Call]
    ours: bool = False
    qiskit: bool = False
    largest: int | None = None
    modules: tuple[str, ...] = ()
    note: str = ""

    @property
    def version(self) -> str:
        """The versions that a row states, including ours when our code calls another package."""
        packages = [self.package, OURS] if self.ours and self.package != OURS else [self.package]
        return ", ".join(version(name) for name in packages)

    def fits(self, size: int) -> bool:
        """Whether it takes part at this size."""
        return self.largest is None or size <= self.largest


@dataclass(frozen=True)
class Task(Generic[C]):
    """Something that several methods can do.

    Attributes
    ----------
    name, title : str
    case : callable
        Size → the input of all methods, the same in every process.
    methods : tuple of Method
        The first one is ours: ratios are seconds divided by its seconds, and errors are distances from its answer.
    sizes, quick : tuple of int
    tolerance : float
        A method whose error is larger is reported as wrong and not timed.
    error : callable
        (case, answer, reference answer) → float.
    details : callable
        (case, answer) → what else belongs in the row.
    threads : tuple of int
        Numbers of threads to measure with.
    times_setup : bool
        Whether the set-up is repeated and counts: then every row has a ratio with it, too.
    memory : tuple of int
        Sizes at which peak memory is measured, each method in a process of its own.
    unit : str
        What a size counts.
    """

    name: str
    title: str
    case: Callable[[int], C]
    methods: tuple[Method[C], ...]
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    tolerance: float
    error: Callable[[C, Any, Any], float] = largest_difference
    details: Callable[[C, Any], Mapping[str, Any]] = no_details
    threads: tuple[int, ...] = (1, 2)
    times_setup: bool = False
    memory: tuple[int, ...] = ()
    unit: str = "qubits"

    def at(self, size: int) -> tuple[Method[C], ...]:
        """Return the methods that take part at this size."""
        return tuple(method for method in self.methods if method.fits(size))
