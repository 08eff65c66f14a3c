"""Networks as differentiable functions of arrays, whose calls a run may keep."""
