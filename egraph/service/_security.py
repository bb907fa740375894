"""Authentication by a token."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from egraph.errors import UsageError
from egraph.service._problems import Problem
from egraph.service._settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["OPEN", "Guard", "is_loopback", "read_token"]

OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that need no token."""

# Basic comes first: Chromium reads only the first challenge, and cannot ask its user for a bearer token.
_CHALLENGE = 'Basic realm="egraph", charset="UTF-8", Bearer realm="egraph"'


class Guard:
    """Requires the token: as ``Bearer`` or, for browsers, as the password of ``Basic``.

    Args:
        app: Inner application.
        settings: Token, and whether the service is for this machine only.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._token = None if settings.token is None else settings.token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            self._check(scope)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if self._token is not None:
            # Compares even without a token, so that all refusals take the same time.
            if not hmac.compare_digest(_token_of(scope) or b"", self._token):
                raise Problem(401, "send the token of this service", headers={"WWW-Authenticate": _CHALLENGE})
        elif self.settings.local and not is_loopback(_host_of(scope)):
            raise Problem(
                421,
                "without a token the only host name accepted is that of this machine",
            )


def read_token(path: str | Path) -> str:
    """Reads a token from a file and strips the white space around it.

    Raises:
        UsageError: The file cannot be read or is empty.
    """
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise UsageError(f"cannot read the token file {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"the token file {path} is not ASCII text") from None
    if not token:
        raise UsageError(
            f"the token file {path} is empty; write one line into it, such as the output of "
            "`python -c 'import secrets; print(secrets.token_urlsafe())'`"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_of(scope: Scope) -> str:
    """The host that the client addressed, without the port."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host


def _token_of(scope: Scope) -> bytes | None:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, rest = given[0].partition(b" ")
    if scheme.lower() == b"bearer":
        found: bytes = rest.strip()
        return found
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    return None
