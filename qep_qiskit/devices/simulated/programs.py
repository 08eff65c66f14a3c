"""Programs that simulate compiled circuits, kept in the cache of a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices, Unsuited, state_of

Program = TypeVar("Program")


def program_of(kind: str, compiled: Compiled, model: NoiseModel | None, cache: Cache, make: Callable[[], Program]) -> Program:
    """Return the program of a compiled circuit under a noise model, from the cache if the model has not changed.

    Parameters
    ----------
    kind : str
        The kind of program.
    make : callable
        A function that makes the program if the cache does not have it. The reason of an Unsuited error is kept, too.

    Raises
    ------
    Unsuited
        If no program can be made.
    """

    def attempt() -> Program | str:
        try:
            return make()
        except Unsuited as reason:
            return str(reason)

    state = None if model is None else state_of(model)
    program: Program | str = cache.kept((kind, compiled.digest, state), attempt, anchor=model)
    if isinstance(program, str):
        raise Unsuited(program)
    return program


def matrices_of(model: NoiseModel, cache: Cache) -> NoiseMatrices:
    """Return the transfer matrices of a noise model's errors, from the cache if the model has not changed."""
    matrices: NoiseMatrices = cache.kept(("noise matrices", state_of(model)), lambda: NoiseMatrices(model), anchor=model)
    return matrices
