"""The encoder-decoder transformer as a PreTrainedModel: saved, opened and called like any other.

transformers has no such model, so it brings its own ``model_type``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput
from transformers.utils.generic import can_return_tuple

from hfdl.errors import ConfigError
from hfdl.hf_models.base import HfModel, PositionedConfig
from hfdl.hf_models.kernels import kernel_named
from hfdl.hf_models.unpadded import pair_packings, target_mask
from hfdl.models.init import init_module
from hfdl.models.transformer import Memory, Transformer, TransformerConfig
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.fused import fused_attention
from hfdl.nn.losses import IGNORED
from hfdl.nn.packing import Packing


class ScratchTransformerConfig(PositionedConfig):
    """``hfdl.models.transformer.TransformerConfig`` with the ids of the special tokens."""

    model_type = "hfdl-transformer"
    core_config = TransformerConfig
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012
    attribute_map = {"num_hidden_layers": "encoder_layers"}  # noqa: RUF012

    vocab_size: int = 37000
    hidden_size: int = 512
    encoder_layers: int = 6
    decoder_layers: int = 6
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    hidden_act: str = "relu"
    norm_order: str = "post"
    layer_norm_eps: float = 1e-5
    dropout: float | int = 0.1
    attention_dropout: float | int = 0.0
    activation_dropout: float | int = 0.0
    tie_word_embeddings: bool = True
    position_embedding_type: str = "sinusoidal"
    max_position_embeddings: int | None = None
    rope_theta: float | int = 10000.0
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    is_encoder_decoder: bool = True
    use_cache: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    decoder_start_token_id: int | None = 1


class ScratchTransformerForConditionalGeneration(HfModel, GenerationMixin):
    """``hfdl.models.transformer.Transformer`` behind transformers' calling convention."""

    config_class = ScratchTransformerConfig
    core_class = Transformer
    head = "seq2seq"
    output_class = Seq2SeqLMOutput
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    accepts_loss_kwargs = False
    _tied_weights_keys = {  # noqa: RUF012
        "core.decoder.embeddings.tokens.weight": "core.encoder.embeddings.tokens.weight",
        "core.head.decoder.weight": "core.encoder.embeddings.tokens.weight",
    }

    config: ScratchTransformerConfig

    init_weights = PreTrainedModel.init_weights  # by the method below

    def _init_weights(self, module: nn.Module) -> None:
        if module is self.core.head.decoder and self.config.tie_word_embeddings:
            return  # its weight is the embedding's, and is drawn as such
        if isinstance(module, nn.Linear | nn.Embedding):
            init_module(module)
        else:
            super()._init_weights(module)  # norms, to 1 and 0

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: BaseModelOutput | tuple[Tensor, ...] | None = None,
        past_key_values: EncoderDecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> Seq2SeqLMOutput:
        """Logits of a target, as transformers' encoder-decoder models give them.

        Args:
            input_ids: (B, S); or ``encoder_outputs``, whose first entry is (B, S, D).
            attention_mask: (B, S), 1 at real tokens.
            decoder_input_ids: (B, T); by default ``labels`` shifted right by one.
            decoder_attention_mask: (B, past + T). Where it is given, or ``labels``, a batch is
                computed without its padding on a CPU, and has zeros there.
            past_key_values: the target so far, and the source's keys and values.
            labels: (B, T), -100 where no loss is taken.
            use_cache: give a cache back, for the next step of a generation.
            output_attentions: give all weights back, by the explicit formula.
            inputs_embeds, decoder_inputs_embeds, output_hidden_states: refused; they stand here
                because PEFT and ``generate`` name them.

        Raises:
            ConfigError: one of those is given.
        """
        _refuse("output_hidden_states", output_hidden_states)
        _refuse("inputs_embeds", inputs_embeds is not None)
        _refuse("decoder_inputs_embeds", decoder_inputs_embeds is not None)
        kernel = kernel_named(self.config._attn_implementation, bool(output_attentions), {})
        if decoder_input_ids is None and labels is not None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        assert decoder_input_ids is not None, "decoder_input_ids or labels must be given"
        if kernel is fused_attention and input_ids is not None and past_key_values is None:
            target = None if use_cache else target_mask(decoder_attention_mask, labels)
            packings = pair_packings(input_ids, attention_mask, target)
            if packings is not None:
                return self._without_padding(input_ids, decoder_input_ids, labels, *packings)
        weights: list[Tensor | None] = []
        cross_weights: list[Tensor | None] = []
        encoded = encoder_outputs
        if encoded is None:
            encoded = self.get_encoder()(input_ids, attention_mask, output_attentions)
        memory = encoded[0]
        past = past_key_values
        if past is None and use_cache:
            past = EncoderDecoderCache(DynamicCache(), DynamicCache())
        own: Any = None if past is None else past.self_attention_cache
        logits = self.core.decode(
            decoder_input_ids,
            memory if past is None else self._remember(memory, past),
            attention_mask,
            decoder_attention_mask=decoder_attention_mask,
            cache=own,
            kernel=kernel,
            collect=weights,
            cross_collect=cross_weights,
        )
        return self.with_loss(
            logits, labels, None,
            past_key_values=past,
            encoder_last_hidden_state=memory,
            encoder_attentions=getattr(encoded, "attentions", None),
            decoder_attentions=_weights(weights),
            cross_attentions=_weights(cross_weights),
        )  # fmt: skip

    def _without_padding(
        self, source: Tensor, target: Tensor, labels: Tensor | None, first: Packing, second: Packing
    ) -> Any:
        """Of the real tokens of sources and targets; zeros at padding, see ``unpadded``."""
        memory = self.core.encode(first.pack(source), packing=first)  # (M, D)
        logits = self.core.decode(
            second.pack(target), memory, packing=second, memory_packing=first, padded=True
        )  # (B, T, V)
        return self.with_loss(logits, labels, None, encoder_last_hidden_state=first.unpack(memory))

    def get_encoder(self, modality: str | None = None) -> nn.Module:
        """The encoder as transformers calls it."""
        return _Encoder(self.core, self.config)

    @property
    def embeddings(self) -> Embeddings:
        """The embedding of the source's tokens and their positions."""
        return self.core.encoder.embeddings

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> Any:
        """As transformers', the decoder's own embedding included where it is not shared."""
        resized = super().resize_token_embeddings(*args, **kwargs)
        decoder, source = self.core.decoder.embeddings, self.embeddings.tokens
        if self.config.tie_word_embeddings:
            decoder.tokens = source
        elif decoder.tokens.num_embeddings != source.num_embeddings:
            decoder.tokens = self._get_resized_embeddings(decoder.tokens, source.num_embeddings)
        return resized

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """The labels (B, T) shifted right by one, behind the start token."""
        start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
        return shift_right(labels, start_token_id=start or 0, pad_token_id=pad or 0)

    def _remember(self, memory: Tensor, past: EncoderDecoderCache) -> Memory:
        """The source's keys and values, projected in the first step and kept."""
        kept: Any = past.cross_attention_cache
        if not past.is_updated.get(0):
            for i, (k, v) in enumerate(self.core.project_memory(memory)):
                # (B, S, H, K) -> (B, H, S, K), as transformers' caches are laid out
                kept.update(k.transpose(1, 2), v.transpose(1, 2), i)
                past.is_updated[i] = True
        return [(layer.keys.transpose(1, 2), layer.values.transpose(1, 2)) for layer in kept.layers]


