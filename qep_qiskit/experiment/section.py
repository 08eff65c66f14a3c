"""Sections of a spec, and the conversion of a kind's parameters into keys."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from qep_qiskit.kinds import Key, Kind, Kinds, Parameter, one_of, shown

WORDS = {int: "whole number", float: "number", str: "text"}

LARGEST_WHOLE = 2.0**63
"""A number from here on is not read as a whole one; none of a spec's is as large."""


class Section(BaseModel):
    """A section of a spec. Unknown keys, silent conversions, NaN and infinity are not allowed.

    A whole number may also be written as a float without a fraction, such as ``1e4``.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        leaves = {key: _leaves(field.annotation) for key, field in cls.model_fields.items()}
        whole = {key for key, forms in leaves.items() if int in forms and float not in forms}
        return {key: _whole(value) if key in whole else value for key, value in table.items()}

    def written(self) -> dict[str, Any]:
        """Return the keys that the user wrote. All others keep the defaults of the object that is built."""
        return {key: value for key, value in self.model_dump(exclude_unset=True).items() if value is not None}


class KindSection(Section):
    """A section that names a kind; its keys are the parameters of that kind."""

    kind_: ClassVar[Kind]
    selector_: ClassVar[str]

    def build(self, *forms: type, folder: Path | None = None, **given: Any) -> Any:
        """Return the object that the section describes. Omitted keys keep the kind's defaults.

        Parameters
        ----------
        forms : type
            What a kind of another package may make.
        folder : Path, optional
            The folder of the spec.
        **given
            Arguments that are not keys of the section. Those that the kind does not accept are ignored.
        """
        parameters = self.kind_.parameters
        offered = {**self.written(), self.selector_: getattr(self, self.selector_), **given}
        arguments = {name: value for name, value in offered.items() if name in parameters}
        for name, value in arguments.items():
            read = parameters[name].key.read
            arguments[name] = value if read is None else read(value, folder)
        return self.kind_.make(self.selector_, arguments, *forms)


@dataclass(frozen=True)
class SectionOfKinds:
    """A section with keys that depend on the kind named in it.

    Attributes
    ----------
    selector : str
        The key that names the kind.
    default : str or None
        The kind if that key is omitted; None if the key is required.
    given : tuple of str
        Parameters that are not keys of the section, because other parts of the spec determine them.
    """

    selector: str
    kinds: Kinds
    default: str | None = None
    given: tuple[str, ...] = ()

    def model(self, name: object, where: str) -> type[KindSection]:
        """Return the section model of a kind; raise InputError if there is no such kind."""
        return _model(self, self.kinds.named(name, where))

    def built_in(self) -> list[type[KindSection]]:
        """Return the section models of the built-in kinds."""
        return [_model(self, kind) for kind in self.kinds.built_in.values()]

    def with_key(self, key: str) -> list[str]:
        """Return the built-in kinds that have a key, as they are written in a spec."""
        return [f'{self.selector} = "{model.kind_.name}"' for model in self.built_in() if key in model.model_fields]


@functools.cache
def _model(section: SectionOfKinds, kind: Kind) -> type[KindSection]:
    fields: dict[str, Any] = {section.selector: (str, ... if section.default is None else section.default)}
    for name, parameter in kind.parameters.items():
        form = _form(parameter)
        if name not in (section.selector, *section.given) and form is not None:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[name] = (_limited(form, parameter.key), Field(default, description=allowed(parameter.key, form)))
    model = create_model(kind.name, __base__=KindSection, **fields)
    model.kind_, model.selector_ = kind, section.selector
    return model


def allowed(key: Key, form: Any) -> str:
    """Return a description of a key's allowed values, for errors.

    Examples
    --------
    >>> allowed(Key("the number of layers", least=1, most=1000), int)
    'the number of layers, a whole number from 1 to 1000'
    >>> allowed(Key(above=0, below=1), list[float]), allowed(Key(), bool)
    ('a list of numbers above 0 and below 1', 'true or false')
    """
    limits = _limits(key)
    if form is bool:
        return f"true or false ({key.about})" if key.about else "true or false"
    if key.about and not limits and get_origin(form) is not Literal:
        return key.about
    return ", ".join(text for text in (key.about, _plain(form, limits)) if text)


def _plain(form: Any, limits: str, *, several: bool = False) -> str:
    """Return a type in words, with the limits after each kind of number."""
    origin, parts = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        return " or ".join(_plain(part, limits, several=several) for part in parts)
    if origin is Literal:
        return one_of(parts) if isinstance(parts[0], str) and len(parts) > 1 else " or ".join(map(shown, parts))
    if origin in (list, dict):
        word, rest = "list" if origin is list else "table", f" of {_plain(parts[-1], limits, several=True)}"
    elif form is bool:
        return "true or false"
    else:
        word, rest = WORDS.get(form, "value"), limits if form in (int, float) else ""
    return f"{word}s{rest}" if several else f"a {word}{rest}"


def _limits(key: Key) -> str:
    """Return the limits of a key's numbers in words, after a space; empty if there are none."""
    if key.least is not None and key.most is not None:
        return f" from {key.least} to {key.most}"
    if key.least is not None and key.below is not None:
        return f" from {key.least:g} to below {key.below:g}"
    words = {"above": key.above, "of at least": key.least, "up to": key.most, "below": key.below}
    text = " and ".join(f"{word} {value:g}" for word, value in words.items() if value is not None)
    return f" {text}" if text else ""


def _limited(form: Any, key: Key) -> Any:
    """Return a type whose numbers have the limits of a key."""
    origin, parts = get_origin(form), get_args(form)
    if form in (int, float):
        return Annotated[form, Field(ge=key.least, le=key.most, gt=key.above, lt=key.below)]
    if origin in (Union, types.UnionType):
        return Union[tuple(_limited(part, key) for part in parts)]  # noqa: UP007
    if origin is Literal and bool not in map(type, parts):
        return Annotated[form, BeforeValidator(_no_flag)]
    return origin[tuple(_limited(part, key) for part in parts)] if origin in (list, dict) else form


def _no_flag(value: Any) -> Any:
    """Refuse true and false, which are equal to 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a flag")
    return value


def _form(parameter: Parameter) -> Any:
    """Return the type of a parameter in a spec; None if it is not a key."""
    key = parameter.key
    if key.hidden:
        return None
    if key.words:
        return Literal[key.words]
    return _held(parameter.annotation) if key.form is None else key.form


def _held(hint: Any) -> Any:
    """Return the part of a type that TOML can express, or None."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _held(parts[0])
    if origin in (Union, types.UnionType):
        forms = [form for form in map(_held, parts) if form is not None]
        return Union[tuple(forms)] if forms else None  # noqa: UP007
    if hint in (bool, int, float, str) or origin is Literal:
        return hint
    if origin in (list, tuple, Sequence) and (item := _held(parts[0])) is not None:
        return list[item]  # type: ignore[valid-type]
    if origin in (dict, Mapping) and parts[0] is str and (item := _held(parts[1])) is not None:
        return dict[str, item]  # type: ignore[valid-type]
    return None


def _leaves(annotation: Any) -> list[Any]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return [type(value) for value in parts]
    if origin is Annotated:
        return _leaves(parts[0])
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [annotation]


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE else value
