"""The settings of a measurement: all options, with their defaults and checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict, TypeVar

from qep_qiskit.checks import seed_of, shown
from qep_qiskit.devices.device import Device, check_shots
from qep_qiskit.devices.named import as_device
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.measurement.mitigation.mitigation import Mitigation, parse
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Preparer
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil, AutoStencil, Stencil
from qep_qiskit.values import Brief

EXACT, ADAPTIVE, STATE, NONE = Exact(), AdaptiveStencil(), StatevectorDevice(), Mitigation()
Verb = TypeVar("Verb", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """The keywords of `Settings` in a call, where None means the default."""

    preparer: Preparer | None
    stencil: AnyStencil | None
    device: object
    shots: int | Split | OptimalShots | None
    mitigation: str | Mitigation
    calibration_shots: int | None
    seed: int | None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Settings(Brief, Mapping[str, Any]):
    """The settings for measuring a gradient; also a mapping, for ``qep.gradient(problem, **settings)``.

    Parameters
    ----------
    preparer : Preparer
        The preparer of the states. Default: exact ground states; ``VQE(...)`` and ``Adiabatic(...)`` use circuits.
    stencil : Stencil, AdaptiveStencil or AutoStencil
        Default: ``symmetric("adaptive")``, which computes β from the gap, the size of the nudge and the shots. Away from level
        crossings the bias is then about the shot error or less, and below 1 % without shots. ``symmetric("auto")`` lets
        :func:`qep_qiskit.forecast` choose β.
    device : Device, str, BackendV2 or BaseSamplerV2
        Default: ``statevector()``, an exact simulation. Jobs for a device that bills are sent without confirmation and stored
        only by its service; ``qep_qiskit.runs.submit``, or the option `run` of a verb that has it, keeps them in a run.
    shots : int, Split or OptimalShots, optional
        Shots per circuit, that is per basis and phase. Default: exact expectations. :func:`qep_qiskit.optimal_shots` distributes
        the same total for the least predicted error.
    mitigation : str
        ``"none"``, ``"tensored"``, ``"m3"``, ``"trex"``, ``"clifford"``, ``"zne"``, ``"zne:exponential:1,3+trex"``: see
        docs/mitigation.md.
    calibration_shots : int, optional
        Shots per calibration circuit. Default: `shots`, but at least 100 if a training's rule plans them.
    seed : int, optional
        Default: the device's seed.

    Raises
    ------
    InputError
        If a value is not allowed.

    Examples
    --------
    >>> settings = Settings(device="simulator", shots=1e3)
    >>> settings.shots, settings.seed, settings["mitigation"]
    (1000, 0, 'none')
    """

    preparer: Preparer = EXACT
    stencil: AnyStencil = ADAPTIVE
    device: Device = STATE
    shots: int | Split | OptimalShots | None = None
    mitigation: Mitigation = NONE
    calibration_shots: int | None = None
    seed: int = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        stencil = ADAPTIVE if self.stencil is None else self.stencil
        if not isinstance(stencil, Stencil | AdaptiveStencil | AutoStencil):
            raise InputError(f"stencil: {shown(stencil)} is not allowed; give for instance qep.symmetric(0.1)")
        device = as_device(self.device)
        shots = self.shots if isinstance(self.shots, Split | OptimalShots) else check_shots("shots", self.shots)
        if isinstance(shots, Split):
            check_shots("shots", shots.calibration or None)
        vars(self).update(
            preparer=EXACT if self.preparer is None else check_preparer(self.preparer),
            stencil=stencil,
            device=device,
            shots=shots,
            mitigation=self.mitigation if isinstance(self.mitigation, Mitigation) else parse(self.mitigation),
            calibration_shots=check_shots("calibration_shots", self.calibration_shots),
            seed=device.seed if self.seed is None else seed_of(self.seed),
        )

    @property
    def open(self) -> bool:
        """Whether β or the distribution of the shots is left to the planner."""
        return isinstance(self.stencil, AutoStencil) or isinstance(self.shots, OptimalShots)

    @property
    def fixed_stencil(self) -> Stencil:
        """The stencil; raises InputError if its β is still to be chosen."""
        if not isinstance(self.stencil, Stencil):
            raise InputError(f"stencil: the β of {self.stencil!r} is not chosen yet")
        return self.stencil

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        value = getattr(self, name)
        return str(value) if isinstance(value, Mitigation) else value

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def check_preparer(preparer: object) -> Preparer:
    """Return the argument if it is a preparer; otherwise raise InputError in one line."""
    if isinstance(preparer, type) or not isinstance(preparer, Preparer):
        raise InputError(
            f"preparer: {shown(preparer)} is not allowed; give qep.Exact(), qep.VQE(...), qep.Adiabatic(...), qep.MPS(...), "
            "qep.MeanField(), qep.Thermal(...), or a preparer whose class derives from qep_qiskit.preparation.Preparer"
        )
    return preparer


NAMES = tuple(field.name for field in fields(Settings))
DEFAULTS = {**Settings(), "seed": None}
ELSEWHERE = {
    "ansatz": "; give preparer=qep.VQE(ansatz=...)",
    "beta": "; give stencil=qep.symmetric(beta)",
    "layers": "; give preparer=qep.VQE(layers=...)",
    "noise": "; give device=qep.simulator(noise=...) or device=qep.aer(noise=...)",
    "split": "; give shots=qep.optimal_shots(...), which distributes the same total",
}
"""Keys of a spec that belong to another keyword in Python."""


def settings_of(verb: Callable[..., Any], options: Mapping[str, Any]) -> Settings:
    """Return the settings from the keywords of a verb.

    Raises
    ------
    TypeError
        If the verb has no such keyword; the message is Python's, and adds the keyword that has this option, or the nearest one.
    """
    unknown = next((name for name in options if name not in NAMES), None)
    if unknown is not None:
        close = ELSEWHERE.get(unknown) or nearest(unknown, inspect.signature(verb).parameters)
        raise TypeError(f"{verb.__name__}() got an unexpected keyword argument {unknown!r}{close}")
    return Settings(**options)


def shows_options(**defaults: object) -> Callable[[Verb], Verb]:
    """Give a verb with ``**options`` a signature with all options, for help, notebooks and `inspect`.

    Parameters
    ----------
    **defaults
        Defaults that differ from those of :class:`Settings`.
    """
    options = []
    for field in fields(Settings):
        default, annotation = defaults.get(field.name, DEFAULTS[field.name]), Options.__annotations__[field.name].__forward_arg__
        options.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    return _shows(options)


def shows_keywords_of(other: Callable[..., Any]) -> Callable[[Verb], Verb]:
    """Give a verb that passes ``**options`` to another function a signature with that function's keywords."""
    return _shows([p for p in inspect.signature(other).parameters.values() if p.kind is p.KEYWORD_ONLY])


def _shows(options: Sequence[inspect.Parameter]) -> Callable[[Verb], Verb]:
    def shown(verb: Verb) -> Verb:
        signature = inspect.signature(verb)
        others = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        place = next((i for i, p in enumerate(others) if p.kind is p.KEYWORD_ONLY), len(others))
        verb.__signature__ = signature.replace(parameters=[*others[:place], *options, *others[place:]])  # type: ignore[attr-defined]
        return verb

    return shown
