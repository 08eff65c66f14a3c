"""The verb vjp: reverse-mode differentiation of a network's predictions, by equilibrium propagation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from qep_qiskit.devices.device import Device
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.layers.kept import Call, Confirm, keeper_of, measured_by
from qep_qiskit.networks.network import Network
from qep_qiskit.progress import Progress, ProgressOption
from qep_qiskit.settings import Options, settings_of, shows_options
from qep_qiskit.verbs.pullback import Pullback, differentiated, problems_of, pullback_of


@shows_options()
def vjp(
    network: Network,
    weights: ArrayLike | Mapping[str, float],
    x: ArrayLike | None,
    cotangent: ArrayLike,
    *,
    run: str | os.PathLike[str] | None = None,
    resubmit: bool = False,
    confirm: Confirm | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Pullback:
    """Return Σ_m v_m ∂⟨O_m⟩/∂w and Σ_m v_m ∂⟨O_m⟩/∂x, the derivatives of the predictions contracted with a cotangent v.

    This is what reverse-mode automatic differentiation asks of a layer whose outputs are the predictions ⟨O_m⟩.

    Parameters
    ----------
    network : Network
    weights : array_like of shape (num_weights,) or mapping
    x : array_like of shape (num_inputs,), or None for a network without inputs
    cotangent : array_like of shape (num_outputs,)
        The factors v_m.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the derivatives are measured: see :class:`~qep_qiskit.settings.Settings`. Without a stencil, shots, mitigation and a
        device, they are the limit β → 0, computed by linear response: the true derivatives of exact and thermal states, and for
        VQE and mean-field states those of the ansatz's predictions. States without such a response use the extrapolated stencil.
    run : path, optional
        A folder that keeps the jobs and the answer. If it holds the same call already, its jobs are found again and none is paid
        twice; it may hold any number of calls on one device. Without it, jobs for a device that bills are sent at once and kept
        only by its service, as those of :func:`gradient`.
    resubmit : bool
        Resubmit the jobs of this call that failed, were cancelled or were lost.
    confirm : callable, optional
        Called before jobs are sent through the run, with their expected price (``jobs``, ``circuits``, ``shots``,
        ``qpu_seconds``, and the ``spent_qpu_seconds`` that the run was billed so far) and the run's store. If it raises an
        exception, they are not sent.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Pullback

    Raises
    ------
    InputError
        If an argument is not allowed, a ground state is degenerate, or the run's folder holds another run.

    Notes
    -----
    The cotangent makes the nudge: H + β Σ_m v_m O_m is prepared at a few β, and ∂H/∂w and ∂H/∂x are measured in the same
    circuits. Beside a small cotangent, shots at a fixed β measure mostly noise; a stencil without a β fits it to the cotangent.
    A batch is a leading axis: `x` of shape (n, num_inputs), `cotangent` of shape (n, num_outputs), or weights of shape (n,
    num_weights); arguments without it are shared by all samples. All circuits of a batch go in one job. Samples whose cotangent
    is zero have derivatives that are exactly zero, and nothing is run for them.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> pulled = qep.vjp(network, [1.0, 0.0, 0.0, 1.0, 1.0], [0.5], [1.0])
    >>> pulled.weights.shape, pulled.inputs.round(4).tolist()
    ((5,), [0.5443])
    """
    problems, batch = problems_of(network, weights, x, cotangent)
    settings = settings_of(vjp, options)
    keeper = keeper_of(vjp, settings, run, resubmit, confirm)
    if keeper is None:
        results = differentiated(problems, settings, options, progress)
        return pullback_of(network, results, batch, exact=settings.shots is None)

    def measure(device: Device, report: Progress) -> list[Gradient | None]:
        return differentiated(problems, settings, {**options, "device": device}, report)

    columns = ((problem.weights, problem.x, problem.cost.cotangent) for problem in problems)  # type: ignore[attr-defined]
    rows = [np.array(column, dtype=float) for column in zip(*columns, strict=True)]
    call = Call("vjp", measured_by(network, settings), settings.seed, rows)
    results = keeper.answer(call, settings.device, measure, progress)
    return pullback_of(network, results, batch, exact=settings.shots is None)
