"""All sections of a spec: those that name a kind, and those with fixed keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from qep_qiskit.experiment.section import Choice, Section
from qep_qiskit.experiment.training import Data, Training
from qep_qiskit.kinds import COSTS, DEVICES, NETWORKS, PREPARERS, STENCILS
from qep_qiskit.measurement.mitigation.mitigation import parse


class Sample(Section):
    """The section ``[sample]``: the inputs of the network, the target of the cost, and whether dL/dx is measured."""

    x: list[float] = Field([], description="a list of finite numbers, one per input")
    y: int | float | list[float] | None = Field(
        None, description="a list of finite numbers, one per output (a class number for softmax_cross_entropy)"
    )
    input_gradient: bool = Field(False, description="true to measure dL/dx as well")


Mitigations = Annotated[str, BeforeValidator(lambda text: str(parse(text, "measurement.mitigation")))]


class Measurement(Section):
    """The section ``[measurement]``: the shots and the mitigation."""

    shots: int | None = Field(
        None, ge=2, le=10**9, description="a whole number from 2 to 1000000000, or leave it out for exact expectations"
    )
    split: Literal["even", "optimal"] | list[list[int]] = Field(
        "even",
        description='"even", "optimal" (the same total, for the least predicted error), or the shots of each phase and basis, '
        "such as [[1000, 0], [4000, 2000], [4000, 2000]]",
    )
    mitigation: Mitigations = Field("none", description='a text, such as "tensored"')
    calibration_shots: int | None = Field(
        None, ge=2, le=10**9, description="the shots of each calibration circuit, a whole number from 2 to 1000000000"
    )


SECTIONS: dict[str, Choice | type[Section]] = {
    "network": Choice("kind", NETWORKS, given=("device",)),
    "cost": Choice("kind", COSTS, given=("target",)),
    "sample": Sample,
    "stencil": Choice("kind", STENCILS, "symmetric"),
    "preparation": Choice("method", PREPARERS, "exact"),
    "measurement": Measurement,
    "device": Choice("name", DEVICES, "statevector", given=("seed",)),
    "data": Data,
    "training": Training,
}
"""All sections except ``[weights]``, which has the network's names as keys."""
KEYS = ("seed", "network", "weights", *list(SECTIONS)[1:])


def sections_with(key: str) -> list[str]:
    """Return the names of the sections that have a key in one of their built-in kinds.

    Examples
    --------
    >>> sections_with("shots"), sections_with("layers"), sections_with("nothing")
    (['measurement'], ['preparation'], [])
    """
    models = {name: form.built_in() if isinstance(form, Choice) else [form] for name, form in SECTIONS.items()}
    return [name for name, forms in models.items() if any(key in form.model_fields for form in forms)]
