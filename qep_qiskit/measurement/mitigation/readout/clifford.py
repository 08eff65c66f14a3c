"""Attenuations measured on the data's own circuits at Clifford angles: one division corrects gates, relaxation and readout.

It is `trex` with another calibration circuit. In place of |0…0⟩, each data circuit runs once per basis at angles at which its
outcomes are certain (`mitigation/clifford_angles.py`), with the same gates in the same order behind the same random flips. The
mean parity of a string, with the certain outcome undone, is the factor λ_S by which the circuit's noise damps the string there.
All phases, samples and stencils of a round are divided by these same factors.

The correction uses no knowledge of the data's expectations, and none of a noise model. It is exact if noise damps a string by
the same factor at all angles, as readout errors and global depolarising noise do. What remains is the change of the damping
with the angles, and coherent errors, which shift expectations rather than damp them; docs/mitigation.md has figures.
"""

from __future__ import annotations

from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout.trex import combine
from qep_qiskit.measurement.mitigator import ReadoutMethod

MITIGATIONS.register("clifford")(ReadoutMethod(combine, twirled=True, on_circuits=True))
