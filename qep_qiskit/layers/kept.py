"""Calls of layers that go through a run: their jobs are found again, and their answers are kept, so nothing is paid twice."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import flag, shown
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.remote import RemoteDevice, cautions_of
from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import Identity, fingerprint, identity
from qep_qiskit.networks.network import Network
from qep_qiskit.progress import Progress, ProgressOption, showing
from qep_qiskit.runs.calls import answer_of, keep_answer, number_of
from qep_qiskit.runs.file.folders import DATABASE, LAYER, resumed_by
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.bills import ask_bills
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.jobs.journal import JournalDevice
from qep_qiskit.runs.new_run import identity_of_device, new_run
from qep_qiskit.runs.turning_points import reached
from qep_qiskit.settings import Settings

Array = NDArray[np.float64]
Answer = TypeVar("Answer")
Confirm = Callable[[Mapping[str, Any], RunStore], None]
_WRITING: dict[Path, threading.RLock] = {}
"""One lock per folder: the layers of a process that share a run take turns."""


class RunOptions(TypedDict, total=False):
    """The keywords of a layer that say where its calls are kept."""

    run: str | os.PathLike[str] | None
    resubmit: bool
    confirm: Confirm | None


class InterruptedCallError(KeyboardInterrupt):
    """The end of a call after Ctrl-C. Its jobs are recorded, and the message says how to resume."""


@dataclass(frozen=True)
class Call:
    """One evaluation of a layer.

    Attributes
    ----------
    purpose : str
        ``"predictions"`` or ``"pullback"`` of a layer, or ``"vjp"``.
    measured : mapping
        The network and how it is measured, from :func:`measured_by`.
    seed : int
    rows : sequence of ndarray
        The weights, the inputs and, for a pullback, the cotangents: one row per sample.
    """

    purpose: str
    measured: Identity
    seed: int
    rows: Sequence[Array]

    @property
    def key(self) -> str:
        """The digest of everything that the answer depends on."""
        return fingerprint([self.purpose, self.measured, self.seed, *map(np.asarray, self.rows)])[:32]


def measured_by(network: Network, settings: Settings) -> Identity:
    """Return the identity of a network and of the settings but for the seed.

    Raises
    ------
    UnidentifiedError
        If a part, such as a function, cannot be identified by its content.
    """
    parts = {
        "network": network,
        "preparer": settings.preparer,
        "stencil": settings.stencil,
        "shots": settings.shots,
        "mitigation": str(settings.mitigation),
        "calibration_shots": settings.calibration_shots,
    }
    entries: Identity = {}
    for name, part in parts.items():
        entries |= identity(part, name)
    return entries | identity_of_device(settings.device)


@dataclass(frozen=True)
class Keeper:
    """The run of a layer, which is open only during a call, so that several layers and processes can take turns.

    Attributes
    ----------
    verb : str
        The name of the function or class that was called, for messages.
    """

    folder: Path
    verb: str
    resubmit: bool = False
    confirm: Confirm | None = None

    def answer(
        self, call: Call, device: Device, measure: Callable[[Device, Progress], Answer], progress: ProgressOption = "auto"
    ) -> Answer:
        """Return the kept answer of a call; if there is none, measure and keep it.

        Parameters
        ----------
        measure : callable
            Called with the device to use, which sends its jobs through the run if they are paid for.

        Raises
        ------
        InterruptedCallError
            After Ctrl-C.
        """
        key = call.key
        turn = _WRITING.setdefault(self.folder.resolve(), threading.RLock())
        with turn, showing(progress) as report, self._resumable(), self._opened(device) as store:
            kept: Answer | None = answer_of(store, key)
            if kept is not None:
                return kept
            number = number_of(store, key, {"purpose": call.purpose, "samples": len(call.rows[0])})
            reached(f"call {number + 1}: recorded")
            with self._through(store, device, number, call.purpose, report) as target:
                answer = measure(target, report)
            reached(f"call {number + 1}: before the answer")
            keep_answer(store, key, answer)
            reached(f"call {number + 1}: answer written")
            return answer

    def check(self, device: Device) -> None:
        """Refuse a folder that cannot keep calls on this device, before anything runs."""
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"run: {str(self.folder)!r} is a file; give the path of a folder")
        if (self.folder / DATABASE).is_file():
            with RunStore.open(self.folder) as store:
                _refuse_another(store, device)

    def _opened(self, device: Device) -> RunStore:
        if not (self.folder / DATABASE).is_file():
            if isinstance(device, RemoteDevice):
                device.ready()
            text = f"# This run was made by {self.verb} from Python; its calls and their jobs are in run.db.\n"
            return new_run(self.folder, text, {**device.describe(), "name": device.name}, kind=LAYER, **{"from": "python"})
        store = RunStore.open(self.folder, write=True)
        try:
            _refuse_another(store, device)
        except BaseException:
            store.close()
            raise
        return store

    @contextlib.contextmanager
    def _resumable(self) -> Iterator[None]:
        try:
            yield
        except InterruptedCallError:
            raise
        except KeyboardInterrupt:
            raise InterruptedCallError(f"stopped; all that was sent is recorded: {resumed_by(self.folder)}") from None

    @contextlib.contextmanager
    def _through(self, store: RunStore, device: Device, number: int, purpose: str, report: Progress) -> Iterator[Device]:
        """Yield the device; if it takes jobs, one that sends those of this call through the run."""
        if not isinstance(device, RemoteDevice):
            yield device
            return
        if (why := store.a_copy) is not None:
            raise InputError(f"run: {why}")
        again = f"{self.verb}(..., run={str(self.folder)!r}"
        courier = Courier(store, device, report, f"{again})", f"{again}, resubmit=True)")

        def ask(jobs: list[JobRecord]) -> None:
            if self.confirm is None:
                return
            spent = sum(seconds or 0.0 for seconds in store.all("seconds").values())
            price = {**courier.price(jobs), "cautions": cautions_of(device)}
            self.confirm({**price, "call": number + 1, "purpose": purpose, "spent_qpu_seconds": spent}, store)

        journal = JournalDevice(courier, str(store.description["id"]), unit="call", confirm=ask)
        journal.at(number)
        if self.resubmit:
            courier.replace([job for job in courier.ended_badly() if job.round == number])
        try:
            yield journal
            ask_bills(store, device)
        finally:
            courier.close_group()


def keeper_of(
    verb: Callable[..., Any],
    settings: Settings,
    run: str | os.PathLike[str] | None = None,
    resubmit: bool = False,
    confirm: Confirm | None = None,
) -> Keeper | None:
    """Return the keeper of a layer's calls from the arguments of a verb; None without a run."""
    resubmit = flag("resubmit", resubmit)
    if confirm is not None and not callable(confirm):
        raise InputError(f"confirm: {shown(confirm)} is not allowed; give a function")
    if run is None:
        for name, given in (("resubmit", resubmit), ("confirm", confirm)):
            if given:
                raise InputError(f"{name}: needs a run; give the path of a folder as run=")
        return None
    if not isinstance(run, str | os.PathLike):
        raise InputError(f"run: {shown(run)} is not allowed; give the path of a folder")
    device = settings.device
    if isinstance(device, RemoteDevice):
        if settings.shots is None:
            raise InputError(f"shots: missing; {device.name} measures, so give the shots of each circuit, for instance 10000")
        if settings.open:
            raise InputError(
                f"stencil, shots: the planner's choices follow the calibration of {device.name}, so a run could not find its "
                "jobs again; give β and shots as numbers, or leave out the stencil"
            )
    keeper = Keeper(Path(run), verb.__name__, resubmit, confirm)
    keeper.check(device)
    return keeper


def _refuse_another(store: RunStore, device: Device) -> None:
    if store.description.get("kind") != LAYER:
        raise InputError(f"run: {store.folder} holds a run of another kind; give another folder")
    if (before := str(store.description.get("device"))) != device.name:
        raise InputError(f"run: {store.folder} holds calls on {before}; give another folder for {device.name}")
