"""Addresses of the heads of clusters."""

from __future__ import annotations

import re
import socket

from egraph.errors import UsageError, shorten

__all__ = ["answers", "check_address"]

AUTO = "auto"
"""What Ray calls the cluster that this machine is part of."""

_FORM = re.compile(r"[^\s:/]+:\d{1,5}")


def check_address(address: object) -> None:
    """Refuses what is neither ``HOST:PORT`` nor ``auto``.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(address, str) or not (address == AUTO or _FORM.fullmatch(address)):
        raise UsageError(f"address must be HOST:PORT, such as 10.0.0.1:6379, got {shorten(address)}")


def answers(address: str, seconds: float) -> bool:
    """Whether something accepts connections there within some seconds; that of ``auto`` is not asked."""
    if address == AUTO:
        return True
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), seconds):
            return True
    except (OSError, OverflowError, ValueError):
        return False
