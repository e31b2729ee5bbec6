"""What a client is told when it gets no answer: one form for all.

``{"error": what and what to do, "error_type": one of a few words}``, as the servers of Hugging Face
(text-generation-inference, text-embeddings-inference) have it.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS = {
    400: "malformed", 401: "unauthorized", 404: "not_found", 405: "not_found", 408: "timeout",
    413: "too_large", 415: "malformed", 422: "validation", 429: "overloaded", 499: "cancelled",
    500: "model", 503: "unavailable", 504: "timeout",
}  # fmt: skip
"""``error_type`` by status."""


class HttpError(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        message: what is wrong and what to do, for a person.
        headers: that go with it.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = dict(headers or {})

    @property
    def kind(self) -> str:
        """For programs."""
        return KINDS.get(self.status, "malformed" if self.status < 500 else "model")

    def body(self) -> dict[str, str]:
        """As JSON has it."""
        return {"error": self.message, "error_type": self.kind}


def busy(waiting: int) -> HttpError:
    """The queue is full."""
    return HttpError(
        429,
        f"{waiting} requests are waiting or being answered, as many as --max-queue allows; try "
        "again",
        {"Retry-After": "1"},
    )


def stopping() -> HttpError:
    """The server has been asked to stop."""
    return HttpError(503, "the server is stopping", {"Retry-After": "5", "Connection": "close"})


def loading() -> HttpError:
    """The model is not open yet."""
    return HttpError(503, "the model is being loaded; GET /ready says when", {"Retry-After": "1"})


def too_slow(seconds: float) -> HttpError:
    """No answer in time."""
    return HttpError(504, f"no answer within {seconds:g} seconds, the limit that --timeout sets")
