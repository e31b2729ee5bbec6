"""Greedy generation with a GPT-2 in int8, beside float32, and how many tokens stay the same."""

from __future__ import annotations

from benchmarks.claims.generation import PROGRAM as FLOAT32
from benchmarks.claims.generation import side
from benchmarks.harness.claim import Claim, Program

PROGRAM = Program(
    name="generation_int8",
    title="greedy generation, the shape of GPT-2 small, random weights, int8",
    sides={
        "hfdl": side(True, int8=True, compared=False),
        "hfdl in float32": side(True, compared=False),
    },
    claims=(
        Claim(
            "generation-one-int8", "greedy tokens for one prompt, GPT-2 small, int8",
            "hfdl in float32", figure="batch_one_seconds",
        ),
        Claim(
            "generation-several-int8",
            "greedy tokens for 8 prompts padded on the left, GPT-2 small, int8",
            "hfdl in float32", figure="batch_several_seconds",
        ),
    ),
    settings=FLOAT32.settings, quick=FLOAT32.quick, tiny=FLOAT32.tiny,
    quality={
        "tokens_per_second": "tokens/s, one prompt",
        "agreement": "of its tokens likeliest in float32, given those before",
    },
)  # fmt: skip
