"""PreTrainedModel classes of the decoders: GPT-2, Llama, Mistral, Qwen2, Qwen3."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, GenerationMixin
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    CausalLMOutputWithPast,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from hfdl.errors import ModelError
from hfdl.hf_models import losses
from hfdl.hf_models.backbone_io import BackboneOutput, Inputs, check_inputs, inputs_of, wanted
from hfdl.hf_models.base import HfModel
from hfdl.hf_models.kernels import kernel_named
from hfdl.models.common import last_token
from hfdl.nn.packing import Packing


class DecoderHfModel(HfModel):
    """What the decoders share."""

    def decode(
        self,
        inputs: Inputs,
        past_key_values: Cache | None,
        use_cache: bool | None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **keywords: Any,
    ) -> BackboneOutput:
        """Run the backbone; cache, outputs and keywords as for transformers' models."""
        check_inputs(inputs, keywords)
        output_attentions = wanted(output_attentions, self.config.output_attentions)
        output_hidden_states = wanted(output_hidden_states, self.config.output_hidden_states)
        cache = self._cache(past_key_values, use_cache)
        packing = None if cache is not None else documents(inputs)
        if packing is not None:
            recorded = output_attentions or output_hidden_states
            return self._decode_documents(inputs, packing, recorded)
        collect: list[Tensor | None] | None = [] if output_attentions else None
        with inputs_of(self.backbone.layers, output_hidden_states) as states:
            last = self.backbone(
                **vars(inputs), cache=cache, collect=collect,
                kernel=kernel_named(self.config._attn_implementation, output_attentions, keywords),
            )  # fmt: skip
        return BackboneOutput(
            last, cache=cache,
            hidden_states=(*states, last) if output_hidden_states else None,
            attentions=None if collect is None else tuple(collect),
        )  # fmt: skip

    def _decode_documents(self, inputs: Inputs, packing: Packing, recorded: bool) -> BackboneOutput:
        """Rows that hold several documents, each of which attends to itself alone."""
        if recorded:
            raise ModelError(
                "attention weights or hidden states of rows with several documents",
                rule="position_ids that start again within a row stand for a new document",
                remedy="give the documents one by one",
            )
        ids, embeds, positions = inputs.input_ids, inputs.inputs_embeds, inputs.position_ids
        assert positions is not None
        types = inputs.token_type_ids
        last = self.backbone(
            None if ids is None else ids.flatten(),  # (B, T) -> (N,)
            token_type_ids=None if types is None else types.flatten(),
            inputs_embeds=None if embeds is None else embeds.flatten(0, 1),
            position_ids=positions.flatten(), packing=packing,
            kernel=kernel_named(self.config._attn_implementation, False, {}),
        )  # fmt: skip
        return BackboneOutput(last.unflatten(0, positions.shape))  # (N, D) -> (B, T, D)

    def last_states(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """What the head is given: the last hidden states, (B, T, D)."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        return self.decode(inputs, None, use_cache, **kwargs).last

    def _cache(self, given: Cache | None, use_cache: bool | None) -> Cache | None:
        """The cache that is given, a new one, or none.

        In training there is none unless it is asked for: transformers makes one then too, and
        nobody reads it. Recomputed blocks would fill it twice.
        """
        if self.training and self.backbone.layers.gradient_checkpointing:
            return None
        default = self.config.use_cache and not self.training
        if given is None and wanted(use_cache, default):
            return DynamicCache(config=self.config)
        return given


def documents(inputs: Inputs) -> Packing | None:
    """The documents of rows that hold several: where positions do not go on, one begins.

    transformers reads positions so too, where it is given neither a mask nor a cache.

    Returns:
        None where every row goes on to its end, or has a mask.
    """
    positions = inputs.position_ids
    if positions is None or positions.dim() != 2 or inputs.attention_mask is not None:
        return None
    begins = torch.ones_like(positions, dtype=torch.bool)  # (B, T)
    begins[:, 1:] = positions[:, 1:] != positions[:, :-1] + 1
    if not bool(begins[:, 1:].any()):
        return None
    places = torch.arange(positions.numel(), device=positions.device)
    starts = places[begins.flatten()].tolist()
    lengths = [end - start for start, end in pairwise([*starts, positions.numel()])]
    return Packing(places, tuple(lengths), positions.shape[1])


class DecoderModel(DecoderHfModel):
    """The decoder without a head."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """As transformers' class."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.decode(inputs, past_key_values, use_cache, **kwargs)
        return BaseModelOutputWithPast(
            output.last, output.cache, output.hidden_states, output.attentions  # pyright: ignore[reportArgumentType]
        )  # fmt: skip


class CausalLM(DecoderHfModel, GenerationMixin):
    """The decoder that says the next word."""

    _tied_weights_keys = {  # noqa: RUF012  # transformers' form
        "core.head.decoder.weight": "core.backbone.embeddings.tokens.weight"
    }

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        # By which the Trainer knows that labels are shifted, and counts them so.
        self.loss_type = "ForCausalLM"

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """As transformers' class; labels (B, T) are shifted here, -100 where none is asked for.

        ``logits_to_keep``: how many of the last positions say a word, or which; 0: all.
        """
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.decode(inputs, past_key_values, use_cache, **kwargs)
        whole = isinstance(logits_to_keep, int)
        kept = output.last[:, -logits_to_keep:] if whole else output.last[:, logits_to_keep]
        logits = self.core.head(kept)  # (B, T, V)
        loss = None if labels is None else losses.next_word(logits, labels, num_items_in_batch)
        return CausalLMOutputWithPast(
            loss, logits, output.cache, output.hidden_states, output.attentions  # pyright: ignore[reportArgumentType]
        )  # fmt: skip

    @staticmethod
    def create_masks_for_generate(*, attention_mask: Tensor | None, **_: Any) -> Tensor | None:
        """The mask (B, T) as it is: ours makes what a cache of fixed size wants of it itself."""
        return attention_mask


class DecoderSequence(DecoderHfModel):
    """The decoder that labels texts by their last token."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutputWithPast:
        """As transformers' class; labels by ``config.problem_type``.

        The last token is the last that is not ``config.pad_token_id``, whatever the mask says; of
        embeddings, the last.

        Raises:
            ModelError: several texts, and no ``pad_token_id``.
        """
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.decode(inputs, past_key_values, use_cache, **kwargs)
        logits = self.core.head(last_token(output.last, self._real(input_ids, output.last), None))
        loss = (
            None if labels is None
            else losses.sequence(logits, labels, self.config, num_items_in_batch)
        )  # fmt: skip
        return SequenceClassifierOutputWithPast(
            loss, logits, output.cache, output.hidden_states, output.attentions  # pyright: ignore[reportArgumentType]
        )  # fmt: skip

    def _real(self, input_ids: Tensor | None, hidden: Tensor) -> Tensor | None:
        """(B, T), True at tokens that are not padding; None: all."""
        pad = self.config.pad_token_id
        if pad is None and len(hidden) != 1:
            raise ModelError(
                f"{len(hidden)} texts, and the config has no pad_token_id",
                rule="the label is read at each text's last token",
                remedy="set model.config.pad_token_id",
            )
        return None if pad is None or input_ids is None else input_ids != pad


class DecoderToken(DecoderHfModel):
    """The decoder that labels tokens, each from what came before it."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs: Any,
    ) -> TokenClassifierOutput:
        """As transformers' class; labels (B, T), -100 where none is asked for."""
        inputs = Inputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        output = self.decode(inputs, past_key_values, use_cache, **kwargs)
        logits = self.core.head(output.last)  # (B, T, C)
        loss = None if labels is None else losses.cross_entropy(logits, labels, num_items_in_batch)
        return TokenClassifierOutput(loss, logits, output.hidden_states, output.attentions)  # pyright: ignore[reportArgumentType]
