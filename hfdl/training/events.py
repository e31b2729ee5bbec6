"""Events that a run emits while it trains.

The loop makes events and knows nothing of terminals, files or trackers; listeners (the console,
``log.jsonl``, Accelerate's trackers) take them. ``as_record`` is the line of ``log.jsonl``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base class. ``kind`` is the event's name in ``log.jsonl``."""

    kind: ClassVar[str] = "event"

    def as_record(self) -> dict[str, Any]:
        """The event as a flat dict that json can write."""
        return {"event": self.kind, **vars(self)}


@dataclass(frozen=True)
class Noted(Event):
    """Something a person should know: where validation came from, how much text was lost."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True)
class Planned(Event):
    """What is about to be run.

    ``seconds`` and ``memory_bytes`` are estimates from timed updates, made by a dry run only.
    """

    kind: ClassVar[str] = "plan"
    task: str
    model: str
    implementation: str
    labels: list[str]
    parameters: int
    trainable: int
    examples: dict[str, int]
    tokens: int
    """Real tokens that training will see, over all epochs."""
    epochs: float
    steps: int
    batch_size: int
    micro_batch_size: int
    precision: str
    device: str
    processes: int
    seconds: float | None = None
    memory_bytes: int | None = None
    micro_batch_tokens: int | None = None


@dataclass(frozen=True)
class Updated(Event):
    """One update of the weights."""

    kind: ClassVar[str] = "update"
    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    examples: int
    tokens: int
    seconds: float
    """Since training began, evaluations and checkpoints included."""
    memory_bytes: int | None = None
    """The most that this process has held so far: of the GPU if one is used, else resident."""


@dataclass(frozen=True)
class Evaluated(Event):
    """One pass over a held-out split."""

    kind: ClassVar[str] = "evaluation"
    split: str
    step: int
    epoch: float
    metrics: dict[str, float]
    is_best: bool
    seconds: float


@dataclass(frozen=True)
class Sampled(Event):
    """What a model that writes texts makes of some prompts at this step."""

    kind: ClassVar[str] = "samples"
    step: int
    samples: list[dict[str, Any]]
    """``prompt`` and ``text`` of each."""


@dataclass(frozen=True)
class Checkpointed(Event):
    """A checkpoint stands on disk."""

    kind: ClassVar[str] = "checkpoint"
    step: int
    path: str


@dataclass(frozen=True)
class Resumed(Event):
    """Training goes on from a checkpoint."""

    kind: ClassVar[str] = "resume"
    step: int
    path: str


@dataclass(frozen=True)
class Restarted(Noted):
    """A run is continued that has no checkpoint to go on from: it begins again."""

    kind: ClassVar[str] = "restart"


@dataclass(frozen=True)
class Finished(Event):
    """The run is over. ``reason``: ``completed``, ``early_stopping``, or a listener's."""

    kind: ClassVar[str] = "end"
    reason: str
    step: int
    seconds: float
    directory: str
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)


Listener = Callable[[Event], None]


class StopTraining(Exception):  # noqa: N818  # no error: what was asked for happened
    """A listener raises it to end the run at this event, which the others are still told of.

    Args:
        reason: a word, for the log.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Interrupted(Exception):  # noqa: N818  # no error: what was asked for happened
    """A signal stopped the run, after a checkpoint.

    Args:
        signum: the signal: 2 (SIGINT) or 15 (SIGTERM).
        step: updates made so far, all of them saved.
        directory: the run's folder, from which ``--resume`` goes on.
        processes: that trained together.

    ``continue_with`` is the command that continues it where that is not the plain one.
    """

    continue_with: str | None = None

    def __init__(self, signum: int, step: int, directory: str, processes: int = 1) -> None:
        self.signum = signum
        self.step = step
        self.directory = directory
        self.processes = processes
        super().__init__(f"stopped by signal {signum} after update {step} in {directory}")
