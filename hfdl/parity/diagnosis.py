"""What a mismatch comes from, as far as it is known."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Diagnosis:
    """Which known single mistake explains a mismatch, if one does.

    Args:
        name: of the mistake, ``hfdl.parity.mistakes.MISTAKES``; None where none explains it.
        explanation: in words, what was found.
        look_at: where the right thing stands.
        gap_before: how far the candidate lies from the reference, see ``bounds``.
        gap_after: how far from it, or from the model with the mistake, it lies once the mistake is
            taken into account; the smallest such gap where none explains it.
        bound: what counts as none.
        also: other mistakes that explain it as well: on these inputs they cannot be told apart.
        tried: the gap that each mistake leaves, by name.
    """

    name: str | None
    explanation: str
    look_at: str = ""
    gap_before: float = 0.0
    gap_after: float = math.inf
    bound: float = 0.0
    also: tuple[str, ...] = ()
    tried: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For JSON, which has no infinity: null."""
        values = asdict(self)
        values["tried"] = {k: None if math.isinf(v) else v for k, v in self.tried.items()}
        return {k: None if v == math.inf else v for k, v in values.items()}

    def __str__(self) -> str:
        return self.explanation
