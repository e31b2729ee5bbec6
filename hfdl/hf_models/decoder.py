"""PreTrainedModel classes of the decoders: GPT-2, Llama, Mistral, Qwen2, Qwen3."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Cache, DynamicCache, GenerationMixin
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    CausalLMOutputWithPast,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from hfdl.errors import ModelError
from hfdl.hf_models.backbone_io import BackboneOutput, Inputs, check_inputs, is_requested
from hfdl.hf_models.base import TIED_WORDS, BackboneModel
from hfdl.hf_models.kernels import FUSED, kernel_named
from hfdl.hf_models.unpadded import row_packing
from hfdl.models.common import last_token
from hfdl.nn.losses import IGNORED
from hfdl.nn.packing import Packing


class DecoderHfModel(BackboneModel):
    """What the decoders share."""

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
    ) -> Any:
        """As transformers' class; arguments beside those of ``EncoderHfModel``:

        Args:
            past_key_values: keys and values of the tokens so far.
            use_cache: give a cache back, for the next step.
            labels: of a language model they are shifted here.
            logits_to_keep: of a language model: how many of the last positions say a word, or
                which; 0: all.
        """
        all_kept = isinstance(logits_to_keep, int) and logits_to_keep == 0
        output = self.run_backbone(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            past_key_values=past_key_values, use_cache=use_cache,
            read=self._read(input_ids, labels) if all_kept else None, **kwargs,
        )  # fmt: skip
        if self.head == "causal_lm" and not all_kept:
            whole = isinstance(logits_to_keep, int)
            kept = slice(-logits_to_keep, None) if whole else logits_to_keep
            output = replace(output, last=output.last[:, kept])  # (B, T, D)
        return self.answer(output, labels, num_items_in_batch)

    def run_backbone(
        self,
        *args: Any,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        read: Tensor | None = None,
        **keywords: Any,
    ) -> BackboneOutput:
        """The forward pass without the head; arguments as those of ``forward``.

        Args:
            args, past_key_values, use_cache, keywords: as of ``forward``.
            read: (B, T), True at the places whose states will be read; None: that is not known.
                Where none of them is padding, none is computed on a CPU; the states are zero there.
        """
        inputs = Inputs.taken_from(args, keywords)
        check_inputs(inputs, keywords)
        recording = self._recording(keywords)
        cache = self._cache(past_key_values, use_cache)
        packing = None if cache is not None else documents(inputs)
        if packing is not None:
            return self._decode_documents(inputs, packing, recorded=any(recording))
        if cache is None and self.config._attn_implementation == FUSED and not any(recording):
            packing = row_packing(inputs.attention_mask, read)
        arguments = vars(inputs)
        if packing is not None and inputs.input_ids is not None:
            arguments = {**vars(_packed(inputs, packing)), "packing": packing}
        output = self._run({**arguments, "cache": cache}, recording, keywords)
        return replace(output, input_ids=inputs.input_ids)

    def last_states(self, *args: Any, read: Tensor | None = None, **kwargs: Any) -> Tensor:
        """As ``BackboneModel.last_states``; ``read`` as of ``run_backbone``."""
        output = self.run_backbone(*args, read=read, **kwargs)
        return output.padded(output.last)

    def _read(self, input_ids: Tensor | None, labels: Tensor | None) -> Tensor | None:
        """(B, T), True where the loss reads the states; None: that is unknown, or more is read."""
        return None if labels is None or labels.dim() != 2 else labels != IGNORED

    def _decode_documents(
        self, inputs: Inputs, packing: Packing, *, recorded: bool
    ) -> BackboneOutput:
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
        # (N, D) -> (B, T, D)
        return BackboneOutput(last.unflatten(0, positions.shape), input_ids=ids)

    def _cache(self, cache: Cache | None, use_cache: bool | None) -> Cache | None:
        """The cache of the call, a new one, or none.

        In training there is none unless it is asked for: transformers makes one then too, and
        nobody reads it. Recomputed blocks would fill it twice.
        """
        if self.training and self.backbone.layers.gradient_checkpointing:
            return None
        default = self.config.use_cache and not self.training
        if cache is None and is_requested(use_cache, default):
            return DynamicCache(config=self.config)
        return cache


def _packed(inputs: Inputs, packing: Packing) -> Inputs:
    """The real tokens alone, at the positions that they have in the padded batch."""
    ids, types, positions = inputs.input_ids, inputs.token_type_ids, inputs.position_ids
    assert ids is not None
    if positions is None:
        positions = torch.arange(ids.shape[1], device=ids.device)
    return Inputs(
        packing.pack(ids), None, None if types is None else packing.pack(types.expand_as(ids)),
        packing.pack(positions.expand_as(ids)), None,
    )  # fmt: skip


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
    indices = torch.arange(positions.numel(), device=positions.device)
    starts = indices[begins.flatten()].tolist()
    lengths = [end - start for start, end in pairwise([*starts, positions.numel()])]
    return Packing(indices, tuple(lengths), positions.shape[1])


class DecoderModel(DecoderHfModel):
    """The decoder without a head."""

    head = "base"
    output_class = BaseModelOutputWithPast

    def answer(
        self, output: BackboneOutput, labels: Tensor | None, items: Tensor | int | None
    ) -> Any:
        """The last hidden states, (B, T, D)."""
        recorded = output.recorded(self.output_class)
        return BaseModelOutputWithPast(last_hidden_state=output.last, **recorded)  # pyright: ignore[reportArgumentType]


class CausalLM(DecoderHfModel, GenerationMixin):
    """The decoder that predicts the next word; logits (B, T, V)."""

    head = "causal_lm"
    output_class = CausalLMOutputWithPast
    _tied_weights_keys = TIED_WORDS

    def _read(self, input_ids: Tensor | None, labels: Tensor | None) -> Tensor | None:
        """Each label is read one place before its own."""
        read = super()._read(input_ids, labels)
        return None if read is None else F.pad(read[:, 1:], (0, 1))

    @staticmethod
    def create_masks_for_generate(*, attention_mask: Tensor | None, **_: Any) -> Tensor | None:
        """The mask (B, T) as it is: ours makes what a cache of fixed size wants of it itself."""
        return attention_mask


class DecoderSequence(DecoderHfModel):
    """The decoder that labels texts by their last token.

    The last token is the last that is not ``config.pad_token_id``, whatever the mask says; of
    embeddings, the last.
    """

    head = "sequence"
    output_class = SequenceClassifierOutputWithPast

    def logits_of(self, output: BackboneOutput) -> Tensor:
        """(B, C).

        Raises:
            ModelError: several texts, and no ``pad_token_id``.
        """
        last = output.padded(output.last)  # (B, T, D)
        return self.core.head(last_token(last, self._real(output.input_ids, last), None))

    def _read(self, input_ids: Tensor | None, labels: Tensor | None) -> Tensor | None:
        """The last token of each text."""
        real = None if input_ids is None else self._real(input_ids, input_ids)
        if real is None:
            return None
        places = torch.arange(real.shape[1], device=real.device)
        return places == (places * real).argmax(1, keepdim=True)

    def _real(self, input_ids: Tensor | None, hidden: Tensor) -> Tensor | None:
        """(B, T), True at tokens that are not padding; None: all."""
        pad = self.config.pad_token_id
        if pad is None and len(hidden) != 1:
            raise ModelError(
                f"{len(hidden)} texts, and the config has no pad_token_id",
                rule="the label is read at each text's last token",
                remedy="say in the config which id texts are padded with",
            )
        return None if pad is None or input_ids is None else input_ids != pad


class DecoderToken(DecoderHfModel):
    """The decoder that labels tokens, each from what came before it; logits (B, T, C)."""

    head = "token"
    output_class = TokenClassifierOutput
