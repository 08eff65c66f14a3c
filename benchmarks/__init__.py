"""Benchmarks against other packages; see README.md. Not part of the installed package."""
