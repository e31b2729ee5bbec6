"""Base classes of the models with a head: a backbone, and what makes logits of its hidden states.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; M chosen tokens, D width, C labels or words.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import first_token, last_token, tie
from hfdl.models.init import init_weights
from hfdl.nn.packing import Packing


class ModelWithHead(nn.Module):
    """Logits of everything that the backbone gives a state of.

    Args:
        backbone: from tokens to the last hidden states.
        head: from those to logits.
        std: the head's weights are drawn from N(0, std**2); None: they are left as torch drew them.
        tied: whether the head decodes words by the token embedding.
    """

    def __init__(
        self, backbone: nn.Module, head: nn.Module, std: float | None = None, tied: bool = False
    ) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.head: Any = head
        if std is not None:
            init_weights(head, std)
        if tied:
            tie(self.head.decoder, self.backbone.embeddings.tokens)

    def forward(self, *args: Any, **kwargs: Any) -> Float[Tensor, "*B C"]:
        """The logits; arguments as for the backbone."""
        return self.head(self.backbone(*args, **kwargs))


class MaskedLM(ModelWithHead):
    """Logits of words at every token, or at chosen ones."""

    def forward(
        self, *args: Any, chosen: Bool[Tensor, "*B T"] | None = None, **kwargs: Any
    ) -> Float[Tensor, "*M C"]:
        """The logits.

        Args:
            args, kwargs: as for the backbone.
            chosen: the positions whose words are predicted; None: all.
        """
        hidden = self.backbone(*args, **kwargs)
        return self.head(hidden if chosen is None else hidden[chosen])


class SequenceClassifier(ModelWithHead):
    """Logits of each text, from the state of its first token."""

    def forward(
        self,
        input_ids: Int[Tensor, "*B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        packing: Packing | None = None,
        **kwargs: Any,
    ) -> Float[Tensor, "B C"]:
        """The logits; arguments as for the backbone."""
        hidden = self.backbone(input_ids, attention_mask, packing=packing, **kwargs)
        return self.head(self.pool(hidden, attention_mask, packing))

    def pool(
        self,
        hidden: Float[Tensor, "*B T D"],
        attention_mask: Shaped[Tensor, "B T"] | None,
        packing: Packing | None,
    ) -> Float[Tensor, "B D"]:
        """The input of the head."""
        return first_token(hidden, packing)


class LastTokenClassifier(SequenceClassifier):
    """Logits of each text, from the state of its last token: in a decoder it alone has seen all."""

    def pool(
        self,
        hidden: Float[Tensor, "*B T D"],
        attention_mask: Shaped[Tensor, "B T"] | None,
        packing: Packing | None,
    ) -> Float[Tensor, "B D"]:
        """The input of the head."""
        return last_token(hidden, attention_mask, packing)
