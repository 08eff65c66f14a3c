"""The registries: everything of a kind is in its registry, and a section's keys are the parameters of its kind."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Annotated, Literal

import pytest
from pydantic import ValidationError

from qep_qiskit import device_named, kinds
from qep_qiskit.cli.kinds import kinds_of
from qep_qiskit.costs import ExpectationCost
from qep_qiskit.costs.cross_entropy import SoftmaxCrossEntropy
from qep_qiskit.devices import BackendDevice, SamplerDevice
from qep_qiskit.devices.backends.provider import ProviderDevice
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.loading import validated
from qep_qiskit.experiment.messages import explain
from qep_qiskit.experiment.overrides import apply
from qep_qiskit.experiment.section import SectionOfKinds
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.kinds import DEVICES, HIDDEN, MITIGATIONS, NETWORKS, PREPARERS, Key, Kind, Kinds

REGISTRIES = [value for value in vars(kinds).values() if isinstance(value, Kinds)]


def defined_in(room):
    """Yield every public class and function that a room's files define."""
    package = importlib.import_module(f"qep_qiskit.{room}")
    names = [module.name for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}.")]
    for module in map(importlib.import_module, [package.__name__, *names]):
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                yield value


def classes_with(room, *methods):
    return {
        value
        for value in defined_in(room)
        if inspect.isclass(value) and not getattr(value, "_is_protocol", False) and all(hasattr(value, m) for m in methods)
    }


def functions_with(room, *parameters):
    functions = {value for value in defined_in(room) if inspect.isfunction(value)}
    return {f for f in functions if tuple(inspect.signature(f).parameters)[: len(parameters)] == parameters}


def values_of(registry):
    return {kind.value for kind in registry.built_in.values()}


def test_every_preparer_is_registered():
    assert classes_with("preparation", "prepare", "describe") <= values_of(kinds.PREPARERS)


def test_every_network_is_registered():
    functions = {f for f in defined_in("networks") if inspect.isfunction(f) and "outputs" in inspect.signature(f).parameters}
    makers = {f for f in functions if inspect.signature(f).return_annotation == "Network"}
    assert makers and makers <= values_of(kinds.NETWORKS)


def test_every_cost_is_registered():
    in_python_alone = {ExpectationCost, SoftmaxCrossEntropy}  # of functions, and what the registered function returns
    assert classes_with("costs", "observables", "value", "error_signal", "curvature") - in_python_alone <= values_of(kinds.COSTS)


def test_every_device_is_registered():
    makers = {f for f in values_of(kinds.DEVICES) if inspect.isfunction(f)}
    returned = {inspect.signature(f).return_annotation for f in makers}
    of_objects = {BackendDevice, ProviderDevice, SamplerDevice}  # of an object of Qiskit, which no spec can hold
    devices = classes_with("devices", "compile", "describe", "exact", "needs_circuits", "seed") - of_objects
    assert devices and {cls.__name__ for cls in devices} <= returned | {cls.__name__ for cls in values_of(kinds.DEVICES)}


def test_every_mitigation_optimizer_schedule_and_stencil_is_registered():
    methods = {value.combine for value in values_of(kinds.MITIGATIONS)}
    assert functions_with("measurement.mitigation.readout", "calibrations") & methods == methods
    rules = [
        classes_with(f"training.rules.{room}", "start", "update", "shots", "describe") for room in ("optimizers", "planned_shots")
    ]
    assert set.union(*rules) == values_of(kinds.OPTIMIZERS)
    assert functions_with("training.rules.schedules", "step", "total") == values_of(kinds.SCHEDULES)
    assert functions_with("stencils", "beta") == values_of(kinds.STENCILS)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.what)
def test_the_line_about_a_kind_is_its_own_and_plain_text(registry):
    lines = [registry.about(name) for name in registry.built_in]
    assert not [line for line in lines if re.search(r":\w+:`", line)]
    if registry not in (kinds.RUNGS, kinds.DATA_SETS):  # nothing prints these lines
        assert all(lines) and len(set(lines)) == len(lines)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.what)
def test_an_unknown_name_lists_all_and_the_nearest(registry):
    name = next(name for name in registry if len(name) > 2)
    with pytest.raises(InputError) as error:
        registry.named(name + "x", "section.key")
    line = str(error.value)
    assert line.startswith(f'section.key: "{name}x" is not allowed; give one of ') and f"did you mean {name!r}" in line
    assert all(f'"{other}"' in line for other in registry)


@pytest.mark.parametrize(
    ("section", "kind"),
    [(name, kind) for name, form in SECTIONS.items() if isinstance(form, SectionOfKinds) for kind in form.kinds.built_in],
)
def test_a_section_has_a_key_for_every_parameter_that_must_be_given(section, kind):
    choice = SECTIONS[section]
    parameters = choice.kinds.named(kind, section).parameters
    fields = choice.model(kind, section).model_fields
    required = {name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty}
    assert required - {choice.selector, *choice.given} <= set(fields)
    assert set(fields) - {choice.selector} <= set(parameters)
    assert all(field.description for name, field in fields.items() if name != choice.selector)
    assert choice.kinds.named(kind, section).about


@dataclass(frozen=True)
class Sample:
    """A class as another package may write it."""

    must: int
    plain: float = 0.5
    words: Literal["low", "high"] = "low"
    sites: Sequence[int] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    labels: Mapping[str, float] | None = None
    limited: Annotated[int | None, Key("the number of things", least=1, most=9)] = None
    share: Annotated[float, Key("the share", above=0, most=1)] = 0.5
    scales: Annotated[list[float] | float | Literal["auto"], Key(below=3)] = "auto"
    unseen: Annotated[float, HIDDEN] = 1.0
    thing: object = None


