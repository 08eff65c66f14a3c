"""What every section of a spec is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the spec: no unknown key, no silent conversion, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def options(self, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the keys that the user wrote; all others keep the default of what they are passed to."""
        return {k: v for k, v in self.model_dump(exclude_unset=True).items() if k not in without and v is not None}
