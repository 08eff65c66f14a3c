"""gradient: plan, execute and reduce in one call."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from qep_qiskit.checks import seed_of
from qep_qiskit.devices.qiskit_objects import as_device
from qep_qiskit.equilibrium.executed import Outcomes, execute
from qep_qiskit.equilibrium.planned import Plan, advance, plan
from qep_qiskit.equilibrium.reduced import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.errors import InputError, NudgeWarning
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.provenance import versions
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil, AutoStencil, Stencil


def gradient(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: AnyStencil | None = None,
    device: object = None,
    shots: int | Split | OptimalShots | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
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
    near : Gradient, optional
        Of a similar problem (the last training step's, say): its free phase is where preparation starts.
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
    started, clock = datetime.now(UTC), time.perf_counter()
    record = None
    if isinstance(stencil, AutoStencil) or isinstance(shots, OptimalShots):
        from qep_qiskit.planning.settled import settle

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
        near=near,
        seed=seed,
        progress=progress,
    )
    found = reduce(done, outcomes)
    if record is not None:
        found = replace(found, provenance={**found.provenance, "planned": record})
    # a β that the planner chose is large only where shot noise would be worse; its bias is in the plan
    noted = outcomes.ran.notes()  # of the device's noise; they do not stop a program that turns warnings into errors
    texts: list[str] = [] if record is not None else list(found.diagnostics["warnings"])  # type: ignore[call-overload]
    for text in [text for text in texts if text not in noted]:
        warnings.warn(text, NudgeWarning, stacklevel=2)
    return stamped(found, started, clock)


def run(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: Stencil | AdaptiveStencil | None = None,
    device: object = None,
    shots: int | Split | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    near: Gradient | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> tuple[Plan, Outcomes]:
    """Return the last plan and the outcomes of all rounds, so that they can be reduced in more than one way."""
    chosen = as_device(device)
    current = plan(
        problem,
        preparer=Exact() if preparer is None else preparer,
        stencil=stencil,
        shots=shots,
        mitigation=mitigation,
        calibration_shots=calibration_shots,
        near=start_from(near, problem),
        seed=chosen.seed if seed is None else seed_of(seed),
        progress=progress,
    )
    return finish(current, lambda part, earlier: execute(part, chosen, earlier=earlier, progress=progress), progress)


def finish(
    first: Plan, executed: Callable[[Plan, Outcomes | None], Outcomes], progress: Progress = silent
) -> tuple[Plan, Outcomes]:
    """Run the rounds of a plan with a function that executes one."""
    outcomes = executed(first, None)
    if first.complete:
        return first, outcomes
    second = advance(first, observed_free(first, outcomes), progress=progress)
    return second, outcomes.followed_by(executed(second, outcomes))


def start_from(near: Gradient | Prepared | None, problem: Problem) -> Prepared | None:
    """Return the prepared free phase of a nearby gradient. Raises InputError for one of another network."""
    if near is None or isinstance(near, Prepared):
        return near
    if not isinstance(near, Gradient):
        raise InputError(f"near: {near!r} is not allowed; give the qep.Gradient of a similar problem")
    if near.names != problem.network.names:
        raise InputError(
            f"near: that gradient has {len(near.names)} weights of other names than this network's {len(problem.network.names)}; "
            "give one of the same network"
        )
    return near.free


def stamped(found: Gradient, started: datetime, clock: float) -> Gradient:
    """Return the gradient with versions and times in its provenance."""
    more = {
        "versions": versions(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
    }
    return replace(checked(found), provenance={**found.provenance, **more})
