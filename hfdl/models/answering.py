"""An encoder with its head that answers, and does nothing else: torch alone, no Hugging Face.

The forward pass is that of ``hfdl.hf_models.encoder``, without losses, hidden states and attention
weights.

Shapes: B texts, T tokens, N tokens of all texts without padding, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.nn.fused import fused_attention
from hfdl.nn.packing import Packing


@dataclass(frozen=True)
class Answer:
    """What a model says, under transformers' name.

    Args:
        logits: (B, C) of texts, (B, T, C) of tokens; zeros at padding where it was left out.
    """

    logits: Float[Tensor, "B *T C"]


class AnsweringEncoder(nn.Module):
    """A model of ``hfdl.models`` with a head for texts or tokens.

    Args:
        core: with a backbone and a head, and a ``pool`` where it labels texts.
        config: transformers' config of the model, for whoever asks.
    """

    def __init__(self, core: Any, config: Any) -> None:
        super().__init__()
        self.core = core
        self.config = config

    def get_input_embeddings(self) -> nn.Module:
        """The embedding of tokens."""
        return self.core.backbone.embeddings.tokens

    def forward(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        token_type_ids: Int[Tensor, "B T"] | None = None,
    ) -> Answer:
        """The logits.

        Args:
            input_ids, token_type_ids: of padded texts.
            attention_mask: 1 at real tokens; None: all are.
        """
        backbone, positions = self.core.backbone, None
        packing = right_packing(attention_mask)
        if packing is not None:
            positions = packing.pack(backbone.positions_in(input_ids))  # (B, T) -> (N,)
            if token_type_ids is not None:
                token_type_ids = packing.pack(token_type_ids.expand_as(input_ids))
            input_ids, attention_mask = packing.pack(input_ids), None
        last = backbone(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids,
            position_ids=positions, inputs_embeds=None, packing=packing, collect=None,
            kernel=fused_attention,
        )  # fmt: skip
        if hasattr(self.core, "pool"):
            return Answer(self.core.head(self.core.pool(last, attention_mask, packing)))
        logits = self.core.head(last)
        return Answer(logits if packing is None else packing.unpack(logits))  # (B, T, C)


def right_packing(mask: Shaped[Tensor, "B T"] | None) -> Packing | None:
    """Of a batch that has padding, all of it at the right edge, on a CPU; else None.

    Padding between real tokens stays: a window counts it as transformers' does.
    """
    if mask is None or mask.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    real = mask.bool()
    ends_padded = bool(real[:, 0].all()) and not bool((real[:, 1:] & ~real[:, :-1]).any())
    return Packing.of(real) if ends_padded and not bool(real.all()) else None
