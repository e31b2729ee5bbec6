"""Learned positions: a vector for each, up to a greatest one (BERT, GPT-2).

Shapes: *B batch (none where sequences are packed), T tokens, D width.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hfdl.errors import ShapeError


class LearnedPositions(nn.Embedding):
    """A table of vectors, one a position.

    Devlin et al. 2019, section 3 (https://arxiv.org/abs/1810.04805).

    Args:
        limit: how many positions there are.
        width: D.
        padding_idx: the position that padding has, which is not trained (RoBERTa); or None.
    """

    def __init__(self, limit: int, width: int, padding_idx: int | None = None) -> None:
        super().__init__(limit, width, padding_idx=padding_idx)  # pyright: ignore[reportUnknownMemberType]

    def forward(self, input: Int[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """The vectors of positions.

        Raises:
            ShapeError: a position lies outside the table. On a GPU torch's own assertion says so,
                less clearly: to look at the numbers here would make every step wait for them.
        """
        if input.device.type == "cpu":
            self._check(input)
        return super().forward(input)

    def _check(self, positions: Int[Tensor, "*B T"]) -> None:
        if not positions.numel():
            return
        least, greatest = (int(end) for end in positions.aminmax())
        if least < 0 or greatest >= self.num_embeddings:
            wrong = positions[(positions < 0) | (positions >= self.num_embeddings)]
            raise ShapeError(
                f"position {int(wrong[0])} is asked for and the model has {self.num_embeddings}",
                rule=f"learned positions run from 0 to {self.num_embeddings - 1}",
                remedy="shorten the text, or use a model with more positions",
            )
