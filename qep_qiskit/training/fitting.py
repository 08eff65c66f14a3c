"""The functions `train` and `task_of`, which check the arguments of a training and run it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from numpy.typing import ArrayLike

from qep_qiskit.checks import seed_of, shown, word
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.equilibrium.adaptive_beta import adapted_to_training
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import OptimalShots
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, ProgressOption, showing, silent
from qep_qiskit.runs.new_run import unasked
from qep_qiskit.settings import Options, Settings, settings_of, shows_keywords_of, shows_options
from qep_qiskit.stencils import AdaptiveStencil, AutoStencil
from qep_qiskit.training.data.targets import samples_of
from qep_qiskit.training.life.checkpoints import kept_steps
from qep_qiskit.training.life.hardware import refuse
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.log import Log, OnStep, timed
from qep_qiskit.training.loop.settlement import settled
from qep_qiskit.training.loop.sources import Equilibrium, LinearResponse, Source
from qep_qiskit.training.loop.steps import steps
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.loop.trained import TrainingResult
from qep_qiskit.training.rules.constraints import constraints
from qep_qiskit.training.rules.optimizers import Optimizer, optimizer_of
from qep_qiskit.training.rules.schedules import Schedule, schedule_of
from qep_qiskit.training.rules.step_plan import Planner
from qep_qiskit.workers import Pool, Serial, pool

SOURCES: dict[str, Source] = {"equilibrium": Equilibrium(), "exact": LinearResponse()}
FEW = 8
"""The number of samples from which a training's default β is chosen."""
COMPARISONS = 20
"""The usual number of comparisons with a noise-free gradient in a training on a device that takes jobs."""


class TaskOptions(Options, total=False):
    """The keyword arguments of :func:`task_of`."""

    cost: object
    weights: ArrayLike | Mapping[str, float] | None
    gradient: str | Source
    optimizer: str | Optimizer
    learning_rate: float
    schedule: str | Schedule
    epochs: int
    batch_size: int
    validation: tuple[ArrayLike, ArrayLike] | None
    trainable: Sequence[str] | Mapping[str, bool] | None
    bounds: object
    l2: float
    soft_cutoff: object
    clip: float | None
    early_stopping: int | None
    compare_every: int | None
    warm_starts: bool


