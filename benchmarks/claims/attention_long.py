"""The same as ``attention`` at 512 tokens, where attention is a larger share of an update."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.claims.attention import PROGRAM as SHORT
from benchmarks.claims.attention import side
from benchmarks.harness.claim import Claim

TEXT = SHORT.claims[0].text.replace("128 tokens, the formula", "512 tokens")
PROGRAM = replace(
    SHORT,
    name="attention_long",
    title=SHORT.title.replace("128", "512"),
    sides={"hfdl_fused": side("hfdl_fused"), "sdpa": side("sdpa")},
    claims=(
        Claim("attention-long", f"{TEXT}, the kernel", "sdpa", at_least=1.2, ours="hfdl_fused"),
    ),
    settings={**SHORT.settings, "batch_size": 2, "length": 512},
)
