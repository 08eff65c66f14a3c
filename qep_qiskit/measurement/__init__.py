"""Measurement: bases of circuits, values with covariances from their outcomes, and mitigation of errors."""
