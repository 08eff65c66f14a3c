"""The files around the package agree with it: citation, workflows, templates, constraints, notes of a release."""

import re
import tomllib
from pathlib import Path

import pytest
import trove_classifiers
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import qep_qiskit

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)'", str(PROJECT["classifiers"]))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / ".github/workflows").glob("*.yml")}


def steps(workflow):
    return [step for job in WORKFLOWS[workflow]["jobs"].values() for step in job["steps"]]


def test_the_citation_is_complete_and_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["title"] and citation["message"]
    assert citation["version"] == qep_qiskit.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    for entry in citation["references"]:
        assert entry["type"] and entry["title"] and entry["url"].startswith("https://arxiv.org/abs/")
        assert all(author["family-names"] and author["given-names"] for author in entry["authors"])


def test_the_metadata_can_be_listed():
    assert set(PROJECT["classifiers"]) <= trove_classifiers.classifiers
    assert min(PYTHONS, key=Version) == PROJECT["requires-python"].removeprefix(">=")
    assert len(PROJECT["description"]) <= 135  # the limit of the Qiskit ecosystem's form


def test_every_version_of_python_and_every_constraint_file_is_tested():
    tests, install = WORKFLOWS["tests"]["jobs"]["tests"], WORKFLOWS["release"]["jobs"]["install"]
    assert tests["strategy"]["matrix"]["python"] == install["strategy"]["matrix"]["python"] == PYTHONS
    named = re.findall(r"-c ([\w.-]+)", str(tests))
    assert named and all((ROOT / name).is_file() for name in named)


def test_publishing_needs_a_tag_and_no_stored_key():
    publish = WORKFLOWS["release"]["jobs"]["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in str(WORKFLOWS)


def test_workflows_only_read_unless_a_job_says_otherwise():
    assert WORKFLOWS and all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())


def test_workflows_make_targets_that_exist():
    names = re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    targets = {target for line in names for target in line.split()}
    commands = [step.get("run", "") for step in steps("docs")] + (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    targets_named = [command.removeprefix("make ") for command in commands if command.startswith("make ")]
    assert targets_named and set(targets_named) <= targets


def test_bug_reports_ask_for_the_installation():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8"))
    doctor = next(entry for entry in form["body"] if "qep doctor --json" in entry["attributes"]["label"])
    assert doctor["validations"]["required"]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CODE_OF_CONDUCT.md"])
def test_links_of_project_files_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links and all((ROOT / link).exists() for link in links)


def test_the_changelog_has_notes_of_this_version():
    versions = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert qep_qiskit.__version__ in versions
    assert versions == sorted(versions, key=Version, reverse=True)


def test_the_lowest_constraints_are_the_declared_versions():
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(r.name): str(r.specifier) for r in map(Requirement, [line for line in lines if line[0] != "#"])}
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for floor in map(Requirement, {text for group in groups for text in group}):
        lowest = str(floor.specifier).removeprefix(">=")
        assert re.match(rf"=={re.escape(lowest)}(\.\d+)*$", pins[canonicalize_name(floor.name)]), floor
