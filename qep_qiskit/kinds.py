"""Registries of the kinds that a spec can name. Each kind is registered where it is defined; other packages can add more.

Kinds of this package are found by importing the modules of a folder when one is first requested. Other packages add kinds by
entry points of the groups ``qep_qiskit.networks``, ``.preparers``, ``.devices`` and ``.mitigations``; such a package is
imported only when one of its kinds is named.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
import pkgutil
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qep_qiskit.errors import InputError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Value = TypeVar("Value")
PACKAGE = "qep_qiskit"
LONGEST_VALUE = 80


@dataclass(frozen=True)
class Key:
    """The key of a spec for a parameter of a kind: ``layers: Annotated[int, Key("the number of layers", least=1)] = 3``.

    A parameter without a `Key` is also a key of the spec, if TOML can express its type.

    Parameters
    ----------
    about : str
        A description of the value. Errors add the allowed values from the type and the limits.
    least, most, above, below : float, optional
        Limits of a number.
    words : tuple of str
        The allowed texts, if they are limited.
    form : type, optional
        The type in a spec, if the parameter accepts more in Python.
    read : callable, optional
        (value, folder of the spec or None) → the argument, for a value that must be converted.
    hidden : bool
        Whether specs do not have this key.
    """

    about: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    words: tuple[str, ...] = ()
    form: Any = None
    read: Callable[[Any, Path | None], Any] | None = None
    hidden: bool = False


HIDDEN = Key(hidden=True)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kind: its type, its default (``inspect.Parameter.empty`` if it has none), and its key in a spec."""

    annotation: Any
    default: Any
    key: Key


