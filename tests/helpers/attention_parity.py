"""Models with transformers' eager attention beside the same models with a registered one."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from helpers.tiny_models import DECODERS, ENCODER_DECODERS, ENCODERS, real_tokens, tiny_model
from hfdl.custom_attention.calls import count_attention_calls
from hfdl.custom_attention.register import register_attention
from hfdl.custom_attention.switch import use_attention

FAMILIES = [*ENCODERS, *DECODERS, *ENCODER_DECODERS]
# Their eager attention takes its softmax in float32 even in a float64 model.
CASTING = {"llama", "mistral", "modernbert", "opt", "phi3", "qwen2", "qwen3"}


def as_they_cast(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """A learner's attention, with the softmax in float32 as those models have it."""
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ v


register_attention("as_they_cast", as_they_cast)


def pair(family: str, name: str, **options: Any) -> tuple[Any, Any]:
    """A model with eager attention, and a copy of it with another."""
    eager = tiny_model(family, **options)
    ours = copy.deepcopy(eager)
    assert use_attention(ours, name) == "eager"
    assert eager.config._attn_implementation == "eager"
    return eager, ours


def difference(family: str, eager: Any, ours: Any, inputs: dict[str, Tensor]) -> float:
    """Largest difference of the logits of real tokens; proves that ours was ours."""
    with torch.no_grad(), count_attention_calls(eager) as none:
        expected = logits_of(family, eager, inputs)
        with count_attention_calls(ours) as calls:
            got = ours(**inputs)[0]
    assert none.total == 0
    assert calls.missing == []
    layers_of_module = 2 if family == "albert" else 1  # whose two layers are one module
    assert set(calls.counts.values()) == {layers_of_module}
    assert len(calls.counts) == {"albert": 1}.get(family, 6 if family in ENCODER_DECODERS else 2)
    real = real_tokens(family, inputs)
    assert expected[real].std() > 0.1  # a model that says the same everywhere proves nothing
    return (got - expected)[real].abs().max().item()


def logits_of(family: str, model: Any, inputs: dict[str, Tensor]) -> Tensor:
    """A model's logits; each text on its own, unpadded, where eager attention fails in float64.

    A query of left padding may attend to nothing. transformers gives it the lowest float64 of all
    scores, its cast to float32 makes them minus infinity, and the NaN spreads to real tokens.
    """
    mask = inputs["attention_mask"]
    if model.dtype != torch.float64 or family not in CASTING or mask[:, 0].all():
        return model(**inputs)[0]
    rows = [model(input_ids=ids[None, real])[0] for ids, real in zip(
        inputs["input_ids"], mask.bool(), strict=True)]  # fmt: skip
    logits = rows[0].new_zeros(*mask.shape, rows[0].shape[-1])
    logits[mask.bool()] = torch.cat(rows, 1)[0]
    return logits
