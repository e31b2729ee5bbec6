"""Where the components stand in Hugging Face's models, and in hfdl's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from hfdl.errors import ModelError


@dataclass(frozen=True)
class Layout:
    """Names of modules within a model without its head.

    Args:
        blocks: the list of blocks.
        attention_output, attention_norm, feed_forward_norm, feed_forward: within a block.
        final_norm, rotary: within the model; None where there is none.
    """

    blocks: str
    attention_output: str
    attention_norm: str
    feed_forward_norm: str
    feed_forward: str
    final_norm: str | None = None
    rotary: str | None = None

    def block_parts(self) -> dict[str, str]:
        """Component -> module within a block."""
        names = ("attention_output", "attention_norm", "feed_forward_norm", "feed_forward")
        return {name: getattr(self, name) for name in names}

    def model_parts(self) -> dict[str, str]:
        """Component -> module within the model, without those that it has not."""
        parts = {"final_norm": self.final_norm, "rotary": self.rotary}
        return {name: module for name, module in parts.items() if module is not None}


_BERT = Layout(
    blocks="encoder.layer",
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    feed_forward_norm="output.LayerNorm",
    feed_forward="output.dense",
)
_DISTILBERT = Layout(
    blocks="transformer.layer",
    attention_output="attention.out_lin",
    attention_norm="sa_layer_norm",
    feed_forward_norm="output_layer_norm",
    feed_forward="ffn",
)
_GPT2 = Layout(
    blocks="h",
    attention_output="attn.c_proj",
    attention_norm="ln_1",
    feed_forward_norm="ln_2",
    feed_forward="mlp",
    final_norm="ln_f",
)
_LLAMA = Layout(
    blocks="layers",
    attention_output="self_attn.o_proj",
    attention_norm="input_layernorm",
    feed_forward_norm="post_attention_layernorm",
    feed_forward="mlp",
    final_norm="norm",
    rotary="rotary_emb",
)
HUGGING_FACE: dict[str, Layout] = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "electra": _BERT,
    "distilbert": _DISTILBERT,
    "gpt2": _GPT2,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
}
# hfdl's models have one set of names; parts that a model has not are passed over.
SCRATCH = Layout(
    blocks="layers",
    attention_output="attention.o_proj",
    attention_norm="attention_norm",
    feed_forward_norm="feed_forward_norm",
    feed_forward="feed_forward",
    final_norm="norm",
    rotary="rotary",
)
DECODERS = frozenset({"gpt2", "llama", "mistral", "qwen2", "qwen3"})


def layout_of(model: Any) -> Layout:
    """The layout of a transformers model.

    Raises:
        ModelError: its architecture is none of those that hfdl has from scratch.
    """
    model_type = model.config.model_type
    if model_type not in HUGGING_FACE:
        raise ModelError(
            f"{type(model).__name__} is of the type {model_type!r}",
            rule=f"hfdl has from scratch {', '.join(HUGGING_FACE)}",
            remedy="choose a model of one of these types",
        )
    return HUGGING_FACE[model_type]


def backbone(model: nn.Module) -> nn.Module:
    """A model of hfdl's without its head; anything else as it is."""
    return getattr(model, "backbone", model)


def find(model: nn.Module, name: str) -> nn.Module | None:
    """The module of that name, or None."""
    return dict(model.named_modules()).get(name)
