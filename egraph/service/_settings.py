"""Settings of a service."""

from __future__ import annotations

from dataclasses import dataclass, field

from egraph.errors import UsageError

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a request in size and time.

    Attributes:
        body_bytes: Size of a body.
        architectures: Number of architectures in a request; a pair counts as two.
        vertices: Number of vertices of an architecture, input and output included.
        connections: Number of open connections of one worker.
        header_seconds: Time for the headers to arrive.
        body_seconds: Time for the body to arrive after the headers.
        idle_seconds: Time between two requests on one connection.

    Raises:
        UsageError: A limit is not positive, or allows no architecture.
    """

    body_bytes: int = 4 << 20
    architectures: int = 4096
    vertices: int = 128
    connections: int = 2048
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            least = 2 if name == "vertices" else 0
            if not getattr(self, name) >= least or getattr(self, name) == 0:
                raise UsageError(f"the limit {name} must be at least {least or 1}, got {getattr(self, name)}")

    @property
    def bodies_bytes(self) -> int:
        """Size of all bodies that a worker holds at once."""
        return 16 * self.body_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a service.

    Attributes:
        token: Token. Required except for health checks; None disables authentication.
        limits: Limits of requests.
        largest_batch: Largest number of architectures in a batch.
        longest_wait: Time in seconds that an idle worker waits for further requests before it runs a batch.
        waiting: Largest number of architectures in the queue of one worker; further requests are rejected.
        threads: Number of threads of onnxruntime in one worker.
        log_requests: Whether each request is logged.
        local: Whether to reject requests that address another host than this machine. Otherwise a web page
            could reach the service from a browser on this machine, under a host name of its own (DNS
            rebinding).

    Raises:
        UsageError: The token is empty or has characters that a header cannot contain.
    """

    token: str | None = field(default=None, repr=False)
    limits: Limits = Limits()
    largest_batch: int = 1024
    longest_wait: float = 0.001
    waiting: int = 32_768
    threads: int | None = None
    log_requests: bool = False
    local: bool = False

    def __post_init__(self) -> None:
        if self.token is not None and (
            not self.token or not self.token.isascii() or not self.token.isprintable() or " " in self.token
        ):
            raise UsageError(
                "a token must be one line of printable ASCII characters without spaces; make one with "
                "`python -c 'import secrets; print(secrets.token_urlsafe())'`"
            )
