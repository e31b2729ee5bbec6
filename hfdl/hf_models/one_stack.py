"""The encoder and the decoder whose positions are chosen by name, as PreTrainedModels.

transformers has no such models, so they bring their own ``model_type``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from hfdl.hf_models.base import BackboneModel, PositionedConfig
from hfdl.hf_models.decoder import CausalLM, DecoderModel, DecoderSequence, DecoderToken
from hfdl.hf_models.encoder import EncoderModel, EncoderSequence, EncoderToken, MaskedLM
from hfdl.models import one_stack
from hfdl.models.init import init_weights


class ScratchOneStackConfig(PositionedConfig):
    """``hfdl.models.one_stack.OneStackConfig`` with the ids of the special tokens."""

    core_config: ClassVar[type[Any]] = one_stack.OneStackConfig

    vocab_size: int = 8000
    hidden_size: int = 512
    num_hidden_layers: int = 6
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    hidden_act: str = "gelu"
    norm_order: str = "pre"
    layer_norm_eps: float | int = 1e-5
    dropout: float | int = 0.1
    attention_dropout: float | int = 0.0
    activation_dropout: float | int = 0.0
    initializer_range: float | int = 0.02
    tie_word_embeddings: bool = True
    position_embedding_type: str = "rotary"
    max_position_embeddings: int | None = None
    rope_theta: float | int = 10000.0
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None


class ScratchEncoderConfig(ScratchOneStackConfig):
    """Of the encoder."""

    model_type = "hfdl-encoder"


class ScratchDecoderConfig(ScratchOneStackConfig):
    """Of the decoder."""

    model_type = "hfdl-decoder"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012

    use_cache: bool = True


class _OneStack(BackboneModel):
    """What the classes below share."""

    base_model_prefix = "core.backbone"

    @property
    def base_model(self) -> nn.Module:
        """What the head stands upon."""
        return self.backbone

    def _init_weights(self, module: nn.Module) -> None:
        """Draw what a file lacks, such as a head for other labels, as a new model draws it."""
        if isinstance(module, nn.Linear | nn.Embedding):
            init_weights(module, self.config.initializer_range)


class ScratchEncoderModel(_OneStack, EncoderModel):
    """An encoder without a head: ``hfdl embed`` opens it."""

    config_class = ScratchEncoderConfig
    core_class = one_stack.EncoderModel


class ScratchDecoderModel(_OneStack, DecoderModel):
    """A decoder without a head."""

    config_class = ScratchDecoderConfig
    core_class = one_stack.DecoderModel


class ScratchEncoderForMaskedLM(_OneStack, MaskedLM):
    """An encoder that predicts masked words."""

    config_class = ScratchEncoderConfig
    core_class = one_stack.EncoderForMaskedLM


class ScratchEncoderForSequenceClassification(_OneStack, EncoderSequence):
    """An encoder that labels texts."""

    config_class = ScratchEncoderConfig
    core_class = one_stack.EncoderForSequenceClassification


class ScratchEncoderForTokenClassification(_OneStack, EncoderToken):
    """An encoder that labels tokens."""

    config_class = ScratchEncoderConfig
    core_class = one_stack.EncoderForTokenClassification


class ScratchDecoderForCausalLM(_OneStack, CausalLM):
    """A decoder that predicts the next word."""

    config_class = ScratchDecoderConfig
    core_class = one_stack.DecoderForCausalLM


class ScratchDecoderForSequenceClassification(_OneStack, DecoderSequence):
    """A decoder that labels texts by their last token."""

    config_class = ScratchDecoderConfig
    core_class = one_stack.DecoderForSequenceClassification


class ScratchDecoderForTokenClassification(_OneStack, DecoderToken):
    """A decoder that labels tokens, each from what came before it."""

    config_class = ScratchDecoderConfig
    core_class = one_stack.DecoderForTokenClassification
