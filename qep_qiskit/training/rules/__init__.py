"""Update rules: optimizers, learning-rate schedules, constraints on the weights, and metrics."""
