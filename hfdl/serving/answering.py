"""One request from its first byte to its answer, in the event loop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from hfdl.serving.body import gone, json_only, read_body
from hfdl.serving.faults import http_error_of
from hfdl.serving.http_error import HttpError, too_slow
from hfdl.serving.job import Job
from hfdl.serving.request import Given, texts_in
from hfdl.serving.service import Service
from hfdl.serving.stream_job import StreamJob

_LARGE = 1 << 16
"""Bytes from which on a body is read outside of the event loop, which others wait for."""


async def predict(service: Service, request: Request) -> Response:
    """The answer to a request.

    Raises:
        HttpError: there is none.
    """
    json_only(request)
    until = time.monotonic() + service.limits.timeout
    leave = service.enter()
    try:
        body = await read_body(request, service.limits, until)
        given, tokens = await _in_thread(len(body) > _LARGE, _read, service, body)
        if given.stream:
            stream = _Stream(service, given, until, leave)
            leave = _nothing
            return await stream.response()
        if not given.items:
            return _json(b"[]")
        return _json(await _answered(service, request, given, tokens, until))
    finally:
        leave()


def _read(service: Service, body: bytes) -> tuple[Given, list[int]]:
    given = service.reader.read(body)
    return given, [service.counter(texts_in(item)) for item in given.items]


async def _in_thread(is_long: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.to_thread(function, *arguments) if is_long else function(*arguments)


async def _answered(
    service: Service, request: Request, given: Given, tokens: list[int], until: float
) -> bytes:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Any] = loop.create_future()

    def write(answer: Any) -> bytes:
        if given.is_one:
            answer = service.pipe.of_one(answer, given.inputs, given.options)
        return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()

    rows = max(service.pipe.rows(item, given.options) for item in given.items)
    job = Job(
        service.call, given.items, given.options, tokens, rows, write,
        lambda outcome: _from_thread(loop, _set, found, outcome),
    )  # fmt: skip
    service.batcher.add(job)
    watch = asyncio.ensure_future(gone(request))
    try:
        left = until - time.monotonic()
        await asyncio.wait({found, watch}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    finally:
        job.drop()
        watch.cancel()
        service.batcher.finished()
    if not found.done():
        raise (
            HttpError(499, "the client has left")
            if watch.done()
            else too_slow(service.limits.timeout)
        )
    outcome = found.result()
    if isinstance(outcome, Exception):
        raise http_error_of(outcome)
    return outcome[0] if given.is_one else b"[" + b",".join(outcome) + b"]"


class _Stream:
    """A text that is sent as it is written: events as text-generation-inference has them."""

    def __init__(
        self, service: Service, given: Given, until: float, leave: Callable[[], None]
    ) -> None:
        self._service, self._given = service, given
        self._until, self._leave = until, leave
        self._pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._job = StreamJob(
            lambda: service.pieces(given.inputs, given.options),
            lambda piece: _from_thread(loop, self._pieces.put_nowait, piece),
        )

    async def response(self) -> Response:
        """The stream, once its first piece is there.

        Raises:
            HttpError: there is none.
        """
        self._service.worker.stream(self._job)
        try:
            first = await self._next()
        except BaseException as error:
            self._end()
            if isinstance(error, Exception):
                raise http_error_of(error) from None
            raise
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        events = self._events(first)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    def _end(self) -> None:
        self._job.drop()
        self._service.batcher.wake()
        self._leave()

    async def _events(self, piece: str | None) -> AsyncIterator[str]:
        text, number = "", 0
        try:
            while piece is not None:
                number += 1
                text += piece
                yield _event({"index": number, "token": {"text": piece}, "generated_text": None})
                piece = await self._next()
            whole = self._service.whole(self._given.inputs, text, self._given.options)
            yield _event({"index": number, "token": {"text": ""}, "generated_text": whole})
        except Exception as error:
            yield _event(http_error_of(error).body())
        finally:
            self._end()

    async def _next(self) -> str | None:
        left = self._until - time.monotonic()
        try:
            piece = await asyncio.wait_for(self._pieces.get(), max(0.0, left))
        except TimeoutError:
            raise too_slow(self._service.limits.timeout) from None
        if isinstance(piece, Exception):
            raise piece
        return piece


def _event(value: Any) -> str:
    return f"data:{json.dumps(value, ensure_ascii=False, allow_nan=False)}\n\n"


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _set(future: asyncio.Future[Any], outcome: Any) -> None:
    if not future.done():
        future.set_result(outcome)


def _from_thread(loop: asyncio.AbstractEventLoop, function: Any, *arguments: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(function, *arguments)


def _nothing() -> None:
    pass
