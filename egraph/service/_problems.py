"""Errors as problem documents.

References:
    Nottingham, Wilde and Dalal, "Problem Details for HTTP APIs", RFC 9457, 2023,
    https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

__all__ = ["MEDIA_TYPE", "TITLES", "FieldError", "Problem", "body_of"]

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "The request is malformed",
    401: "A token is required",
    404: "Not found",
    405: "The method is not allowed",
    408: "The request took too long to arrive",
    413: "The request is too large",
    421: "The request is not meant for this service",
    415: "The body is not JSON",
    422: "The request cannot be carried out",
    431: "The headers are too large",
    500: "The service failed",
    503: "The service is busy",
}
"""Title of each status."""

_NAMES = {
    400: "malformed",
    413: "too-large",
    415: "not-json",
    422: "invalid",
    503: "busy",
}


class FieldError(ValueError):
    """A field of a request is invalid.

    Args:
        pointer: Position of the field, as a JSON pointer (RFC 6901).
        detail: Value received and value expected.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        self.pointer, self.detail = pointer, detail
        super().__init__(f"{pointer}: {detail}")


class Problem(Exception):  # noqa: N818 - this is its name in the RFC
    """An error response.

    Args:
        status: Status of the response, one of `TITLES`.
        detail: One sentence about this request.
        errors: Invalid fields.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.detail, self.errors = status, detail, tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)


def body_of(problem: Problem, request: str | None = None) -> bytes:
    """The problem document in JSON; ``request`` is the identity of the request in the log."""
    name = _NAMES.get(problem.status)
    content: dict[str, Any] = {
        "type": f"urn:egraph:problem:{name}" if name else "about:blank",
        "title": TITLES[problem.status],
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        content["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in problem.errors]
    if request is not None:
        content["request"] = request
    return to_json(content)
