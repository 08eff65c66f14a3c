"""The documentation site: ``make docs`` builds it into docs/_build/html."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import qep_qiskit

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

sys.path.insert(0, str(DOCS / "_ext"))
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # pages run `qep`
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

project = "qep_qiskit"
author = copyright = "the authors of qep_qiskit"
version = release = qep_qiskit.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.programoutput",
    "spec_keys",
]
exclude_patterns = ["_build", "_ext"]
templates_path = ["_templates"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "cells")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_excludepatterns: list[str] = []
nb_merge_streams = True

autodoc_typehints = "none"  # docstrings describe the parameters
autodoc_member_order = "bysource"
autosummary_generate = ["reference/python.md"]
maximum_signature_line_length = 80
numpydoc_show_class_members = False
numpydoc_validation_checks = {"GL03", "GL06", "GL07", "GL10", "PR02", "PR10", "RT04", "SS01", "SS03", "SS05"}

html_theme = "pydata_sphinx_theme"
html_title = "qep_qiskit"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
