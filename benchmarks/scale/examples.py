"""A small classifier from random weights on 10,000 to 1,000,000 examples: cost of a token.

Reading, checking, encoding and ordering all of them, and so many updates whose batches are drawn
from all of them. A part that grew faster than the data would show.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

SIZES = (1e4, 1e5, 1e6)
FLAT = ("prepare_us_per_token", "update_us_per_token", "peak_bytes_per_example")
UPDATES, BATCH = 200, 64
WORDS = [f"{a}{b}{c}" for a in "bdfglmnprst" for b in "aeiou" for c in "klmnrst"]


def measure(size: float, folder: Path) -> dict[str, Any]:
    """Processor time until the first update, which puts an epoch in order, and of the others."""
    import hfdl
    from benchmarks.harness.clock import Stretches
    from hfdl.environment import peak_memory_bytes
    from hfdl.training.events import Event, Updated

    train, dev = folder / "train.tsv", folder / "dev.tsv"
    tokens = write_rows(train, int(size))
    write_rows(dev, 64)
    started, before = time.process_time(), peak_memory_bytes()
    spent, seen, prepared = Stretches(), 0, 0.0

    def listen(event: Event) -> None:
        nonlocal seen, prepared
        if isinstance(event, Updated) and prepared:
            spent.count()
            seen += event.tokens
        else:
            prepared = prepared or (time.process_time() if isinstance(event, Updated) else 0.0)
            spent.skip()

    hfdl.train(
        "sentiment",
        {
            "data.train": str(train), "data.validation": str(dev), "data.max_length": 64,
            "model.name": "hfdl://encoder", "model.tokenizer": "wordpiece",
            "model.config": {"vocab_size": 500, "hidden_size": 32, "num_hidden_layers": 1,
                             "num_attention_heads": 2, "intermediate_size": 64},
            "train.steps": UPDATES, "train.batch_size": BATCH, "train.evaluate_every": UPDATES,
            "train.precision": "float32",
        },
        output=folder / "run", report=False, listener=listen,
    )  # fmt: skip
    return {
        "prepare_us_per_token": 1e6 * (prepared - started) / tokens,
        "update_us_per_token": 1e6 * spent.processor_seconds / seen,
        "peak_bytes_per_example": (peak_memory_bytes() - before) / size,
    }


def write_rows(path: Path, count: int) -> int:
    """Made-up sentences of 4 to 30 words, whose label is that of a word; how many words."""
    draw = random.Random(0)
    words = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("text\tlabel\n")
        for _ in range(count):
            sentence = draw.choices(WORDS, k=draw.randint(4, 30))
            words += len(sentence)
            label = "yes" if "bak" in sentence or sentence[0] < "m" else "no"
            file.write(f"{' '.join(sentence)}\t{label}\n")
    return words
