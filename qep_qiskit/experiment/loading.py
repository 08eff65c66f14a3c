"""Reading of specs from TOML files, with validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.experiment.messages import explain, unknown_key
from qep_qiskit.experiment.overrides import apply
from qep_qiskit.experiment.section import LARGEST_WHOLE, Section, SectionOfKinds
from qep_qiskit.experiment.sections import KEYS, SECTIONS, sections_with
from qep_qiskit.experiment.spec import Spec
from qep_qiskit.foreign.documents import LARGEST_TOML, toml_tables
from qep_qiskit.kinds import one_of, shown

REQUIRED = ("network", "cost")
LARGEST_SEED = 2**63 - 1
FIELDS = {"stencil": "stencil_section", "device": "device_section"}
"""The fields of a spec for sections with the name of one of its methods."""


def load(path: str | os.PathLike[str], *, overrides: Sequence[tuple[str, object]] = (), seed: int | None = None) -> Spec:
    """Read a spec from a TOML file, apply overrides, and validate it.

    Parameters
    ----------
    path : path of a TOML file
    overrides : sequence of (key, value)
        Pairs such as ``("measurement.shots", 1000)``. A string is read as TOML, or taken literally if that fails.
    seed : int, optional
        A seed that replaces the spec's.

    Raises
    ------
    InputError
        If the spec is not valid. The message names the key, its value, the allowed values, and the nearest known key.
    """
    tables = apply(_read(Path(path)), overrides)
    if seed is not None:
        tables["seed"] = seed
    return validated(tables, path=Path(path))


def validated(tables: Mapping[str, Any], *, path: Path | None = None) -> Spec:
    """Return the validated spec from tables, as :func:`load` does for a file."""
    for key, value in tables.items():
        if key not in KEYS:
            raise unknown_key("", key, value, KEYS, "a spec", sections_with(key))
    for key in REQUIRED:
        if key not in tables:
            raise InputError(f"[{key}]: missing; a spec needs [network] and [cost]; `qep init` writes one to start from")
    sections: dict[str, Any] = {FIELDS.get(name, name): _section(name, tables.get(name, {})) for name in SECTIONS}
    weights = _table("weights", tables.get("weights", {}))
    spec = Spec(seed=_seed(tables.get("seed", 0)), weights=weights, tables=dict(tables), path=path, **sections)
    spec.stencil()  # refuses an unusable β when the spec is read
    return spec


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.is_file() and (size := path.stat().st_size) > 4 * LARGEST_TOML:
            raise InputError(f"{path}: has {size:,} bytes, and a spec at most {LARGEST_TOML:,}; give the path of a spec in TOML")
        text = path.read_text(encoding="utf-8-sig")
    except InputError:
        raise
    except FileNotFoundError:
        folder = path.parent if path.parent.is_dir() else None
        others = [p.stem for p in folder.glob("*.toml")] if folder else []
        close = nearest(path.stem, others).replace("'?", ".toml'?") or ", or write one with `qep init`"
        raise InputError(f"{path}: no such file; give the path of a spec in TOML{close}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give the path of a spec in TOML") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text in UTF-8; give the path of a spec in TOML") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}; give the path of a spec in TOML") from None
    try:
        return toml_tables(text)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: is not TOML: {reason}; `qep init` writes a spec to start from") from None


def _table(name: str, table: object) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InputError(f"{name} = {shown(table)}: must be a section; write [{name}] and its keys below")
    return table


def _seed(seed: object) -> int:
    seed = int(seed) if isinstance(seed, float) and seed.is_integer() and abs(seed) < LARGEST_WHOLE else seed
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed: {shown(seed)} is not allowed; give a whole number from 0 to {LARGEST_SEED}")
    return seed


def _section(name: str, raw: object) -> Section:
    table, form = _table(name, raw), SECTIONS[name]
    model = _model(name, table, form) if isinstance(form, SectionOfKinds) else form
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise explain(error, model, table, name) from None


def _model(name: str, table: dict[str, Any], form: SectionOfKinds) -> type[Section]:
    key = f"{name}.{form.selector}"
    value = table.get(form.selector, form.default)
    if value is None:
        close = nearest(form.selector, table)
        raise InputError(f"{key}: missing; give {one_of(form.kinds)}{close.replace('did you mean', 'is it written as')}")
    return form.model(value, key)
