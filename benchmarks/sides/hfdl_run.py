"""A training of hfdl whose updates are timed: evaluation, checkpoints and reports are not."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.clock import Stretches

PER_TOKEN = "processor_seconds_per_1000_tokens"
"""Where not every example is trained on, the two sides see unlike ones: this compares them."""


def train(
    recipe: str, overrides: Mapping[str, Any], folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train as a recipe says.

    Args:
        recipe: a shipped name.
        overrides: of its keys. It is evaluated once, at the end.
        folder: for the run; what was there goes.

    Returns:
        the figures of all updates together (their seconds have batches and logging in them), and
        the run's metrics.
    """
    import hfdl
    from hfdl.training.events import Event, Updated

    shutil.rmtree(folder, ignore_errors=True)
    time = Stretches()
    tokens = updates = 0

    def listen(event: Event) -> None:
        nonlocal tokens, updates
        if isinstance(event, Updated):
            time.count()
            tokens += event.tokens
            updates += 1
        else:
            time.skip()

    settings = {"train.evaluate_every": 10**9, "train.keep_checkpoints": 1, **overrides}
    done = hfdl.train(recipe, settings, output=folder, report=False, listener=listen)
    return of_updates(time, tokens, updates), done.metrics


def of_updates(time: Stretches, tokens: int, updates: int) -> dict[str, Any]:
    """The figures of a training: its time, its real tokens, and the time of a thousand of them."""
    figures = time.figures()
    return {
        **figures, "tokens": tokens, "updates": updates,
        PER_TOKEN: 1000 * figures["processor_seconds"] / tokens,
    }  # fmt: skip
