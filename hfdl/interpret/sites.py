"""The attention layers of a model, and the output projection that takes the heads of each.

The heads stand side by side in its input, (B, T, H * K), and nothing mixes them before: columns
h * K to (h + 1) * K are head h and no other. That holds in encoders and decoders, with grouped
key-value heads, and however the attention is computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from hfdl.custom_attention.modules import base_model, ported_modules, unported_modules
from hfdl.errors import ModelError, listed

# The output projection among an attention module's children: Llama and hfdl, BART and OPT, GPT-2,
# DistilBERT, T5, ModernBERT, GPT-NeoX and BLOOM.
_PROJECTIONS = ("o_proj", "out_proj", "c_proj", "out_lin", "o", "Wo", "dense")
_HEAD_COUNTS = ("num_attention_heads", "num_heads", "n_heads")


@dataclass(frozen=True)
class AttentionSite:
    """One attention layer.

    Attributes:
        name: of its attention module, within the transformers model.
        module: that module.
        projection_name: of its output projection.
        projection: that module; its input is (B, T, H * K).
        num_heads: H, of the queries.
        head_width: K.
    """

    name: str
    module: nn.Module
    projection_name: str
    projection: nn.Module
    num_heads: int
    head_width: int


def attention_names(model: nn.Module) -> list[str]:
    """The names of all attention modules of a model, in the order of its layers."""
    attentions = {**ported_modules(model), **unported_modules(model)}
    return [name for name, _ in base_model(model).named_modules() if name in attentions]


def attention_sites(model: nn.Module) -> list[AttentionSite]:
    """Every attention layer of a model.

    Raises:
        ModelError: there is none, or the output projection of one is not found.
    """
    names = attention_names(model)
    if not names:
        raise ModelError(f"{type(base_model(model)).__name__} has no attention layers")
    return [_site(base_model(model), name) for name in names]


def attention_site(model: nn.Module, layer: int | str) -> AttentionSite:
    """One attention layer.

    Args:
        model: the model, in a PEFT wrapper or not.
        layer: the number of the layer; or the name of its attention module, or of a module that
            holds just one. Where layers have more than one attention (an encoder-decoder, or
            cross-attention) a number does not say which, and a name is needed.

    Raises:
        ModelError: there is no such layer, or its output projection is not found.
    """
    names = attention_names(model)
    if isinstance(layer, str):
        matching = [n for n in names if n == layer or n.startswith(f"{layer}.")]
    else:
        matching = [n for n in names if _layer_number(n) == layer]
    if len(matching) == 1:
        return _site(base_model(model), matching[0])
    stacks = len({re.sub(r"\d+", "*", name) for name in names})
    raise ModelError(
        f"{layer!r} names {'several' if matching else 'none'} of the attention layers",
        where=type(base_model(model)).__name__,
        rule="a number does where each layer has one attention, and a name anywhere"
        if stacks == 1
        else "this model has several attentions in a layer or several stacks, which are named",
        remedy=f"choose one of: {listed(matching or names, near=str(layer))}",
    )


def block_name(model: nn.Module, attention: str) -> str:
    """The name of the layer, the entry of the model's list of layers, that holds an attention."""
    base, path = base_model(model), attention.split(".")
    for end in range(1, len(path)):
        if isinstance(base.get_submodule(".".join(path[:end])), nn.ModuleList):
            return ".".join(path[: end + 1])
    raise ModelError(f"{attention} is in no list of layers", where=type(base).__name__)


def _layer_number(name: str) -> int | None:
    numbers = [part for part in name.split(".") if part.isdigit()]
    return int(numbers[0]) if numbers else None


def _site(base: nn.Module, name: str) -> AttentionSite:
    module = base.get_submodule(name)
    projection_name = _projection_name(base, name, module)
    projection = base.get_submodule(projection_name)
    heads = _head_count(module, name)
    # GPT-2's Conv1D calls its width nx.
    width = getattr(projection, "in_features", getattr(projection, "nx", 0))
    if width == 0 or width % heads:
        raise ModelError(
            f"{projection_name} takes {width} columns, which {heads} heads do not share out",
            where=type(base).__name__,
            rule="the output projection takes H * K columns",
        )
    return AttentionSite(name, module, projection_name, projection, heads, width // heads)


def _projection_name(base: nn.Module, name: str, module: nn.Module) -> str:
    # torch's own nn.MultiheadAttention reads its projection's weight and never calls it.
    if not isinstance(module, nn.MultiheadAttention):
        for child in _PROJECTIONS:
            if isinstance(getattr(module, child, None), nn.Module):
                return f"{name}.{child}"
        parent, _, last = name.rpartition(".")
        # BERT and its kin: attention.self computes, attention.output.dense projects.
        if last == "self" and hasattr(base.get_submodule(parent), "output"):
            return f"{parent}.output.dense"
    raise ModelError(
        f"the output projection of {name} ({type(module).__name__}) is not found",
        where=type(base).__name__,
        rule=f"it is one of {', '.join(_PROJECTIONS)} in the attention module, or output.dense "
        "beside it",
    )


def _head_count(module: nn.Module, name: str) -> int:
    holders = (module, getattr(module, "config", None))
    counts = [getattr(holder, attribute, None) for holder in holders for attribute in _HEAD_COUNTS]
    count = next((c for c in counts if isinstance(c, int)), None)
    if count is None:
        raise ModelError(
            f"the number of heads of {name} ({type(module).__name__}) is not found",
            rule=f"the module or its config says it as one of {', '.join(_HEAD_COUNTS)}",
        )
    return count
