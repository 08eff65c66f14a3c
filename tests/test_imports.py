"""The floors of docs/architecture.md, read from the sources; and what `import qep_qiskit` does not import."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import qep_qiskit

PACKAGE = Path(qep_qiskit.__file__).parent
ORDER = [
    "lazy_names", "errors", "secrets", "documents", "seeds", "plain_text", "files", "memory", "checks", "display", "values",
    "estimates", "provenance", "kinds", "fingerprints", "foreign", "workers", "samples", "simulation", "devices", "networks",
    "costs", "problem", "stencils", "ansatz", "measurement", "preparation", "settings", "equilibrium", "reference", "forecasting",
    "verbs", "budget", "comparison", "experiment", "runs", "training", "sweeps", "rehearsal", "report", "cli",
]  # fmt: skip
"""Every file and folder right below qep_qiskit, from the bottom up. A room imports only rooms before it."""
RANK = {name: rank for rank, name in enumerate(ORDER)}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_of(path):
    return ".".join(["qep_qiskit", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def imports_of(path):
    """Every module that a file imports anywhere in it, by its full name; names of `from` imports are appended."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
    code = "import sys, qep_qiskit; print([m for m in ('qiskit', 'numpy', 'scipy', 'matplotlib') if m in sys.modules])"
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
    """Pages receive everything that they show as values."""
    imported = {part_of(module) for path in (PACKAGE / "report").glob("*.py") for module in imports_of(path)}
    assert not imported & {"verbs", "reference", "preparation", "forecasting", "comparison", "devices", "simulation"}
