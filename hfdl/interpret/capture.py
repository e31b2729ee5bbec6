"""Capture the attention weights of a forward pass, whatever attention a model was opened with.

A fused kernel (``sdpa``, flash) never materialises its weights: transformers then returns none, and
says so in its log only. So where no weights come back, the model runs once more with Hugging Face's
explicit attention (``eager``). The maps are counted against the model's layers, and their shapes
checked, before they are returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from hfdl.custom_attention.register import BUILTIN, registered_attentions
from hfdl.errors import ConfigError, ModelError, listed
from hfdl.nn.lengths import evaluating
from hfdl.nn.masks import to_additive
from hfdl.weights.pretrained import quiet_transformers

Kind = Literal["encoder", "decoder", "cross"]
KINDS: tuple[Kind, ...] = ("encoder", "decoder", "cross")

# The inputs that name the tokens that attend, and those attended to; and what masks them.
_IDS: dict[Kind, tuple[str, str]] = {
    "encoder": ("input_ids", "input_ids"),
    "decoder": ("decoder_input_ids", "decoder_input_ids"),
    "cross": ("decoder_input_ids", "input_ids"),
}
_MASKS = {"input_ids": "attention_mask", "decoder_input_ids": "decoder_attention_mask"}
# What configs call the number of layers; the first that a config has is meant.
_DECODER_DEPTH = ("decoder_layers", "num_decoder_layers", "num_hidden_layers")
_DEPTH: dict[Kind, tuple[str, ...]] = {
    "encoder": ("num_hidden_layers",),
    "decoder": _DECODER_DEPTH,
    "cross": _DECODER_DEPTH,
}


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """The attention weights of one text, without its padding.

    Args:
        kind: self-attention of an encoder or of a decoder, or cross-attention from a decoder's
            positions to an encoder's.
        tokens: ids of the T tokens that attend.
        sources: ids of the S tokens that are attended to; in self-attention ``tokens`` again.
        layers: (H, T, S) for each layer. A row sums to 1, to less where a model has attention
            sinks.
    """

    kind: Kind
    tokens: tuple[int, ...]
    sources: tuple[int, ...]
    layers: tuple[np.ndarray, ...]


def capture_attention(model: Any, inputs: Mapping[str, Tensor]) -> list[dict[Kind, AttentionMaps]]:
    """The attention weights of a transformers model on a batch.

    The weights are those of exactly these inputs: a model that counts positions from the left
    edge (GPT-2) needs ``position_ids`` beside a mask that is padded on the left. The model runs
    in eval mode and without gradients. Its mode and its attention implementation are afterwards
    what they were, those of other models that share its config too; while it runs they are not,
    so no other thread may use them.

    Args:
        model: any transformers model, or one that is called and answers as they do.
        inputs: what it is called with: ``input_ids`` (B, S), ``attention_mask`` (B, S) and so on;
            for an encoder-decoder model ``decoder_input_ids`` (B, T) too, and
            ``decoder_attention_mask`` (B, T) where those are padded.

    Returns:
        for each text of the batch, its maps by kind: ``encoder`` or ``decoder``, or all three of
        an encoder-decoder model.

    Raises:
        ConfigError: ``input_ids`` or ``decoder_input_ids`` are missing.
        ModelError: the model has not one T by S map for each of its layers.
    """
    _require_ids(model, inputs)
    with evaluating(model), quiet_transformers():
        weights = _attentions(model, inputs)
        if fault := _fault(weights, model, inputs):
            _refuse_own_attention(model, fault)
            with eager_attention(model):
                weights = _attentions(model, additive_masks(inputs, model.dtype))
    if fault := _fault(weights, model, inputs):
        raise ModelError(
            f"its attention cannot be shown: {fault}",
            where=type(model).__name__,
            rule="each layer must attend from every token to every token, and answer with the "
            "weights when output_attentions=True is asked for",
            remedy="choose another model",
        )
    layers: dict[Kind, list[np.ndarray]] = {
        kind: [_array(layer) for layer in maps] for kind, maps in weights.items()
    }
    texts: list[dict[Kind, AttentionMaps]] = [
        {kind: _one_text(kind, layers[kind], inputs, row) for kind in layers}
        for row in range(len(inputs["input_ids"]))
    ]
    if is_encoder_decoder(model) or not all(_is_causal(maps["encoder"]) for maps in texts):
        return texts
    return [{"decoder": replace(maps["encoder"], kind="decoder")} for maps in texts]


def _require_ids(model: Any, inputs: Mapping[str, Tensor]) -> None:
    for name in ("input_ids", *(["decoder_input_ids"] if is_encoder_decoder(model) else [])):
        if inputs.get(name) is None:
            raise ConfigError(
                f"no {name} among {listed(inputs) if inputs else 'no inputs at all'}",
                where=type(model).__name__,
                rule="a map needs the tokens that it is a map of",
                remedy=f"give {name}",
            )


def is_encoder_decoder(model: Any) -> bool:
    """Whether a model is an encoder and a decoder."""
    return bool(getattr(model.config, "is_encoder_decoder", False))


def _refuse_own_attention(model: Any, fault: str) -> None:
    """Refuse to show the usual attention in the place of a registered one that gives no weights.

    Raises:
        ModelError: the model runs with such a one.
    """
    own = set(registered_attentions()) - set(BUILTIN)
    for part in model.modules():
        if getattr(getattr(part, "config", None), "_attn_implementation", None) in own:
            raise ModelError(
                f"its attention {part.config._attn_implementation} gives no weights: {fault}",
                where=type(model).__name__,
                rule="what is shown is the attention that the model runs with",
                remedy="return (output, weights) from the function, weights of shape (B, H, T, S)",
            )


@torch.no_grad()
def _attentions(model: Any, inputs: Mapping[str, Tensor]) -> dict[Kind, tuple[Any, ...]]:
    """The attentions that a forward pass returns, by kind; a single stack counts as an encoder."""
    output = model(**inputs, output_attentions=True, return_dict=True)
    names: dict[Kind, str] = {"encoder": "attentions"}
    if is_encoder_decoder(model):
        names = {kind: f"{kind}_attentions" for kind in KINDS}
    return {kind: tuple(output.get(name) or ()) for kind, name in names.items()}


def _fault(
    weights: Mapping[Kind, tuple[Any, ...]], model: Any, inputs: Mapping[str, Tensor]
) -> str | None:
    """What is wrong with some maps; None where each layer has one and each is T by S."""
    for kind, maps in weights.items():
        tensors = [layer for layer in maps if isinstance(layer, Tensor)]
        depth = _depth(kind, model.config) or max(len(maps), 1)
        if not len(tensors) == len(maps) == depth:
            return f"{len(tensors)} {kind} maps for {depth} layers"
        targets, sources = (inputs[name] for name in _IDS[kind])  # (B, T), (B, S)
        batch, rows, columns = (*targets.shape, sources.shape[1])
        for layer in tensors:  # (B, H, T, S)
            if layer.ndim != 4 or (layer.shape[0], *layer.shape[2:]) != (batch, rows, columns):
                return f"a map of shape {tuple(layer.shape)} for {rows} x {columns} tokens"
    return None


def _depth(kind: Kind, config: Any) -> int | None:
    depths = (getattr(config, name, None) for name in _DEPTH[kind])
    return next((depth for depth in depths if isinstance(depth, int)), None)


def _is_causal(maps: AttentionMaps) -> bool:
    """Whether no token attends to a later one, judged by the weights and not by a name."""
    return not any(np.triu(layer, 1).any() for layer in maps.layers)


def _one_text(
    kind: Kind, layers: list[np.ndarray], inputs: Mapping[str, Tensor], row: int
) -> AttentionMaps:
    """A text's maps, with the rows and the columns of its padding taken out."""
    (tokens, rows), (sources, columns) = (_real(name, inputs, row) for name in _IDS[kind])
    kept = tuple(layer[row][:, rows][:, :, columns] for layer in layers)  # (H, T, S)
    return AttentionMaps(kind, tokens, sources, kept)


