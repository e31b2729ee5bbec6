"""Known mistakes in attention: scale, heads, projections, softmax."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hfdl.nn.attend import Attend, AttentionLayer
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.feed_forward import FeedForward
from hfdl.parity.mistakes.mistake import (
    Change,
    Mistake,
    attentions,
    changed_attend,
    modules,
    softmax_kernel,
    swapped,
    wrap_attend,
)

_SCALE = "hfdl/nn/functional.py, scale_of; the scale of hfdl/nn/attention.py"
_HEADS = "hfdl/nn/attention.py, the (..., H, K) shapes of forward"
_PROJECTIONS = "the q_proj, k_proj, v_proj, o_proj lines of hfdl/weights/families"


def _scaled(scale: Callable[[MultiHeadAttention], float]) -> Change:
    def change(model: nn.Module) -> bool:
        before = [module.scale for module in attentions(model)]
        for module in attentions(model):
            module.scale = scale(module)
        return before != [module.scale for module in attentions(model)]

    return change


@torch.no_grad()
def _split_per_head(model: nn.Module) -> bool:
    """Rows of the fused weight read as (H, 3, K) where they stand as (3, H, K)."""
    for module in attentions(model):
        if module.num_kv_heads != module.num_heads:
            return False
        parts = [module.q_proj, module.k_proj, module.v_proj]
        for name in ("weight", "bias"):
            tensors = [getattr(part, name) for part in parts]
            if tensors[0] is None:
                continue
            joined = torch.cat(tensors)  # (3 H K, ...)
            read = joined.reshape(module.num_heads, 3, module.head_size, *joined.shape[1:])
            for part, piece in zip(parts, read.unbind(1), strict=True):  # (H, K, ...)
                setattr(part, name, nn.Parameter(piece.flatten(0, 1).clone()))
    return True


@torch.no_grad()
def _transpose(linears: list[nn.Linear]) -> bool:
    """Transpose the square ones; another shape would be refused when weights are loaded."""
    square = [linear for linear in linears if linear.in_features == linear.out_features]
    for linear in square:
        linear.weight = nn.Parameter(linear.weight.t().clone())
    return bool(square)


def _conv1d_kept(model: nn.Module) -> bool:
    inner = [linear for ff in modules(model, FeedForward) for linear in (ff.up_proj, ff.down_proj)]
    return _transpose([*(module.o_proj for module in attentions(model)), *inner])


def _projections_transposed(model: nn.Module) -> bool:
    return _transpose([
        linear for m in attentions(model) for linear in (m.q_proj, m.k_proj, m.v_proj, m.o_proj)
    ])  # fmt: skip


def _repeated(model: nn.Module) -> bool:
    if all(m.num_kv_heads in (1, m.num_heads) for m in attentions(model)):
        return False

    def wrap(attend: Attend) -> Attend:
        def call(module: AttentionLayer, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            groups = q.shape[-2] // k.shape[-2]
            # (B, S, G, K) -> (B, S, H, K): a b a b where a a b b is meant
            return attend(module, q, k.repeat(1, 1, groups, 1), v.repeat(1, 1, groups, 1))

        return call

    return wrap_attend(model, wrap)


def _merged_without_transpose(model: nn.Module) -> bool:
    if all(module.num_heads == 1 for module in attentions(model)):
        return False

    def wrap(attend: Attend) -> Attend:
        def call(module: AttentionLayer, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            out = attend(module, q, k, v).transpose(1, 2)  # (B, H, T, K)
            return out.reshape(q.shape)  # the numbers in their order in memory

        return call

    return wrap_attend(model, wrap)


MISTAKES = (
    Mistake(
        "scale_missing",
        "the scores are not divided by the square root of the head width",
        _SCALE,
        _scaled(lambda module: 1.0),
    ),
    Mistake(
        "scale_of_the_model_width",
        "the scores are divided by the square root of the model's width, not of the head's",
        _SCALE,
        _scaled(lambda module: module.q_proj.in_features**-0.5),
    ),
    Mistake(
        "scale_twice",
        "the scores are divided by the head width and not by its square root",
        _SCALE,
        _scaled(lambda module: 1.0 / module.head_size),
    ),
    Mistake(
        "scale_plain",
        "the scores are divided by the square root of the head width, unlike the config says",
        "scale_scores and scale_by_layer of hfdl/models/gpt2.py",
        _scaled(lambda module: module.head_size**-0.5),
    ),
    Mistake(
        "queries_and_keys_swapped",
        "queries are projected by the keys' weights and keys by the queries'",
        _PROJECTIONS,
        swapped(MultiHeadAttention, "q_proj", "k_proj"),
    ),
    Mistake(
        "keys_and_values_swapped",
        "keys are projected by the values' weights and values by the keys'",
        _PROJECTIONS,
        swapped(MultiHeadAttention, "k_proj", "v_proj"),
    ),
    Mistake(
        "queries_and_values_swapped",
        "queries are projected by the values' weights and values by the queries'",
        _PROJECTIONS,
        swapped(MultiHeadAttention, "q_proj", "v_proj"),
    ),
    Mistake(
        "qkv_split_per_head",
        "a fused projection is split head by head, and holds all queries, all keys, all values",
        "hfdl/weights/families/gpt2.py, the c_attn line",
        _split_per_head,
    ),
    Mistake(
        "conv1d_not_transposed",
        "square weights of GPT-2's Conv1D, (in, out), are taken for those of a Linear, (out, in)",
        "hfdl/weights/families/gpt2.py, the lines that transpose",
        _conv1d_kept,
    ),
    Mistake(
        "projections_transposed",
        "the weights of queries, keys, values and output are transposed: x W where x W^T is meant",
        _PROJECTIONS,
        _projections_transposed,
    ),
    Mistake(
        "repeat_for_repeat_interleave",
        "key-value heads are laid out a b a b, and query head h belongs to head h // (H / G)",
        "hfdl/nn/functional.py, repeat_heads",
        _repeated,
    ),
    Mistake(
        "heads_merged_without_transpose",
        "(B, H, T, K) is reshaped to (B, T, H K) with no transpose before",
        _HEADS,
        _merged_without_transpose,
    ),
    Mistake(
        "softmax_over_queries",
        "the weights sum to 1 over the queries and not over the keys",
        "hfdl/nn/functional.py, masked_softmax",
        changed_attend(kernel=softmax_kernel(dim=-2)),
    ),
)
