"""Tokens and instance names taken out of whatever is shown or kept."""

from __future__ import annotations

import os
import re

TOKEN_VARIABLES = ("QISKIT_IBM_TOKEN", "IBM_CLOUD_TOKEN", "IBMCLOUD_API_KEY", "QISKIT_IBM_INSTANCE")
HIDDEN = "…"
_CRN = re.compile(r"crn:[A-Za-z0-9_\-:/.%*]+")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]+\.?[A-Za-z0-9_\-]*")
_BEARER = re.compile(r"(?i)\b(bearer|apikey|token|authorization)(\s*[:=]\s*|\s+)[A-Za-z0-9_\-.=+/]{12,}")


def scrubbed(text: str) -> str:
    """Return the text without tokens: those of the environment, web tokens, bearer tokens, and cloud resource names.

    Examples
    --------
    >>> scrubbed("no instance crn:v1:bluemix:public:quantum:us-east:a/12::")
    'no instance …'
    >>> scrubbed("Authorization: Bearer abcdefghijklmnop")
    'Authorization: Bearer …'
    """
    for name in TOKEN_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= 6:
            text = text.replace(value, HIDDEN)
    text = _JWT.sub(HIDDEN, _CRN.sub(HIDDEN, text))
    return _BEARER.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}", text)
