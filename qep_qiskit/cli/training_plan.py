"""The price of a training, as `qep plan` shows it for a spec with [data]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qep_qiskit.cli.output import cell, console, marked, print_json
from qep_qiskit.display import counted, terminal_table
from qep_qiskit.estimates import MISSING, duration
from qep_qiskit.progress import showing

if TYPE_CHECKING:
    from qep_qiskit.devices.price import Price
    from qep_qiskit.experiment import Spec
    from qep_qiskit.training.life.hardware import TrainingPrice
    from qep_qiskit.training.loop.task import Task

TITLES = {"step": "one step", "steps": "all steps", "held_out": "held-out samples", "total": "together"}


def show_training(spec: Spec, *, as_json: bool) -> None:
    """Print the jobs, circuits, shots and QPU seconds of a training. Nothing is run."""
    from qep_qiskit.experiment.settlement import laid_spec
    from qep_qiskit.training.from_spec import task_from
    from qep_qiskit.training.life.hardware import expected_price
    from qep_qiskit.training.loop.settlement import settled

    with showing(lines=True) as report:
        task = settled(task_from(laid_spec(spec)[0])[0], progress=report)
        price = expected_price(task, task.settings.device, progress=report)
    if as_json:
        print_json({"training": _document(task, price)})
    else:
        _show(task, price)


def _document(task: Task, price: TrainingPrice) -> dict[str, Any]:
    description = task.describe()
    keys = ("device", "stencil", "shots", "mitigation", "epochs", "batch_size", "samples", "held_out")
    facts = {"steps": task.total_steps, **{key: description.get(key) for key in keys}}
    return {**facts, "price": {name: getattr(price, name).document() for name in TITLES}}


def _show(task: Task, price: TrainingPrice) -> None:
    out, network, settings = console(), task.network, task.settings
    batches = f"{counted(task.epochs, 'epoch')} of {counted(task.steps_per_epoch, 'batch')}"
    held_out = "" if task.held_out is None else f", {len(task.held_out)} held out"
    lines = {
        "Training": f"{counted(task.total_steps, 'step')}: {batches}, {len(task.samples)} samples{held_out}",
        "Network": f"{counted(network.num_qubits, 'qubit')}, {counted(network.num_weights, 'weight')}",
        "Device": settings.device.name,
        "β": f"{settings.fixed_stencil.beta:g} ({settings.fixed_stencil.kind})",
        "Mitigation": str(settings.mitigation),
    }
    for title, text in lines.items():
        out.print(marked(f"[bold]{title}[/] {{}}", text))
    table = terminal_table("", right=("jobs", "circuits", "shots", "QPU time"), title="What it will cost")
    for name, title in TITLES.items():
        if name != "held_out" or task.held_out is not None:
            table.add_row(title, *map(cell, _cells(getattr(price, name))))
    out.print()
    out.print(table)


def _cells(price: Price) -> tuple[str, ...]:
    time = MISSING if price.seconds is None else duration(price.seconds)
    return f"{price.jobs:,}", f"{price.circuits:,}", f"{price.shots:,}", time
