"""A NumPy function as the attention of a torch model, for looking and not for training."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hfdl.errors import ModelError


def from_numpy(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Make a torch attention of one written in NumPy.

    Args:
        fn: ``fn(q, k, v, mask, ...)`` of arrays, see ``hfdl.register_attention``. It may run on
            its inputs' memory: it must not write to them.

    Returns:
        the same function of tensors, with fn's signature. It raises ModelError where gradients
        are asked for: NumPy records none, and the model would train around a constant.
    """

    @wraps(fn)
    def of_tensors(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, **keywords: Any) -> Any:
        if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
            raise ModelError(
                "an attention in NumPy has no gradients",
                rule="it can be run, not trained or differentiated",
                remedy="run the model under torch.no_grad()",
            )
        arrays = [_to_array(x) for x in (q, k, v, mask)]
        result = fn(*arrays, **{name: _to_array(value) for name, value in keywords.items()})
        if isinstance(result, tuple):
            return tuple(_to_tensor(x, q) for x in result)
        return _to_tensor(result, q)

    return of_tensors


def _to_array(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu()
    # NumPy has no bfloat16, and computes float16 number by number.
    half = value.dtype in (torch.bfloat16, torch.float16)
    return (value.float() if half else value).numpy()


def _to_tensor(array: Any, like: Tensor) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    return torch.from_numpy(np.ascontiguousarray(array)).to(like.device, like.dtype)
