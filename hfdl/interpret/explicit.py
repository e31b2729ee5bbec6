"""Run a model with Hugging Face's explicit attention for a while, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hfdl.nn.masks import to_additive


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Hugging Face's explicit attention, in every part of a model.

    An encoder-decoder model keeps a config for each half, and several models may share one, so
    each config is changed and put back by itself. ``set_attn_implementation`` would do the first,
    but cannot put back halves that differ.
    """
    found = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    configs = [c for c in found.values() if hasattr(c, "_attn_implementation_internal")]
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
