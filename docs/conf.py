"""The documentation site: ``make docs`` builds it into docs/_build/html."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from jupyter_client.manager import KernelManager
from sphinx.application import Sphinx

import qep_qiskit
from qep_qiskit.cli.init import starter
from qep_qiskit.rehearsal.server import serve

DOCS = Path(__file__).resolve().parent
SESSION = DOCS / "_build" / "session"
"""The folder in which pages run `qep`."""

sys.path.insert(0, str(DOCS / "_ext"))
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # pages run `qep`
os.environ["COLUMNS"] = "100"
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
if KernelManager.class_traits().get("transport_encryption") is not None:
    KernelManager.transport_encryption.default_value = "required"  # kernels warn of TCP without encryption

project = "qep_qiskit"
author = copyright = "the qep_qiskit developers"
version = release = qep_qiskit.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.programoutput",
    "mathml",
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
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_mock_imports = ["torch"]  # large, and only its names are needed
autodoc_typehints = "none"  # docstrings describe the parameters
autodoc_member_order = "bysource"
autosummary_generate = ["reference/python.md"]
maximum_signature_line_length = 80
numpydoc_show_class_members = False
numpydoc_validation_checks = {"GL03", "GL06", "GL07", "GL10", "PR02", "PR10", "RT04", "SS01", "SS03", "SS05"}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "qep_qiskit"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "logo": {"text": "qep_qiskit"},
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {"index": [], "start": [], "theory": [], "install": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = html_favicon = "_static/logo.svg"


def setup(app: Sphinx) -> None:
    """Make the folder of commands, and serve the mock service on which pages run devices."""
    shutil.rmtree(SESSION, ignore_errors=True)
    SESSION.mkdir(parents=True)
    (SESSION / "start").mkdir()
    (SESSION / "noise.toml").write_bytes(starter("noise").read_bytes())
    (SESSION / "specs").symlink_to(DOCS.parent / "hardware_runs" / "specs")
    service = contextlib.ExitStack()
    os.environ["QEP_RUNTIME_URL"] = service.enter_context(serve(noise="readout", queue_seconds=8.0)).url
    app.connect("builder-inited", lambda app: app.env.programoutput_cache.clear(), priority=900)  # of an earlier build's folder
    app.connect("build-finished", lambda *_: service.close())
