"""The connection of a client to a service: JSON, open connections, retries, error texts."""

from __future__ import annotations

import json
import os
import random
from typing import Any, NoReturn
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    HTTPError,
    InvalidHeader,
    LocationValueError,
    MaxRetryError,
    NewConnectionError,
    ProxySchemeUnknown,
    SSLError,
    TimeoutError,
)

from egraph._version import __version__
from egraph.errors import ServiceError, UsageError

__all__ = ["CONNECTIONS", "Connection", "RefusedError", "plain"]

CONNECTIONS = 4
"""Number of simultaneous requests."""

_FIRST = 0.5  # seconds before the first retry; the wait doubles with each retry
_LONGEST = 60.0  # seconds; upper limit of a wait, ``Retry-After`` included
_PASSING = {408, 429, 502, 503, 504}  # temporary failures


class RefusedError(UsageError):
    """The service rejects a request as invalid.

    Attributes:
        pointer: Field, as a JSON pointer into the request; empty for the request as a whole.
        detail: Explanation by the service.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        self.pointer, self.detail = pointer, detail
        super().__init__(f"{pointer}: {detail}" if pointer else detail)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.pointer, self.detail)


class Connection:
    """Sends requests to one service. It is safe to use from several threads, and can be pickled.

    Temporary failures are retried: failed or broken connections, and the statuses 408, 429, 502, 503 and 504.
    Waits double and are partly random, so that the clients of a restarted service do not all return at once.
    ``http_proxy``, ``https_proxy`` and ``no_proxy`` are respected, but for addresses of this machine.
    ``Retry-After`` is respected, up to a minute. All requests are idempotent, so retries are safe.

    Args:
        url: ``http://host:port`` or ``https://host:port``, followed by a path if a proxy adds one.
        token: Token to send with each request; None sends none. It never appears in error texts.
        timeout: Time limit of one attempt, in seconds.
        retries: Number of attempts after the first.

    Raises:
        UsageError: The address or the token is malformed.
    """

    def __init__(self, url: str, token: str | None, timeout: float, retries: int) -> None:
        self._arguments = url, token, timeout, retries
        self._address = _read_address(url)
        self.url = f"{self._address.scheme}://{self._address.netloc}{self._address.path or ''}"
        self._headers = {"Accept": "application/json", "User-Agent": f"egraph/{__version__}"}
        if token is not None:
            if not (token.isascii() and token.isprintable() and token and " " not in token):
                raise UsageError("a token must be one line of printable ASCII characters without spaces")
            self._headers["Authorization"] = f"Bearer {token}"
        self._has_token = token is not None
        self._timeout, self._retries = timeout, retries
        self._proxy = _find_proxy(self._address)
        if self._proxy:
            _open_proxy(self._proxy)  # a malformed one is refused here
        self._pools: dict[int, urllib3.HTTPConnectionPool | urllib3.ProxyManager] = {}

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path.

        Raises:
            ServiceError: The request failed; the text gives the reason.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        """The JSON object that the service returns for a JSON body.

        Raises:
            RefusedError: The service rejects the body as invalid.
            ServiceError: The request failed; the text gives the reason.
        """
        return self._ask("POST", path, body)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self._arguments

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        retries = _Backoff(
            self._retries, allowed_methods=None, status_forcelist=_PASSING, raise_on_status=False
        )
        try:
            response = self._pool.urlopen(
                method,
                self.url + path if self._proxy else (self._address.path or "") + path,
                body=body,
                headers=headers,
                redirect=False,
                timeout=urllib3.Timeout(total=self._timeout),
                retries=retries,
            )
        except HTTPError as error:
            raise ServiceError(f"cannot reach {self.url}: {self._explain(error)}") from None
        content = _read_object(response.data)
        if response.status != 200:
            self._refuse(response.status, path, content or {})
        if content is None:
            raise self.wrong(f"{path} is not a JSON object")
        return content

    def wrong(self, what: str) -> ServiceError:
        """The error to raise if a response does not have the expected form."""
        return ServiceError(
            f"wrong response from {self.url}: {what}; is it `egraph serve`, in a version compatible "
            f"with egraph {__version__}?"
        )

    @property
    def _pool(self) -> urllib3.HTTPConnectionPool | urllib3.ProxyManager:
        """Connections of this process: a forked process must not write into those of its parent."""
        process = os.getpid()
        if process not in self._pools and self._proxy:
            self._pools = {process: _open_proxy(self._proxy)}
        if process not in self._pools:
            kind = (
                urllib3.HTTPSConnectionPool if self._address.scheme == "https" else urllib3.HTTPConnectionPool
            )
            assert self._address.host is not None
            pool = kind(self._address.host, self._address.port, maxsize=CONNECTIONS, block=True)
            self._pools = {process: pool}
        return self._pools[process]

    def _refuse(self, status: int, path: str, problem: dict[str, Any]) -> NoReturn:
        detail = plain(problem.get("detail") or problem.get("title") or "no reason given")
        if status == 401:
            raise ServiceError(
                f"{self.url} rejects the token; use the one that `egraph serve` was started with"
                if self._has_token
                else f"{self.url} requires a token; pass token=... or set EGRAPH_TOKEN"
            )
        if status in (400, 413, 422):
            errors = problem.get("errors")
            first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
            raise RefusedError(plain(first.get("pointer", "")), plain(first.get("detail", detail)))
        if status in (404, 405) or 300 <= status < 400:
            raise self.wrong(f"status {status} for {path}")
        tried = f" {self._retries + 1} times" if status in _PASSING and self._retries else ""
        raise ServiceError(f"{self.url} answered with status {status}{tried}: {detail}")

    def _explain(self, error: HTTPError) -> str:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        tried = (
            f" ({self._retries + 1} attempts)" if isinstance(error, MaxRetryError) and self._retries else ""
        )
        if isinstance(reason, TimeoutError) and not isinstance(reason, NewConnectionError):
            return f"no response within {self._timeout:g} s{tried}; increase timeout="
        causes = [reason.__cause__, *reason.args]
        cause = next((cause for cause in causes if isinstance(cause, Exception)), reason)
        if isinstance(reason, SSLError):
            return f"{plain(cause)}; https needs a certificate that this machine or SSL_CERT_FILE trusts"
        why = (isinstance(cause, OSError) and cause.strerror) or plain(cause)
        return f"{why}{tried}; is `egraph serve` running there?"


class _Backoff(urllib3.Retry):
    """Waits that double, are partly random, and never exceed a minute."""

    def get_backoff_time(self) -> float:
        longest = min(_LONGEST, _FIRST * 2 ** (len(self.history) - 1))
        return random.uniform(longest / 2, longest)

    def get_retry_after(self, response: Any) -> float | None:
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if asked is None else min(asked, _LONGEST) + random.uniform(0, _FIRST)

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        *more: Any,
        **named: Any,
    ) -> _Backoff:
        if isinstance(error, SSLError):
            raise error  # waiting does not make a certificate valid
        return super().increment(method, url, response, error, *more, **named)


def _find_proxy(address: urllib3.util.Url) -> str | None:
    """The proxy that ``http_proxy``, ``https_proxy`` and ``no_proxy`` name; none for this machine itself."""
    host = address.host or ""
    if host == "localhost" or host.startswith("127.") or host == "[::1]" or proxy_bypass(host):
        return None
    return getproxies().get(address.scheme or "http")


def _open_proxy(proxy: str) -> urllib3.ProxyManager:
    """Connections through a proxy.

    Raises:
        UsageError: The address of the proxy is malformed.
    """
    try:
        auth = urllib3.util.parse_url(proxy).auth
        headers = None if auth is None else urllib3.make_headers(proxy_basic_auth=unquote(auth))
        return urllib3.ProxyManager(proxy, proxy_headers=headers, maxsize=CONNECTIONS, block=True)
    except (LocationValueError, ProxySchemeUnknown):
        expected = "http_proxy and https_proxy must be http://host:port or https://host:port"
        raise UsageError(f"{expected}, got {plain(proxy.rpartition('@')[2])!r}") from None


def _read_address(url: str) -> urllib3.util.Url:
    expected = "an address must be http://host:port or https://host:port"
    try:
        address = urllib3.util.parse_url(url)
    except LocationValueError:
        raise UsageError(f"{expected}, got {url!r}") from None
    if address.auth:
        raise UsageError(f"{expected}, without user or password; pass a token with token= or EGRAPH_TOKEN")
    if address.scheme not in ("http", "https") or not address.host or address.query or address.fragment:
        raise UsageError(f"{expected}, got {url!r}")
    return address._replace(path=(address.path or "").rstrip("/"))


def _read_object(data: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def plain(text: object, length: int = 300) -> str:
    """A text of the service as one line without control characters, safe for a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= length else line[: length - 3] + "..."
