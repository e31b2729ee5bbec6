"""``hfdl serve`` as a real process, and a client that counts what becomes of each request."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from helpers.processes import HFDL, PATIENCE, start


class Server:
    """A process that answers.

    Args:
        process: whose first line of stdout has been read.
        url: of it.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def end(self, timeout: float = 30.0) -> tuple[int, str]:
        """Wait for its end; its exit code and stderr."""
        _, stderr = self.process.communicate(timeout=timeout)
        return self.process.returncode, stderr


@contextmanager
def server(model: Path, *options: str, cwd: Path | None = None) -> Iterator[Server]:
    """A server of a model at a free port, killed at the end if it is still there."""
    process = start([*HFDL, "serve", str(model), "--port", "0", "--json", *options], cwd)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)
        yield Server(process, json.loads(line)["url"])
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


async def send(client: httpx.AsyncClient, url: str, outcomes: Counter[str], body: object) -> None:
    """One request; what became of it is counted."""
    try:
        answer = await client.post(f"{url}/predict", json=body)
        outcomes[str(answer.status_code)] += 1
        assert answer.json() is not None
    except httpx.TimeoutException:
        outcomes["hangs"] += 1
    except httpx.TransportError as error:
        outcomes[type(error).__name__] += 1


async def load(
    url: str, seconds: float, clients: int, body: object, outcomes: Counter[str]
) -> None:
    """Clients that send one request after the other, each counted, until the time is over.

    A client whose connection is refused stops: the server is gone.
    """
    until = time.monotonic() + seconds

    async def one() -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            while time.monotonic() < until and not outcomes["ConnectError"]:
                outcomes["sent"] += 1
                await send(client, url, outcomes, body)

    await asyncio.gather(*(one() for _ in range(clients)))
