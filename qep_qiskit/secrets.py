"""Removal of keys and instance names from all text that is shown or stored, in every form that a service may repeat.

Only free text is cleaned. Keys, tags, numbers and the structure of a document are not changed, because a run would be lost if
one of them were rewritten only since an API key happens to be an ordinary word.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
import html
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

MOCK_KEY = "rehearsal"
"""The only key that is ever sent to a mock service. It is not a secret."""
HIDDEN = "…"
FRAGMENT = 16
"""A piece of a secret with at least this many letters and digits is hidden like the whole secret."""
SHORTEST = 6
LONGEST = 200_000
"""The largest number of characters of a text; the rest is cut off."""
FREE_TEXT = frozenset(("error", "message", "note", "notes", "problem", "reason", "status_msg", "text", "warning", "warnings"))
"""The keys of documents that have sentences as values, such as a provider's reason."""
_SECRET_NAME = re.compile(r"(?i)(^|_)(token|api_?key|secret|secret_(access_)?key|access_key|password)$|^QISKIT_IBM_INSTANCE$")
_CRN = re.compile(r"(?i)crn(?::|%3A)[A-Za-z0-9_\-:/.%*]+")
_LOGIN = re.compile(r"""(?<=://)(?:[^\s"'<>/:]{0,500}:[^\s"'<>]{0,500}|[^\s"'<>/]{1,500})(?=@)""")
_PASSWORD = re.compile(r"""://[^\s"'<>:@/]{0,500}:([^\s"'<>]{1,500})@""")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]+\.?[A-Za-z0-9_\-]*")
_NAMED = re.compile(
    r"""(?ix)\b( (?:bearer|basic|api[\s_-]?key|authorization|service-crn) | token (?= ["']?\s*[:=]) | token (?= \s+\S*\d) )
    (["']? (?:\s*[:=]\s*|\s+) (?:(?:is|bearer|basic|apikey)\s+)? ["']?) [A-Za-z0-9_\-.=+/~]{12,}"""
)
_ESCAPE = re.compile(
    r"%([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{4})\}?|\\x([0-9A-Fa-f]{2})|=([0-9A-F]{2})|\\([0-7]{3})|(&\#?\w{1,8};)|\\([\\/\"'])"
)
_RUN = {
    "hex": re.compile(r"[0-9A-Fa-f]{2}(?:(?:[\s:,-]|0x|\\x)*[0-9A-Fa-f]{2}){7,}"),
    "base64": re.compile(r"[A-Za-z0-9+/_-](?:[\r\n]*[A-Za-z0-9+/_-]){10,}={0,2}"),
    "base32": re.compile(r"(?i)[A-Z2-7]{13,}={0,6}"),
    "decimal": re.compile(r"\d{2,3}(?:[\s,;]+\d{2,3}){7,}"),
}
_added: set[str] = set()


class _Known(NamedTuple):
    """The search patterns for secrets: pieces by length, reduced to letters and digits, and literal forms with other signs."""

    pieces: dict[int, frozenset[str]]
    literal: tuple[str, ...]


def keep_secret(*values: str | None) -> None:
    """Register secrets, such as a client's key and instance, to be removed from all texts from now on."""
    _added.update(value for value in values if value)


def scrubbed(text: str) -> str:
    """Return a free text without secrets.

    Secrets come from the environment, from saved accounts and from :func:`keep_secret`. They are found in any case, split by
    spaces, reversed, as their first characters, percent-encoded, escaped as in JSON, Python or HTML, and in base64, base32, hex
    and decimal codes. All web tokens, bearer tokens, cloud resource names and logins in URLs are removed too, whoever owns them.

    Examples
    --------
    >>> scrubbed("no instance crn:v1:bluemix:public:quantum:us-east:a/12::")
    'no instance …'
    >>> scrubbed("Authorization: Bearer abcdefghijklmnop")
    'Authorization: Bearer …'
    >>> scrubbed("no answer from http://me:secret@proxy.example:8080")
    'no answer from http://…@proxy.example:8080'
    """
    if len(text) > LONGEST:
        text = text[:LONGEST] + HIDDEN
    text = _LOGIN.sub(HIDDEN, _JWT.sub(HIDDEN, _CRN.sub(HIDDEN, text)))
    text = _NAMED.sub(lambda match: f"{match[1]}{match[2]}{HIDDEN}", text)
    secrets = _known()
    return _without(text, secrets) if secrets.pieces else text


