"""Token, position and segment embeddings: the input of the first block.

Shapes: *B batch (none where sequences are packed), T tokens, E width of the embeddings, D width.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hfdl.nn.dropout import Dropout


class Embeddings(nn.Module):
    """The sum of the embeddings of token, position and segment, then norm and dropout.

    The parts are given built; a part that a model lacks is None (GPT-2 has no segments and no
    norm here, Llama has tokens alone).

    Args:
        tokens: of the ids.
        positions: of the positions.
        token_types: of the segment ids (Devlin et al. 2019, figure 2).
        norm: applied to the sum.
        projection: E -> D, where the embeddings are narrower than the model (ELECTRA, Clark et
            al. 2020, https://arxiv.org/abs/2003.10555).
        scale: what the tokens' embeddings are multiplied by (sqrt(D) in Vaswani et al. 2017,
            section 3.4).
        dropout: probability in training.
    """

    def __init__(
        self,
        tokens: nn.Embedding,
        *,
        positions: nn.Module | None = None,
        token_types: nn.Embedding | None = None,
        norm: nn.Module | None = None,
        projection: nn.Linear | None = None,
        scale: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens, self.positions, self.token_types = tokens, positions, token_types
        self.norm, self.projection = norm, projection
        self.scale, self.dropout = scale, Dropout(dropout)

    def forward(
        self,
        input_ids: Int[Tensor, "*B T"] | None,
        position_ids: Int[Tensor, "*#B T"] | None = None,
        token_type_ids: Int[Tensor, "*#B T"] | None = None,
        inputs_embeds: Float[Tensor, "*B T E"] | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Embed ids; ``inputs_embeds`` stands for embedded tokens.

        Without segment ids, all are 0.
        """
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.tokens(input_ids)
        assert inputs_embeds is not None
        x = inputs_embeds if self.scale == 1.0 else inputs_embeds * self.scale  # (..., T, E)
        if self.token_types is not None:
            types = self.token_types.weight[0] if token_type_ids is None else None
            x = x + (self.token_types(token_type_ids) if types is None else types)
        if self.positions is not None:
            x = x + self.positions(position_ids).to(x.dtype)
        if self.norm is not None:
            x = self.norm(x)
        x = self.dropout(x)
        return x if self.projection is None else self.projection(x)  # (..., T, D)
