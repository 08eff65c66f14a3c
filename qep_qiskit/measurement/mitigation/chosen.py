"""What is done about a device's errors, as it is written: ``"tensored"``, ``"zne+trex"``, ``"zne:exponential:1,3,5+m3"``.

Words are joined by ``+``: one for the readout and, for all errors of the circuit, ``zne``, which may be followed by its form
(``linear``, ``richardson``, ``exponential``), by what is folded (``global``, ``two_qubit``) and by the strengths of the noise,
each after a colon.
"""

from __future__ import annotations

from dataclasses import dataclass

from qep_qiskit.errors import InputError, nearest

READOUT = ("none", "tensored", "m3", "trex")
TWIRLED = ("trex",)
"""Methods whose circuits, data and calibration alike, are run behind random flips."""
EXTRAPOLATIONS = ("linear", "richardson", "exponential")
FOLDINGS = ("global", "two_qubit")
FACTORS = (1, 3, 5)
MOST_FACTOR = 99
ALLOWED = f"{', '.join(READOUT)}, zne, or zne+ one of them, such as 'zne:richardson:1,3+tensored'"


@dataclass(frozen=True)
class ZeroNoise:
    """Zero-noise extrapolation by folding.

    Attributes
    ----------
    extrapolation : {"linear", "richardson", "exponential"}
    folding : {"global", "two_qubit"}
    factors : tuple of odd int
        From 1 upwards: how many times as strong the noise is made.
    """

    extrapolation: str = "linear"
    folding: str = "global"
    factors: tuple[int, ...] = FACTORS

    def __str__(self) -> str:
        words = ["zne"]
        words += [self.extrapolation] if self.extrapolation != "linear" else []
        words += [self.folding] if self.folding != "global" else []
        words += [",".join(map(str, self.factors))] if self.factors != FACTORS else []
        return ":".join(words)


@dataclass(frozen=True)
class Mitigation:
    """What is done about a device's errors.

    Attributes
    ----------
    readout : {"none", "tensored", "m3", "trex"}
    zne : ZeroNoise or None
    """

    readout: str = "none"
    zne: ZeroNoise | None = None

    @property
    def calibrated(self) -> bool:
        """Whether calibration circuits are measured."""
        return self.readout != "none"

    @property
    def twirled(self) -> bool:
        """Whether circuits are run behind random flips."""
        return self.readout in TWIRLED

    @property
    def factors(self) -> tuple[int, ...]:
        """The strengths of the noise that every circuit is run with."""
        return (1,) if self.zne is None else self.zne.factors

    def __str__(self) -> str:
        """Return the text that :func:`parse` reads, without what is the default."""
        if self.zne is None:
            return self.readout
        return str(self.zne) if self.readout == "none" else f"{self.zne}+{self.readout}"


def parse(text: object, key: str = "mitigation") -> Mitigation:
    """Return what a mitigation is that was written as text.

    Raises
    ------
    InputError
        For a word that is not known.

    Examples
    --------
    >>> parse("zne:two_qubit:exponential:1,3+trex").zne
    ZeroNoise(extrapolation='exponential', folding='two_qubit', factors=(1, 3))
    >>> str(parse("tensored+zne:linear"))
    'zne+tensored'
    """
    words = text.split("+") if isinstance(text, str) else [str(text)]
    readout = [word for word in words if word in READOUT]
    others = [word for word in words if word not in READOUT]
    zne = [word for word in others if word.split(":")[0] == "zne"]
    if not isinstance(text, str) or len(readout) > 1 or len(zne) > 1 or len(zne) < len(others):
        close = nearest(next((w for w in others if w not in zne), ""), [*READOUT, "zne"])
        raise InputError(f"{key}: unknown {text!r}; allowed: {ALLOWED}{close}")
    return Mitigation(readout[0] if readout else "none", _zero_noise(zne[0], key) if zne else None)


def _zero_noise(text: str, key: str) -> ZeroNoise:
    found: dict[str, object] = {}
    for word in text.split(":")[1:]:
        name, value = _option(word, key)
        if name in found:
            raise InputError(f"{key}: {text!r} says {name} twice; say it once")
        found[name] = value
    zne = ZeroNoise(**found)  # type: ignore[arg-type]
    if len(zne.factors) < 2:
        raise InputError(f"{key}: {text!r} has one factor; extrapolation needs two or more, such as 1,3,5")
    return zne


def _option(word: str, key: str) -> tuple[str, object]:
    if word in EXTRAPOLATIONS:
        return "extrapolation", word
    if word in FOLDINGS:
        return "folding", word
    parts = word.split(",")
    if all(part.isdigit() for part in parts):
        factors = tuple(int(part) for part in parts)
        if factors[0] == 1 and list(factors) == sorted(set(factors)) and all(f % 2 and f <= MOST_FACTOR for f in factors):
            return "factors", factors
        raise InputError(
            f"{key}: zne factors {word!r} are not allowed; give odd numbers that rise from 1 to {MOST_FACTOR} at most"
        )
    known = (*EXTRAPOLATIONS, *FOLDINGS)
    raise InputError(
        f"{key}: unknown {word!r} of zne; allowed: {', '.join(known)}, or factors such as 1,3,5{nearest(word, known)}"
    )


def readable(measured: Mitigation, wanted: Mitigation) -> Mitigation:
    """Return a mitigation as it is read from counts that were measured for another one, or refuse what they do not allow.

    Factors that were left at their default are those that were measured.
    """
    if wanted.zne is not None:
        wanted = Mitigation(wanted.readout, _readable_zne(measured.zne, wanted.zne))
    if not wanted.calibrated:
        return wanted
    if not measured.calibrated:
        raise InputError(f"mitigation: {str(wanted)!r} needs calibration counts, and these counts hold none; plan with it")
    if wanted.twirled != measured.twirled:
        how = "behind random flips" if measured.twirled else "without the random flips it needs"
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured {how}; plan with it")
    return wanted


def _readable_zne(measured: ZeroNoise | None, wanted: ZeroNoise) -> ZeroNoise:
    if measured is None:
        raise InputError(
            f"mitigation: {str(wanted)!r} needs circuits with folded gates, and these counts hold none; plan with it"
        )
    if wanted.factors == FACTORS and not set(FACTORS) <= set(measured.factors):
        wanted = ZeroNoise(wanted.extrapolation, wanted.folding, measured.factors)
    if wanted.folding != measured.folding or not set(wanted.factors) <= set(measured.factors):
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured for {str(measured)!r}; plan with it")
    return wanted
