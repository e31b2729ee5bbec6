"""PreTrainedModel classes of the encoders: BERT, RoBERTa, XLM-RoBERTa, DistilBERT, ELECTRA.

On a CPU a batch with padding is computed without it, where the answer shows no trace of that:
nobody asked for weights or hidden states, every text starts at the left edge, and the attention is
the fused one. Padding has zeros in the results then; in transformers' it has noise.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import (
    BaseModelOutput,
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from hfdl.hf_models import losses
from hfdl.hf_models.backbone_io import BackboneOutput, Inputs, check_inputs, inputs_of, wanted
from hfdl.hf_models.base import HfModel
from hfdl.hf_models.kernels import FUSED, kernel_named
from hfdl.models.common import first_token, padded_positions
from hfdl.nn.packing import Packing


class EncoderHfModel(HfModel):
    """What the encoders share."""

    def encode(
        self,
        inputs: Inputs,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **keywords: Any,
    ) -> BackboneOutput:
        """Run the backbone; outputs and keywords as for transformers' models."""
        check_inputs(inputs, keywords)
        output_attentions = wanted(output_attentions, self.config.output_attentions)
        output_hidden_states = wanted(output_hidden_states, self.config.output_hidden_states)
        name = self.config._attn_implementation
        recorded = output_attentions or output_hidden_states
        packing = None if recorded or name != FUSED else _packing(inputs)
        if packing is not None:
            inputs = self._unpadded(inputs, packing)
        collect: list[Tensor | None] | None = [] if output_attentions else None
        with inputs_of(self.backbone.layers, output_hidden_states) as states:
            last = self.backbone(
                **vars(inputs), packing=packing, collect=collect,
                kernel=kernel_named(name, output_attentions, keywords),
            )  # fmt: skip
        return BackboneOutput(
            last, packing,
            hidden_states=(*states, last) if output_hidden_states else None,
            attentions=None if collect is None else tuple(collect),
        )  # fmt: skip

    def last_states(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """What the head is given: the last hidden states, (B, T, D)."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.encode(inputs, **kwargs)
        return output.padded(output.last)

    def _unpadded(self, inputs: Inputs, packing: Packing) -> Inputs:
        """The real tokens alone, at the positions that they have in the padded batch."""
        ids, types = inputs.input_ids, inputs.token_type_ids
        assert ids is not None
        positions = self._positions(ids)  # (B, T)
        return Inputs(
            packing.pack(ids), None, None if types is None else packing.pack(types.expand_as(ids)),
            packing.pack(positions), None,
        )  # fmt: skip

    def _positions(self, input_ids: Tensor) -> Tensor:
        settings = self.backbone.config
        if settings.padding_positions:
            return padded_positions(input_ids, settings.pad_token_id)
        return torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)


class EncoderModel(EncoderHfModel):
    """The encoder without a head."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput | BaseModelOutputWithPooling:
        """As transformers' class; the result has ``pooler_output`` where there is a pooler."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.encode(inputs, **kwargs)
        last = output.padded(output.last)  # (B, T, D)
        states: Any = {"hidden_states": output.hidden_states, "attentions": output.attentions}
        if self.core.pooler is None:
            return BaseModelOutput(last_hidden_state=last, **states)  # pyright: ignore[reportArgumentType]
        pooled = self.core.pooler(first_token(output.last, output.packing))  # (B, D)
        return BaseModelOutputWithPooling(last, pooled, **states)  # pyright: ignore[reportArgumentType]


class MaskedLM(EncoderHfModel):
    """The encoder that says which word was masked."""

    _tied_weights_keys = {  # noqa: RUF012  # transformers' form
        "core.head.decoder.weight": "core.backbone.embeddings.tokens.weight"
    }

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
    ) -> MaskedLMOutput:
        """As transformers' class; labels (B, T), -100 where no word is asked for."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.encode(inputs, **kwargs)
        logits = output.padded(self.core.head(output.last))  # (B, T, V)
        loss = None if labels is None else losses.cross_entropy(logits, labels, num_items_in_batch)
        return MaskedLMOutput(loss, logits, output.hidden_states, output.attentions)  # pyright: ignore[reportArgumentType]


class EncoderSequence(EncoderHfModel):
    """The encoder that labels texts."""

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
    ) -> SequenceClassifierOutput:
        """As transformers' class; labels by ``config.problem_type``."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.encode(inputs, **kwargs)
        logits = self.core.head(first_token(output.last, output.packing))  # (B, C)
        loss = (
            None if labels is None
            else losses.sequence(logits, labels, self.config, num_items_in_batch)
        )  # fmt: skip
        return SequenceClassifierOutput(loss, logits, output.hidden_states, output.attentions)  # pyright: ignore[reportArgumentType]


class EncoderToken(EncoderHfModel):
    """The encoder that labels tokens."""

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
    ) -> TokenClassifierOutput:
        """As transformers' class; labels (B, T), -100 where none is asked for."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.encode(inputs, **kwargs)
        logits = output.padded(self.core.head(output.last))  # (B, T, C)
        loss = None if labels is None else losses.cross_entropy(logits, labels, num_items_in_batch)
        return TokenClassifierOutput(loss, logits, output.hidden_states, output.attentions)  # pyright: ignore[reportArgumentType]


def _packing(inputs: Inputs) -> Packing | None:
    """Of a batch that has padding, none of it at the left edge, on a CPU; else None."""
    mask = inputs.attention_mask
    if mask is None or inputs.input_ids is None or inputs.position_ids is not None:
        return None
    if mask.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    real = mask.bool()
    return Packing.of(real) if bool(real[:, 0].all()) and not bool(real.all()) else None
