"""Whether a nudge is so large that it leads to another state instead of disturbing the free one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from qep_qiskit.estimates import percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qep_qiskit.equilibrium.bias import Bias
    from qep_qiskit.preparation.preparer import Phase

KEPT = 0.9
"""A nudged state with less overlap with the free one is displaced: second order in β changes it by a tenth."""
CROSSED = 0.5
"""A nudged state with less overlap is mostly another state, which is reason enough if the bias is not known."""
LOST = 1.0
"""The bias, as a share of the gradient's limit β → 0, from which the gradient may point anywhere."""


class TooLargeBeta(TypedDict):
    """The least overlap of a nudged state with the free one, and the cosine between the gradient and its limit β → 0."""

    overlap: float
    cosine: float | None
    warning: str


def too_large_beta(phases: Iterable[Phase], bias: Bias) -> TooLargeBeta | None:
    """Return why β is too large for perturbation theory, or None if it is not, or if the overlaps are not known.

    Parameters
    ----------
    phases : iterable of Phase
    bias : Bias
        The finite-β bias of the same states.

    Notes
    -----
    EP reads dL/dw from the response of one state. If β‖C‖ exceeds the gap, the ground state of H + βC can be another one,
    beyond an avoided level crossing or in another phase of matter. A training with such a β follows that phase (Wanjura &
    Marquardt 2024, arXiv:2406.06482). An overlap alone does not tell this: a soft mode may turn far and still answer in
    proportion. Therefore the bias must also exceed the gradient, unless it is not known and most of the free state is gone.
    """
    overlaps = [phase.overlap for phase in phases if phase.overlap is not None]
    if not overlaps or min(overlaps) >= KEPT:
        return None
    overlap, share = min(overlaps), bias.relative
    if overlap >= CROSSED if share is None else share <= LOST:
        return None
    cosine = _cosine(bias)
    if cosine is not None and cosine < 0:
        why = f"and the gradient points away from its limit β → 0 (cosine {cosine:.2f})"
    elif share is not None:
        why = f"and the bias is {percent(share)} of the gradient"
    else:
        why = "and the limit β → 0 is zero or not known"
    text = (
        f"β = {bias.beta:g} is too large here: it leads to another state, with an overlap of {overlap:.2g} with the free one, "
        f"{why}; a training would follow another phase; take β = {bias.smaller:g}"
    )
    return {"overlap": overlap, "cosine": cosine, "warning": text}


def _cosine(bias: Bias) -> float | None:
    if bias.values is None or bias.limit is None or bias.relative is None:
        return None
    gradient = bias.limit + bias.values
    sizes = float(np.linalg.norm(gradient) * np.linalg.norm(bias.limit))
    return float(gradient @ bias.limit) / sizes if sizes > 0 else None
