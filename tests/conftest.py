"""What all tests share."""

import matplotlib as mpl
import pytest

mpl.use("Agg")

# Several folders have one, and the search for docstring examples would take them for one module.
collect_ignore_glob = ["*/conftest.py"]

SMALL_SPEC = """
seed = 7

[network]
kind = "ising"
sites = 3
edges = "chain"
inputs = [0]
outputs = [2]

[weights]
J = [0.9, 0.7]
h = [0.1, -0.2, 0.3]
g = [1.0, 0.8, 1.1]

[cost]
kind = "squared_error"

[sample]
x = [0.5]
y = [1.0]

[stencil]
kind = "symmetric"
beta = 0.1

[measurement]
shots = 500

[device]
name = "aer"
"""


@pytest.fixture
def small_spec(tmp_path):
    """A three-site spec that runs in a moment: its path, in an otherwise empty folder."""
    folder = tmp_path / "specs"
    folder.mkdir()
    path = folder / "small.toml"
    path.write_text(SMALL_SPEC)
    return path
