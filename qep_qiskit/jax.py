"""Networks as differentiable functions of JAX. Needs the extra ``[jax]``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

try:
    import jax
    import jax.numpy as jnp
except ModuleNotFoundError:
    raise ModuleNotFoundError("qep_qiskit.jax: needs JAX; pip install 'qep-qiskit[jax]'", name="jax") from None

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.layers.function import NetworkFunction
from qep_qiskit.layers.kept import Confirm
from qep_qiskit.networks.network import Network
from qep_qiskit.progress import ProgressOption
from qep_qiskit.settings import Options, shows_options

__all__ = ["layer"]


@shows_options()
def layer(
    network: Network,
    *,
    run: str | os.PathLike[str] | None = None,
    resubmit: bool = False,
    confirm: Confirm | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Callable[[Any, Any], jax.Array]:
    """Return the function (weights, x) ↦ predictions of a network, which JAX differentiates by equilibrium propagation.

    Parameters
    ----------
    network : Network
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

    Returns
    -------
    callable
        A function of `weights`, shape (..., num_weights) in the order of ``network.names``, and `x`, shape (..., num_inputs). It
        returns the predictions ⟨O_m⟩, shape (..., num_outputs). Leading axes are samples; weights without them are shared.

    Raises
    ------
    InputError
        If an option or a shape is not allowed, or the run's folder holds another run.

    Notes
    -----
    ``jax.jit``, ``jax.grad``, ``jax.vjp`` and ``jax.vmap`` work, in any order. The predictions are measured in the forward pass;
    the backward pass nudges the network with the cotangent and measures the same samples once more. All samples under ``vmap`` go
    in one job, as do those of a leading axis. Second derivatives and forward mode (``jax.jvp``, ``jax.hessian``) are refused.

    Inside of ``jax.jit``, the measurement is a ``jax.pure_callback``: JAX may drop calls whose results are not used, and may
    repeat calls. Equal arguments give equal results, even from shots, since the seed of the shots is derived from `seed` and the
    arguments.

    It computes in float64 and returns the type of its arguments, which is float32 unless ``jax_enable_x64`` is set.

    Examples
    --------
    >>> import jax, qep_qiskit as qep
    >>> from qep_qiskit.jax import layer
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> predict = layer(network)
    >>> weights = jax.numpy.asarray(network.weight_vector([1.0, 0.0, 0.0, 1.0, 1.0]))
    >>> batch = jax.numpy.array([[0.5], [-0.5]])
    >>> predict(weights, batch).round(4).tolist() == jax.vmap(predict, (None, 0))(weights, batch).round(4).tolist()
    True
    >>> slope = jax.grad(lambda x: predict(weights, x)[0])(batch[0])
    >>> print(round(float(slope[0]), 3))
    0.544
    """
    function = NetworkFunction(layer, network, options, progress, {"run": run, "resubmit": resubmit, "confirm": confirm})

    def predictions(weights: jax.Array, x: jax.Array) -> jax.Array:
        answer = jax.ShapeDtypeStruct((*x.shape[:-1], network.num_outputs), x.dtype)

        def on_host(*arguments: Any) -> Any:
            return function.predictions(*arguments).astype(x.dtype)

        return _called(on_host, answer, weights, x)

    measured = jax.custom_vjp(predictions)

    def forward(weights: jax.Array, x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        return measured(weights, x), (weights, x)

    def pullback(weights: jax.Array, x: jax.Array, cotangent: jax.Array) -> Any:
        def on_host(*arguments: Any) -> Any:
            return tuple(each.astype(cotangent.dtype) for each in function.pullback(*arguments))

        answer = tuple(jax.ShapeDtypeStruct(each.shape, each.dtype) for each in (weights, x))
        return _called(on_host, answer, weights, x, cotangent)

    def refused(*_: Any) -> Any:
        raise InputError(
            "layer: second derivatives are not measured; differentiate once, or hold the weights of the first derivative fixed "
            "by jax.lax.stop_gradient"
        )

    pulled = jax.custom_jvp(pullback)
    pulled.defjvp(refused)
    measured.defvjp(forward, lambda kept, cotangent: pulled(*kept, cotangent))

    def predict(weights: Any, x: Any) -> jax.Array:
        weights, x = _real("weights", weights), _real("x", x)
        lead, kind = function.lead(weights.shape, x.shape), jnp.result_type(weights, x, float)
        weights, x = (jnp.broadcast_to(each, (*lead, each.shape[-1])).astype(kind) for each in (weights, x))
        return measured(weights, x)

    return predict


def _called(function: Callable[..., Any], answer: Any, *arguments: jax.Array) -> Any:
    """Call a function of NumPy arrays; with arrays at once, so that its errors are one line, and otherwise when JAX has them."""
    if any(isinstance(each, jax.core.Tracer) for each in arguments):
        return jax.pure_callback(function, answer, *arguments, vmap_method="expand_dims")
    return jax.tree.map(jnp.asarray, function(*map(np.asarray, arguments)))


def _real(name: str, values: Any) -> jax.Array:
    """Return real numbers as an array of JAX."""
    try:
        array = jnp.asarray(values)
    except (TypeError, ValueError):
        raise InputError(f"{name}: {shown(values)} is not allowed; give an array of numbers") from None
    if jnp.iscomplexobj(array):
        raise InputError(f"{name}: complex numbers are not allowed; give real ones")
    return array
