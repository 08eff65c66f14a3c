"""The public verbs of one gradient: gradient, gradients, circuits, forecast, execute and reduce.

Each stands above all engines and returns a value. Verbs of whole trainings are in `training`, those of runs in `runs`.
"""
