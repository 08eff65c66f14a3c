"""Data sets, and their encoding for a network: tables, splits, scaled inputs and encoded targets."""
