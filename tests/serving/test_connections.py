"""Connections of slow, silent and hasty clients, on real sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from helpers.server_process import Server, server

TIMEOUT = 1.0
HEAD = b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def running(trained: Path) -> Iterator[Server]:
    with server(trained, "--timeout", str(TIMEOUT)) as running:
        yield running


@pytest.fixture
def client(running: Server) -> Iterator[socket.socket]:
    url = httpx.URL(running.url)
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=20) as client:
        yield client


def request(inputs: object) -> bytes:
    body = json.dumps({"inputs": inputs}).encode()
    return HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer(client: socket.socket) -> tuple[int, bytes]:
    """The next answer on a connection: its status and its body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1) or pytest.fail(f"the connection has ended: {head!r}")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    body = b""
    while len(body) < int(fields[b"content-length"]):
        body += client.recv(int(fields[b"content-length"]) - len(body))
    return int(head.split()[1]), body


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD])
def test_a_head_that_does_not_come_is_not_waited_for(client: socket.socket, sent: bytes) -> None:
    begun = time.monotonic()
    client.sendall(sent)
    assert is_closed(client)
    assert TIMEOUT * 0.9 <= time.monotonic() - begun < TIMEOUT + 8


def test_a_head_that_trickles_is_not_waited_for(client: socket.socket) -> None:
    begun = time.monotonic()
    client.sendall(HEAD)
    with suppress(ConnectionError):
        while time.monotonic() - begun < 15:
            client.sendall(b"X-More: 1\r\n")
            time.sleep(0.1)
    assert time.monotonic() - begun < TIMEOUT + 8


def test_a_second_head_is_not_waited_for_either(client: socket.socket) -> None:
    client.sendall(request("good"))
    assert answer(client)[0] == 200
    begun = time.monotonic()
    client.sendall(HEAD)
    assert is_closed(client)
    assert time.monotonic() - begun < TIMEOUT + 8


def test_a_request_in_pieces_is_answered_and_the_connection_kept(client: socket.socket) -> None:
    for _ in range(3):  # longer than the time of one, all together
        for byte in request("good film"):
            client.sendall(bytes([byte]))
        assert answer(client)[0] == 200
        time.sleep(TIMEOUT * 0.5)


def test_requests_sent_ahead_are_answered_in_their_order(client: socket.socket) -> None:
    client.sendall(request("good") + request(7) + request(["bad", "film"]))
    answers = [answer(client) for _ in range(3)]
    assert [code for code, _ in answers] == [200, 422, 200]
    assert [len(json.loads(body)) for _, body in answers if b"score" in body] == [1, 2]


def test_a_head_alone_is_answered_for_whoever_watches_the_server(running: Server) -> None:
    for path in ("/", "/health", "/ready", "/metrics", "/docs"):
        alone = httpx.head(running.url + path, timeout=20)
        whole = httpx.get(running.url + path, timeout=20)
        assert (alone.status_code, alone.content) == (200, b"")
        assert alone.headers["content-type"] == whole.headers["content-type"]
    assert httpx.head(f"{running.url}/predict", timeout=20).status_code == 405
    assert httpx.head(f"{running.url}/nothing", timeout=20).status_code == 404
