"""gradient: plan, execute and reduce in one call."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from datetime import UTC, datetime

from qep_qiskit.devices.named import as_device
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import run, stamped
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import AnyStencil, AutoStencil


def gradient(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: AnyStencil | None = None,
    device: object = None,
    shots: int | Split | OptimalShots | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    warm_start: Gradient | None = None,
    near: Gradient | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Gradient:
    """Return the equilibrium-propagation estimate of dL/dw.

    Parameters
    ----------
    problem : Problem
    preparer : Preparer
        Exact ground states where absent; ``VQE(...)`` and ``Adiabatic(...)`` make circuits.
    stencil : Stencil, AdaptiveStencil or AutoStencil, optional
        By default ``symmetric("adaptive")``: β follows from the gap, the size of the nudge and the shots, so that the bias stays
        below the shot error, or a percent without shots. ``symmetric("auto")`` lets :func:`plan` choose β.
    device : Device, str, BackendV2 or BaseSamplerV2
        The state itself (``statevector()``) where absent. Jobs of a device that bills are sent without a question and are kept by
        its service alone; ``qep_qiskit.runs.submit`` keeps them in a run.
    shots : int, Split or OptimalShots, optional
        Per circuit, that is per basis and phase; exact expectations where absent. :func:`optimal_shots` shares the same total
        out where the predicted error is least.
    mitigation : str
        ``"none"``, ``"tensored"``, ``"m3"``, ``"trex"``, ``"zne"``, ``"zne:exponential:1,3+trex"``: see docs/mitigation.md.
    calibration_shots : int, optional
        Per calibration circuit; as many as `shots` where absent.
    warm_start : Gradient, optional
        Of a similar problem (the last training step's, say): its free phase is where preparation starts.
        ``near=`` is its older name.
    seed : int, optional
        The device's where absent.
    progress : callable, optional
        Called with a stage and the share of it that is done.

    Returns
    -------
    Gradient

    Raises
    ------
    InputError
        For an option that is not allowed, or a degenerate ground state.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 0.0, 0.0, 1.0, 1.0], x=[0.5], cost=qep.SquaredError([1.0]))
    >>> grad = qep.gradient(problem, stencil=qep.symmetric(0.01))
    >>> print(bool(abs(grad.values - qep.exact_gradient(problem).values).max() < 1e-3))
    True
    """
    warm_start = near if warm_start is None else warm_start
    started, clock = datetime.now(UTC), time.perf_counter()
    record = None
    if isinstance(stencil, AutoStencil) or isinstance(shots, OptimalShots):
        device = as_device(device)
        settled = settle(
            problem,
            preparer=preparer,
            stencil=stencil,
            device=device,
            shots=shots,
            mitigation=mitigation,
            calibration_shots=calibration_shots,
            seed=seed,
            progress=progress,
        )
        stencil, shots, record = settled.stencil, settled.shots, settled.record
        calibration_shots = settled.calibration_shots
    assert not isinstance(stencil, AutoStencil)
    done, outcomes = run(
        problem,
        preparer=preparer,
        stencil=stencil,
        device=device,
        shots=shots,
        mitigation=mitigation,
        calibration_shots=calibration_shots,
        warm_start=warm_start,
        seed=seed,
        progress=progress,
    )
    found = reduce(done, outcomes)
    if record is not None:
        found = replace(found, provenance={**found.provenance, "planned": record})
    # a β that the planner chose is large only where shot noise would be worse; its bias is in the plan
    noted = outcomes.ran.notes()  # of the device's noise; they do not stop a program that turns warnings into errors
    texts = () if record is not None else found.diagnostics.warnings
    for text in [text for text in texts if text not in noted]:
        warnings.warn(text, NudgeWarning, stacklevel=2)
    return stamped(found, started, clock)
