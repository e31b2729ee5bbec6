"""PreTrainedModel classes of the encoders: BERT and its kin, ALBERT, ModernBERT.

On a CPU a padded batch is computed without its padding where nothing in the result depends on it:
no weights or hidden states are requested, every text starts at the left edge, and the attention is
the fused one. The results then have zeros at padding, where transformers' have noise.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.modeling_outputs import (
    BaseModelOutput,
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from hfdl.hf_models.backbone_io import BackboneOutput, Inputs, check_inputs
from hfdl.hf_models.base import TIED_WORDS, BackboneModel
from hfdl.hf_models.kernels import FUSED
from hfdl.models.answering import right_packing
from hfdl.models.common import first_token
from hfdl.nn.packing import Packing


class EncoderHfModel(BackboneModel):
    """What the encoders share."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs: Any,
    ) -> Any:
        """As transformers' class.

        Args:
            input_ids, token_type_ids, position_ids: (B, T); or ``inputs_embeds`` (B, T, E).
            attention_mask: (B, T), 1 at real tokens.
            inputs_embeds: see ``input_ids``.
            labels: (B, T), -100 where none is asked for; of texts by ``config.problem_type``.
            num_items_in_batch: what the summed loss is divided by; None: the labels.
            kwargs: ``output_attentions``, ``output_hidden_states``, ``return_dict``; others are
                handed to an attention function that was registered.
        """
        output = self.run_backbone(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, **kwargs
        )
        return self.answer(output, labels, num_items_in_batch)

    def run_backbone(self, *args: Any, **keywords: Any) -> BackboneOutput:
        """The forward pass without the head; arguments as those of ``forward``."""
        inputs = Inputs.taken_from(args, keywords)
        check_inputs(inputs, keywords)
        recording = self._recording(keywords)
        fused = self.config._attn_implementation == FUSED and not any(recording)
        packing = _packing(inputs) if fused else None
        if packing is not None:
            inputs = self._unpadded(inputs, packing)
        return self._run({**vars(inputs), "packing": packing}, recording, keywords)

    def _unpadded(self, inputs: Inputs, packing: Packing) -> Inputs:
        """The real tokens alone, at the positions that they have in the padded batch."""
        ids, types = inputs.input_ids, inputs.token_type_ids
        assert ids is not None
        positions = self.backbone.positions_in(ids)  # (B, T)
        return Inputs(
            packing.pack(ids), None, None if types is None else packing.pack(types.expand_as(ids)),
            packing.pack(positions), None,
        )  # fmt: skip


class EncoderModel(EncoderHfModel):
    """The encoder without a head; its result has ``pooler_output`` where there is a pooler."""

    head = "base"
    output_class = BaseModelOutputWithPooling

    def answer(
        self, output: BackboneOutput, labels: Tensor | None, items: Tensor | int | None
    ) -> Any:
        """The last hidden states (B, T, D) and, where there is a pooler, its answer (B, D)."""
        last = output.padded(output.last)  # (B, T, D)
        recorded = output.recorded(self.output_class)
        if self.core.pooler is None:
            return BaseModelOutput(last_hidden_state=last, **recorded)  # pyright: ignore[reportArgumentType]
        pooled = self.core.pooler(first_token(output.last, output.packing))  # (B, D)
        return BaseModelOutputWithPooling(last, pooled, **recorded)  # pyright: ignore[reportArgumentType]


class MaskedLM(EncoderHfModel):
    """The encoder that predicts masked words; logits (B, T, V)."""

    head = "masked_lm"
    output_class = MaskedLMOutput
    _tied_weights_keys = TIED_WORDS


class EncoderSequence(EncoderHfModel):
    """The encoder that labels texts; by which tokens, the model says."""

    head = "sequence"
    output_class = SequenceClassifierOutput

    def logits_of(self, output: BackboneOutput) -> Tensor:
        """(B, C)."""
        return self.core.head(self.core.pool(output.last, output.attention_mask, output.packing))


class EncoderToken(EncoderHfModel):
    """The encoder that labels tokens; logits (B, T, C)."""

    head = "token"
    output_class = TokenClassifierOutput


def _packing(inputs: Inputs) -> Packing | None:
    """As ``right_packing``, of ids whose positions are their places."""
    if inputs.input_ids is None or inputs.position_ids is not None:
        return None
    return right_packing(inputs.attention_mask)