def scrubbed_document(value: Any, *, free: bool = False) -> Any:
    """Return a document with its sentences scrubbed; keys, numbers and all other strings are unchanged.

    Parameters
    ----------
    free : bool
        Whether a string here is a sentence, because it is below a key of :data:`FREE_TEXT`.

    Examples
    --------
    >>> keep_secret("k3y-of-an-example")
    >>> scrubbed_document({"k3y-of-an-example": [1.0], "reason": "k3y-of-an-example is not valid"})
    {'k3y-of-an-example': [1.0], 'reason': '… is not valid'}
    """
    if isinstance(value, str):
        return scrubbed(value) if free else value
    if isinstance(value, Mapping):
        return {key: scrubbed_document(below, free=free or key in FREE_TEXT) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed_document(below, free=free) for below in value]
    return value


def _known() -> _Known:
    environment = dict(os.environ)
    words = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    words |= _passwords_in("\n".join(value for value in environment.values() if "://" in value))
    return _needles(frozenset(words | _added | _saved()))


@functools.lru_cache(maxsize=8)
def _passwords_in(text: str) -> frozenset[str]:
    """Return the passwords in the URLs of a text, such as a proxy's, as they are written and percent-decoded."""
    written = _PASSWORD.findall(text)
    return frozenset((*written, *map(unquote, written)))


@functools.lru_cache(maxsize=8)
def _needles(secrets: frozenset[str]) -> _Known:
    literal: set[str] = set()
    pieces: dict[int, set[str]] = {}
    for secret in secrets:
        for part in _parts(secret):
            folded = _folded(part)
            if len(folded) < SHORTEST or folded == MOCK_KEY or folded.isdecimal():
                continue
            literal |= {encode(part.encode()).decode() for encode in (base64.b85encode, base64.a85encode)}
            for form in (folded, folded[::-1], codecs.encode(folded, "rot13")):
                size = min(len(form), FRAGMENT)
                pieces.setdefault(size, set()).update(form[i : i + size] for i in range(len(form) - size + 1))
    return _Known({size: frozenset(found) for size, found in pieces.items()}, tuple(literal))


def _parts(secret: str) -> Iterator[str]:
    """Yield a key itself, or the parts of a cloud resource name that identify the account; the other parts are common words."""
    if not secret.lower().startswith("crn:"):
        yield secret
        return
    for part in re.split(r"[:/]", secret):
        if len(part) >= FRAGMENT and re.search(r"\d", part):
            yield part


def _without(text: str, known: _Known) -> str:
    for form in known.literal:
        text = text.replace(form, HIDDEN)
    for at, end in reversed(_merged(_spans(text, known))):
        text = text[:at] + HIDDEN + text[end:]
    return text


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for at, end in sorted(spans):
        if merged and at <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((at, end))
    return merged


def _spans(text: str, known: _Known) -> Iterator[tuple[int, int]]:
    """Yield the spans of secrets, plain or encoded."""
    letters, places = list(text), [(k, k + 1) for k in range(len(text))]
    for _ in range(4):
        yield from _folded_spans(letters, places, known)
        joined = "".join(letters)
        yield from ((places[match.start()][0], places[match.end() - 1][1]) for match in _CRN.finditer(joined))
        for kind, pattern in _RUN.items():
            for match in pattern.finditer(joined):
                if any(_holds(decoded, known) for decoded in _DECODERS[kind](match.group())):
                    yield places[match.start()][0], places[match.end() - 1][1]
        letters, places, changed = _unescaped(joined, places)
        if not changed:
            return


def _folded_spans(letters: list[str], places: list[tuple[int, int]], known: _Known) -> Iterator[tuple[int, int]]:
    """Yield the spans of secrets, ignoring case, spaces and punctuation; a short secret must be a separate word."""
    alphanumeric = [k for k, letter in enumerate(letters) if letter.isalnum()]
    folded = "".join(letters[k].lower()[:1] for k in alphanumeric)
    for size, pieces in known.pieces.items():
        for at in range(len(folded) - size + 1):
            if folded[at : at + size] in pieces:
                first, last = alphanumeric[at], alphanumeric[at + size - 1]
                if size >= FRAGMENT or _alone(letters, first, last):
                    yield places[first][0], places[last][1]


