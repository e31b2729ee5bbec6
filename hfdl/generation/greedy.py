"""Greedy search: always the most probable next token."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from hfdl.generation.protocol import Decoder
from hfdl.generation.stepwise import Ending, stepwise


def greedy(decoder: Decoder, ending: Ending) -> Iterator[Tensor]:
    """Continue each prompt by ``y_t = argmax_y p(y | y_<t)``; of equal ones, the smallest id.

    Args:
        decoder: the prompts.
        ending: when rows end.

    Yields:
        the tokens of one step, (B,).
    """
    return stepwise(decoder, lambda logits: logits.argmax(dim=-1), ending)
