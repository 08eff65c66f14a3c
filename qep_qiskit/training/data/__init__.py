"""Data sets, and what they ask of a network: tables, splits, scaled inputs, targets within reach."""
