"""The public verbs of gradients: gradient, gradients, circuits, forecast, execute, reduce and predictions.

Each stands above the engines and returns a value. `comparison` has compare, `training` has train, `runs` has the verbs of runs.
"""
