"""Secrets in every form in which a service may repeat them go out of sentences, and of sentences alone."""

import base64
import codecs
import html
import json
import urllib.parse

import pytest

from qep_qiskit.secrets import HIDDEN, scrubbed, scrubbed_document

KEY = "-".join(("Zq7", "aB3xY9kLmN0pQ2rS", "tUvW4zC6dE8fGhJ"))
ACCOUNT, INSTANCE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "12345678-9abc-4def-8123-456789abcdef"
CRN = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{ACCOUNT}:{INSTANCE}::"


def each(form):
    return lambda text: "".join(form % byte for byte in text.encode())


FORMS = {
    "plain": str,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 without padding": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "base64url": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "basic authorization": lambda s: base64.b64encode(f"apikey:{s}".encode()).decode(),
    "base64 after one byte": lambda s: base64.b64encode(f"x{s}".encode()).decode(),
    "base64 twice": lambda s: base64.b64encode(base64.b64encode(s.encode())).decode(),
    "base64 of utf-16": lambda s: base64.b64encode(s.encode("utf-16-le")).decode(),
    "base32": lambda s: base64.b32encode(s.encode()).decode(),
    "base85": lambda s: base64.b85encode(s.encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "hex in capitals": lambda s: s.encode().hex().upper(),
    "hex with colons": lambda s: s.encode().hex(":"),
    "decimal codes": lambda s: " ".join(str(byte) for byte in s.encode()),
    "percent-encoded": each("%%%02x"),
    "percent-encoded twice": lambda s: urllib.parse.quote(each("%%%02X")(s)),
    "quoted": lambda s: urllib.parse.quote(s, safe=""),
    "JSON escapes": each("\\u%04x"),
    "JSON in JSON": lambda s: json.dumps(json.dumps({"apikey": s})),
    "Python escapes": each("\\x%02x"),
    "HTML entities": each("&#%d;"),
    "HTML": html.escape,
    "capitals": str.upper,
    "lower case": str.lower,
    "reversed": lambda s: s[::-1],
    "rot13": lambda s: codecs.encode(s, "rot13"),
    "spaced": " ".join,
    "in lines": lambda s: "\n".join(s[k : k + 5] for k in range(0, len(s), 5)),
    "its first twenty": lambda s: s[:20],
    "its last twenty": lambda s: s[-20:],
}


def decoded_again(text, form, secret):
    """Whether the form of the secret, or a long piece of it, is still in the text."""
    disguised = form(secret)
    return any(disguised[k : k + 24] in text for k in range(max(len(disguised) - 23, 1)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("where", ["environment", "account"])
def test_every_form_of_the_key_is_removed(monkeypatch, tmp_path, form, where):
    monkeypatch.setenv("HOME", str(tmp_path))
    if where == "environment":
        monkeypatch.setenv("QISKIT_IBM_TOKEN", KEY)
    else:
        (tmp_path / ".qiskit").mkdir()
        other = {"channel": "ibm_cloud", "token": "another-account-0123456789", "instance": CRN}
        (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps({"default": other, "mine": {"token": KEY}}))
    disguised = FORMS[form](KEY)
    for sentence in ("the key {} was refused", '{{"apikey":"{}"}}', "API key is {}.", "request to /x?k={}&y=1", "({})"):
        text = scrubbed(sentence.format(disguised))
        assert not decoded_again(text, FORMS[form], KEY), text
        assert HIDDEN in text
    assert scrubbed("the key was refused") == "the key was refused"


@pytest.mark.parametrize("form", ["plain", "quoted", "base64", "hex", "capitals", "JSON escapes"])
def test_every_form_of_the_instance_is_removed(monkeypatch, form):
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", CRN)
    for secret in (CRN, ACCOUNT, INSTANCE):
        text = scrubbed(f"no instance {FORMS[form](secret)} is known")
        assert not decoded_again(text, FORMS[form], secret), text
    assert scrubbed("quantum-computing in us-east is down") == "quantum-computing in us-east is down"


@pytest.mark.parametrize(
    "word", ["values", "training", "rehearsal", "names", "symmetric", "0.25", "12345678", "softmax_cross_entropy"]
)
def test_a_secret_that_is_a_word_of_the_program_changes_no_document(monkeypatch, word):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", word)
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", word)
    document = {word: [0.25, 12345678], "tag": f"qep-1-{word}-data", "names": [word, "values"], "nested": [{"kind": word}]}
    assert scrubbed_document(document) == document
    assert list(scrubbed_document({"reason": {word: "x"}})["reason"]) == [word]


def test_a_short_key_goes_where_it_is_a_word_of_its_own(monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "hunter2")
    assert scrubbed("key 'hunter2' refused, HUNTER2") == "key '…' refused, …"
    assert scrubbed("xhunter2x") == "xhunter2x"
    assert scrubbed_document({"detail": {"reason": "hunter2"}, "hunter2": "hunter2"}) == {
        "detail": {"reason": "…"},
        "hunter2": "hunter2",
    }


@pytest.mark.parametrize(
    "variable", ["IBMCLOUD_API_KEY", "IBM_CLOUD_TOKEN", "IONQ_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD"]
)
def test_keys_of_other_services_are_removed_too(monkeypatch, variable):
    monkeypatch.setenv(variable, KEY)
    assert scrubbed(f"refused: {KEY}") == "refused: …"


URLS = [
    "http://me:{}@proxy.example:8080",
    "socks5h://me:{}@[::1]:1080",
    "https://{}@host.example/path",
    "HTTP://a.b:{}@c:9x9/d?e=f@g",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("password", ["Pr0xy-pass-word", "Pr0xy@pass@word", "Pr0xy%40pass%2Fword", "short1"])
def test_the_login_in_a_url_is_removed_wherever_it_comes_from(url, password):
    whole = url.format(password)
    for sentence in (
        f"cannot parse {whole!r}",
        f'{{"proxy": "{whole}"}}',
        f"no answer from <{whole}>, (see https://a.example/b)",
    ):
        text = scrubbed(sentence)
        assert password not in text and f"://{HIDDEN}@" in text
    assert (
        scrubbed("see https://a.example:443/b#c, or write to me@b.example")
        == "see https://a.example:443/b#c, or write to me@b.example"
    )


@pytest.mark.parametrize("where", ["HTTPS_PROXY", "PIP_INDEX_URL", "account"])
def test_the_password_of_a_url_is_removed_on_its_own_too(monkeypatch, tmp_path, where):
    url = "http://me:Pr0xy%2Dpass-word@proxy.example:8080"
    monkeypatch.setenv("HOME", str(tmp_path))
    if where == "account":
        (tmp_path / ".qiskit").mkdir()
        accounts = {"mine": {"token": KEY, "proxies": {"urls": {"https": url}}}}
        (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps(accounts))
    else:
        monkeypatch.setenv(where, url)
    for form in (str, FORMS["base64"], FORMS["hex"], str.upper):
        assert scrubbed(f"login {form('Pr0xy-pass-word')} was refused") == f"login {HIDDEN} was refused"
    assert scrubbed("login Pr0xy%2Dpass-word was refused") == f"login {HIDDEN} was refused"


def test_long_texts_take_no_time():
    assert len(scrubbed("a1 " * 1_000_000)) < 300_000
    assert len(scrubbed("http://a:" * 100_000)) < 300_000
