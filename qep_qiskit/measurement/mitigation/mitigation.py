"""Mitigations in the notation of users, such as ``"tensored"``, ``"zne+trex"`` or ``"zne:exponential:1,3,5+m3"``.

Up to two words are joined by ``+``: a readout method, and ``zne`` with its options, for all errors of a circuit (`zne.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation import zne as zero_noise
from qep_qiskit.measurement.mitigation.zne import ZeroNoise
from qep_qiskit.measurement.mitigator import ReadoutMethod

NONE = "none"


@dataclass(frozen=True, repr=False)
class Mitigation:
    """The mitigation of a device's errors.

    Attributes
    ----------
    readout : str
        ``"none"`` or the name of a readout method.
    """

    readout: str = "none"
    zne: ZeroNoise | None = None

    def __repr__(self) -> str:
        return f"Mitigation({str(self)!r})"

    @property
    def method(self) -> ReadoutMethod | None:
        """The readout method."""
        return None if self.readout == NONE else MITIGATIONS[self.readout]

    @property
    def calibrated(self) -> bool:
        """Whether the mitigation needs calibration circuits."""
        return self.method is not None

    @property
    def twirled(self) -> bool:
        """Whether circuits are measured after random flips."""
        return self.method is not None and self.method.twirled

    @property
    def on_circuits(self) -> bool:
        """Whether the calibration runs the data's own circuits at Clifford angles."""
        return self.method is not None and self.method.on_circuits

    @property
    def factors(self) -> tuple[int, ...]:
        """The noise factors at which every circuit is run."""
        return (1,) if self.zne is None else self.zne.factors

    def require(self) -> None:
        """Raise InputError with the remedy if a required package is not installed."""
        if self.method is not None:
            self.method.require()

    def __str__(self) -> str:
        """Return the text that :func:`parse` reads, without default options."""
        if self.zne is None:
            return self.readout
        return str(self.zne) if self.readout == "none" else f"{self.zne}+{self.readout}"


def parse(text: object, key: str = "mitigation") -> Mitigation:
    """Return the mitigation described by a text.

    Raises
    ------
    InputError
        If a word is unknown.

    Examples
    --------
    >>> parse("zne:two_qubit:exponential:1,3+trex").zne
    ZeroNoise(extrapolation='exponential', folding='two_qubit', factors=(1, 3))
    >>> str(parse("tensored+zne:linear"))
    'zne+tensored'
    """
    words = text.split("+") if isinstance(text, str) else [shown(text)]
    readout = [word for word in words if word == NONE or word in MITIGATIONS]
    others = [word for word in words if word not in readout]
    zne = [word for word in others if word.split(":")[0] == "zne"]
    if not isinstance(text, str) or len(readout) > 1 or len(zne) > 1 or len(zne) < len(others):
        names = [NONE, *MITIGATIONS]
        close = nearest(next((w for w in others if w not in zne), ""), [*names, "zne"])
        raise InputError(
            f"{key}: unknown {shown(text)}; allowed: {', '.join(names)}, zne, or zne+ one of them, such as "
            f"'zne:richardson:1,3+tensored'{close}"
        )
    mitigation = Mitigation(readout[0] if readout else "none", zero_noise.parse(zne[0], key) if zne else None)
    if mitigation.zne is not None and mitigation.on_circuits:
        raise InputError(
            f"{key}: {text!r} corrects the errors of gates twice; give {readout[0]!r} alone, or zne with another readout method"
        )
    return mitigation


def readable(measured: Mitigation, wanted: Mitigation) -> Mitigation:
    """Return the wanted mitigation, adapted to counts that were measured for another one.

    Raises
    ------
    InputError
        If the counts are not sufficient for the wanted mitigation.
    """
    if wanted.zne is not None:
        wanted = Mitigation(wanted.readout, zero_noise.readable(measured.zne, wanted.zne))
    if not wanted.calibrated:
        return wanted
    if not measured.calibrated:
        raise InputError(f"mitigation: {str(wanted)!r} needs calibration counts, and these counts hold none; measure anew")
    if wanted.on_circuits != measured.on_circuits:
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured for {str(measured)!r}; measure anew")
    if wanted.twirled != measured.twirled:
        how = "behind random flips" if measured.twirled else "without the random flips it needs"
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured {how}; measure anew")
    return wanted