def _alone(letters: list[str], first: int, last: int) -> bool:
    before = letters[first - 1] if first else " "
    after = letters[last + 1] if last + 1 < len(letters) else " "
    return not (before.isalnum() or after.isalnum()) and not any(letters[k].isspace() for k in range(first, last))


def _holds(text: str, known: _Known, *, again: bool = True) -> bool:
    folded = _folded(text)
    if any(folded[at : at + n] in pieces for n, pieces in known.pieces.items() for at in range(len(folded) - n + 1)):
        return True
    return again and any(
        _holds(decoded, known, again=False)
        for kind, pattern in _RUN.items()
        for match in pattern.finditer(text)
        for decoded in _DECODERS[kind](match.group())
    )


def _unescaped(text: str, places: list[tuple[int, int]]) -> tuple[list[str], list[tuple[int, int]], bool]:
    letters: list[str] = []
    spans: list[tuple[int, int]] = []
    at, changed = 0, False
    for match in _ESCAPE.finditer(text):
        percent, unicode, byte, quoted, octal, entity, plain = match.groups()
        code = percent or unicode or byte or quoted
        letter = chr(int(code, 16)) if code else chr(int(octal, 8)) if octal else html.unescape(entity) if entity else plain
        if letter == match.group():
            continue
        letters += text[at : match.start()]
        spans += places[at : match.start()]
        letters.append(letter[:1])
        spans.append((places[match.start()][0], places[match.end() - 1][1]))
        at, changed = match.end(), True
    return letters + list(text[at:]), spans + places[at:], changed


def _from_hex(run: str) -> Iterator[str]:
    digits = re.sub(r"0x|\\x|[^0-9A-Fa-f]", "", run)
    for start in (0, 1):
        part = digits[start:]
        yield _text(bytes.fromhex(part[: len(part) // 2 * 2]))


def _from_base64(run: str) -> Iterator[str]:
    letters = re.sub(r"[\r\n=]", "", run).replace("-", "+").replace("_", "/")
    for start in range(4):
        part = letters[start:]
        part = part[:-1] if len(part) % 4 == 1 else part
        yield _text(base64.b64decode(part + "=" * (-len(part) % 4)))


def _from_base32(run: str) -> Iterator[str]:
    letters = run.rstrip("=").upper()
    for start in range(8):
        part = letters[start:]
        for cut in range(8):
            whole = part[: len(part) - cut]
            try:
                yield _text(base64.b32decode(whole + "=" * (-len(whole) % 8)))
                break
            except binascii.Error:
                continue


def _from_decimal(run: str) -> Iterator[str]:
    yield "".join(chr(int(code)) for code in re.findall(r"\d+", run))


_DECODERS: dict[str, Callable[[str], Iterator[str]]] = {
    "hex": _from_hex,
    "base64": _from_base64,
    "base32": _from_base32,
    "decimal": _from_decimal,
}


def _text(data: bytes) -> str:
    return data.replace(b"\0", b"").decode("latin-1")


def _folded(text: str) -> str:
    return "".join(letter.lower()[:1] for letter in text if letter.isalnum())


def accounts_file() -> Path:
    """Return the path of the Runtime client's saved accounts."""
    return Path(os.path.expanduser("~")) / ".qiskit" / "qiskit-ibm.json"


def _saved() -> frozenset[str]:
    try:
        status = accounts_file().stat()
    except OSError:
        return frozenset()
    return _secrets_of(str(accounts_file()), status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4)
def _secrets_of(path: str, changed: int, size: int) -> frozenset[str]:
    """Return the keys, instances and passwords of all saved accounts."""
    if size > 1_000_000:
        return frozenset()
    try:
        text = Path(path).read_text(encoding="utf-8")
        accounts = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return frozenset()
    secrets = set(_passwords_in(text))
    for account in accounts.values() if isinstance(accounts, dict) else ():
        tables = [account, account.get("proxies")] if isinstance(account, dict) else []
        for table in tables:
            for key in ("token", "instance", "password_ntlm"):
                value = table.get(key) if isinstance(table, dict) else None
                if isinstance(value, str):
                    secrets.add(value)
    return frozenset(secrets)
