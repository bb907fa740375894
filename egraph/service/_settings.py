"""What can be set of a service."""

from __future__ import annotations

from dataclasses import dataclass, field

from egraph.errors import UsageError

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may ask for at most, and how long it may take to arrive.

    Attributes:
        body_bytes: of one request.
        architectures: of one request; a pair counts as two.
        vertices: of one architecture, input and output included.
        connections: open at once, in one worker.
        header_seconds: until the last header has come.
        body_seconds: until the last byte of the body has come after that.
        idle_seconds: between two requests of one connection.

    Raises:
        UsageError: a limit is not positive, or leaves no architecture.
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
        """Bytes of all bodies that a worker holds at once."""
        return 16 * self.body_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a service works.

    Attributes:
        token: who does not send it gets nothing but the health checks; None lets everybody in.
        limits: of requests.
        largest_batch: architectures that are scored in one run.
        longest_wait: seconds that a request waits for company while nothing runs.
        waiting: architectures that wait at most, in one worker; beyond that requests are turned away.
        threads: of onnxruntime in one worker.
        log_requests: whether each request gets a line in the log.
        local: whether to refuse requests that name another host than this machine: pages of the web can have
            a browser ask for them under a name of their own.

    Raises:
        UsageError: the token is empty or has characters that no header can carry.
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
