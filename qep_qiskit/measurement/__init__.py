"""Measurement: the bases of circuits, and from their outcomes to values with covariances."""
