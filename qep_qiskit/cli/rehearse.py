"""`qep rehearse`: a complete device run against a mock service, without an account."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.endings import DONE, FAILED
from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.options import SpecRequest, optional_spec_options, run_option
from qep_qiskit.cli.output import cell, console, marked, print_json, say
from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.estimates import with_error
from qep_qiskit.rehearsal.faults import FAULTS
from qep_qiskit.runs.file.folders import DATABASE

if TYPE_CHECKING:
    from qep_qiskit.cli.rehearsing import PlayedCommand
    from qep_qiskit.experiment import Spec
    from qep_qiskit.rehearsal.server import MockServer

DEFAULT_DEVICE = "ibm_brisbane"
MOST_LISTED = 12
"""The largest number of jobs of the service that are listed."""


def _list_faults(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        for fault in FAULTS.values():
            say(f"{fault.name}\n    {fault.what};\n    {fault.then}.")
        context.exit()


@click.command(
    "rehearse",
    epilog="Example: qep rehearse noise.toml --device ibm_torino --fault lost-reply",
    short_help="Play a device run against a mock service.",
)
@optional_spec_options
@click.option("--fault", "faults", multiple=True, metavar="NAME[:TIMES]", help="A failure of the service. Repeatable.")
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_faults,
    help="List the failures that the service can have.",
)
@click.option("--device", "name", metavar="NAME", help=f"Such as ibm_torino; default: the spec's, or {DEFAULT_DEVICE}.")
@click.option(
    "--noise", default="full", metavar="full|readout|none", help="The snapshot's noise, its readout errors alone, or none."
)
@run_option
@click.option("--queue", "queue_seconds", default=2.0, help="Seconds that a job waits for the device.")
@click.option("--service-seed", "--stand-in-seed", default=0, help="Seed of the service's shots.")
@click.option(
    "--serve",
    "serving",
    is_flag=True,
    help="Only keep the mock service running for other commands, until Ctrl-C. SPEC may be omitted.",
)
@click.option("--port", default=0, help="Where the mock service listens, on loopback; default: any free port.")
def command(
    request: SpecRequest,
    as_json: bool,
    faults: tuple[str, ...],
    name: str | None,
    noise: str,
    folder: str | None,
    service_seed: int,
    queue_seconds: float,
    serving: bool,
    port: int,
) -> int:
    """Play a device run or a training from plan to report, with the real client. Nothing leaves this machine.

    A mock service runs on loopback. Its devices are snapshots: ibm_torino is fake_torino, with the noise of the used qubits.
    With `--fault NAME` the service fails in that way, which shows how the program reacts.
    """
    from qep_qiskit.rehearsal.server import serve

    if not request.path and not serving:
        raise InputError("SPEC: missing; give a spec file, or --serve to keep the mock service running for other commands")
    spec = request.load() if request.path else None
    if spec is not None:
        device, dropped = _served(spec, name)
        replace(request, overrides=(*request.overrides, *dropped)).load(device)
    if not serving and folder is not None and (Path(folder) / DATABASE).exists():
        raise InputError(f"--run: {folder} holds a run already; give another folder")
    with serve(seed=service_seed, noise=noise, faults=faults, port=port, queue_seconds=queue_seconds) as server:
        if serving or spec is None:
            return _keep_up(server, as_json)
        to = [] if device is None else ["--set", f"device.name={device}"] if spec.is_training else ["--device", device]
        words = [request.path, *_set(request.overrides), *to, *_set(dropped)]
        words += [] if request.seed is None else ["--seed", str(request.seed)]
        home = request.home(folder, "rehearsal-{}", dated=True)

        def there() -> str:
            if not (home / DATABASE).exists():
                return "nothing was written, run the same command to start again"
            other = "" if folder is None else " with another --run"
            return f"the unfinished rehearsal is in {home}; run the same command{other} to start again"

        with server.standing_in(), saying(there):
            return _play(server, words, home, faults, noise, as_json, training=spec.is_training)


def _served(spec: Spec, name: str | None) -> tuple[str | None, list[str]]:
    """Return the device of the mock service that replaces the spec's, if any, and the overrides that remove its other keys."""
    table: Mapping[str, Any] = spec.tables.get("device", {})
    device = str(table.get("name", ""))
    if device.startswith("ibm_"):
        return name or None, []
    snapshot = device if device.startswith("fake_") else str(table.get("noise", ""))
    served = "ibm_" + snapshot.removeprefix("fake_") if snapshot.startswith("fake_") else DEFAULT_DEVICE
    return name or served, [f"device.{key}=" for key in table if key != "name"]


