"""The run of a layer: its calls, keyed by what they ask, and their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from qep_qiskit.archive import decoded, encoded
from qep_qiskit.errors import InputError
from qep_qiskit.files import typed
from qep_qiskit.runs.file.folders import LAYER, resumed_by
from qep_qiskit.runs.file.store import RunStore

_CALL, _ANSWER = "call", "answer"


def number_of(store: RunStore, key: str, about: Mapping[str, Any]) -> int:
    """Return the number of a call, from 0; a new call is recorded with the facts `about` it."""
    calls = store.all(_CALL)
    if key not in calls:
        store.put(_CALL, key, {**about, "number": len(calls), "answered": False})
        return len(calls)
    return int(calls[key]["number"])


def answer_of(store: RunStore, key: str) -> Any:
    """Return the answer of a call, or None if it has none yet."""
    answer = store.get(_ANSWER, key)
    return None if answer is None else decoded(answer)


def keep_answer(store: RunStore, key: str, answer: Any) -> None:
    """Store the answer of a recorded call."""
    store.put(_ANSWER, key, encoded(answer))
    store.put(_CALL, key, {**store.get(_CALL, key), "answered": True})


def calls_of(store: RunStore) -> dict[str, Any] | None:
    """Return a summary of the calls of a layer's run, or None if the run is of another kind.

    Returns
    -------
    dict or None
        The numbers of ``calls`` and of ``answered`` ones; among these, of ``predictions``, ``pullbacks`` and ``samples``. Billed
        ``seconds``, None if unknown.
    """
    if store.description.get("kind") != LAYER:
        return None
    calls = list(store.all(_CALL).values())
    answered = [call for call in calls if call["answered"]]
    purposes = Counter(str(call["purpose"]) for call in answered)
    return {
        "calls": len(calls),
        "answered": len(answered),
        "predictions": purposes["predictions"],
        "pullbacks": purposes["pullback"] + purposes["vjp"],
        "samples": sum(int(call["samples"]) for call in answered),
        "seconds": store.billed,
    }


def refuse_layer(store: RunStore) -> None:
    """Raise InputError if the run is a layer's, for verbs that need another one."""
    if store.description.get("kind") == LAYER:
        there = f"{resumed_by(store.folder)} and fetches its jobs; `qep status {typed(store.folder)}` lists them"
        raise InputError(f"run: {store.folder} is the run of a layer; {there}")
