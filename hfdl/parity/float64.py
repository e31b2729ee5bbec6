"""Keep models that cast to float32 inside in float64 throughout.

transformers' Llama and its kin compute RMSNorm and softmax in float32 whatever the weights' type,
ModernBERT softmax and rotation, and its language-model losses cast the logits: written for half
precision, where it saves digits.
In float64 it loses half of them, so that no comparison could be tighter than 1e-7, and a mask,
whose lowest number is then float64's, becomes minus infinity and NaN. Here those casts, and
nothing else, are left out while a model in float64 runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_SOFTMAX = (F.softmax, torch.softmax, Tensor.softmax)


class _WithoutCasts(TorchFunctionMode):
    """Every cast of a float64 tensor to float32 gives the tensor itself."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if args and isinstance(args[0], Tensor) and args[0].dtype == torch.float64:
            if func is Tensor.float:
                return args[0]
            if func is Tensor.to and torch.float32 in (*args[1:], kwargs.get("dtype")):
                return args[0]
            if func in _SOFTMAX and kwargs.get("dtype") == torch.float32:
                kwargs = {**kwargs, "dtype": None}
        return func(*args, **kwargs)


@contextmanager
def float64_throughout(model: nn.Module) -> Iterator[None]:
    """Leave casts to float32 out while the context is open, if the model is in float64.

    The angles of rotary positions stay in float32: they are part of what such a model was trained
    with, and hfdl's are computed so too.
    """
    if next(model.parameters()).dtype != torch.float64:
        yield
        return
    for module in model.modules():
        for name, frequencies in list(module.named_buffers(recurse=False)):
            if name.endswith("inv_freq"):  # float32's numbers, which .double() had widened
                setattr(module, name, frequencies.float())
    with _WithoutCasts():
        yield
