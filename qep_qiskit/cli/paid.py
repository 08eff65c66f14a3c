"""Gradients on a device that bills: price, confirmation, and measurement in a run that the same command can resume."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from qep_qiskit.cli.asking import ask, say_noise_free_error
from qep_qiskit.cli.following import saved_when_interrupted
from qep_qiskit.cli.output import say
from qep_qiskit.devices.price import Price
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.equilibrium import Gradient
from qep_qiskit.errors import DegenerateGroundStateError, DeviceError, InputError, PreparationError
from qep_qiskit.experiment import Spec
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.progress import Progress, showing
from qep_qiskit.runs.file.folders import DATABASE, HOME
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle
from qep_qiskit.runs.new_run import begin
from qep_qiskit.runs.verbs import remote, spec_of
from qep_qiskit.sweeps import Row
from qep_qiskit.sweeps.sweep import gradient_numbers, kind_of, title_of

AGAIN = "the same command with --yes"
FIRST_PAUSE, LAST_PAUSE = 0.2, 15.0
MOST_FAILURES = 5
"""Waiting ends after this many failures of the service in a row."""


def bills(spec: Spec) -> bool:
    """Return whether a spec's device accepts jobs and bills for them."""
    return isinstance(spec.device(), RemoteDevice)


def run_folder_of(spec: Spec) -> Path:
    """Return the folder of the run that measures a spec; its name contains a digest of the spec and of the files that it uses."""
    stem = "run" if spec.path is None else spec.path.stem
    return HOME / f"{stem}-{_digest(spec)[:12]}"


def _digest(spec: Spec) -> str:

    content = f"{spec.to_toml()}\n{fingerprint(spec.settings()['preparer'])}"
    return hashlib.sha256(content.encode()).hexdigest()


@contextmanager
def opened(spec: Spec, folder: Path, report: Progress) -> Iterator[Lifecycle]:
    """Open the run that measures a spec, or begin a new run if the folder has none.

    Raises
    ------
    InputError
        If the folder contains a run of another spec.
    """
    digest = _digest(spec)
    if not (folder / DATABASE).exists():
        life = begin(spec, remote(spec), folder, progress=report, asked=digest)
        with life.store:
            yield life
        return
    with RunStore.open(folder, write=True) as store:
        if store.description.get("asked") != digest:
            raise InputError(f"run: {folder} holds another experiment; give another folder or move it away")
        spec = spec_of(store)
        yield Lifecycle(store, spec, remote(spec), progress=report)


def advanced(lives: Mapping[int, Lifecycle], report: Progress) -> Iterator[tuple[int, Gradient | Exception]]:
    """Advance all confirmed runs together; yield each run's number with its gradient or error when it ends.

    If a service fails to respond, the request is repeated; after several failures in a row the run ends.
    """
    waiting, failures, pause = dict(lives), dict.fromkeys(lives, 0), FIRST_PAUSE
    while waiting:
        for number, life in list(waiting.items()):
            end: Gradient | Exception | None
            try:
                end = life.advance()
                failures[number] = 0
            except (DeviceError, InputError) as error:
                failures[number] += 1
                end = None if type(error) is DeviceError and failures[number] < MOST_FAILURES else error
                report(f"{error}; asking again" if end is None else str(error), None)
            if end is not None:
                del waiting[number]
                yield number, end
        if waiting:
            report(f"waiting for {next(iter(waiting.values())).device.name}", None)
            time.sleep(pause)
            pause = min(1.5 * pause, LAST_PAUSE)


@contextmanager
def measured(spec: Spec, folder: Path, yes: bool) -> Iterator[tuple[Lifecycle, Gradient, Progress]]:
    """Measure a spec in a run, once its price is confirmed, and yield the open run with its gradient."""
    with showing(lines=True) as report, opened(spec, folder, report) as life, saved_when_interrupted(life.store):
        if life.store.gradients():
            say(f"Measured before, nothing is sent: run {folder}.", err=True)
        else:
            price = life.price()
            if price is not None:
                say_noise_free_error(life.first(), life.store)
                ask(price.document(), life.device.name, yes=yes, again=AGAIN)
        life.confirm_all()
        ((_, end),) = advanced({0: life}, report)
        if isinstance(end, Exception):
            raise end
        say(f"Run {folder}.", err=True)
        yield life, end, report


def paid_points(specs: Sequence[Spec], where: Sequence[Mapping[str, Any]], done: Sequence[int]) -> list[int]:
    """Return the numbers of the points of a sweep that are still to be measured on a device that bills.

    Raises
    ------
    InputError
        If one of the points is a training, since a training needs its own run.
    """
    numbers = [number for number, spec in enumerate(specs) if number not in set(done) and bills(spec)]
    for number in numbers:
        if kind_of(specs[number]) == "training":
            raise InputError(
                f"--over {title_of(where[number])}: a training on {specs[number].device().name} is a run of its own; "
                "use `qep train` for each point"
            )
    return numbers


def paid_rows(
    specs: Sequence[Spec],
    where: Sequence[Mapping[str, Any]],
    numbers: Sequence[int],
    folder: Path,
    yes: bool,
    report: Progress,
) -> Iterator[Row]:
    """Measure points of a sweep, each in its own run under `folder`, after confirmation of the total price.

    If a point fails, the others are still measured. Failures are reported at the end and can be resubmitted in their runs.
    """
    failed: list[str] = []
    with ExitStack() as stack:
        lives: dict[int, Lifecycle] = {}
        prices: list[Price] = []
        for number in numbers:
            report(f"pricing point {number + 1} of {len(specs)}", None)
            try:
                life = stack.enter_context(opened(specs[number], folder / f"{number:05d}", report))
                price = life.price()
            except (DegenerateGroundStateError, PreparationError) as error:
                yield Row(number, where[number], {}, " ".join(str(error).split()))
                continue
            lives[number] = life
            prices += [] if price is None else [price]
        if prices:
            names = ", ".join(sorted({life.device.name for life in lives.values()}))
            ask(sum(prices, Price()).document(), names, yes=yes, again=AGAIN)
        for life in lives.values():
            life.confirm_all()
        for number, end in advanced(lives, report):
            if isinstance(end, Exception):
                failed.append(f"{title_of(where[number])}: {end}")
                continue
            life = lives[number]
            measures = {**gradient_numbers(life.spec, end), "seconds": life.store.billed}
            yield Row(number, where[number], measures)
    if failed:
        raise DeviceError("; ".join(failed))
