"""Known mistakes of people who write a transformer, each made by one change to a correct model.

A model that differs from Hugging Face's is compared with a copy that has each of them: see
``hfdl.parity.diagnose``.
"""

from hfdl.parity.mistakes import attention, layers, masks, positions
from hfdl.parity.mistakes.mistake import Mistake

MISTAKES: tuple[Mistake, ...] = (
    *attention.MISTAKES,
    *layers.MISTAKES,
    *masks.MISTAKES,
    *positions.MISTAKES,
)
"""All of them, by area."""

__all__ = ["MISTAKES", "Mistake"]
