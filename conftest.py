"""Which files of the package have no examples to run, because a package that they need is not installed."""

from importlib.util import find_spec

collect_ignore = [f"qep_qiskit/{name}.py" for name in ("jax", "torch") if find_spec(name) is None]
