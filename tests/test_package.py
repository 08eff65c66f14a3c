"""The package as others get it: what it declares, what its archive holds, and what `qep doctor` says of an installation."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hatchling.builders.sdist import SdistBuilder

from qep_qiskit.cli import doctor
from qep_qiskit.cli.main import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# packages that come with another one and share its versions
BELONGS = {
    "pydantic_core": "pydantic",
    "cloudpickle": "distributed",
    "dask": "distributed",
    "ibm_cloud_sdk_core": "qiskit-ibm-runtime",
    "openqasm3": "qiskit-qasm3-import",
}
NOTEBOOK = {"IPython"}
"""Imported only if a notebook, which runs on it, imported it before."""


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    groups = [PROJECT["dependencies"], *(v for k, v in PROJECT["optional-dependencies"].items() if k != "dev")]
    return {normalised(re.match(r"[\w.-]+", text)[0]) for group in groups for text in group}


def imported():
    packages = set()
    for path in (ROOT / "qep_qiskit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                packages.add(node.module.split(".")[0])
    return packages - set(sys.stdlib_module_names) - {"qep_qiskit"} - NOTEBOOK


def test_every_imported_package_is_declared():
    owners = importlib.metadata.packages_distributions()
    missing = {
        name
        for name in imported()
        if not {normalised(owner) for owner in owners.get(name, [name])} & declared()
        and normalised(BELONGS.get(name, "")) not in declared()
    }
    assert not missing


def test_mypy_reads_no_package_that_only_some_environments_have():
    """`make lint` gives the same answer before and after `make docs` installs more."""
    groups = [PROJECT["dependencies"], PROJECT["optional-dependencies"]["dev"]]
    always = {normalised(re.match(r"[\w.-]+", text)[0]) for group in groups for text in group}
    owners = importlib.metadata.packages_distributions()
    optional = {
        name
        for name in imported() | NOTEBOOK
        if not {normalised(owner) for owner in (*owners.get(name, [name]), BELONGS.get(name, name))} & always
    }
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    skipped = {name for each in overrides if each.get("follow_imports") == "skip" for name in each["module"]}
    assert {f"{name}.*" for name in optional} <= skipped and "IPython.*" in skipped


def test_every_declared_package_has_a_lowest_version_and_a_pin():
    texts = [text for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()) for text in group]
    assert all(re.fullmatch(r"[\w.-]+>=[\d.]+", text) for text in texts)
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {normalised(line.split("==")[0]) for line in lines if line and not line.startswith("#")}
    assert {normalised(text.split(">=")[0]) for text in texts} <= pins
    assert not [line for line in lines if "://" in line or line.startswith("-")]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The source archive's members, relative to its own folder; built from a copy of what git knows."""
    folder = tmp_path_factory.mktemp("archive")
    path = Path(next(iter(SdistBuilder(str(ROOT)).build(directory=str(folder)))))
    with tarfile.open(path) as tar:
        return {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}


def tracked():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("outside of a git checkout there is no list of the files to expect")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def test_the_source_archive_holds_every_file_of_the_project(archive):
    assert not tracked() - archive


def test_the_source_archive_holds_what_its_readme_points_to(archive):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    missing = [
        link for link in links if link not in archive and not any(name.startswith(link.rstrip("/") + "/") for name in archive)
    ]
    assert links and not missing


def test_the_readme_says_how_to_install_and_which_python():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install" in text
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert (
        re.search(rf"Python {re.escape(oldest)} or newer", text)
        and f"Python {oldest} or newer" in (ROOT / "Makefile").read_text()
    )


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("qiskit-ibm-runtime", "0.43.1", "qiskit-ibm-runtime 0.43.1 is installed, >=0.50 is needed"),
        ("qiskit", "1.4.0", "qiskit 1.4.0 is installed"),
        ("mthree", "2.7.0", "mthree 2.7.0 is installed"),
        ("scipy", None, "scipy is missing"),
    ],
)
def test_doctor_fails_on_a_version_that_does_not_work(monkeypatch, name, version, message):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda package: version if package == name else real(package))
    monkeypatch.setattr(doctor, "CHECKS", {})
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_doctor_does_not_ask_for_the_packages_of_extras(monkeypatch):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda package: None if package in ("mthree", "distributed") else real(package))
    monkeypatch.setattr(doctor, "CHECKS", {})
    assert CliRunner().invoke(cli, ["doctor"]).exit_code == 0