def _real(name: str, inputs: Mapping[str, Tensor], row: int) -> tuple[tuple[int, ...], np.ndarray]:
    """The ids of a row's real tokens, and their positions."""
    ids, mask = inputs[name], inputs.get(_MASKS[name])
    # A mask of more axes says who attends to whom, not what is padding.
    is_real = mask if mask is not None and mask.ndim == 2 else torch.ones_like(ids)
    positions = is_real[row].bool().cpu().numpy().nonzero()[0]
    return tuple(ids[row].cpu().numpy()[positions].tolist()), positions


def _array(layer: Tensor) -> np.ndarray:
    # NumPy has no bfloat16, and half precision is too coarse to compute with.
    wide = layer if layer.dtype == torch.float64 else layer.float()
    return wide.cpu().numpy()


# ---- Hugging Face's explicit attention, for one context ------------------------------------------


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Run every part of a model with Hugging Face's explicit attention, then restore it.

    An encoder-decoder model keeps a config for each half, and several models may share one, so
    each config is changed and put back by itself. ``set_attn_implementation`` would do the first,
    but cannot put back halves that differ.
    """
    unique = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    configs = [c for c in unique.values() if hasattr(c, "_attn_implementation_internal")]
    before = [config._attn_implementation_internal for config in configs]
    try:
        for config in configs:
            config._attn_implementation_internal = "eager"
        yield
    finally:
        for config, implementation in zip(configs, before, strict=True):
            config._attn_implementation_internal = implementation


def additive_masks(inputs: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The inputs with masks of who attends to whom as ``eager`` takes them.

    transformers hands a mask of four axes on as it is. To ``sdpa`` True is "may attend"; ``eager``
    would add it to the scores, as 1.
    """
    return {
        name: to_additive(value, dtype) if value.ndim == 4 and value.dtype == torch.bool else value
        for name, value in inputs.items()
    }
