"""The Runtime client's service: IBM's, with the user's key sent over TLS, or a mock service on loopback with a mock key.

The client reads addresses, credentials and proxies from many places, including the working directory. Any setting that could
send a key elsewhere is refused. The settings for a mock service apply only while the client is created.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.secrets import MOCK_KEY, keep_secret, scrubbed

URL_VARIABLE = "QEP_RUNTIME_URL"
"""The environment variable with the loopback address of a mock service. If it is unset, the real service is used."""
ANSWER_VARIABLE = "QEP_ANSWER_SECONDS"
ANSWER_SECONDS = 120.0
"""Seconds to wait for an answer from the service."""
REAL_HOST = "cloud.ibm.com"
_LOCAL = re.compile(r"(http://(?:127(?:\.(?:0|[1-9][0-9]{0,2})){3}|localhost|\[::1\]):([1-9][0-9]{0,4}))((?:/[A-Za-z0-9_-]+)*)/?")
_REAL = re.compile(r"https://((?:[a-z0-9-]+\.)*[a-z0-9-]+)(?::443)?((?:/[A-Za-z0-9_.-]+)*)/?")
_HELPERS = ("global_search", "global_catalog", "resource_controller")
"""The other services that the client asks for instances, by their names in the client's configuration."""
_OWN = re.compile(r"(?i)IAM_URL|GLOBAL_SEARCH_\w+|GLOBAL_CATALOG_\w+|RESOURCE_CONTROLLER_\w+|VCAP_SERVICES|QISKIT_FUNCTIONS_\w+")
_PROXY = re.compile(r"(?i)\w+_proxy")
_LOGGERS = ("qiskit_ibm_runtime", "ibm_cloud_sdk_core", "ibm-cloud-sdk-core", "urllib3")
_environment = threading.RLock()
_SAVE = (
    "make an API key at https://quantum.cloud.ibm.com and save it once in Python: from qiskit_ibm_runtime import "
    "QiskitRuntimeService; QiskitRuntimeService.save_account(token='…', overwrite=True)"
)


def mock_url() -> str | None:
    """Return the mock service's address, or None if QEP_RUNTIME_URL is unset and the real service is used.

    Raises
    ------
    InputError
        If QEP_RUNTIME_URL is anything but http, a loopback host, a port and a plain path. All URL parsers agree on this narrow
        form.
    """
    url = os.environ.get(URL_VARIABLE)
    if url is None:
        return None
    match = _LOCAL.fullmatch(url)
    octets = [int(n) for n in re.findall(r"\d+", match[1].rpartition(":")[0])] if match and "127." in match[1] else []
    if match is None or not 0 < int(match[2]) < 65536 or any(n > 255 for n in octets):
        raise InputError(
            f"{URL_VARIABLE}: {scrubbed(url)!r} is not allowed; give an address of this machine such as http://127.0.0.1:8000/rt"
        )
    return match[1] + match[3]


def connect(instance: str | None) -> Any:
    """Return a client for IBM's service, or for a mock service if QEP_RUNTIME_URL is set.

    Parameters
    ----------
    instance : str, optional
        The name or CRN of the real service's instance. Default: the account's instance.

    Raises
    ------
    InputError
        If the account or the environment would send the key anywhere but to IBM over TLS.
    """
    keep_secret(instance)
    _quiet()
    url = mock_url()
    service = _real(instance) if url is None else _mock(url)
    for client in _clients(service):  # no public option exists; without a timeout, the client would wait forever
        client._session._timeout = (10.0, _seconds())
    return service


def _real(instance: str | None) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts import AccountManager
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    try:
        account: Any = AccountManager.get()
    except AccountNotFoundError:
        raise InputError(f"account: there is none; {_SAVE}, or set QISKIT_IBM_TOKEN; `qep rehearse` needs no account") from None
    except ValueError as error:  # its file is not JSON
        raise InputError(f"account: the saved accounts cannot be read ({error}); {_SAVE}") from None
    keep_secret(account.token, account.instance, getattr(account.proxies, "password_ntlm", None))
    _check_real("the account's url", account.url)
    if account.verify is False:
        raise InputError(
            "account: verify = false would send the key to whoever answers; save the account with verify=True "
            "(REQUESTS_CA_BUNDLE names the certificates of a proxy)"
        )
    _check_environment()
    return QiskitRuntimeService(**({} if instance is None else {"instance": instance}))