class _Encoder(nn.Module):
    """The encoder of a model, made when it is asked for: it owns no weights."""

    main_input_name = "input_ids"

    def __init__(self, core: Transformer, config: ScratchTransformerConfig) -> None:
        super().__init__()
        self.core, self.config = core, config

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> BaseModelOutput:
        """Source ids (B, S) -> the memory (B, S, D) as ``last_hidden_state``."""
        _refuse("output_hidden_states", output_hidden_states)
        kernel = kernel_named(self.config._attn_implementation, bool(output_attentions), {})
        weights: list[Tensor | None] = []
        memory = self.core.encode(input_ids, attention_mask, kernel=kernel, collect=weights)
        return BaseModelOutput(last_hidden_state=memory, attentions=_weights(weights))  # pyright: ignore[reportArgumentType]


def shift_right(labels: Tensor, *, start_token_id: int, pad_token_id: int) -> Tensor:
    """What the decoder reads while it is to say ``labels``; (B, T) -> (B, T).

    Args:
        labels: -100 at padding.
        start_token_id: stands first.
        pad_token_id: takes the place of -100.
    """
    ids = torch.cat([labels.new_full((len(labels), 1), start_token_id), labels[:, :-1]], dim=1)
    return ids.masked_fill(ids == IGNORED, pad_token_id)


def _refuse(name: str, value: bool | None) -> None:
    if value:
        raise ConfigError(
            "this model does not have it",
            where=name,
            rule="it reads ids, and answers with logits, the memory and attention weights",
            remedy="put a forward hook on the embedding or the block that is of interest",
        )


def _weights(collected: Sequence[Tensor | None]) -> tuple[Tensor, ...] | None:
    """The weights that the explicit formula gave; None of the fused kernel, which has none."""
    return tuple(weights for weights in collected if weights is not None) or None
