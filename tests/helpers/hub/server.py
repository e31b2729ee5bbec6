"""The stand-in's HTTP server, its faults on request, and the environment of a client of it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from helpers.hub.api import ROUTES, Answer, Request
from helpers.hub.store import Refused, Store

TOKEN = "hf_" + "annsSecretTokenThatNobodyMaySee0123"
"""Ann's, who may write; ``READ_TOKEN`` may only read, ``OTHER_TOKEN`` is Ben's."""
READ_TOKEN = "hf_" + "annsReadingTokenThatNobodyMaySee012"
OTHER_TOKEN = "hf_" + "bensSecretTokenThatNobodyMaySee0123"


@dataclass
class Fault:
    """What goes wrong with requests whose ``METHOD /path`` matches, so many times."""

    pattern: str
    status: int | None
    times: int
    headers: dict[str, str]
    message: str


@dataclass
class Hub:
    """A running stand-in."""

    url: str
    store: Store
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens_seen: set[str | None] = field(default_factory=set)
    chunk: int | None = None
    wait: float = 0.0
    """Seconds that the answer to a large file takes."""

    def fail(
        self, pattern: str, status: int | None, *, times: int = 1000,
        headers: dict[str, str] | None = None, message: str = "the stand-in was told to fail",
    ) -> None:  # fmt: skip
        """Answer matching requests with a status; None: the connection is dropped."""
        self.faults.append(Fault(pattern, status, times, headers or {}, message))

    def environment(self, cache: Any, token: str | None = TOKEN) -> dict[str, str]:
        """What a process is given so that it asks the stand-in, with a cache of its own."""
        found = {
            "HF_ENDPOINT": self.url, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }  # fmt: skip
        return found | ({} if token is None else {"HF_TOKEN": token})


@contextmanager
def hub_server() -> Iterator[Hub]:
    """A stand-in on a free port of loopback, with the users ann and ben."""
    store = Store({TOKEN: ("ann", True), READ_TOKEN: ("ann", False), OTHER_TOKEN: ("ben", True)})
    store.orgs["team"] = ["ann"]
    hub = Hub("", store)

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        hub, address = self.served, urlsplit(self.path)
        body = self._body()
        line = f"{self.command} {address.path}"
        hub.asked.append(line)
        deadline = time.monotonic() + hub.wait
        while self.command == "PUT" and time.monotonic() < deadline and hub.wait:
            time.sleep(0.02)
        fault = next((f for f in hub.faults if f.times and re.search(f.pattern, line)), None)
        if fault is not None:
            fault.times -= 1
            if fault.status is None:
                self.close_connection = True
                self.connection.close()
                return
            answer = Answer({"error": fault.message}, fault.status, dict(fault.headers))
        else:
            answer = self._answer(address.path, parse_qs(address.query), body)
        self._send(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> Answer:
        hub = self.served
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        hub.tokens_seen.add(token)
        method = "GET" if self.command == "HEAD" else self.command
        for known, pattern, route in ROUTES:
            match = pattern.fullmatch(path) if known == method else None
            if match:
                parts = {k: v for k, v in match.groupdict().items() if v is not None}
                request = Request(hub.store, hub.url, method, query, token, body, parts, hub.chunk)
                try:
                    return route(request)
                except Refused as refused:
                    code = {"X-Error-Code": refused.code} if refused.code else {}
                    error = {"X-Error-Message": refused.message}
                    return Answer({"error": refused.message}, refused.status, {**code, **error})
        return Answer({"error": f"no such page: {path}"}, 404)

    def _send(self, answer: Answer) -> None:
        body = answer.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            answer.headers.setdefault("Content-Type", "application/json")
        status, wanted = answer.status, self.headers.get("Range")
        if wanted and status == 200:
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            last = min(int(end), len(body) - 1) if end else len(body) - 1
            answer.headers["Content-Range"] = f"bytes {start}-{last}/{len(body)}"
            body, status = body[int(start) : last + 1], 206
        self.send_response(status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815
