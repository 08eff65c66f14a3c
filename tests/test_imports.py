"""The floors of docs/architecture.md, read from the sources; and what `import qep_qiskit` does not import."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import qep_qiskit

PACKAGE = Path(qep_qiskit.__file__).parent
ORDER = [
    "errors", "signatures", "lazy_names", "secrets", "documents", "seeds", "plain_text", "files", "memory", "checks", "progress",
    "display", "values", "frames", "archive", "estimates", "drawing", "provenance", "kinds", "fingerprints", "foreign", "workers",
    "samples", "local_samples", "simulation", "devices", "networks", "costs", "problem", "stencils", "ansatz", "measurement",
    "preparation", "settings", "equilibrium", "reference", "certified", "forecasting", "verbs", "budget", "comparison",
    "experiment", "runs", "layers", "jax", "torch", "training", "sweeps", "rehearsal", "report", "cli",
]  # fmt: skip
"""Every file and folder right below qep_qiskit, from the bottom up. A room imports only rooms before it."""
RANK = {name: rank for rank, name in enumerate(ORDER)}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_of(path):
    return ".".join(["qep_qiskit", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


@cache
def imports_of(path, planted=""):
    """Every module that a file imports anywhere in it, by its full name; names of `from` imports are appended."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8") + planted)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def part_of(module):
    """The part of the package that a module belongs to: its file or folder right below qep_qiskit."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 and pieces[0] == "qep_qiskit" else None


def parts():
    return {part_of(module_of(path)) for path in SOURCES} - {None}


@cache
def types_of(path):
    """The names that a file imports for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in imports for alias in node.names}


MODULES = {module_of(path): path for path in SOURCES}


def graph(planted=None):
    """The modules of the package that each module imports; `planted` is source text to be added to some modules."""
    edges = {}
    for module, path in MODULES.items():
        names = imports_of(path, (planted or {}).get(module, "")) - types_of(path)
        targets = {name if name in MODULES else name.rpartition(".")[0] for name in names}
        edges[module] = (targets & set(MODULES)) - {module, "qep_qiskit"}
    del edges["qep_qiskit"]  # its imports are for type checkers
    return edges


def rooms_of(edges, folder):
    """The same between what stands directly in a folder: its files and the folders in it. Its `__init__` only hands names on."""
    depth = folder.count(".") + 2
    inside = {module: ".".join(module.split(".")[:depth]) for module in edges if module.startswith(f"{folder}.")}
    rooms = {room: set() for room in inside.values()}
    for module, room in inside.items():
        rooms[room] |= {inside[name] for name in edges[module] if name in inside} - {room}
    return rooms


def circles(planted=None):
    """Every circle of imports between files, or between the rooms of one folder, as its modules in order."""
    edges = graph(planted)
    folders = sorted({module_of(path) for path in SOURCES if path.name == "__init__.py"})
    for rooms in [edges, *(rooms_of(edges, folder) for folder in folders)]:
        try:
            TopologicalSorter(rooms).prepare()
        except CycleError as error:
            yield error.args[1]


def test_no_circle_between_files_or_rooms():
    assert list(circles()) == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("qep_qiskit.equilibrium.plan", "qep_qiskit.verbs.gradient"),
        ("qep_qiskit.simulation.eigen.operators", "qep_qiskit.simulation.eigen.lanczos"),
        ("qep_qiskit.training.data.sets", "qep_qiskit.training.loop.steps"),
    ],
)
def test_a_circle_is_found_inside_of_a_function_too(module, imported):
    assert list(circles({module: f"\n\ndef planted():\n    import {imported}\n"}))


def test_every_part_of_the_package_has_a_floor():
    assert parts() == set(ORDER)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_run_one_way(path):
    room = part_of(module_of(path))
    if room is None:
        return
    for module in imports_of(path):
        part = part_of(module)
        # qep_qiskit itself is lazy: `import qep_qiskit as qep` is for the top floor only
        if module == "qep_qiskit" or part in qep_qiskit.__all__ or part == "__version__":
            assert room == "cli", f"{module_of(path)} imports the public names; import the module that has them"
        elif part is not None and part != room:
            assert RANK[part] < RANK[room], f"{module_of(path)} must not import {module}"


def test_only_a_few_files_know_the_runtime_service():
    knowing = {module_of(p) for p in SOURCES if any(m.split(".")[0] == "qiskit_ibm_runtime" for m in imports_of(p))}
    assert knowing <= {
        "qep_qiskit.devices.ibm.account",
        "qep_qiskit.devices.ibm.device",
        "qep_qiskit.devices.ibm.jobs",
        "qep_qiskit.devices.simulated.snapshots",
    }


def test_no_file_passes_the_limit():
    lengths = {module_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_import_of_the_package_imports_no_qiskit():
    heavy = ("qiskit", "numpy", "scipy", "matplotlib", "jax", "torch")
    code = f"import sys, qep_qiskit; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", qep_qiskit.__all__)
def test_public_names(name):
    assert getattr(qep_qiskit, name).__name__ == name
    assert name in dir(qep_qiskit)


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        qep_qiskit.nothing  # noqa: B018


@pytest.mark.parametrize("package", ["__init__.py", "runs/__init__.py"])
def test_names_of_type_checkers_are_the_public_ones(package):
    tree = ast.parse((PACKAGE / package).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    names = [alias.name for node in block.body for alias in node.names]
    module = importlib.import_module(".".join(["qep_qiskit", *Path(package).parts[:-1]]))
    assert sorted(names) == sorted(module.__all__)


def test_only_the_verb_that_rehearses_knows_the_mock_service():
    knowing = {module_of(path) for path in SOURCES if any(part_of(m) == "rehearsal" for m in imports_of(path))}
    assert {name for name in knowing if not name.startswith("qep_qiskit.rehearsal")} == {
        "qep_qiskit.cli.rehearse",
        "qep_qiskit.cli.rehearsing",
    }


def test_reports_compute_no_gradients():
    """Pages receive everything that they show as values, a forecast and its choices among them."""
    modules = {module for path in (PACKAGE / "report").glob("*.py") for module in imports_of(path)}
    engines = {"verbs", "reference", "preparation", "forecasting", "comparison", "devices", "simulation"}
    values = ("qep_qiskit.forecasting.forecast.", "qep_qiskit.forecasting.choices.")
    assert not {part_of(module) for module in modules if not module.startswith(values)} & engines
