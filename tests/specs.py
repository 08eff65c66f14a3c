"""The text of small specs."""


def ising(sites: int, *, cost: str = "squared_error", beta: float = 0.2, seed: int = 3) -> str:
    """Return the first sections of a spec: a chain with an input at one end and an output at the other."""
    return f"""
seed = {seed}
[network]
kind = "ising"
sites = {sites}
edges = "chain"
inputs = [0]
outputs = [{sites - 1}]
[cost]
kind = "{cost}"
[sample]
x = [0.5]
y = [1.0]
[stencil]
kind = "symmetric"
beta = {beta}
"""
