"""What every request passes first: the key, and the figures."""

from __future__ import annotations

import hmac
import json
import time
from pathlib import Path
from typing import Any

from hfdl.serving.http_error import HttpError
from hfdl.serving.service import Service

OPEN = ("/health", "/ready")
"""Paths without a key: whoever starts the server asks for its state."""
_KEY_PAGE = Path(__file__).with_name("key.html")
"""In place of /docs: a browser sends no key of its own, so the page asks for it and for /docs."""


class Gate:
    """An ASGI application around another.

    Args:
        app: the other.
        service: whose figures are counted.
        key: what a client must send as ``Authorization: Bearer KEY``; None: nothing.
    """

    def __init__(self, app: Any, service: Service, key: str | None = None) -> None:
        self._app, self._service, self._key = app, service, key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        begun, code = time.monotonic(), 500

        async def counted(message: Any) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            if self._is_allowed(scope):
                # What there is to GET there is a head of, which uvicorn sends without the rest.
                asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
                await self._app(asked, receive, counted)
            elif scope["path"] == "/docs" and scope["method"] in ("GET", "HEAD"):
                await _refuse(counted, page=_KEY_PAGE.read_bytes())
            else:
                await _refuse(counted)
        finally:
            seconds = time.monotonic() - begun
            self._service.metrics.answered(scope["path"], code, seconds)

    def _is_allowed(self, scope: Any) -> bool:
        if self._key is None or scope["path"] in OPEN:
            return True
        sent = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(sent, b"Bearer " + self._key.encode())


async def _refuse(send: Any, page: bytes | None = None) -> None:
    problem = HttpError(401, "no key, or another one; send the header Authorization: Bearer KEY")
    kind = b"application/json" if page is None else b"text/html; charset=utf-8"
    body = json.dumps(problem.body(), allow_nan=False).encode() if page is None else page
    headers = [(b"content-type", kind), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
