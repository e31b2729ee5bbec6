"""One module for each program, with its ``PROGRAM``: what is measured, and what is claimed."""

from __future__ import annotations

import importlib

from benchmarks.harness.claim import Program

NAMES = (
    "sentiment", "sentiment_bf16", "ner", "masked_lm", "causal_lm", "classification",
    "int8", "one_text", "generation", "generation_int8", "attention", "attention_long",
    "attention_bf16", "startup", "embedding", "word_vectors", "tokenizers", "characters",
)  # fmt: skip
"""In the order in which they are run and shown."""


def program(name: str) -> Program:
    """The program of a name in ``NAMES``."""
    return importlib.import_module(f"benchmarks.claims.{name}").PROGRAM


def programs() -> list[Program]:
    """All of them, in order."""
    return [program(name) for name in NAMES]
