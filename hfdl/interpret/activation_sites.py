"""Names for the places in a model where its activations can be recorded and replaced.

Any module's name is a place: its output. The functions here find places that have no module of
their own, such as one head, or whose name differs between architectures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from hfdl.custom_attention.modules import base_model
from hfdl.errors import ConfigError, ModelError, ShapeError, did_you_mean
from hfdl.interpret.sites import AttentionSite, attention_site, block_name

# The last projection of a feed-forward, within its layer. Llama, T5 and hfdl; GPT-2; BERT;
# DistilBERT; ALBERT; BART and OPT; GPT-NeoX and BLOOM; Phi and GPT-J; ModernBERT.
_FEED_FORWARDS = re.compile(
    r"(mlp|feed_forward|ffn)\.down_proj|layer\.\d+\.DenseReluDense\.wo|mlp\.c_proj|output\.dense"
    r"|ffn\.lin2|(albert_layers\.\d+\.)?ffn_output|fc2|mlp\.dense_4h_to_h|mlp\.(fc2|fc_out)|mlp\.Wo"
)
_KEYS = ("k_proj", "key", "k_lin", "k", "key_proj")
_VALUES = ("v_proj", "value", "v_lin", "v", "value_proj")
# One projection for all queries, then all keys, then all values. By class, because others of the
# same names interleave them head by head.
_FUSED = {
    "GPT2Attention": "c_attn",
    "ModernBertAttention": "Wqkv",
    "MptAttention": "Wqkv",
    "Phi3Attention": "qkv_proj",
}


@dataclass(frozen=True)
class Place:
    """Columns of a module's output, or of its input.

    Attributes:
        module: the module's name within the transformers model.
        side: its output, or the first of its inputs.
        start, stop: of the last axis; all of it by default.
    """

    module: str
    side: Literal["input", "output"] = "output"
    start: int = 0
    stop: int | None = None

    def __str__(self) -> str:
        columns = "" if self.stop is None else f"[..., {self.start}:{self.stop}]"
        return f"{self.side}{columns} of {self.module}"

    def of(self, x: Tensor) -> Tensor:
        """The place's columns of a module's activations: (B, T, D) -> (B, T, columns).

        Raises:
            ShapeError: the module has no axis of positions, as OPT's feed-forward, which takes the
                tokens of all texts in one row.
        """
        if x.dim() != 3:
            raise ShapeError(f"the {self} is {tuple(x.shape)}", rule="it must be (B, T, columns)")
        return x[..., self.start : self.stop]


def residual(model: nn.Module, layer: int | str) -> Place:
    """The residual stream after a layer: (B, T, D)."""
    return Place(block_name(model, attention_site(model, layer).name))


def attention_output(model: nn.Module, layer: int | str) -> Place:
    """What an attention adds to the residual stream: its projection's output, (B, T, D)."""
    return Place(attention_site(model, layer).projection_name)


def mlp_output(model: nn.Module, layer: int | str) -> Place:
    """What a feed-forward adds to the residual stream: its last projection's output, (B, T, D).

    Raises:
        ModelError: it is not found, as in a mixture of experts.
    """
    block = block_name(model, attention_site(model, layer).name)
    inside = base_model(model).get_submodule(block).named_modules()
    projections = [name for name, _ in inside if _FEED_FORWARDS.fullmatch(name)]
    if len(projections) != 1:
        raise ModelError(
            f"{len(projections)} feed-forward projections are found in {block}",
            where=type(base_model(model)).__name__,
            remedy="give the name of the module whose output you mean",
        )
    return Place(f"{block}.{projections[0]}")


def head_output(model: nn.Module, layer: int | str, head: int) -> Place:
    """One head's mixed values, before the output projection: (B, T, K)."""
    site = attention_site(model, layer)
    width = site.head_width
    _check_head(site, head, site.num_heads, "query")
    return Place(site.projection_name, "input", head * width, (head + 1) * width)


def key_head(model: nn.Module, layer: int | str, head: int) -> Place:
    """One head's keys as projected, before any norm or rotation: (B, T, K).

    Args:
        model: the model.
        layer: a number or a name, see ``attention_site``.
        head: counts key-value heads. With grouped-query attention there are G < H of them, and
            each is seen by H / G query heads.

    Raises:
        ModelError: the key projection is not found.
        ConfigError: there is no such head.
    """
    return _kv_head(attention_site(model, layer), head, _KEYS, section=1)


def value_head(model: nn.Module, layer: int | str, head: int) -> Place:
    """One head's values as projected: (B, T, K); as ``key_head``."""
    return _kv_head(attention_site(model, layer), head, _VALUES, section=2)


def named(model: nn.Module, place: Place | str) -> tuple[Place, nn.Module]:
    """A place and its module, found through wrappers.

    Raises:
        ModelError: the model has no such module.
    """
    place = Place(place) if isinstance(place, str) else place
    modules = dict(base_model(model).named_modules())
    if place.module not in modules:
        raise ModelError(
            f"there is no module {place.module!r}",
            where=type(base_model(model)).__name__,
            remedy=did_you_mean(place.module, [name for name in modules if name]),
        )
    return place, modules[place.module]


def _kv_head(site: AttentionSite, head: int, names: tuple[str, ...], *, section: int) -> Place:
    width = site.head_width
    for name in names:
        if isinstance(child := getattr(site.module, name, None), nn.Module):
            _check_head(site, head, _out_width(child) // width, "key-value")
            return Place(f"{site.name}.{name}", "output", head * width, (head + 1) * width)
    fused = _FUSED.get(type(site.module).__name__)
    queries = site.num_heads * width
    grouped = (_out_width(getattr(site.module, fused)) - queries) // 2 if fused else 0  # G * K
    if grouped < width or grouped % width:  # GPT-2's cross-attention has its queries elsewhere
        raise ModelError(
            f"the projection to {'keys' if section == 1 else 'values'} of {site.name} is not found",
            where=type(site.module).__name__,
            rule=f"it is one of {', '.join(names)} in the attention module",
            remedy="give a Place with the name and columns you mean",
        )
    _check_head(site, head, grouped // width, "key-value")
    start = queries + (section - 1) * grouped + head * width
    return Place(f"{site.name}.{fused}", "output", start, start + width)


def _check_head(site: AttentionSite, head: int, count: int, kind: str) -> None:
    if not 0 <= head < count:
        raise ConfigError(
            f"{kind} head {head} does not exist in {site.name}",
            rule=f"its {kind} heads are 0 to {count - 1}",
        )


def _out_width(projection: nn.Module) -> int:
    """Columns a linear layer gives; GPT-2's Conv1D calls them nf."""
    return getattr(projection, "out_features", getattr(projection, "nf", 0))