def _check_environment() -> None:
    """Refuse client settings in the environment or in the working directory that would send the key elsewhere."""
    from ibm_cloud_sdk_core.utils import read_external_sources

    _check_real("IAM_URL", os.environ.get("IAM_URL"))
    for helper in _HELPERS:
        settings = read_external_sources(helper)
        _check_real(f"{helper.upper()}_URL", settings.get("URL"))
        if str(settings.get("DISABLE_SSL", "")).strip().lower() == "true":
            raise InputError(f"{helper.upper()}_DISABLE_SSL: true would send the key to whoever answers; unset it")


def _check_real(what: str, url: str | None) -> None:
    if not url:
        return
    match = _REAL.fullmatch(url)
    if match is None or not (match[1] == REAL_HOST or match[1].endswith(f".{REAL_HOST}")):
        raise InputError(
            f"account: {what} is {scrubbed(url)!r}, and a key is sent to https://{REAL_HOST} only; "
            f"correct it (for a mock service set {URL_VARIABLE})"
        )


def _mock(url: str) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService

    base = url.rpartition("/")[0] if url.count("/") > 2 else url
    with _only(IAM_URL=base, GLOBAL_SEARCH_URL=base, GLOBAL_CATALOG_URL=base):
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token=MOCK_KEY,
            instance="auto",
            url=url,
            url_resolver=lambda address, *_: address,
        )
    for client in _clients(service):  # no proxies, redirects or .netrc credentials, not even for access tokens
        session = client._session
        session.trust_env, session.max_redirects = False, 0
        session.auth.tm._request = _direct
    return service


@contextmanager
def _only(**values: str) -> Iterator[None]:
    """Replace the addresses, credentials and proxies in the environment by these values within a ``with`` block."""
    with _environment:
        before = dict(os.environ)
        hidden = {name for name in before if _OWN.fullmatch(name) or _PROXY.fullmatch(name)}
        values |= {"NO_PROXY": "*", "no_proxy": "*", "NETRC": os.devnull, "IBM_CREDENTIALS_FILE": os.devnull}
        try:
            for name in hidden:
                del os.environ[name]
            os.environ.update(values)
            yield
        finally:
            for name in hidden | set(values):
                os.environ.pop(name, None)
                if name in before:
                    os.environ[name] = before[name]


def _direct(method: str, url: str, *, auth_tuple: object = None, proxies: object = None, **request: Any) -> Any:
    """Request an access token as the client does, ignoring proxies, .netrc and redirects."""
    import requests
    from ibm_cloud_sdk_core.api_exception import ApiException

    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, allow_redirects=False, timeout=_seconds(), **request)
    if not 200 <= answer.status_code <= 299:
        raise ApiException(answer.status_code, http_response=answer)
    return answer.json()


def _seconds() -> float:
    return float(os.environ.get(ANSWER_VARIABLE, ANSWER_SECONDS))


def _clients(service: Any) -> list[Any]:
    return [service._active_api_client, *service._api_clients.values()]


class _Scrubbing(logging.Filter):
    """A filter that removes secrets from the client's log, since the log repeats replies and, at debug level, requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        with contextlib.suppress(Exception):
            record.msg, record.args = scrubbed(record.getMessage()), None
        return True


_SCRUBBING = _Scrubbing()


def _quiet() -> None:
    """Silence client messages that repeat this package's messages, and remove secrets from the rest."""
    if "QISKIT_IBM_RUNTIME_LOG_LEVEL" not in os.environ:
        logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)  # it warns about every account and instance that it uses
    warnings.filterwarnings("ignore", message="Unable to retrieve IBM Cloud access token")  # it repeats the reply
    for name in [*logging.root.manager.loggerDict, *_LOGGERS]:
        if name.startswith(_LOGGERS):
            logging.getLogger(name).addFilter(_SCRUBBING)
