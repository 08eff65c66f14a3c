"""Data sets and their form for a network: tables, splits, scaled inputs, targets within reach."""
