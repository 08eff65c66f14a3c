"""Which circuits to measure, and from their outcomes to values with covariances."""
