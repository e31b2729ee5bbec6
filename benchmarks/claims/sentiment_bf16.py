"""The same fine-tuning in bf16, where the processor multiplies it in tiles."""

from __future__ import annotations

from benchmarks.claims.sentiment import FILES, QUICK, SETTINGS, limit, sides
from benchmarks.harness.claim import Claim, Program
from benchmarks.sides.hfdl_run import PER_TOKEN

PROGRAM = Program(
    name="sentiment_bf16",
    title="fine-tuning MiniLM on sentences of SST-2, bf16, batches of 32",
    sides=sides(),
    claims=(
        Claim(
            "sentiment-bf16", "fine-tuning, sentences of SST-2, bf16", "Trainer at its best",
            figure=PER_TOKEN, at_least=2.0,
        ),
        Claim(
            "sentiment-bf16-defaults", "fine-tuning, sentences of SST-2, bf16",
            "Trainer's defaults", figure=PER_TOKEN, at_least=5.0,
        ),
    ),
    settings={**SETTINGS, "precision": "bf16"}, quick={**QUICK, "rows": 2048, "steps": 16},
    tiny={"rows": 24, "dev_rows": 8, "epochs": 1, "max_length": 32}, limit=limit,
    quality={"accuracy": "accuracy"}, files=FILES, bf16=True,
)  # fmt: skip
