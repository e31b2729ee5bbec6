"""From an error of the model's side to what the client is told."""

from __future__ import annotations

import re

from hfdl.errors import ConfigError, DataError, HfdlError, NotFiniteError
from hfdl.serving.http_error import HttpError
from hfdl.serving.worker import InputError

_PLACE = re.compile(r"^(input|text) 1\b")


def http_error_of(error: Exception) -> HttpError:
    """What the client is told.

    An error in what was sent says what would be right. Of any other the kind is told, and the
    server's own output has the traceback: what it says of files and code is not for clients.
    """
    place = None
    if isinstance(error, InputError):
        place, error = error.place, error.error
    if isinstance(error, HttpError):
        return error
    if isinstance(error, DataError | ConfigError):
        return HttpError(422, _placed(error, place))
    if isinstance(error, NotFiniteError):
        return HttpError(500, _placed(error, place))
    where = "" if place is None else f"input {place + 1}: "
    kind = "out of memory" if _is_out_of_memory(error) else type(error).__name__
    return HttpError(500, f"{where}the model failed ({kind}); the server's output says more")


def _placed(error: HfdlError, place: int | None) -> str:
    """The message, with the input's place in its request and not in its batch."""
    if place is None:
        return str(error)
    return _PLACE.sub(lambda found: f"{found[1]} {place + 1}", str(error))


def _is_out_of_memory(error: Exception) -> bool:
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate" in words