def _set(overrides: Iterable[str]) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


def _play(
    server: MockServer, words: list[str], home: Path, faults: tuple[str, ...], noise: str, as_json: bool, *, training: bool
) -> int:
    from qep_qiskit.cli.rehearsing import play, play_training
    from qep_qiskit.rehearsal.faults import orders

    if not as_json:
        out = console()
        text = "a mock service on this machine; nothing is sent to IBM, nothing is paid."
        out.print(marked("[bold]Rehearsal[/]: {}", text))
        out.print(f"  Noise: {noise}.")
        for fault in orders(faults):
            out.print(f"  Fault {fault}: {FAULTS[fault].what}.\n  Then: {FAULTS[fault].then}.")
    steps = []
    for step in (play_training if training else play)(words, home, server.service):
        steps.append(step)
        if not as_json:
            _show(len(steps), step)
    outcome = (_trained if training else _outcome)(home)
    ledger = server.service.ledger()
    done = steps[-1].code == DONE and outcome is not None
    if as_json:
        commands = [
            {"command": step.command, "exit": step.code, "seconds": step.seconds, "message": step.message} for step in steps
        ]
        print_json(
            {"run": str(home), "state": "done" if done else "failed", "steps": commands, "ledger": ledger, **(outcome or {})}
        )
    else:
        (_conclude_training if training else _conclude)(home, ledger, outcome)
    return DONE if done else FAILED


def _show(number: int, step: PlayedCommand) -> None:
    out = console()
    out.print()
    ended = f"exit {step.code}, {step.seconds:.1f} s"
    out.print(marked("[bold cyan]{}[/] [bold]$[/] {}  [dim]{}[/]", number, step.command, ended))
    for line in step.output.rstrip().splitlines():
        out.print("    " + line, overflow="ignore", crop=False)


def _outcome(home: Path) -> dict[str, Any] | None:
    """Return the run's gradient, the exact gradient, their distance in error bars, and the run's events."""
    from qep_qiskit.budget import deviation
    from qep_qiskit.cli.asking import NOISE_FREE_ERROR
    from qep_qiskit.experiment import load
    from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.stencils import stencil
    from qep_qiskit.verbs.gradient import gradient

    if not (home / DATABASE).is_file():
        return None
    with RunStore.open(home) as store:
        gradients, events = store.gradients(), [{"time": e.time, "text": e.text} for e in store.events() if e.text]
        prepared = store.get(NOISE_FREE_ERROR, "0")
    if not gradients:
        return None
    spec = load(home / "spec.toml")
    problem, settings = spec.problem(), spec.settings()
    measured = gradients[-1]
    applied = (measured.get("provenance") or {}).get("stencil")
    used = stencil(applied["kind"], float(applied["beta"])) if applied else settings["stencil"]
    same = {"preparer": settings["preparer"], "stencil": used, "seed": settings["seed"]}
    outcome: dict[str, Any] = {"gradient": measured, "events": events, NOISE_FREE_ERROR: prepared}
    if problem.network.num_qubits > COMPARED_QUBITS:
        return outcome
    for key, title, verb, options in (
        ("noise_free", "the noise-free gradient of the same states", gradient, same),
        ("exact", "the exact gradient", exact_gradient, {}),
    ):
        with suppress(DegenerateGroundStateError, InputError):
            truth = verb(problem, **options).values
            off = deviation(measured["values"], truth, measured["stderr"])
            outcome[key] = {"title": title, "values": truth, "largest_z": off.largest_z, "mean_square_z": off.chi_square}
    return outcome


