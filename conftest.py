"""Leave out the examples of files whose packages are not installed."""

from importlib.util import find_spec

collect_ignore = [f"qep_qiskit/{name}.py" for name in ("jax", "torch") if find_spec(name) is None]
