"""Drawings of plain data: networks as graphs, gradients weight by weight, and curves of trainings."""
