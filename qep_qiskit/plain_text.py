"""Safe display of text from files, devices, users and providers. The text cannot move the cursor, change colours or be hidden."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
LONGEST_NAME = 40
"""The largest number of characters of a name in a table, so that the numbers stay visible."""
# controls (C0, DEL, C1), soft hyphen, zero-width and bidirectional marks, line separators, surrogates, interlinear marks, tags
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_SIGNS = "±×–—−⟨⟩∂∞·√‖µ│─…→≤≥βθσχΔΠΣ"
_LETTERS = "+- x - - - < > d inf . sqrt | u | - ... -> <= >= beta theta sigma chi Delta prod sum"
_PLAIN = dict(zip(_SIGNS, _LETTERS.split(), strict=True))


def printable(text: str) -> str:
    r"""Return a text with every character visible; tabs and line breaks are kept.

    Examples
    --------
    >>> printable("red\x1b[31m\u202e")
    'red�[31m�'
    """
    return _UNSEEN.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    r"""Return a text as one line with every character visible.

    Examples
    --------
    >>> one_line("done\n2026-01-01  another event")
    'done 2026-01-01  another event'
    """
    return printable(re.sub(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", text))


def shortened(name: str, width: int = LONGEST_NAME) -> str:
    """Return a name on one line of at most `width` characters, with its middle cut out if necessary.

    Examples
    --------
    >>> shortened("coupling_of_a_very_long_name[12,13]", 20)
    'coupling_of_…[12,13]'
    """
    line = one_line(name)
    if len(line) <= width:
        return line
    tail = (width - 1) * 2 // 5
    return f"{line[: width - 1 - tail]}…{line[-tail:]}"


def drawn(name: str, width: int = LONGEST_NAME) -> str:
    """Return a name for a picture, with dollar signs escaped, because a pair would start a formula."""
    return shortened(name, width).replace("$", r"\$")


def encodable(text: str, encoding: str) -> str:
    """Return a text for an encoding, with all other characters replaced by plain letters.

    Examples
    --------
    >>> encodable("0.12 ± 0.03, é", "ascii")
    '0.12 +- 0.03, e'
    """
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return "".join(_encodable(letter, encoding) for letter in text)
    return text


def _encodable(letter: str, encoding: str) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    for candidate in (letter, _PLAIN.get(letter, ""), base):
        try:
            if candidate and candidate.encode(encoding):
                return candidate
        except (UnicodeError, LookupError):
            continue
    return "?"
