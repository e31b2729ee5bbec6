"""The body of a request: of a size and within a time."""

from __future__ import annotations

import asyncio
import time

from fastapi import Request
from starlette.requests import ClientDisconnect

from hfdl.serving.http_error import HttpError
from hfdl.serving.limits import OPTIONS, Limits

_DRAINED = 16 << 20
"""Bytes too many that are still read, so that a client which writes first can read why."""
_DRAIN_SECONDS = 2.0


def json_only(request: Request) -> None:
    """Refuse another media type: a page in a browser can send plain text to any server unasked.

    Raises:
        HttpError: it is not ``application/json``.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(
            415,
            f"the content type is {kind or 'not given'}; send JSON, with the header "
            "Content-Type: application/json",
        )


async def read_body(request: Request, limits: Limits, until: float) -> bytes:
    """The whole body.

    Args:
        request: whose.
        limits: of the server.
        until: by the monotonic clock.

    Raises:
        HttpError: it is too large, or did not come in time, or the client has left.
    """
    announced = request.headers.get("content-length", "0")
    size = int(announced) if announced.isdecimal() else 0
    if size > limits.max_body + _DRAINED:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            return await _within(request, limits.max_body)
    except TimeoutError:
        raise HttpError(408, f"the body did not come within {limits.timeout:g} seconds") from None
    except ClientDisconnect:
        raise HttpError(499, "the client has left") from None
    except OverflowError:
        await _drain(request)
        raise _too_large(limits) from None


async def gone(request: Request) -> None:
    """Return once the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _within(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise OverflowError
        parts.append(part)
    return b"".join(parts)


async def _drain(request: Request) -> None:
    read = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while read < _DRAINED:
                message = await request.receive()
                read += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _too_large(limits: Limits) -> HttpError:
    return HttpError(
        413,
        f"the body is larger than {limits.max_body:,} bytes, the limit that "
        f"{OPTIONS['max_body']} sets; send fewer texts at once",
        {"Connection": "close"},
    )
