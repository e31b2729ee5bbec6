"""An update of a GPT on rows of 128 to 2,048 tokens, dropout on: memory grows with the length."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.claims.causal_lm import Loop

SIZES = (128, 256, 512, 1024, 2048)
FLAT = ("peak_bytes_per_token", "peak_bytes_per_token_of_transformers")
ROWS = 4


def measure(size: float, folder: Path) -> dict[str, Any]:
    """The most memory of an update beyond the loaded model, by token: hfdl's, transformers'."""
    found = {}
    for name, own in zip(FLAT, (True, False), strict=True):
        # Each in a process of its own: what one frees, the other would be given.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            found[name] = pool.submit(_of_token, int(size), own).result()
    return found


def _of_token(length: int, own: bool) -> float:
    import torch

    settings = SimpleNamespace(
        words=1000,
        length=length,
        width=384,
        layers=6,
        heads=6,
        device="cpu",
        precision="float32",
    )
    ids = torch.randint(settings.words, (ROWS, length))
    return Loop(settings, own).memory(ids)["peak_over_model_bytes"] / (ROWS * length)
