"""Networks as layers of PyTorch. Needs the extra ``[torch]``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Unpack

try:
    import torch
except ModuleNotFoundError:
    raise ModuleNotFoundError("qep_qiskit.torch: needs PyTorch; pip install 'qep-qiskit[torch]'", name="torch") from None

import numpy as np
from numpy.typing import ArrayLike

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.layers.function import NetworkFunction
from qep_qiskit.layers.kept import Confirm
from qep_qiskit.networks.network import Network
from qep_qiskit.progress import ProgressOption
from qep_qiskit.settings import Options, shows_options

__all__ = ["Layer"]


class _Predictions(torch.autograd.Function):
    """The predictions of a network, whose derivative is a pullback by equilibrium propagation."""

    @staticmethod
    def forward(function: NetworkFunction, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return _tensor(function.predictions(_array(weights), _array(x)), like=x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.function, weights, x = inputs
        ctx.save_for_backward(weights, x)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[Any, ...]:
        return None, *_Pullback.apply(ctx.function, *ctx.saved_tensors, cotangent)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], function: NetworkFunction, *tensors: torch.Tensor) -> tuple[Any, int]:
        return _Predictions.apply(function, *_batched(info, in_dims, tensors)), 0


class _Pullback(torch.autograd.Function):
    """The pullback of a cotangent to the weights and the inputs."""

    @staticmethod
    def forward(
        function: NetworkFunction, weights: torch.Tensor, x: torch.Tensor, cotangent: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        of_weights, of_x = function.pullback(_array(weights), _array(x), _array(cotangent))
        return _tensor(of_weights, like=weights), _tensor(of_x, like=x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        raise RuntimeError("qep_qiskit.torch.Layer has no second derivatives; differentiate it once")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], function: NetworkFunction, *tensors: torch.Tensor) -> tuple[Any, Any]:
        return _Pullback.apply(function, *_batched(info, in_dims, tensors)), (0, 0)


@shows_options()
class Layer(torch.nn.Module):
    """A network as a layer, whose predictions PyTorch differentiates by equilibrium propagation.

    Parameters
    ----------
    network : Network
    weights : array_like of shape (num_weights,) or mapping, optional
        The first weights. Default: ``network.initial_weights(seed)``.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How predictions and derivatives are measured: see :func:`qep_qiskit.vjp`. By default, both are exact.
    run : path, optional
        A folder that keeps the answers, and the jobs of a device that bills, which needs one. A program that was stopped and is
        started again finds both by the content of its calls, so that no job is paid twice. Layers on the same device can share
        a folder.
    resubmit : bool
        Resubmit the jobs of a call that failed, were cancelled or were lost.
    confirm : callable, optional
        Called before jobs are sent through the run, with their price: see :func:`qep_qiskit.vjp`.
    progress : {"auto", "off"} or callable
        See :func:`qep_qiskit.gradient`.

    Attributes
    ----------
    weights : torch.nn.Parameter of shape (num_weights,)
        In the order of ``network.names``.

    Raises
    ------
    InputError
        If an option or a shape is not allowed, or the run's folder holds another run.

    Notes
    -----
    ``layer(x)`` takes inputs of shape (..., num_inputs) and returns the predictions ⟨O_m⟩, shape (..., num_outputs). Leading axes
    are samples, and all samples of a call go in one job. The predictions are measured in the forward pass; the backward pass
    nudges the network with the cotangent and measures the same samples once more. ``torch.func.grad`` and ``torch.vmap``
    work, too. There are no second derivatives.

    Equal arguments give equal results, even from shots, since the seed of the shots is derived from `seed` and the arguments.
    It computes in float64 on the CPU and returns the type and the device of `x`; for whole numbers the
    type of the weights. The weights have PyTorch's default type.

    Examples
    --------
    >>> import torch, qep_qiskit as qep
    >>> from qep_qiskit.torch import Layer
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> layer = Layer(network, weights=[1.0, 0.0, 0.0, 1.0, 1.0])
    >>> layer(torch.tensor([[0.5], [-0.5]])).sum().backward()
    >>> layer.weights.grad.shape
    torch.Size([5])
    """

    def __init__(
        self,
        network: Network,
        *,
        weights: ArrayLike | Mapping[str, float] | None = None,
        run: str | os.PathLike[str] | None = None,
        resubmit: bool = False,
        confirm: Confirm | None = None,
        progress: ProgressOption = "auto",
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self.function = NetworkFunction(
            type(self), network, options, progress, {"run": run, "resubmit": resubmit, "confirm": confirm}
        )
        first = network.initial_weights(seed=options.get("seed") or 0) if weights is None else weights
        first = _array(first) if isinstance(first, torch.Tensor) else first
        self.weights = torch.nn.Parameter(torch.tensor(network.weight_vector(first), dtype=torch.get_default_dtype()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the predictions, shape (..., num_outputs), for inputs of shape (..., num_inputs)."""
        if not isinstance(x, torch.Tensor):
            raise InputError(f"x: {shown(x)} is not allowed; give a tensor of real numbers")
        if x.is_complex():
            raise InputError("x: complex numbers are not allowed; give a tensor of real numbers")
        x = x if x.is_floating_point() else x.to(self.weights.dtype)
        lead = self.function.lead(tuple(self.weights.shape), tuple(x.shape))
        return _Predictions.apply(self.function, self.weights.expand(*lead, -1), x.expand(*lead, -1))

    def extra_repr(self) -> str:
        """Return the network and the options, for printing."""
        return ", ".join([repr(self.function.network), *(f"{name}={value!r}" for name, value in self.function.options.items())])


def _batched(info: Any, in_dims: tuple[Any, ...], tensors: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """Return tensors under vmap with the axis of samples first, repeated where a tensor does not have it."""
    pairs = zip(tensors, in_dims[1:], strict=True)
    return [t.expand(info.batch_size, *t.shape) if place is None else t.movedim(place, 0) for t, place in pairs]


def _array(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().to(torch.float64).numpy()  # NumPy has no bfloat16


def _tensor(array: Any, *, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(array), dtype=like.dtype, device=like.device)
