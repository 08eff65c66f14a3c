"""The public verbs of gradients: gradient, gradients, circuits, forecast, execute, reduce and predictions.

Each verb calls the engines and returns a value. Other verbs are in `comparison` (compare), `training` (train) and `runs`.
"""