SAMPLES = Kinds("sample", "kinds")
SAMPLES.register("sample")(Sample)
SECTION = SectionOfKinds("kind", SAMPLES, "sample")


def test_keys_follow_from_types():
    model = SECTION.model("sample", "s.kind")
    fields = ["must", "plain", "words", "sites", "pairs", "labels", "limited", "share", "scales"]
    assert list(model.model_fields) == ["kind", *fields]
    table = {"must": 1e3, "sites": [0, 1.0], "pairs": [[0, 1]], "labels": {"Z": 1}, "limited": 9, "share": 1, "scales": [2, 1]}
    built = model.model_validate(table).build()
    assert built == Sample(1000, sites=[0, 1], pairs=[[0, 1]], labels={"Z": 1.0}, limited=9, share=1.0, scales=[2.0, 1.0])
    assert model.model_validate({"must": 1, "scales": "auto"}).build() == Sample(1, scales="auto")
    assert type(built.must) is int


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("must", "many", "a whole number"),
        ("plain", float("nan"), "a number"),
        ("words", "middle", 'one of "low", "high"'),
        ("limited", 10, "the number of things, a whole number from 1 to 9"),
        ("sites", 1, "a list of whole numbers"),
        ("pairs", [0, 1], "a list of lists of whole numbers"),
        ("labels", "Z", "a table of numbers"),
        ("share", 2.0, "the share, a number above 0 and up to 1"),
        ("share", 0.0, "the share, a number above 0 and up to 1"),
        ("scales", [1.0, 3.0], 'a list of numbers below 3 or a number below 3 or "auto"'),
        ("scales", 3.0, 'a list of numbers below 3 or a number below 3 or "auto"'),
    ],
)
def test_errors_say_what_a_key_may_be(key, value, allowed):
    table = {"must": 1, key: value}
    with pytest.raises(ValidationError) as error:
        SECTION.model("sample", "s.kind").model_validate(table)
    assert str(explain(error.value, SECTION.model("sample", "s.kind"), table, "s")).endswith(f"is not allowed; give {allowed}")


def test_a_name_is_registered_once():
    registry = Kinds("sample", "kinds")
    registry.register("one")(Sample)
    with pytest.raises(ValueError, match="two samples are called 'one'"):
        registry.register("one")(Kind)


@pytest.mark.parametrize(
    ("target", "reason"),
    [("no_such_module:thing", "ModuleNotFoundError"), ("math:no_such_name", "AttributeError"), ("math:cos", "TypeError")],
)
def test_a_package_that_fails_is_named(monkeypatch, target, reason):
    registry = Kinds("sample", "kinds")
    monkeypatch.setattr(registry, "_added", (EntryPoint("broken", target, "none"),))
    assert "broken" in list(registry) and "broken" in registry
    with pytest.raises(InputError, match=rf'"broken" of the package {target} fails \({reason}: .*; repair or'):
        SectionOfKinds("kind", registry).model("broken", "section.kind").model_validate({"kind": "broken"}).build()


MODULE = """
import sys
if sys.argv[:1] == ["ends"]:
    sys.exit(0)
number = 5
def nothing(): return None
def ends(): sys.exit(0)
def fails(seed: int = 0): raise OSError("no licence")
def other(): return object()
"""


@pytest.mark.parametrize("name", ["number", "nothing", "ends", "fails", "other", "no_such_name", "import"])
@pytest.mark.parametrize("key", ["device.name", "preparation.method", "network.kind", "measurement.mitigation"])
def test_whatever_a_package_makes_or_does_is_one_line_that_names_it(monkeypatch, tmp_path, key, name):
    registry = {"device": DEVICES, "preparation": PREPARERS, "network": NETWORKS, "measurement": MITIGATIONS}[key.split(".")[0]]
    (tmp_path / "a_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_package", raising=False)
    monkeypatch.setattr(sys, "argv", ["ends" if name == "import" else "works"])
    monkeypatch.setattr(registry, "_added", (EntryPoint("added", f"a_package:{name}", "none"),))
    tables = {
        "network": {"kind": "ising", "sites": 2, "inputs": [], "outputs": [1]},
        "cost": {"kind": "squared_error"},
        "sample": {"x": [], "y": [1.0]},
    }
    with pytest.raises(InputError, match=r'"added" of the package a_package.* fails \(\w+(Error|Exit): .*; repair or') as error:
        spec = validated(apply(tables, [(key, "added")]))
        spec.settings().mitigation.require()
        spec.problem()
    assert "\n" not in str(error.value) and str(error.value).startswith(key if registry is not MITIGATIONS else "mitigation")
    if registry is DEVICES:
        with pytest.raises(InputError, match="of the package a_package"):
            device_named("added")
    if registry is not MITIGATIONS:
        with monkeypatch.context() as working:  # the first override is the spec's own; the second leaves it behind
            working.setitem(tables, key.split(".")[0], {**tables.get(key.split(".")[0], {}), key.split(".")[1]: "added"})
            assert validated(apply(tables, [(key, {"network": "ising"}.get(key.split(".")[0], next(iter(registry.built_in))))]))
        assert {"name": "added"}.items() <= next(k for k in kinds_of(key.split(".")[0]) if k["name"] == "added").items()


def test_two_packages_with_one_name_are_refused(monkeypatch):
    registry = Kinds("sample", "kinds")
    registry.register("one")(Sample)
    monkeypatch.setattr(registry, "_added", (EntryPoint("one", "math:cos", "none"),))
    with pytest.raises(InputError, match='section.kind: "one" is ambiguous: the packages qep_qiskit and math:cos each'):
        registry.named("one", "section.kind")


def test_registries_import_nothing_before_they_are_asked():
    code = "import sys, qep_qiskit.kinds; print([m for m in ('numpy', 'qiskit', 'pydantic') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
