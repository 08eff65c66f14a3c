"""What is done about a device's errors, as it is written in specs and on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from qep_qiskit.errors import InputError, nearest

READOUT = ("none", "tensored", "m3", "trex")
TWIRLED = ("trex",)
"""Methods whose circuits, data and calibration alike, are run behind random flips."""


@dataclass(frozen=True)
class Mitigation:
    """What is done about a device's errors.

    Attributes
    ----------
    readout : {"none", "tensored", "m3", "trex"}
    """

    readout: str = "none"

    @property
    def calibrated(self) -> bool:
        """Whether calibration circuits are measured."""
        return self.readout != "none"

    @property
    def twirled(self) -> bool:
        """Whether circuits are run behind random flips."""
        return self.readout in TWIRLED

    def __str__(self) -> str:
        return self.readout


def parse(text: object, key: str = "mitigation") -> Mitigation:
    """Return what a mitigation is that was written as text.

    Raises
    ------
    InputError
        For a word that is not known.

    Examples
    --------
    >>> parse("m3").calibrated
    True
    """
    if not isinstance(text, str) or text not in READOUT:
        raise InputError(f"{key}: unknown {text!r}; allowed: {', '.join(READOUT)}{nearest(str(text), READOUT)}")
    return Mitigation(text)


def readable(measured: Mitigation, wanted: Mitigation) -> None:
    """Refuse a mitigation that counts which were measured for another one do not allow."""
    if not wanted.calibrated:
        return
    if not measured.calibrated:
        raise InputError(f"mitigation: {str(wanted)!r} needs calibration counts, and these counts hold none; plan with it")
    if wanted.twirled != measured.twirled:
        how = "behind random flips" if measured.twirled else "without the random flips it needs"
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured {how}; plan with it")
