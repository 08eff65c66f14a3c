"""The weights of a spec, given by group or by name, or drawn from the seed if omitted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import shown
from qep_qiskit.networks import Network


def resolve(network: Network, table: Mapping[str, object], seed: int) -> dict[str, float]:
    """Return every weight of the network by name.

    Parameters
    ----------
    table : mapping
        ``{"J": [0.1, 0.2], "g": 1.0, "h[0]": 0.3}``: for a group, a list for its members in order or one number for all of them;
        for one weight, a number, which takes precedence over its group's.
    seed : int
        The seed for weights that are not in the table.
    """
    groups: dict[str, list[str]] = {}
    for name in network.names:
        groups.setdefault(name.split("[")[0], []).append(name)
    by_group: dict[str, float] = {}
    by_name: dict[str, float] = {}
    for key, value in table.items():
        if key in network.names:
            by_name[key] = _number(f"weights.{key}", value)
        elif key in groups:
            by_group.update(_members(key, groups[key], value))
        else:
            raise InputError(
                f"weights.{key} = {shown(value)}: unknown key; the network has the groups {', '.join(groups)} "
                f"and the names {_some(network.names)}{nearest(key, [*groups, *network.names])}"
            )
    return {**network.initial_weights(seed=seed), **by_group, **by_name}


def _members(group: str, names: list[str], value: object) -> dict[str, float]:
    if not isinstance(value, list):
        return dict.fromkeys(names, _number(f"weights.{group}", value))
    if len(value) != len(names):
        raise InputError(
            f"weights.{group}: {shown(value)} has {len(value)} values, expected {len(names)}: one for each of {_some(names)}"
        )
    return {name: _number(f"weights.{group}[{i}]", v) for i, (name, v) in enumerate(zip(names, value, strict=True))}


def _number(key: str, value: object) -> float:
    with suppress(OverflowError):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    raise InputError(f"{key}: {shown(value)} is not allowed; give a finite number")


def _some(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]}, …, {names[-1]}"