def _trained(home: Path) -> dict[str, Any] | None:
    """Return the steps of a training, its losses, its price, and the run's events; None if it did not finish."""
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import progress_of, state_of

    if not (home / DATABASE).is_file():
        return None
    with RunStore.open(home) as store:
        progress, rows = progress_of(store), [row["record"] for row in store.steps()]
        events = [{"time": e.time, "text": e.text} for e in store.events() if e.text]
        if progress is None or not rows or state_of(store) != "done":
            return None
    numbers = {"first_loss": rows[0]["loss"], "loss": rows[-1]["loss"], "loss_stderr": rows[-1]["loss_stderr"]}
    price = {"qpu_seconds": progress["seconds"], "qpu_seconds_foreseen": progress["estimate"]}
    return {"training": {"steps": progress["steps"], "total": progress["total"], **numbers, **price}, "events": events}


def _conclude_training(home: Path, ledger: dict[str, Any], outcome: dict[str, Any] | None) -> None:
    if not _settled(home, ledger, outcome, "training"):
        return
    assert outcome is not None
    result, out = outcome["training"], console()
    foreseen = "" if result["qpu_seconds_foreseen"] is None else f", {result['qpu_seconds_foreseen']:.0f} foreseen"
    out.print(marked("\n[bold]Steps[/] {}", f"{result['steps']} of {result['total']}"))
    last = with_error(result["loss"], result["loss_stderr"])
    out.print(marked("[bold]Loss[/] {}", f"{last} in the last step, {result['first_loss']:.4g} in the first"))
    out.print(marked("[bold]Billed[/] {}", f"{result['qpu_seconds'] or 0.0:.1f} QPU seconds{foreseen}"))
    say(f"\nThe run is in {home}.")


def _settled(home: Path, ledger: dict[str, Any], outcome: dict[str, Any] | None, what: str) -> bool:
    """Print the service's ledger, and return whether the run finished."""
    out = console()
    billed = sum(job["seconds"] > 0 for job in ledger["jobs"])
    text = f"{len(ledger['jobs'])} made, {billed} billed, {ledger['seconds']:.1f} QPU seconds."
    out.print(marked("\n[bold]The service's ledger[/]: {}", text))
    for job in ledger["jobs"][:MOST_LISTED]:
        out.print(cell(f"  {job['id']}  {job['status'].lower():10} {job['seconds']:6.1f} s  {', '.join(job['tags'])}"))
    if len(ledger["jobs"]) > MOST_LISTED:
        out.print(f"  … and {len(ledger['jobs']) - MOST_LISTED} more jobs")
    if ledger["faults"]:
        out.print("  Faults that happened: " + ", ".join(f"{name} × {times}" for name, times in ledger["faults"].items()) + ".")
    if outcome is None:
        where = f"It is in {home}." if (home / DATABASE).exists() else "Nothing was written."
        out.print(marked("\n[bold red]The {} did not finish.[/] {}", what, where))
    return outcome is not None


def _conclude(home: Path, ledger: dict[str, Any], outcome: dict[str, Any] | None) -> None:
    if not _settled(home, ledger, outcome, "run"):
        return
    assert outcome is not None
    out = console()
    out.print(marked("\n[bold]The run's events[/]"))
    for event in outcome["events"]:
        out.print(cell(f"  {event['time'][11:23]}  {event['text']}"))
    distances = [outcome[key] for key in ("noise_free", "exact") if key in outcome]
    if distances:
        out.print(marked("\n[bold]Distance[/]"))
    for far in distances:
        if far["largest_z"] is None:
            say(f"  from {far['title']}: not known, since no weight has an error bar")
        else:
            say(f"  from {far['title']}: at most {far['largest_z']:.2f} error bars, ⟨z²⟩ {far['mean_square_z']:.2f}")
    say(f"\nThe run is in {home}.")


def _keep_up(server: MockServer, as_json: bool) -> int:
    if as_json:
        print_json({"url": server.url, "pid": os.getpid()})
    else:
        say(f"export QEP_RUNTIME_URL={server.url}")
        say("In another shell, after that line: qep plan, submit, status, collect, report. Ctrl-C ends it.", err=True)
        say(f"Its ledger: {server.url.removesuffix('/rt')}/ledger", err=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        ledger = server.service.ledger()
        say(f"{len(ledger['jobs'])} jobs were made, {ledger['seconds']:.1f} QPU seconds billed.", err=True)
    return DONE
