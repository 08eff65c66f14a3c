"""Python functions for runs, one for each verb of the command line.

A run is given by its folder, or by its name under ``hardware_runs/``. Every function opens the run, does all that is possible
now, and closes it, so that another process may continue it at any time.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from pathlib import Path

from qiskit.providers import BackendV2

from qep_qiskit.devices.backends.backend_device import BackendDevice
from qep_qiskit.devices.backends.provider import provider_device
from qep_qiskit.devices.remote import UNDER_WAY, RemoteDevice
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.experiment import Spec, load
from qep_qiskit.experiment.loading import validated
from qep_qiskit.experiment.overrides import apply
from qep_qiskit.files import typed
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.runs.calls import refuse_layer
from qep_qiskit.runs.file.folders import dated_folder, find_run
from qep_qiskit.runs.file.records import FORGOTTEN
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.cancelling import cancel_jobs
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.lifecycle import Lifecycle, read_again
from qep_qiskit.runs.listing import Summary, summary
from qep_qiskit.runs.new_run import Confirm, begin, unasked
from qep_qiskit.runs.stored_results import measured

Name = str | os.PathLike[str]


class ForeignDeviceError(InputError):
    """The device of a run is known only to the Python program that sent the run."""


def submit(
    spec: Spec | Name,
    *,
    device: object = None,
    run: Name | None = None,
    confirm: Confirm = unasked,
    progress: ProgressOption = "auto",
) -> Path:
    """Plan a run, record it and send its first round.

    Parameters
    ----------
    spec : Spec or path of a TOML file
    device : str, RemoteDevice or BackendV2, optional
        Default: the device of the spec. A name such as ``"ibm_torino"`` replaces the spec's ``device.name``.
    run : path, optional
        The run's folder; default: a new one under ``hardware_runs/``.
    confirm : callable
        Called with the plan and the store before a round is sent. An exception stops the run, which can be resumed.
    progress : {"auto", "off"} or callable
        See :func:`qep_qiskit.gradient`.

    Returns
    -------
    Path
        The run's folder.

    Raises
    ------
    InputError
        If the device does not take jobs, or the folder already has a run.
    DeviceError
        If the service fails. The run stays on disk; :func:`collect` resumes it.
    """
    loaded = spec if isinstance(spec, Spec) else load(spec)
    if isinstance(device, str):
        loaded, device = on_device(loaded, device), None
    home = dated_folder("run" if loaded.path is None else loaded.path.stem) if run is None else Path(run)
    with showing(progress) as report:
        life = begin(loaded, remote(loaded if device is None else device), home, confirm=confirm, progress=report)
        with life.store:
            life.advance()
    return home


def collect(
    run: Name,
    *,
    device: object = None,
    resubmit: bool = False,
    mitigation: str | None = None,
    confirm: Confirm = unasked,
    progress: ProgressOption = "auto",
) -> Gradient | None:
    """Fetch the results that are ready, and send the next round if there is one.

    Parameters
    ----------
    run : path or name
    device : str, RemoteDevice or BackendV2, optional
        Default: the device of the run.
    resubmit : bool
        Resubmit jobs that failed, were cancelled or lost, are no longer known to the service, or have a result that still cannot
        be used.
    mitigation : str, optional
        Evaluate the stored counts with this mitigation; nothing is sent.
    confirm, progress
        See :func:`submit`.

    Returns
    -------
    Gradient or None
        None while jobs are under way.
    """
    with open_run(run, write=True) as store:
        refuse_others(store)
        gradient = kept_gradient(store, mitigation, device)
        if gradient is not None:
            return gradient
        with showing(progress) as report:
            life = Lifecycle(store, spec_of(store), device_of(store, device), confirm=confirm, progress=report)
            if resubmit:
                life.resubmit()
            return life.advance()


def kept_gradient(store: RunStore, mitigation: str | None = None, device: object = None) -> Gradient | None:
    """Return a run's gradient from its stored counts if a mitigation is given or the device is unavailable; else None.

    Raises
    ------
    ForeignDeviceError
        If the run has no gradient yet, and only the Python program that sent it knows its device.
    """
    spec = spec_of(store)
    if mitigation is not None:
        return read_again(store, spec, mitigation)
    try:
        device_of(store, device)
    except ForeignDeviceError:
        if not store.gradients():
            raise
        return reduce(*measured(store, spec))
    return None


def status(run: Name, *, device: object = None, ask: bool = True) -> Summary:
    """Return a summary of a run, with the current states of its jobs at the service.

    If `ask` is False, or only the Python program that sent the run knows its device, the recorded states are returned. Nothing
    is written.
    """
    folder = find_run(run)
    stored = summary(folder)
    if not ask or stored.state not in ("waiting", FORGOTTEN):
        return stored
    with open_run(folder) as store:
        try:
            where = device_of(store, device)
        except ForeignDeviceError:
            return stored
        states = Counter(state for state, _ in asked_states(store, where).values())
    return Summary(**{**vars(stored), "jobs": dict(states)})


def asked_states(store: RunStore, device: RemoteDevice) -> dict[str, tuple[str, str]]:
    """Return the current state of every job by its tag, with a reason, the service's word for the state, or an error.

    If the service cannot be asked about a job, the recorded state is returned. Nothing is written.
    """
    courier = Courier(store, device)
    states = {}
    for job in store.jobs():
        states[job.tag] = (job.state, str(job.detail.get("reason", "")))
        if job.job_id is None or store.result(job.tag) is not None or job.state not in (*UNDER_WAY, FORGOTTEN):
            continue
        try:
            states[job.tag] = courier.asked(job.job_id)
        except DeviceError as error:
            states[job.tag] = (job.state, f"could not be asked: {str(error).removeprefix('device: ')}")
    return states


def cancel(run: Name, *, device: object = None) -> list[str]:
    """Cancel all unfinished jobs of a run. Collected results are kept.

    Returns
    -------
    list of str
        The ids of the cancelled jobs.

    Raises
    ------
    DeviceError
        If a job may still be under way; raised after every job has been tried.
    """
    with open_run(run, write=True) as store:
        ends = cancel_jobs(Courier(store, device_of(store, device)))
    left = [f"{end.title}: {end.text}" for end in ends if not end.handled]
    if left:
        raise DeviceError("; ".join(left))
    return [job_id for end in ends for job_id in end.cancelled]


def open_run(run: Name, *, write: bool = False) -> RunStore:
    """Open a run, for use in a ``with`` block. See `RunStore`."""
    return RunStore.open(find_run(run), write=write)


def refuse_others(store: RunStore) -> None:
    """Raise InputError if the run is a training or a layer's, for verbs that need the run of a gradient."""
    refuse_layer(store)
    if store.description.get("kind") == "training":
        raise InputError(f"run: {store.folder} is a training; `qep train --resume {typed(store.folder)}` resumes it")