@shows_options(seed=0)
def task_of(
    network: Network,
    X: ArrayLike | None = None,
    Y: ArrayLike | None = None,
    *,
    cost: object = "squared_error",
    weights: ArrayLike | Mapping[str, float] | None = None,
    gradient: str | Source = "equilibrium",
    optimizer: str | Optimizer = "adam",
    learning_rate: float = 0.01,
    schedule: str | Schedule = "constant",
    epochs: int = 50,
    batch_size: int = 10,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    trainable: Sequence[str] | Mapping[str, bool] | None = None,
    bounds: object = None,
    l2: float = 0.0,
    soft_cutoff: object = None,
    clip: float | None = None,
    early_stopping: int | None = None,
    compare_every: int | None = None,
    warm_starts: bool = True,
    **options: Unpack[Options],
) -> Task:
    """Return the task that :func:`train` runs, after checking the arguments, which are those of :func:`train`."""
    if not isinstance(network, Network):
        raise InputError(f"train: network is {shown(network)}; give a Network such as qep.ising(...)")
    settings = settings_of(train, {**options, "seed": seed_of(options.get("seed", 0))})
    samples = samples_of(network, X, Y, cost)
    held_out = None
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise InputError(f"validation: {type(validation).__name__} is not allowed; give a pair (X, Y)")
        held_out = samples_of(network, validation[0], validation[1], cost, where="validation ", features=samples.features)
    first = network.weight_vector(network.initial_weights(seed=settings.seed) if weights is None else weights)
    source = _source(gradient, settings)
    stencil = settings.stencil
    if isinstance(stencil, AdaptiveStencil | AutoStencil) and not isinstance(source, Equilibrium):
        settings = replace(settings, stencil=stencil.at(0.1))  # the planner has nothing to choose for other gradients
    elif isinstance(stencil, AdaptiveStencil):
        few = range(0, len(samples), max(1, len(samples) // FEW))
        at_first = [Problem(network, first, samples.X[i], cost=samples.costs[i]) for i in few]
        settings = replace(settings, stencil=adapted_to_training(stencil, at_first, settings.preparer))
    rule = optimizer_of(optimizer)
    name = rule.describe()["name"]
    if not isinstance(settings.shots, int) and name in ("adaptive_shots", "planned_shots"):
        what = "give one number of shots for the first one, not a split" if settings.shots else "give shots for the first one"
        raise InputError(f"optimizer: {name} sets the shots of each step; {what}")
    if isinstance(rule, Planner) and not isinstance(source, Equilibrium):
        raise InputError(f"optimizer: {name} needs the gradient's error bar, circuit by circuit; take gradient = 'equilibrium'")
    task = Task(
        network=network,
        first=first,
        samples=samples,
        held_out=held_out,
        cost=cost,
        source=source,
        settings=settings,
        optimizer=rule,
        schedule=schedule_of(schedule),
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        constraints=constraints(network, trainable=trainable, bounds=bounds, l2=l2, soft_cutoff=soft_cutoff, clip=clip),
        patience=early_stopping,
        compare_every=0 if compare_every is None else compare_every,
        warm=warm_starts,
    )
    if compare_every is None and isinstance(settings.device, RemoteDevice):
        return replace(task, compare_every=-(-task.total_steps // COMPARISONS))
    return task


def _source(gradient: str | Source, settings: Settings) -> Source:
    """Return the source of gradients; refuse settings that do not fit it."""
    if not isinstance(gradient, str):
        if not callable(gradient):
            raise InputError(f"gradient: {shown(gradient)} is not allowed; give one of {', '.join(SOURCES)}, or a Source")
        if isinstance(settings.shots, OptimalShots):
            raise InputError("shots: an optimal split is planned for gradient = 'equilibrium' only; give a number")
        return gradient
    word("gradient", gradient, list(SOURCES))
    measured = (
        settings.shots is not None or not settings.device.exact or reference_state(settings.preparer) is not settings.preparer
    )
    if gradient == "exact" and measured:
        raise InputError(
            "gradient: 'exact' is computed, not measured; leave out shots, device and preparer, or take 'equilibrium'"
        )
    return SOURCES[gradient]


@shows_keywords_of(task_of)
def train(
    network: Network,
    X: ArrayLike | None = None,
    Y: ArrayLike | None = None,
    *,
    run: str | os.PathLike[str] | None = None,
    resubmit: bool = False,
    confirm: Callable[[Mapping[str, Any], Any], None] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    on_step: OnStep | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[TaskOptions],
) -> TrainingResult:
    """Train a network on data.

    Parameters
    ----------
    network : Network
    X : array_like of shape (samples, num_inputs), optional
        Default: one sample without inputs.
    Y : array_like of shape (samples,) or (samples, num_outputs), optional
        Targets: numbers, or class numbers for ``"softmax_cross_entropy"``. May be omitted only if `cost` is a Cost.
    cost : {"squared_error", "squared_error_observable", "softmax_cross_entropy"}, callable or Cost
        A function takes one y and returns its cost, such as ``lambda y: qep.softmax_cross_entropy(y, scale=3.0)``; a Cost is
        used for every sample.
    weights : array_like of shape (num_weights,) or mapping, optional
        The initial weights. Default: ``network.initial_weights(seed)``.
    gradient : {"equilibrium", "exact"}
        Equilibrium propagation with the options below, or the exact gradient by linear response.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        See :class:`~qep_qiskit.settings.Settings`. The circuits of a batch run as one job. Options left to the planner are
        chosen once, for the first sample at the initial weights.
    optimizer : {"adam", "adamax", "sgd", "momentum", "adaptive_shots"} or Optimizer
        Optimizers with other options are in ``qep_qiskit.training``. "adaptive_shots" sets the shots of each step from the
        gradient's error bar (iCANS, Kübler et al. 2020); `shots` is the number for the first step.
    learning_rate : float
    schedule : {"constant", "linear", "cosine", "exponential", "halving"} or callable
        A callable takes (step, steps) and returns the factor of the learning rate.
    epochs, batch_size : int
        Every epoch uses all samples, in an order drawn from (seed, "batch", epoch).
    validation : (X, Y), optional
        Held-out samples, measured after every epoch with the same preparer, device and shots.
    trainable : sequence of str or mapping of str to bool, optional
        Names or groups of the trained weights, such as ``["J", "h[0]"]``; ``{"g": False}`` freezes a group.
    bounds : (low, high) or mapping of name or group to (low, high), optional
    l2 : float
        λ in the penalty λ Σ w².
    soft_cutoff : (cutoff, slope) or mapping of name or group to (cutoff, slope), optional
        The penalty ``slope · max(|w| − cutoff, 0)``: weights beyond the cutoff are drawn back with a constant force.
    clip : float, optional
        The largest allowed norm of the gradient; a longer gradient is shortened to it.
    early_stopping : int, optional
        Stop after this many epochs without a better held-out loss (training loss, if there are no held-out samples), and return
        the weights of the best epoch.
    compare_every : int, optional
        Compare the batch's gradient with a noise-free one every `compare_every` steps, and record cosine and relative error in
        the history. The noise-free one is the exact gradient on up to 16 qubits; beyond, it is the gradient of the same ansatz
        at the same β. 0: never. Default: about 20 times in a training on a device that takes jobs, else never.
    warm_starts : bool
        Start the search for a sample's state from its previous result.
    run : path, optional
        A folder in which every step is stored. If it already holds this training, the training resumes; on simulators the result
        equals that of an uninterrupted one, bit for bit. A device that takes jobs (:func:`qep_qiskit.ibm`) requires a folder:
        its jobs are found again, and none is paid twice.
    resubmit : bool
        Resubmit the jobs of the run that failed, were cancelled or were lost.
    confirm : callable, optional
        Called before the first job is sent, with the expected price (``jobs``, ``circuits``, ``shots``, ``qpu_seconds``,
        ``steps``) and the run's store; an exception stops the training before anything is paid.
    workers : int, optional
        The number of local processes that share each batch, in tasks of eight samples. The result does not depend on the number;
        without workers, a batch of more than eight samples draws other shots.
    scheduler : str, optional
        The address of a dask scheduler whose workers share each batch instead, such as ``"tcp://127.0.0.1:8786"``.
    on_step : callable, optional
        Called with every new :class:`~qep_qiskit.training.Step`.
    progress : {"auto", "off"} or callable
        "auto" shows epoch, loss, shots and the time left in terminals and notebooks if the training takes more than two seconds.
        A function is called with a line of text and the completed share of the training.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If an argument is not allowed, or the run's folder holds another training.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=3, edges="complete", inputs=[0], outputs=[2])
    >>> result = qep.train(network, [[-1.0], [1.0]], [-0.5, 0.5], learning_rate=0.1, epochs=10, batch_size=2)
    >>> result.history[-1]["loss"] < result.history[0]["loss"]
    True
    """
    for name, function in (("on_step", on_step), ("confirm", confirm)):
        if function is not None and not callable(function):
            raise InputError(f"{name}: {shown(function)} is not allowed; give a function")
    if run is not None and not isinstance(run, str | os.PathLike):
        raise InputError(f"run: {shown(run)} is not allowed; give the path of a folder")
    task = task_of(network, X, Y, **options)
    refuse(task, run, workers, scheduler)
    with showing(progress) as report, pool(workers, scheduler) as processes:
        task = spread(task, processes)
        if run is None:
            return gathered(task, on_step=on_step, progress=report)
        confirmation = unasked if confirm is None else confirm
        return kept_steps(task, run, on_step=on_step, confirm=confirmation, resubmit=resubmit, progress=report)


def spread(task: Task, processes: Pool, *, anyway: bool = False) -> Task:
    """Return the task, with its gradients computed by the workers of a pool.

    Without workers, the task is returned unchanged. With `anyway`, its samples are still divided as for workers; the result is
    the same.
    """
    if isinstance(processes, Serial) and not anyway:
        return task
    return replace(task, source=Distributed(task.source, processes))


def gathered(task: Task, *, on_step: OnStep | None = None, progress: Progress = silent) -> TrainingResult:
    """Run a task in memory and return its result."""
    refuse(task, None, None, None)
    log = Log(task)
    planned = log.note_planned(settled(task, progress=progress))
    log.tell(progress)
    for done, seconds in timed(steps(planned, progress=progress)):
        log.add(done, seconds)
        log.tell(progress)
        if on_step is not None:
            on_step(done)
    return log.result()
