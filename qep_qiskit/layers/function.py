"""A network as a function of arrays, with its pullback: what the layers for JAX and PyTorch call."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import refuse_larger
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.equilibrium.plan import refuse_without_qubits
from qep_qiskit.errors import InputError
from qep_qiskit.layers.kept import Call, RunOptions, keeper_of, measured_by
from qep_qiskit.layers.vjp import vjp
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.exact import Exact, refuse_size
from qep_qiskit.progress import ProgressOption, check_progress
from qep_qiskit.seeds import integer
from qep_qiskit.settings import Settings, settings_of
from qep_qiskit.verbs.predictions import predictions
from qep_qiskit.verbs.pullback import problems_of

Array = NDArray[np.float64]


class NetworkFunction:
    """The function (weights, x) ↦ predictions of a network, and its pullback, for arrays with any leading axes.

    All samples of a call go in one job. Equal arguments give equal results, even from shots: the seed of the shots is derived
    from the seed of the options and the arguments, so that a training draws new shots in every step.

    Parameters
    ----------
    verb : callable
        The public function or class that was called, for error messages.
    network : Network
    options : mapping
        The options of :func:`qep_qiskit.vjp`, without those of its run.
    kept : mapping
        Where the calls are kept: the keywords `run`, `resubmit` and `confirm` of :func:`qep_qiskit.vjp`.
    """

    def __init__(
        self,
        verb: Callable[..., Any],
        network: Network,
        options: Mapping[str, Any],
        progress: ProgressOption = "auto",
        kept: RunOptions | None = None,
    ) -> None:
        if not isinstance(network, Network):
            raise InputError(f"network: {shown(network)} is not allowed; give a Network such as qep.ising(...)")
        check_progress(progress)
        self.network, self.options, self.progress = network, dict(options), progress
        settings = settings_of(verb, options)
        if isinstance(settings.shots, Split | OptimalShots):
            raise InputError(
                f"shots: {shown(settings.shots)} is not allowed for a layer, which also predicts; give a whole number, or leave "
                "it out"
            )
        self._seed, self._draws, self._device = settings.seed, settings.shots is not None, settings.device
        self.keeper = keeper_of(verb, settings, **(kept or {}))
        if self.keeper is None and isinstance(settings.device, RemoteDevice):
            name = settings.device.name
            raise InputError(
                f"run: missing; jobs on {name} are paid for, and only a run keeps them: give a folder, such as "
                f"run='hardware_runs/{name}-layer'"
            )
        self._measured = None if self.keeper is None else measured_by(network, settings)
        _refuse_at_once(network, settings)

    def lead(self, weights: tuple[int, ...], x: tuple[int, ...]) -> tuple[int, ...]:
        """Return the leading axes that two shapes have in common; raise InputError if the shapes do not fit the network."""
        for name, shape, count, what in (
            ("weights", weights, self.network.num_weights, "weight, in the order of network.names"),
            ("x", x, self.network.num_inputs, "input"),
        ):
            if shape[-1:] != (count,):
                raise InputError(f"{name}: shape {shape} is not allowed; its last axis must have {count} numbers, one per {what}")
        try:
            return np.broadcast_shapes(weights[:-1], x[:-1])
        except ValueError:
            raise InputError(
                f"x: shape {x} does not fit weights of shape {weights}; their leading axes, those of the samples, must be equal"
            ) from None

    def predictions(self, weights: Any, x: Any) -> Array:
        """Return the predictions, shape (..., num_outputs), for weights (..., num_weights) and inputs (..., num_inputs)."""
        lead, rows = _rows(weights, x)
        if not len(rows[0]):
            return np.zeros((*lead, self.network.num_outputs))

        def measure(options: Mapping[str, Any], progress: ProgressOption) -> Array:
            return predictions(self.network, *rows, progress=progress, **options)[0]

        return self._answer("predictions", rows, measure).reshape(*lead, self.network.num_outputs)

    def pullback(self, weights: Any, x: Any, cotangent: Any) -> tuple[Array, Array]:
        """Return Σ_m v_m ∂⟨O_m⟩/∂w and Σ_m v_m ∂⟨O_m⟩/∂x of every sample, in the shapes of the weights and the inputs."""
        lead, rows = _rows(weights, x, cotangent)
        shapes = (*lead, self.network.num_weights), (*lead, self.network.num_inputs)
        if not len(rows[0]):
            return np.zeros(shapes[0]), np.zeros(shapes[1])

        def measure(options: Mapping[str, Any], progress: ProgressOption) -> tuple[Array, Array]:
            pulled = vjp(self.network, *rows, progress=progress, **options)
            return pulled.weights, pulled.inputs

        of_weights, of_x = self._answer("pullback", rows, measure)
        return of_weights.reshape(shapes[0]), of_x.reshape(shapes[1])

    def _answer(self, purpose: str, rows: Sequence[Array], measure: Callable[[Mapping[str, Any], ProgressOption], Any]) -> Any:
        """Return what a call measures with the options, or what the run has kept of it."""
        options = self._seeded(purpose, *rows)
        if self.keeper is None or self._measured is None:
            return measure(options, self.progress)
        weights, x, *cotangents = rows
        problems_of(self.network, weights, x, *(cotangents or [np.zeros(self.network.num_outputs)]))  # checks them
        call = Call(purpose, self._measured, options["seed"] if self._draws else self._seed, rows)

        def through_the_run(device: Device, progress: ProgressOption) -> Any:
            return measure({**options, "device": device}, progress)

        return self.keeper.answer(call, self._device, through_the_run, self.progress)

    def _seeded(self, purpose: str, *arguments: Array) -> dict[str, Any]:
        """Return the options with the seed of a call; without shots, that of the options, with which states are searched."""
        if not self._draws:
            return self.options
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(rows).tobytes() for rows in arguments)).digest()
        return {**self.options, "seed": integer(self._seed, purpose, int.from_bytes(digest[:8], "big"))}


def _refuse_at_once(network: Network, settings: Settings) -> None:
    """Refuse what no call could do: inside of jit, JAX would bury the message in a traceback."""
    zeros = np.zeros(network.num_inputs), np.zeros(network.num_outputs)
    [problem], _ = problems_of(network, network.initial_weights(seed=0), *zeros)
    refuse_without_qubits(problem, settings.preparer, settings.shots)
    if network.closed_form:
        return
    if isinstance(settings.preparer, Exact):
        refuse_size(network.num_qubits)
    here = not isinstance(settings.device, RemoteDevice)  # a service is not asked before the first call
    if here and (backend := backend_of(settings.device)) is not None:
        refuse_larger(backend, network.num_qubits)


def _rows(*arrays: Any) -> tuple[tuple[int, ...], list[Array]]:
    """Return the common leading axes of arrays, and the arrays as float64 tables with one row per sample."""
    numbers = [np.asarray(array, dtype=float) for array in arrays]
    lead = np.broadcast_shapes(*(each.shape[:-1] for each in numbers))
    samples = math.prod(lead)  # not -1, which an axis without inputs leaves open
    return lead, [np.broadcast_to(each, (*lead, each.shape[-1])).reshape(samples, each.shape[-1]) for each in numbers]
