"""All sections of a spec: those that name a kind, and those with fixed keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from qep_qiskit.experiment.section import Section, SectionOfKinds
from qep_qiskit.kinds import COSTS, DEVICES, NETWORKS, OPTIMIZERS, PREPARERS, SCHEDULES, STENCILS
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


Optimizer = Annotated[str, BeforeValidator(lambda name: OPTIMIZERS.named(name, "training.optimizer").name)]
Schedule = Annotated[str, BeforeValidator(lambda name: SCHEDULES.named(name, "training.schedule").name)]


class Data(Section):
    """The section ``[data]``: the samples, their split, and their scaling."""

    source: str | None = Field(
        None,
        min_length=1,
        description='a built-in task such as "xor", or the path of a .csv or .npz file (in the spec\'s folder, or from here)',
    )
    samples: int = Field(
        200, ge=2, le=1_000_000, description="the number of samples of a generated task, a whole number from 2 to 1000000"
    )
    noise: float = Field(0.1, ge=0, description="the noise of a generated task, a number of at least 0")
    target: str | int | None = Field(
        None, description="the column of the targets: its name, or its number from 0; the last one if omitted"
    )
    columns: list[str] | None = Field(
        None, min_length=1, description="the names of the columns that are inputs; all others if omitted"
    )
    task: Literal["classification", "regression"] | None = Field(
        None, description='"classification" or "regression"; if omitted, it follows from the targets'
    )
    held_out: float = Field(0.25, ge=0, lt=1, description="the share of the samples that is not trained on, from 0 to below 1")
    scaling: Literal["none", "standard", "minmax", "maxabs"] = Field(
        "standard", description='one of "none", "standard", "minmax", "maxabs", fitted on the training samples'
    )
    factor: float = Field(1.0, description="a finite number by which the scaled inputs are multiplied")
    target_range: float = Field(
        1.0, gt=0, description="for regression: the targets are scaled into [-r, r]; a number above 0 (outputs of spins reach 1)"
    )


class Training(Section):
    """The section ``[training]``: the fit of the network."""

    gradient: Literal["equilibrium", "exact"] = Field("equilibrium", description='"equilibrium" or "exact"')
    optimizer: Optimizer = Field("adam", description="the name of an optimizer")
    minimum_shots: int | None = Field(
        None, ge=2, description="per circuit, for an optimizer that sets the shots; a whole number of at least 2"
    )
    maximum_shots: int | None = Field(
        None, ge=2, description="per circuit, for an optimizer that sets the shots; a whole number, at least the minimum"
    )
    learning_rate: float = Field(0.01, gt=0, description="a number above 0")
    schedule: Schedule = Field("constant", description="the name of a schedule")
    epochs: int = Field(50, ge=1, le=10_000_000, description="a whole number from 1 to 10000000")
    batch_size: int = Field(10, ge=1, le=1_000_000, description="a whole number from 1 to 1000000")
    early_stopping: int | None = Field(
        None, ge=1, description="epochs without a better held-out loss, a whole number of at least 1"
    )
    compare_every: int | None = Field(
        None, ge=0, description="steps between comparisons with a noise-free gradient, 0 for none; about 20 of them if omitted"
    )
    trainable: list[str] | None = Field(None, min_length=1, description='names or groups of weights, such as ["J", "h[0]"]')
    bounds: dict[str, list[float]] | None = Field(None, description="low and high by name or group, such as { J = [-2.0, 2.0] }")
    l2: float = Field(0.0, ge=0, description="a number of at least 0")
    soft_cutoff: dict[str, list[float]] | None = Field(
        None, description="cutoff and slope of a penalty by name or group, such as { J = [0.1, 0.02] }"
    )
    clip: float | None = Field(None, gt=0, description="the largest norm of a gradient, a number above 0")
    warm_starts: bool = Field(True, description="true or false")


SECTIONS: dict[str, SectionOfKinds | type[Section]] = {
    "network": SectionOfKinds("kind", NETWORKS, given=("device",)),
    "cost": SectionOfKinds("kind", COSTS, given=("target",)),
    "sample": Sample,
    "stencil": SectionOfKinds("kind", STENCILS, "symmetric"),
    "preparation": SectionOfKinds("method", PREPARERS, "exact"),
    "measurement": Measurement,
    "device": SectionOfKinds("name", DEVICES, "statevector", given=("seed",)),
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
    models = {name: form.built_in() if isinstance(form, SectionOfKinds) else [form] for name, form in SECTIONS.items()}
    return [name for name, forms in models.items() if any(key in form.model_fields for form in forms)]
