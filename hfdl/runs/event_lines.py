"""What the events of a run say, as lines for a person."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from hfdl.runs.texts import format_seconds
from hfdl.training.events import Evaluated, Finished, Planned, Updated

SAMPLE = 200
"""Characters of a sampled text that are shown; log.jsonl has all of it."""


class Rate:
    """Speed over the last updates, with evaluations and checkpoints left out."""

    def __init__(self, window: int = 50) -> None:
        self._spans: deque[tuple[float, int, int]] = deque(maxlen=window)
        self._previous: Updated | None = None
        self._first: Updated | None = None

    def add(self, event: Updated) -> None:
        """Count an update."""
        self._first = self._first or event
        if self._previous is not None:
            seconds = event.seconds - self._previous.seconds
            self._spans.append((seconds, event.examples, event.tokens))
        self._previous = event

    def pause(self) -> None:
        """Something other than an update happened: the time until the next one does not count."""
        self._previous = None

    def per_second(self) -> tuple[float, float] | None:
        """Examples and tokens per second, None before there are two updates to compare."""
        seconds = sum(span[0] for span in self._spans)
        if seconds <= 0:
            return None
        examples = sum(span[1] for span in self._spans)
        return examples / seconds, sum(span[2] for span in self._spans) / seconds

    def remaining(self, event: Updated) -> float | None:
        """Seconds until the last update, evaluations included; None when it cannot be told yet."""
        if self._first is None or event.step <= self._first.step:
            return None
        per_step = (event.seconds - self._first.seconds) / (event.step - self._first.step)
        return per_step * (event.steps - event.step)


# Whose code the model runs in, by the word that the log has for it.
_CODE = {"hfdl": "hfdl's code", "hf": "transformers' code"}


def plan_rows(event: Planned) -> list[tuple[str, str]]:
    """What is about to run, as names and values."""
    share = event.trainable / event.parameters if event.parameters else 0.0
    processes = f" x {event.processes} processes" if event.processes > 1 else ""
    micro = event.micro_batch_size
    batches = f" in micro-batches of {micro}" if micro != event.batch_size else ""
    if event.micro_batch_tokens is not None:
        batches += f" in parts of {event.micro_batch_tokens:,} tokens"
    rows = [
        ("task", event.task),
        ("model", f"{event.model} ({_CODE.get(event.implementation, 'own class')})"),
        ("parameters", f"{event.parameters:,}, {share:.1%} of them trained"),
        ("examples", ", ".join(f"{name} {size:,}" for name, size in event.examples.items())),
        *([("labels", _labels(event.labels))] if event.labels else []),
        ("tokens", f"{event.tokens:,} over {event.epochs:g} epochs"),
        ("updates", f"{event.steps:,} of {event.batch_size:,} examples{batches}"),
        ("device", f"{event.device}, {event.precision}{processes}"),
    ]
    if event.seconds is not None:
        rows.append(("estimated time", format_seconds(event.seconds)))
    if event.memory_bytes is not None:
        rows.append(("estimated memory", f"{event.memory_bytes / 2**30:.2f} GiB"))
    return rows


def update_line(event: Updated, rate: Rate) -> str:
    """An update as one line: where it is, and how it goes."""
    return f"epoch {event.epoch:.2f}  step {event.step}/{event.steps}  {update_status(event, rate)}"


def update_status(event: Updated, rate: Rate) -> str:
    """Loss, learning rate, speed and time left."""
    parts = [f"loss {event.loss:.4f}", f"lr {event.learning_rate:.1e}"]
    if speed := rate.per_second():
        parts.append(
            f"{per_second_text(speed[0])} examples/s  {per_second_text(speed[1])} tokens/s"
        )
    if event.step < event.steps and (left := rate.remaining(event)) is not None:
        parts.append(f"ETA {format_seconds(left)}")
    return "  ".join(parts)


def evaluation_line(event: Evaluated) -> str:
    """An evaluation as one line; ``*best`` marks the best so far."""
    metrics = "  ".join(
        f"{name} {value:.4f}" for name, value in event.metrics.items() if "/" not in name
    )
    best = "  *best" if event.is_best else ""
    # A saved model is evaluated outside of any training: it has no place in one.
    position = f"epoch {event.epoch:.2f}  step {event.step}  " if event.step else ""
    return f"{position}{event.split}  {metrics}{best}"


def sample_line(sample: Mapping[str, Any]) -> str:
    """A text that the model wrote, after its prompt in quotes, cut to ``SAMPLE`` characters."""
    text = f"{sample.get('text') or ''}"
    more = "..." if len(text) > SAMPLE else ""
    return f'  "{sample.get("prompt") or ""}" -> {text[:SAMPLE]}{more}'


def finish_line(event: Finished) -> str:
    """How the run ended."""
    reason = event.reason.replace("_", " ")
    return f"{reason} after {event.step} updates in {format_seconds(event.seconds)}"


def per_second_text(per_second: float) -> str:
    """A speed, with no more digits than tell something."""
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"


def _labels(labels: list[str], most: int = 8) -> str:
    more = f", ... ({len(labels)} in all)" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