def spec_of(store: RunStore) -> Spec:
    """Return the spec of a run: the copy in its file, even if spec.toml has changed since."""
    if store.description.get("from") == "python":
        raise InputError(f"run: {store.folder} was begun from Python and has no spec; give its device to qep_qiskit.runs")
    return validated(tomllib.loads(store.spec_text), path=store.folder / "spec.toml")


def device_of(store: RunStore, device: object = None) -> RemoteDevice:
    """Return the device of a run: the given one, or else the one that its spec names.

    Raises
    ------
    ForeignDeviceError
        If no device is given, and the run was sent to another one than its spec names.
    """
    if device is not None:
        return remote(on_device(spec_of(store), device) if isinstance(device, str) else device)
    named, sent = spec_of(store).device(), str(store.description.get("device", ""))
    if not isinstance(named, RemoteDevice) and named.name == sent:
        raise InputError(f"run: {store.folder} was measured on {sent!r}, which answers at once, so it has no jobs")
    if not isinstance(named, RemoteDevice) or (sent and named.name != sent):
        raise ForeignDeviceError(
            f"run: {store.folder} was sent to {sent!r} by a Python program; its spec names {named.name!r}. Resume it in "
            f"Python with that device: qep_qiskit.runs.collect({str(store.folder)!r}, device=...)"
        )
    return named


def on_device(spec: Spec, name: str) -> Spec:
    """Return a spec with another device's name, as `--device NAME` does."""
    return validated(apply(spec.tables, [("device.name", name)]), path=spec.path)


def remote(device: object) -> RemoteDevice:
    """Return a remote device, from a device, a provider's backend or a spec."""
    target = device.device() if isinstance(device, Spec) else device
    if isinstance(target, BackendV2):
        target = provider_device(target)
    elif type(target) is BackendDevice:
        target = provider_device(target.backend, seed=target.seed)
    if not isinstance(target, RemoteDevice):
        name = getattr(target, "name", target)
        raise InputError(
            f"device.name: {name!r} answers at once; `qep gradient` runs on it. Give a device such as ibm_torino here"
        )
    return target
