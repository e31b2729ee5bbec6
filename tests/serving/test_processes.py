"""A server that is ended, killed or left: each request has an answer, or an error that is seen."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
from helpers.processes import HFDL, start
from helpers.server_process import Server, load, server

BODY = {"inputs": ["good film"] * 20}
MANY = 20
ALLOWED = {"200", "503", "ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}


def under_load(running: Server, signum: int) -> Counter[str]:
    """What became of the requests of eight clients, the server sent a signal under way."""
    outcomes: Counter[str] = Counter()

    async def both() -> Counter[str]:
        clients = asyncio.create_task(load(running.url, 60, 8, BODY, outcomes))
        while outcomes["200"] < MANY:
            await asyncio.sleep(0.005)
        running.process.send_signal(signum)
        await asyncio.wait_for(clients, 120)
        return outcomes

    return asyncio.run(both())


def test_a_server_that_is_ended_answers_what_it_took(trained: Path) -> None:
    with server(trained) as running:
        outcomes = under_load(running, signal.SIGTERM)
        code, stderr = running.end()
    sent = outcomes.pop("sent")
    assert sum(outcomes.values()) == sent
    assert outcomes["200"] >= MANY
    assert set(outcomes) <= ALLOWED
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in stderr


def test_a_server_that_is_killed_leaves_no_client_hanging(trained: Path) -> None:
    with server(trained) as running:
        outcomes = under_load(running, signal.SIGKILL)
        code, _ = running.end()
    sent = outcomes.pop("sent")
    assert sum(outcomes.values()) == sent
    assert outcomes["200"] >= MANY
    assert set(outcomes) <= ALLOWED - {"503"}
    assert code == -signal.SIGKILL


def test_all_that_was_accepted_is_answered_at_the_end(trained: Path) -> None:
    """Requests wait when the signal comes; all of them get their answers."""
    body = {"inputs": ["good film"] * 40}

    async def scenario(running: Server) -> Counter[int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=300, limits=limits) as client:
            sent = [
                asyncio.create_task(client.post(f"{running.url}/predict", json=body))
                for _ in range(30)
            ]
            while await waiting(client, running.url) < 10:
                await asyncio.sleep(0.01)
            running.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*sent)
            return Counter(answer.status_code for answer in answers)

    with server(
        trained, "--grace", "300", "--timeout", "300", "--max-batch-tokens", "64"
    ) as running:
        codes = asyncio.run(scenario(running))
        assert running.end(300)[0] == 143
    assert codes == {200: 30}


async def waiting(client: httpx.AsyncClient, url: str) -> float:
    """Requests in the queue, as the figures have it."""
    lines = (await client.get(f"{url}/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith("hfdl_queue_requests ")).split()[1])


def test_clients_that_leave_free_their_places_and_beyond_the_grace_is_an_error(
    trained: Path,
) -> None:
    body = {"inputs": ["good film " * 20] * 256}  # some tenths of a second
    options = ("--max-queue", "4", "--max-batch-tokens", "16", "--grace", "0")
    with server(trained, *options) as running:
        left = 0
        for _ in range(12):  # beside other work the queue may still be full of those that left
            try:
                httpx.post(f"{running.url}/predict", json=body, timeout=0.05)
            except httpx.TimeoutException:
                left += 1
        assert left >= 4
        until = time.monotonic() + 10
        while (
            answer := httpx.post(f"{running.url}/predict", json={"inputs": "good"}, timeout=30)
        ).status_code == 429 and time.monotonic() < until:
            time.sleep(0.05)
        assert answer.status_code == 200
        figures = httpx.get(f"{running.url}/metrics").text
        codes = asyncio.run(ended_with_four_requests(running, body))
        assert running.end()[0] == 143
    assert 'code="499",path="/predict"' in figures
    assert "hfdl_active_requests 0.0" in figures
    assert set(codes) <= {200, 503}
    assert codes[503] >= 2
    assert sum(codes.values()) == 4


async def ended_with_four_requests(running: Server, body: object) -> Counter[int]:
    """What becomes of requests that wait or are answered when the server is ended."""
    async with httpx.AsyncClient(timeout=300) as client:
        sent = [
            asyncio.create_task(client.post(f"{running.url}/predict", json=body)) for _ in range(4)
        ]
        while await waiting(client, running.url) < 3:
            await asyncio.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        return Counter(answer.status_code for answer in await asyncio.gather(*sent))


def test_a_second_signal_ends_it_at_once(trained: Path) -> None:
    body = {"inputs": ["good " * 20] * 8000}
    options = ("--grace", "60", "--max-batch-tokens", "16", "--max-texts", "8000")
    with server(trained, *options) as running:
        request = httpx.Request("POST", f"{running.url}/predict", json=body)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        with socket.create_connection(address(running)) as one:
            one.sendall(f"POST /predict HTTP/1.1\r\n{head}\r\n".encode() + request.content)
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            begun = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            code, stderr = running.end()
            assert code == 143
            assert "answering 1 request, for 60 s at most; Ctrl+C again ends at once" in stderr
            assert time.monotonic() - begun < 3
            with suppress(ConnectionError):
                assert one.recv(1 << 16) == b""  # it had not been answered


def address(running: Server) -> tuple[str, int]:
    url = httpx.URL(running.url)
    assert url.port is not None
    return url.host, url.port


def test_a_port_in_use_is_told_before_the_model_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*HFDL, "serve", "no-such-model", "--port", str(port)],
            capture_output=True, text=True, timeout=60, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"port {port} cannot be used: another program listens there" in done.stderr
    assert "no-such-model: " not in done.stderr


def test_it_is_alive_before_it_is_ready_and_signals_to_the_last_keep_its_code(
    trained: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start([*HFDL, "serve", str(trained), "--port", str(port)])
    seen = []
    try:
        until = time.monotonic() + 60
        while (not seen or seen[-1] != (200, 200)) and time.monotonic() < until:
            try:
                codes = [
                    httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code
                    for path in ("/health", "/ready")
                ]
            except httpx.TransportError:
                continue
            seen.append(tuple(codes))
        for _ in range(40):  # also after its last answer, while Python ends
            process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
            if process.poll() is not None:
                break
    finally:
        process.send_signal(signal.SIGTERM)
        stdout, _ = process.communicate(timeout=60)
    assert seen[-1] == (200, 200)
    assert (200, 503) in seen
    assert process.returncode == 143
    assert f"http://127.0.0.1:{port}" in stdout
