"""Llama (Touvron et al. 2023, https://arxiv.org/abs/2302.13971) and what is built like it.

A decoder with rotary positions, RMSNorm before each part, a gated feed-forward and grouped
key-value heads. Mistral adds a sliding window, Qwen2 biases on the projections, Qwen3 norms on
queries and keys: settings of one config.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; S tokens so far, those of the past included; D width.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import decoder_attend, next_positions
from hfdl.models.init import init_weights
from hfdl.models.with_head import LastTokenClassifier, ModelWithHead
from hfdl.nn.attend import Attend, Cache, Collected
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PreNormBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import GatedFeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import CausalLMHead, LastTokenHead, TokenHead
from hfdl.nn.norms import RMSNorm
from hfdl.nn.packing import Packing
from hfdl.nn.positions import LinearScaling, Llama3Scaling, Rotary
from hfdl.nn.stack import Stack


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """Sizes and settings, under transformers' names where it has one.

    Args:
        num_key_value_heads: G; H where it is None.
        head_dim: K; D / H where it is None.
        rope_theta: base of the rotary frequencies.
        rope_scaling: stretches them for longer texts.
        qkv_bias, out_bias, mlp_bias: which projections have a bias.
        qk_norm: RMSNorm on each head's queries and keys.
        windows: for each layer how many positions a token sees, its own included; None: all.
    """

    vocab_size: int = 32000
    hidden_size: int = 4096
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    intermediate_size: int = 11008
    max_position_embeddings: int = 2048
    pad_token_id: int | None = None
    hidden_act: str = "silu"
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_scaling: Llama3Scaling | LinearScaling | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    windows: tuple[int | None, ...] | None = None
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False
    num_labels: int = 2
    token_dropout: float = 0.1

    @property
    def layer_windows(self) -> tuple[int | None, ...]:
        """The window of each layer."""
        return self.windows or (None,) * self.num_hidden_layers


def llama2_7b() -> LlamaConfig:
    """meta-llama/Llama-2-7b (Touvron et al. 2023, https://arxiv.org/abs/2307.09288)."""
    return LlamaConfig(max_position_embeddings=4096, rms_norm_eps=1e-5)


def llama3_2_1b() -> LlamaConfig:
    """meta-llama/Llama-3.2-1B (Dubey et al. 2024, https://arxiv.org/abs/2407.21783)."""
    return LlamaConfig(
        vocab_size=128256, hidden_size=2048, num_hidden_layers=16, num_key_value_heads=8,
        intermediate_size=8192, max_position_embeddings=131072, rms_norm_eps=1e-5,
        rope_theta=500000.0, tie_word_embeddings=True,
        rope_scaling=Llama3Scaling(
            factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=8192,
        ),
    )  # fmt: skip


def mistral_7b() -> LlamaConfig:
    """mistralai/Mistral-7B-v0.1 (Jiang et al. 2023, https://arxiv.org/abs/2310.06825)."""
    return LlamaConfig(
        num_key_value_heads=8, intermediate_size=14336, max_position_embeddings=32768,
        rms_norm_eps=1e-5, windows=(4096,) * 32,
    )  # fmt: skip


def qwen2_5_0_5b() -> LlamaConfig:
    """Qwen/Qwen2.5-0.5B (https://arxiv.org/abs/2412.15115)."""
    return LlamaConfig(
        vocab_size=151936, hidden_size=896, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, intermediate_size=4864, max_position_embeddings=32768,
        rope_theta=1_000_000.0, qkv_bias=True, tie_word_embeddings=True,
    )  # fmt: skip


def qwen3_0_6b() -> LlamaConfig:
    """Qwen/Qwen3-0.6B (https://arxiv.org/abs/2505.09388)."""
    return LlamaConfig(
        vocab_size=151936, hidden_size=1024, num_hidden_layers=28, num_attention_heads=16,
        num_key_value_heads=8, head_dim=128, intermediate_size=3072,
        max_position_embeddings=40960, rope_theta=1_000_000.0, qk_norm=True,
        tie_word_embeddings=True,
    )  # fmt: skip


class Llama(nn.Module):
    """The decoder without a head."""

    causal = True

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.embeddings = Embeddings(
            nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
        )
        head_size = config.head_dim or width // config.num_attention_heads
        self.rotary = Rotary(head_size, config.rope_theta, config.rope_scaling)
        self.layers = Stack(_block(config, i) for i in range(config.num_hidden_layers))
        self.norm = RMSNorm(width, config.rms_norm_eps)
        init_weights(self, config.initializer_range)

    def forward(
        self,
        input_ids: Int[Tensor, "*B T"] | None = None,
        attention_mask: Shaped[Tensor, "B S"] | None = None,
        *,
        position_ids: Int[Tensor, "*#B T"] | None = None,
        token_type_ids: Int[Tensor, "*#B T"] | None = None,
        inputs_embeds: Float[Tensor, "*B T D"] | None = None,
        packing: Packing | None = None,
        cache: Cache | None = None,
        kernel: AttentionKernel = fused_attention,
        collect: Collected | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Decode a batch; arguments and result as ``hfdl.models.gpt2.Gpt2.forward``'s.

        ``token_type_ids`` are not looked at: there are no segments. transformers' lets them pass
        by too.
        """
        x = self.embeddings(input_ids, inputs_embeds=inputs_embeds)  # (..., T, D)
        length = x.shape[-2]
        if position_ids is None:
            position_ids = next_positions(length, packing, cache, x.device)
        cos, sin = self.rotary(position_ids)  # (..., T, K)
        rotation = cos.to(x.dtype), sin.to(x.dtype)
        windows = self.config.layer_windows
        attends: dict[int | None, Attend] = {
            window: decoder_attend(
                length, attention_mask, packing, kernel, collect, device=x.device, cache=cache,
                layer_idx=windows.index(window), window=window,
            )
            for window in dict.fromkeys(windows)
        }  # fmt: skip
        return self.norm(self.layers(x, [attends[window] for window in windows], rotation))


class LlamaForCausalLM(ModelWithHead):
    """Llama that predicts the next word."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(
            Llama(config),
            CausalLMHead(config.hidden_size, config.vocab_size),
            config.initializer_range,
            tied=config.tie_word_embeddings,
        )


class LlamaForSequenceClassification(LastTokenClassifier):
    """Llama that labels texts by their last token."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(
            Llama(config),
            LastTokenHead(config.hidden_size, config.num_labels),
            config.initializer_range,
        )


class LlamaForTokenClassification(ModelWithHead):
    """Llama that labels tokens, each from what came before it."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(
            Llama(config),
            TokenHead(config.hidden_size, config.num_labels, config.token_dropout),
            config.initializer_range,
        )


def _block(config: LlamaConfig, layer_idx: int) -> PreNormBlock:
    width, heads = config.hidden_size, config.num_attention_heads
    head_size = config.head_dim or width // heads
    eps = config.rms_norm_eps
    attention = MultiHeadAttention(
        width, heads, num_kv_heads=config.num_key_value_heads, head_size=head_size,
        bias=config.qkv_bias, out_bias=config.out_bias, dropout=config.attention_dropout,
        q_norm=RMSNorm(head_size, eps) if config.qk_norm else None,
        k_norm=RMSNorm(head_size, eps) if config.qk_norm else None,
        layer_idx=layer_idx,
    )  # fmt: skip
    return PreNormBlock(
        attention,
        GatedFeedForward(width, config.intermediate_size, config.hidden_act, bias=config.mlp_bias),
        RMSNorm(width, eps),
        RMSNorm(width, eps),
    )
