"""How far a run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Progress:
    """Where a run stands: all that a checkpoint holds beside tensors."""

    step: int = 0
    evaluated_step: int = -1
    """The last update after which an evaluation was made; 0: before the first."""
    best_step: int | None = None
    best_value: float | None = None
    not_better: int = 0
    """Evaluations in a row that were not better."""
    micro_batch_size: int | None = None
    """Examples per forward pass; None: the whole batch. Less than asked for where memory ended."""
    examples: int = 0
    tokens: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    seconds: float = 0.0