@dataclass(frozen=True)
class Kind:
    """A kind: a value that a spec can name.

    Attributes
    ----------
    name : str
        The name; a part in angle brackets stands for any text, as in ``fake_<name>``.
    value : object
        The value, usually a class or function; its parameters are the keys of the spec's section.
    package : str
        The distribution that contains it.
    accepts : callable, optional
        text → whether the text names this kind in another form.
    """

    name: str
    value: Any
    package: str = PACKAGE
    accepts: Callable[[str], bool] | None = None

    @property
    def about(self) -> str:
        """The value's attribute `about` if it is a text, or else the first line of its docstring, without "Return"."""
        text = getattr(self.value, "about", None)
        if isinstance(text, str):
            return text
        return (inspect.getdoc(self.value) or "").partition("\n")[0].removeprefix("Return ").rstrip(".")

    @functools.cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters of the value by name, in order."""
        plain_class = inspect.isclass(self.value) and not dataclasses.is_dataclass(self.value)
        hints = typing.get_type_hints(self.value.__init__ if plain_class else self.value, include_extras=True)
        parameters = {}
        for name, parameter in inspect.signature(self.value).parameters.items():
            hint = hints.get(name, Any)
            keys = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Key)]
            parameters[name] = Parameter(hint, parameter.default, keys[-1] if keys else Key())
        return parameters

    def make(self, where: str, arguments: Mapping[str, Any], *forms: type) -> Any:
        """Call the value and return what it makes.

        Parameters
        ----------
        where : str
            The key that names the kind, for errors.
        forms : type
            What a kind of another package may make.

        Raises
        ------
        InputError
            If a kind of another package fails or makes something else.
        """
        if self.package == PACKAGE:
            return self.value(**arguments)
        try:
            result = self.value(**arguments)
            if forms and not isinstance(result, forms):
                raise TypeError(f"it makes {type(result).__name__}, not {' or '.join(form.__name__ for form in forms)}")
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise failed(where, self.name, self.package, error) from error
        return result

    def answers(self, text: str) -> bool:
        """Return whether a text names this kind."""
        begin, bracket, _ = self.name.partition("<")
        return text == self.name or bool(bracket and text.startswith(begin) and text != begin)


class Kinds:
    """Registry of the kinds of one sort, by name.

    Parameters
    ----------
    what : str
        The word for such a kind in errors, such as ``"preparer"``.
    room : str
        The package or module that registers the built-in kinds.
    group : str, optional
        The group of entry points with which other packages add kinds.
    """

    def __init__(self, what: str, room: str, group: str | None = None) -> None:
        self.what, self._room, self._group = what, room, group
        self._registered: dict[str, Kind] = {}

    def register(self, name: str, *, accepts: Callable[[str], bool] | None = None) -> Callable[[Value], Value]:
        """Return a decorator that registers a class, a function or any other value under a name."""

        def registered(value: Value) -> Value:
            if name in self._registered:
                raise ValueError(f"two {self.what}s are called {name!r}: {self._registered[name].value} and {value}")
            self._registered[name] = Kind(name, value, accepts=accepts)
            return value

        return registered

    @functools.cached_property
    def built_in(self) -> dict[str, Kind]:
        """The built-in kinds by name; the first access imports the files that define them."""
        room = importlib.import_module(f"{PACKAGE}.{self._room}")
        for module in pkgutil.walk_packages(getattr(room, "__path__", ()), f"{room.__name__}."):
            importlib.import_module(module.name)
        in_order_of_the_file = not hasattr(room, "__path__")
        return dict(self._registered if in_order_of_the_file else sorted(self._registered.items()))

    @functools.cached_property
    def _added(self) -> tuple[EntryPoint, ...]:
        from importlib.metadata import entry_points

        return tuple(entry_points(group=self._group)) if self._group else ()

    def __iter__(self) -> Iterator[str]:
        return iter([*self.built_in, *sorted({point.name for point in self._added} - set(self.built_in))])

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and (
            self._built_in_for(text) is not None or any(point.name == text for point in self._added)
        )

    def named(self, text: object, where: str) -> Kind:
        """Return the kind that a text names.

        Raises
        ------
        InputError
            If there is none (the message lists the kinds), if two packages use the name, or if a package cannot be imported. The
            message starts with `where`, the key that contains the name.
        """
        built_in = self._built_in_for(text) if isinstance(text, str) else None
        added = [point for point in self._added if point.name == text]
        if built_in is not None and not added:
            return built_in
        if built_in is None and len(added) == 1:
            return self._loaded(added[0], where)
        if not added:
            close = nearest(text, self)
            raise InputError(f"{where}: {shown(text)} is not allowed; give {one_of(self)}{close}")
        packages = [PACKAGE] * (built_in is not None) + [_package(point) for point in added]
        raise InputError(
            f'{where}: "{text}" is ambiguous: the packages {" and ".join(packages)} each have a {self.what} of this name; '
            "uninstall one of them, or rename its entry point"
        )

    def __getitem__(self, name: str) -> Any:
        """Return the value of the kind called `name`."""
        return self.named(name, self.what).value

    def about(self, name: str) -> str:
        """Return a line about a kind. For a kind of another package, which is not imported, it names the package."""
        if name in self.built_in:
            return self.built_in[name].about
        return f"from the package {' and '.join(_package(point) for point in self._added if point.name == name)}"

    def _built_in_for(self, text: str) -> Kind | None:
        kinds = self.built_in.values()
        exact = next((kind for kind in kinds if kind.answers(text)), None)
        return exact or next((kind for kind in kinds if kind.accepts is not None and kind.accepts(text)), None)

    def _loaded(self, point: EntryPoint, where: str) -> Kind:
        usual = next((type(kind.value) for kind in self.built_in.values() if not callable(kind.value)), None)
        try:
            kind = Kind(point.name, point.load(), _package(point))
            if usual is not None and not isinstance(kind.value, usual):
                raise TypeError(f"{kind.value!r} is not a {usual.__name__}")
            if usual is None:
                _ = kind.parameters  # fails if it cannot be called, or the types cannot be imported
        except (Exception, SystemExit) as error:
            raise failed(where, point.name, _package(point), error) from error
        return kind


def failed(where: str, name: str, package: str, error: BaseException) -> InputError:
    """Return the error for a kind of another package that cannot be imported or built."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return InputError(f'{where}: "{name}" of the package {package} fails ({reason}); repair or uninstall the package')


def one_of(words: Iterable[str]) -> str:
    """Return the words as a list for errors.

    Examples
    --------
    >>> one_of(["exact", "vqe"])
    'one of "exact", "vqe"'
    """
    return "one of " + ", ".join(f'"{word}"' for word in words)


def shown(value: object) -> str:
    """Return a value in TOML notation, on one line and cut to a readable length.

    Examples
    --------
    >>> shown("ring"), shown(True), shown([1, 2.5])
    ('"ring"', 'true', '[1, 2.5]')
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(type(value))
    text = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(text, text)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


NETWORKS = Kinds("network", "networks", "qep_qiskit.networks")
COSTS = Kinds("cost", "costs")
STENCILS = Kinds("stencil", "stencils")
PREPARERS = Kinds("preparer", "preparation", "qep_qiskit.preparers")
DEVICES = Kinds("device", "devices", "qep_qiskit.devices")
MITIGATIONS = Kinds("mitigation", "measurement.mitigation.readout", "qep_qiskit.mitigations")
OPTIMIZERS = Kinds("optimizer", "training.rules.planned_shots")
SCHEDULES = Kinds("schedule", "training.rules.schedules")
RAMP_SCHEDULES = Kinds("ramp schedule", "ansatz.schedules")
DATA_SETS = Kinds("data set", "training.data.sets")
RUNGS = Kinds("rung", "comparison")
