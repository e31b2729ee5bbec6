"""The same as ``attention`` in bf16, where the products beside it take a smaller share."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.claims.attention import PROGRAM as SHORT
from benchmarks.claims.attention import TEXT, side
from benchmarks.harness.claim import Claim

PROGRAM = replace(
    SHORT,
    name="attention_bf16",
    title=SHORT.title.replace("float32", "bf16"),
    sides={"hfdl_fused": side("hfdl_fused"), "sdpa": side("sdpa")},
    claims=(
        Claim(
            "attention-bf16", f"{TEXT}, bf16, the kernel", "sdpa", at_least=1.2, ours="hfdl_fused"
        ),
    ),
    settings={**SHORT.settings, "precision": "bf16"},
    bf16=True,
)
