"""What every section of a spec is."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A table of the spec: no unknown key, no silent conversion, no NaN or infinity.

    A whole number may be written as TOML writes a large one, ``1e4``: Python takes it as well.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        fields = cls.model_fields
        return {k: _whole(v) if k in fields and _takes_whole(fields[k].annotation) else v for k, v in table.items()}

    def options(self, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the keys that the user wrote; all others keep the default of what they are passed to."""
        return {k: v for k, v in self.model_dump(exclude_unset=True).items() if k not in without and v is not None}


def _takes_whole(annotation: Any) -> bool:
    """Return whether a key holds whole numbers and no others."""
    leaves = set(_leaves(annotation))
    return int in leaves and float not in leaves


def _leaves(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return [type(value) for value in get_args(annotation)]
    parts = get_args(annotation)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [annotation]


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
