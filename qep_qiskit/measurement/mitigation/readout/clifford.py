"""Attenuations measured on the data's own circuits at Clifford angles: one division corrects gates, relaxation and readout.

This is `trex` with other calibration circuits. Instead of preparing |0…0⟩, each data circuit runs once per basis at angles at
which its outcomes are certain (`mitigation/clifford_angles.py`), with the same gates in the same order and with random flips. The
mean parity of a string, relative to its certain outcome, is the factor λ_S by which the circuit's noise damps the string. All
phases, samples and stencils of a round are divided by the same factors.

The correction needs neither the data's expectations nor a noise model. It is exact if noise damps a string by the same factor at
all angles, as readout errors and global depolarising noise do. Two errors remain: the damping changes with the angles, and
coherent errors shift expectations rather than damp them; docs/mitigation.md has numbers.
"""

from __future__ import annotations

from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout.trex import combine
from qep_qiskit.measurement.mitigator import ReadoutMethod

MITIGATIONS.register("clifford")(ReadoutMethod(combine, twirled=True, on_circuits=True))
