"""Runs on devices: what was planned, sent and measured, in one folder each."""
