"""Known mistakes in positions and token types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from hfdl.nn.norms import RMSNorm
from hfdl.nn.positions import LearnedPositions, Rotary
from hfdl.parity.layouts import backbone
from hfdl.parity.mistakes.mistake import (
    Change,
    Mistake,
    attentions,
    becoming,
    modules,
    setting,
    without_input,
)

_LEARNED = "the position ids: from 0 in BERT and GPT-2, from pad_token_id + 1 in RoBERTa"
_ROTARY = "hfdl/nn/positions/rotary.py"


def _shifted(offset: int) -> Change:
    """Every position as if it stood ``offset`` further on; the table is rolled the other way."""

    @torch.no_grad()
    def change(model: nn.Module) -> bool:
        tables = modules(model, LearnedPositions)
        for table in tables:
            table.weight.copy_(table.weight.roll(-offset, dims=0))
        return bool(tables)

    return change


def _from_zero(model: nn.Module) -> bool:
    body = backbone(model)
    if not getattr(body.config, "padding_positions", False):
        return False
    body.config = replace(body.config, padding_positions=False)
    return True


def _count_padding(model: nn.Module) -> bool:
    # Rotary scores depend on distances alone, which padding on the left does not change.
    learned = backbone(model).causal and bool(modules(model, LearnedPositions))
    return learned and without_input(model, "position_ids")


def _no_token_types(model: nn.Module) -> bool:
    if backbone(model).embeddings.token_types is None:
        return False
    return without_input(model, "token_type_ids")


def _paired(order: Callable[[int], Tensor]) -> Change:
    """Put the columns of each head's queries and keys in another order, so that others pair up."""

    @torch.no_grad()
    def change(model: nn.Module) -> bool:
        if not modules(model, Rotary):
            return False
        for module in attentions(model):
            columns = order(module.head_size)  # (K,)
            for linear in (module.q_proj, module.k_proj):
                for parameter in linear.parameters():
                    heads = parameter.unflatten(0, (-1, module.head_size))  # (H, K, ...)
                    parameter.copy_(heads[:, columns].flatten(0, 1))
            for norm in (module.q_norm, module.k_norm):
                if isinstance(norm, RMSNorm):
                    norm.weight.copy_(norm.weight[columns])
        return True

    return change


def _neighbours_first(width: int) -> Tensor:
    """0, 2, 4, ..., 1, 3, 5, ...: column i and i + K / 2 were then neighbours."""
    return torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)])


def _halves_first(width: int) -> Tensor:
    """The way back."""
    return _neighbours_first(width).argsort()


class _NoRotation(Rotary):
    """Turns by the angle 0."""

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        cos, _ = super().forward(positions)
        return torch.ones_like(cos), torch.zeros_like(cos)


MISTAKES = (
    Mistake("positions_one_too_high", "positions are counted from one too many", _LEARNED,
            _shifted(1)),
    Mistake("positions_one_too_low", "positions are counted from one too few", _LEARNED,
            _shifted(-1)),
    Mistake(
        "positions_from_zero",
        "positions are counted from 0, and this model's begin at pad_token_id + 1",
        "padded_positions in hfdl/models/common.py",
        _from_zero,
    ),
    Mistake(
        "positions_count_padding",
        "padding on the left is counted: the position_ids that say otherwise are not used",
        "the position_ids that the model is given",
        _count_padding,
    ),
    Mistake(
        "token_types_ignored",
        "all tokens are taken to be of the first segment",
        "the token_type_ids that the model is given",
        _no_token_types,
    ),
    Mistake(
        "rotary_pairs_neighbours",
        "columns (2i, 2i + 1) are turned together, and these weights pair (i, i + K/2)",
        f"{_ROTARY}, rotate and rotate_interleaved",
        _paired(_neighbours_first),
    ),
    Mistake(
        "rotary_pairs_halves",
        "columns (i, i + K/2) are turned together, and these weights pair (2i, 2i + 1)",
        f"{_ROTARY}, rotate and rotate_interleaved",
        _paired(_halves_first),
    ),
    Mistake("rotary_missing", "queries and keys are not rotated", _ROTARY,
            becoming(Rotary, _NoRotation)),
    Mistake(
        "rotary_base_10000",
        "the base of the rotary frequencies is 10000, and the config has another rope_theta",
        f"{_ROTARY}, rotary_frequencies",
        setting(Rotary, "base", 10000.0),
    ),
    Mistake(
        "rotary_not_scaled",
        "the rotary frequencies are not scaled, and the config asks for it",
        f"{_ROTARY}, Llama3Scaling and LinearScaling",
        setting(Rotary, "scaling", None),
    ),
)  # fmt: skip
