"""Tiny random transformers models of the families that hfdl has its own code for.

Their weights are drawn wide, and norms and biases at random, so that a wrong epsilon, activation,
scale or row shows in the result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.modernbert import modeling_modernbert as modernbert

VOCABULARY, LENGTH, LAYERS, PAD, LABELS = 40, 9, 3, 1, 3
LENGTHS = (9, 9, 5, 1)
"""Tokens of the texts in a padded batch."""

_SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": LAYERS,
    "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 32,
    "initializer_range": 0.3, "pad_token_id": PAD, "bos_token_id": 2, "eos_token_id": 3,
    "num_labels": LABELS,
}  # fmt: skip
_MODERN = {
    **_SIZES, "local_attention": 4, "cls_token_id": 2, "sep_token_id": 3,
    "rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 500.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
    },
}  # fmt: skip
_GROUPED = {**_SIZES, "num_key_value_heads": 2}
_DISTIL = {
    "vocab_size": VOCABULARY, "dim": 16, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 24,
    "max_position_embeddings": 32, "initializer_range": 0.3, "pad_token_id": PAD,
    "num_labels": LABELS,
}  # fmt: skip
_GPT2 = {
    "vocab_size": VOCABULARY, "n_embd": 16, "n_layer": LAYERS, "n_head": 4, "n_positions": 32,
    "initializer_range": 0.3, "pad_token_id": PAD, "bos_token_id": 2, "eos_token_id": 3,
    "num_labels": LABELS,
}  # fmt: skip
_LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip
_LINEAR = {"rope_type": "linear", "rope_theta": 100.0, "factor": 3.0}

# variant -> (model type, keys of its config)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("bert", _SIZES),
    "bert, untied, tanh gelu": (
        "bert", {**_SIZES, "tie_word_embeddings": False, "hidden_act": "gelu_new"},
    ),
    "roberta": ("roberta", _SIZES),
    "xlm-roberta": ("xlm-roberta", {**_SIZES, "hidden_act": "relu"}),
    "distilbert": ("distilbert", _DISTIL),
    "electra": ("electra", {**_SIZES, "embedding_size": 12}),
    "albert": ("albert", {**_SIZES, "embedding_size": 12}),
    "albert, two groups, untied": (
        "albert",
        {**_SIZES, "embedding_size": 16, "num_hidden_groups": 2, "tie_word_embeddings": False},
    ),
    # The first and the last layer see the whole text, the second two tokens to each side.
    "modernbert": ("modernbert", {**_MODERN, "global_attn_every_n_layers": 2}),
    "modernbert, biased, mean, untied": (
        "modernbert",
        {**_MODERN, "attention_bias": True, "mlp_bias": True, "norm_bias": True,
         "classifier_bias": True, "decoder_bias": False, "classifier_pooling": "mean",
         "tie_word_embeddings": False, "hidden_activation": "gelu_new"},
    ),
    "gpt2": ("gpt2", _GPT2),
    "gpt2, scaled by layer, untied": (
        "gpt2",
        {**_GPT2, "scale_attn_by_inverse_layer_idx": True, "n_inner": 20,
         "tie_word_embeddings": False},
    ),
    "gpt2, unscaled": ("gpt2", {**_GPT2, "scale_attn_weights": False}),
    "llama": ("llama", {**_GROUPED, "rope_parameters": _LLAMA3}),
    "llama, biased, linear, tied": (
        "llama",
        {**_GROUPED, "attention_bias": True, "mlp_bias": True, "head_dim": 6,
         "rope_parameters": _LINEAR, "tie_word_embeddings": True, "num_key_value_heads": 1},
    ),
    "mistral": ("mistral", {**_GROUPED, "sliding_window": 4}),
    "qwen2": (
        "qwen2",
        {**_GROUPED, "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", {**_GROUPED, "head_dim": 8}),
}  # fmt: skip

ENCODERS = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert", "modernbert")
CASTING = ("modernbert", "llama", "mistral", "qwen2", "qwen3")
"""Families whose code in transformers casts to float32: softmax, and norms or rotation."""
_AUTO = {
    "base": "AutoModel",
    "masked_lm": "AutoModelForMaskedLM",
    "causal_lm": "AutoModelForCausalLM",
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
}


def model_type(variant: str) -> str:
    """transformers' name of a variant's family."""
    return VARIANTS[variant][0]


def heads_of(variant: str) -> list[str]:
    """The heads that hfdl has for a variant."""
    words = "masked_lm" if model_type(variant) in ENCODERS else "causal_lm"
    return ["base", words, "sequence", "token"]


CASES = [(variant, head) for variant in VARIANTS for head in heads_of(variant)]
DECODERS = [variant for variant in VARIANTS if model_type(variant) not in ENCODERS]


def hf_config(variant: str, **changes: Any) -> Any:
    """A fresh config, with eager attention."""
    kind, keys = VARIANTS[variant]
    # Copied, for a config writes into the dictionaries that it is given.
    settings = copy.deepcopy({**keys, **changes})
    config = transformers.AutoConfig.for_model(kind, **settings)
    config._attn_implementation = "eager"
    return config


def hf_model(variant: str, head: str, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """transformers' model with eager attention, in evaluation mode."""
    torch.manual_seed(0)
    auto = getattr(transformers, _AUTO[head])
    model = auto.from_config(hf_config(variant, **changes), attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.to(dtype).eval()


@dataclass(frozen=True)
class Batch:
    """Ids (4, 9) and their mask."""

    ids: Tensor
    mask: Tensor

    @property
    def inputs(self) -> dict[str, Tensor]:
        """As a model takes them."""
        return {"input_ids": self.ids, "attention_mask": self.mask}

    def valid(self, x: Tensor) -> Tensor:
        """Of per-token results (4, 9, ...) those at real tokens; others as they are."""
        return x[self.mask.bool()] if x.shape[:2] == self.mask.shape else x


def batch(padding: str = "right") -> Batch:
    """Four texts; ``padding`` is none, right or left."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(4, VOCABULARY, (len(LENGTHS), LENGTH), generator=generator)
    mask = torch.ones_like(ids)
    if padding != "none":
        for row, length in enumerate(LENGTHS):
            pads = slice(length, None) if padding == "right" else slice(0, LENGTH - length)
            mask[row, pads] = 0
    return Batch(ids.masked_fill(mask == 0, PAD), mask)


def farthest(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference; NaN counts as infinite."""
    assert a.shape == b.shape
    difference = (a - b).detach().abs().nan_to_num(nan=float("inf"))
    return float(difference.max())


def attention_classes(model: nn.Module) -> set[str]:
    """Where the attention modules of a model come from."""
    return {
        type(module).__module__
        for module in model.modules()
        if type(module).__name__.endswith("Attention")
    }


@contextmanager
def casts_lifted() -> Iterator[None]:
    """Let transformers' ModernBERT, Llama and its kin compute in float64 throughout.

    They cast to float32 in RMSNorm, softmax and ModernBERT's rotation whatever the model's type
    is, so that no float64 result of theirs is exact; rows of the mask without a single allowed key
    even become NaN, as the least float64 is -inf in float32.
    """
    softmax = F.softmax
    norms: list[tuple[type[nn.Module], Callable[..., Tensor]]] = []

    def exact(x: Tensor, dim: int | None = None, dtype: Any = None, **rest: Any) -> Tensor:
        return softmax(x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype, **rest)

    def turned(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
        cos, sin = cos[:, None], sin[:, None]  # (B, T, K) -> (B, 1, T, K)
        half = modernbert.rotate_half
        return q * cos + half(q) * sin, k * cos + half(k) * sin

    def rms(self: Any, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * (x * scale)

    for kind in CASTING[1:]:
        file = __import__(f"transformers.models.{kind}.modeling_{kind}", fromlist=["x"])
        norm = next(v for k, v in vars(file).items() if k.endswith("RMSNorm"))
        norms.append((norm, norm.forward))
        norm.forward = rms
    F.softmax = exact
    rotation, modernbert.apply_rotary_pos_emb = modernbert.apply_rotary_pos_emb, turned
    try:
        yield
    finally:
        F.softmax = softmax
        modernbert.apply_rotary_pos_emb = rotation
        for norm, forward in norms:
            norm.forward = forward  # pyright: ignore[reportAttributeAccessIssue]


MISTAKEN = {
    "bert": "masked_lm",
    "roberta": "sequence",
    "gpt2": "causal_lm",
    "gpt2, scaled by layer, untied": "causal_lm",
    "llama": "causal_lm",
    "mistral": "causal_lm",
    "albert": "masked_lm",
    "modernbert": "token",
}
"""A model of each kind, with its head; together they can make every known mistake."""
