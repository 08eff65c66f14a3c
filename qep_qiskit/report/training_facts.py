"""The content of a training's run, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qep_qiskit.display import different, when
from qep_qiskit.errors import InputError
from qep_qiskit.files import typed
from qep_qiskit.runs.file.records import BILL
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.life.checkpoints import state_of
from qep_qiskit.training.loop.steps import State, Vector
from qep_qiskit.training.loop.trained import mean_cosine

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """The content of the page of a training.

    The shown epoch is the best one with early stopping, else the last one. The jobs are those sent to a device, with the time
    billed for them. Of the warnings, only the first few distinct ones are kept.
    """

    run: str
    settings: Record
    history: list[Record]
    epochs: list[Record]
    shown_epoch: Record | None
    weights: dict[str, float]
    shots: int
    stopped: str | None
    finished: bool
    mean_cosine: float | None
    jobs: list[dict[str, Any]]
    estimated_seconds: float | None
    warnings: list[str]


def facts_of(store: RunStore) -> Facts:
    """Return the content of the page.

    Raises
    ------
    InputError
        If the run has no step yet.
    """
    state, settings = _stored(store)
    steps = store.steps()
    history, epochs = [step["record"] for step in steps], [step["epoch"] for step in steps if step["epoch"] is not None]
    shown = epochs[-1] if epochs else None
    if _best(state, settings) is not None and epochs:
        score = "validation_loss" if settings.get("held_out") else "train_loss"
        shown = min(epochs, key=lambda row: row[score])
    return Facts(
        run=str(store.folder),
        settings=settings,
        history=history,
        epochs=epochs,
        shown_epoch=shown,
        weights=_named_weights(state, settings),
        shots=state.shots,
        stopped=state.stopped,
        finished=bool(epochs) and (state.stopped is not None or epochs[-1]["epoch"] >= settings.get("epochs", 0)),
        mean_cosine=mean_cosine(history),
        jobs=_jobs(store),
        estimated_seconds=(store.get("estimate", "training") or {}).get("qpu_seconds"),
        warnings=different(text for step in steps for text in step["warnings"]),
    )


def weights_of(store: RunStore) -> dict[str, float]:
    """Return the weights of the page's content, without reading the steps; raise InputError before the first step."""
    return _named_weights(*_stored(store))


def _stored(store: RunStore) -> tuple[State, Record]:
    state = state_of(store)
    if state is None:
        raise InputError(f"run: {store.folder} has no step yet; `qep train --resume {typed(store.folder)}` begins")
    return state, store.get("training", "settings") or {}


def _best(state: State, settings: Record) -> Vector | None:
    """Return the weights of the best epoch; None without early stopping."""
    return state.best_weights if settings.get("early_stopping") is not None else None


def _named_weights(state: State, settings: Record) -> dict[str, float]:
    best = _best(state, settings)
    return dict(zip(settings.get("weights", ()), map(float, state.weights if best is None else best), strict=True))


def _jobs(store: RunStore) -> list[dict[str, Any]]:
    seconds = store.all(BILL)
    return [
        {
            "job": job.purpose,
            "id": job.job_id,
            "state": job.state,
            "circuits": job.executions,
            "shots each": job.shots,
            "written down": when(job.created),
            "QPU seconds": seconds.get(job.tag),
        }
        for job in store.jobs()
    ]
