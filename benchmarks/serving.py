"""``hfdl serve`` beside a plain FastAPI wrapper of transformers.pipeline: latency and throughput.

    python benchmarks/serving.py RUN --output benchmarks/results/serving.json

Both serve the same model with the same number of torch's threads, in turn (A B A B ...), each time
as a new process on loopback. Clients send one text after the other, each on its own connection; the
texts are those of the embedded data set, of 3 to 40 words. A round is so many seconds after a
warm-up. Printed are the medians of the rounds, and the least and the greatest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

PLAIN = """
import sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

pipe = pipeline("text-classification", model=sys.argv[1], device=-1)
app = FastAPI()

class Body(BaseModel):
    inputs: str | list[str]

@app.get("/ready")
def ready():
    return {}

@app.post("/predict")
def predict(body: Body):
    return pipe(body.inputs)

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="critical")
"""
SIDES = ("hfdl", "plain")


def main() -> None:
    """Measure both, print a table, and write every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a run's folder for text classification")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="of torch, on either side"
    )
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    for number in range(given.rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            found += measure(side, given, number)
            write(given, found)
    print_table(found, given.concurrency)


def write(given: argparse.Namespace, found: list[dict[str, Any]]) -> None:
    """Every figure so far."""
    facts = {
        "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
        "python": platform.python_version(), "threads": given.threads, "seconds": given.seconds,
    }  # fmt: skip
    if given.output:
        text = json.dumps({"facts": facts, "rounds": found}, indent=1, allow_nan=False)
        given.output.write_text(text + "\n", encoding="utf-8")


def measure(side: str, given: argparse.Namespace, number: int) -> list[dict[str, Any]]:
    """One process of a side, under each number of clients."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
    command = {
        "hfdl": ["-P", "-m", "hfdl.cli", "serve", given.model, "--port", str(port)],
        "plain": ["-c", PLAIN, given.model, str(port)],
    }[side]
    process = subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        return [
            {"side": side, "round": number, "load_average": os.getloadavg()[0]}
            | asyncio.run(under(url, clients, given.seconds, seed=number))
            for clients in given.concurrency
        ]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the model answers."""
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server has ended")


async def under(url: str, clients: int, seconds: float, seed: int) -> dict[str, Any]:
    """What so many clients see."""
    texts = sample_texts()
    latencies: list[float] = []

    async def one(client: httpx.AsyncClient, draw: random.Random, until: float, kept: bool) -> None:
        while time.perf_counter() < until:
            begun = time.perf_counter()
            answer = await client.post(f"{url}/predict", json={"inputs": draw.choice(texts)})
            answer.raise_for_status()
            if kept:
                latencies.append(time.perf_counter() - begun)

    async def all_of_them(length: float, kept: bool) -> None:
        until = time.perf_counter() + length
        draws = [random.Random(seed * 1000 + i) for i in range(clients)]
        await asyncio.gather(
            *(one(client, draw, until, kept) for client, draw in zip(opened, draws, strict=True))
        )

    opened = [httpx.AsyncClient(timeout=120) for _ in range(clients)]
    await all_of_them(min(2.0, seconds / 2), kept=False)
    begun = time.perf_counter()
    await all_of_them(seconds, kept=True)
    took = time.perf_counter() - begun
    for client in opened:
        await client.aclose()
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return {
        "clients": clients, "requests": len(latencies), "per_second": len(latencies) / took,
        "p50_ms": 1e3 * cuts[49], "p95_ms": 1e3 * cuts[94], "p99_ms": 1e3 * cuts[98],
    }  # fmt: skip


def sample_texts() -> list[str]:
    """The embedded sentences."""
    from importlib.resources import files

    folder = files("hfdl.data.samples")
    lines = (folder / "sentiment" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def print_table(found: list[dict[str, Any]], concurrency: list[int]) -> None:
    """The medians of the rounds, with least and greatest, in Markdown."""
    print("| clients | | requests/s | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|---|")
    for clients in concurrency:
        for side in SIDES:
            rounds = [one for one in found if (one["clients"], one["side"]) == (clients, side)]
            cells = (
                spread([one[name] for one in rounds])
                for name in ("per_second", "p50_ms", "p95_ms", "p99_ms")
            )
            print(f"| {clients} | {side} | {' | '.join(cells)} |")


def spread(values: list[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    main()
