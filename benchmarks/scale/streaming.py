"""A language model from random weights on 0.1 to 2 GB of text, read piece by piece: memory."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from benchmarks.scale.examples import WORDS

SIZES = (1e8, 5e8, 2e9)
FLAT = ("peak_bytes", "prepare_us_per_byte")
BLOCK = 2**20  # bytes of text that are made at a time


def measure(size: float, folder: Path) -> dict[str, Any]:
    """The most memory beyond the imports, and processor time before the first update."""
    import hfdl
    from hfdl.environment import peak_memory_bytes
    from hfdl.training.events import Event, Planned

    corpus = folder / "corpus.txt"
    written = write_text(corpus, size)
    import hfdl.runs.session  # imported now: it is not the text's memory

    started, before = time.process_time(), peak_memory_bytes()
    planned = 0.0

    def listen(event: Event) -> None:
        nonlocal planned
        planned = planned or (time.process_time() if isinstance(event, Planned) else 0.0)

    hfdl.train(
        "clm",
        {
            "data.train": str(corpus), "data.separator": "\n", "data.streaming": True,
            "data.max_length": 64, "model.tokenizer": "bpe", "train.steps": 20,
            "train.evaluate_every": 20, "data.validation_share": 0.001, "train.samples": [],
            "model.config": {"vocab_size": 500, "n_layer": 1, "n_head": 2, "n_embd": 32,
                             "n_positions": 64},
            "train.precision": "float32",
        },
        output=folder / "run", report=False, listener=listen,
    )  # fmt: skip
    return {
        "peak_bytes": float(peak_memory_bytes() - before),
        "prepare_us_per_byte": 1e6 * (planned - started) / written,
    }


def write_text(path: Path, size: float) -> int:
    """Made-up lines of 50 words until there are so many bytes; how many there are."""
    draw = random.Random(0)
    lines = [" ".join(draw.choices(WORDS, k=50)) for _ in range(BLOCK // 200)]
    written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            draw.shuffle(lines)
            written += file.write("\n".join(lines) + "\n")
    return written
