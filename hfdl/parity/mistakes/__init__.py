"""The mistake museum: what people get wrong when they write a transformer, one change each.

Each is made on purpose in a copy of one of hfdl's models. A model that does not equal Hugging
Face's is compared with each of them: see ``hfdl.parity.diagnose``.
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
