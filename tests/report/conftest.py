"""Budgets as ``Budget.to_dict()`` gives them, made up but consistent."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from qep_qiskit import kinds

RUNGS = [name for name in kinds.RUNGS if name != "mean_field"]


def weight_names(sites: int, ring: bool) -> list[str]:
    edges = [(i, (i + 1) % sites) for i in range(sites if ring else sites - 1)]
    return [f"J[{i},{j}]" for i, j in edges] + [f"{g}[{i}]" for g in "hg" for i in range(sites)]


def rung(name: str, exact: Any, previous: Any, values: Any, stderr: Any = None, note: str | None = None) -> dict[str, Any]:
    base = {
        "name": name,
        "title": kinds.RUNGS[name].title,
        "stderr": None,
        "z": None,
        "loss_stderr": None,
        "note": note,
        "uncertainty": None,
    }
    if values is None:
        missing = ("values", "loss", "relative_error", "cosine", "sign_agreement", "added")
        return {**base, **dict.fromkeys(missing), "seconds": 0.0}
    norm = np.linalg.norm(exact)
    reference = name == "exact"
    return {
        **base,
        "values": values.tolist(),
        "stderr": None if stderr is None else stderr.tolist(),
        "loss": 0.8127 + 0.01 * float(np.sum(values - exact)),
        "loss_stderr": None if stderr is None else 0.0112,
        "relative_error": float(np.linalg.norm(values - exact) / norm),
        "cosine": float(values @ exact / norm / np.linalg.norm(values)),
        "sign_agreement": float(np.mean(np.sign(values) == np.sign(exact))),
        "z": None if stderr is None else ((values - exact) / stderr).tolist(),
        "added": 0.0 if reference else float(np.linalg.norm(values - previous) / norm),
        "seconds": {"exact": 0.012, "prepared": 2.31, "device": 4.8, "shots": 6.1}.get(name, 0.03),
    }


def make_budget(sites: int = 6, *, ring: bool = False, missing: dict[str, str] | None = None, seed: int = 3) -> dict[str, Any]:
    """Return a budget; `missing` maps the rungs that do not fit to their notes."""
    rng = np.random.default_rng(seed)
    names = weight_names(sites, ring)
    k = len(names)
    exact = rng.normal(size=k) * np.repeat([0.25, 0.4, 0.12], [k - 2 * sites, sites, sites])
    prepared = exact * 1.0004 + 0.004 * rng.normal(size=k)
    device = 0.82 * prepared + 0.01 * rng.normal(size=k)
    stderr, wider = 0.012 + 0.008 * rng.random(k), 0.017 + 0.009 * rng.random(k)
    levels = {
        "exact": (exact, None),
        "finite_beta": (exact * 1.0004, None),
        "prepared": (prepared, None),
        "device": (device, None),
        "shots": (device + stderr * rng.normal(size=k), stderr),
        "mitigated": (0.98 * prepared + wider * rng.normal(size=k), wider),
    }
    rungs: list[dict[str, Any]] = []
    previous = exact
    for name, (values, errors) in levels.items():
        if missing and name in missing:
            rungs.append(rung(name, exact, previous, None, note=missing[name]))
            continue
        rungs.append(rung(name, exact, previous, values, errors))
        previous = values
    phases = [{"beta": b, "energy": -7.91 + b, "residual": 3.1e-7, "variance": 0.0021, "gap": 1.32} for b in (0.0, -0.1, 0.1)]
    return {
        "names": names,
        "rungs": rungs,
        "mean_field": None,
        "diagnostics": {
            "gap": 1.3214,
            "phases": phases,
            "warnings": ["β‖C‖ is 31 % of the gap; a smaller beta would lower the bias"],
        },
        "settings": {
            "network": {
                "kind": "ising",
                "sites": sites,
                "edges": "ring" if ring else "chain",
                "inputs": [0, 1],
                "outputs": [sites - 1],
            },
            "weights": dict(zip(names, rng.normal(size=k).tolist(), strict=True)),
            "x": [0.5, -0.5],
            "cost": "SquaredError",
            "preparer": {"method": "vqe", "ansatz": "hamiltonian", "layers": 3, "starts": 3},
            "stencil": {"kind": "symmetric", "beta": 0.1},
            "device": {"name": "simulator", "noise": "fake_guadalupe"},
            "shots": 20000,
            "mitigation": "tensored",
            "seed": 7,
        },
        "provenance": {
            "versions": {
                "qep_qiskit": "0.1.0",
                "qiskit": "2.6.2",
                "qiskit-aer": "0.18.2",
                "numpy": "2.4.6",
                "python": "3.11.9",
            },
            "circuits": [
                {"depth": 41, "two_qubit_gates": 30, "gates": {"rz": 44, "cx": 30}, "qubits": [1, 4, 7, 10, 12, 15]},
            ],
            "bases": ["Z", "X"],
            "readout": [{"qubit": q, "flip_up": 0.0074, "flip_down": 0.0355} for q in (1, 4)],
            "device": {"name": "simulator", "noise": "fake_guadalupe"},
            "layout": [1, 4, 7, 10, 12, 15][:sites],
            "calibration_date": "2023-03-07T05:12:44+00:00",
            "shots_total": 160000,
            "started": "2026-11-20T10:12:03+00:00",
            "seconds": 13.3,
        },
    }


NO_SHOTS = {
    "device": "the device has no noise",
    "shots": "no shots were requested",
    "mitigated": "no shots were requested",
}
NO_DEVICE = {"device": "a density matrix of 17 qubits does not fit into memory (at most 12)"}
NO_EXACT = {"exact": "100 sites are too many for a state vector"}

CASES: dict[str, dict[str, Any]] = {
    "six": {},
    "many": {"sites": 17, "ring": True, "missing": NO_DEVICE},
    "no_shots": {"missing": NO_SHOTS},
    "unmitigated": {"missing": {"mitigated": "mitigation is 'none'"}},
    "one_site": {"sites": 1},
}


@pytest.fixture
def budget() -> dict[str, Any]:
    return make_budget()


@pytest.fixture(params=sorted([*CASES, "no_exact", "only_exact"]))
def any_budget(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Every shape of budget that occurs, through JSON as a saved one is."""
    return json.loads(json.dumps(special(request.param)))


def special(case: str) -> dict[str, Any]:
    if case == "no_exact":
        budget = make_budget(missing=NO_EXACT)
        for r in budget["rungs"]:
            r.update(z=None, relative_error=None, cosine=None, sign_agreement=None, added=None)
        return budget
    if case == "only_exact":
        return make_budget(missing=dict.fromkeys(RUNGS[1:], "interrupted"))
    return make_budget(**CASES[case])


@pytest.fixture
def make() -> Any:
    return make_budget
