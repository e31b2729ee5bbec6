"""What the output of an attention depends on: other tokens' values, the queries, the keys.

Each is put to the test with random numbers, once, in the first attention module of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

_CLOSE = 1e-3
"""Outputs of random numbers that agree so far are the same, in bfloat16 too."""


@dataclass
class Dependence:
    """While active, it looks at the first call of a registered attention.

    Args:
        name: what the attention is registered as.

    Attributes:
        mixes: whether a token's output depends on the value of another token.
        unused: which of ``queries`` and ``keys`` the output does not depend on.
    """

    name: str
    mixes: bool = True
    unused: tuple[str, ...] = ()
    _seen: bool = False

    def __enter__(self) -> Dependence:
        self._adapter: Any = AttentionInterface()[self.name]
        AttentionInterface.register(self.name, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        AttentionInterface.register(self.name, self._adapter)

    @property
    def fact(self) -> str | None:
        """A line on queries and keys; None where the output depends on both."""
        if not self.unused:
            return None
        return (
            f"model.attention: its output does not depend on the {' and '.join(self.unused)}, "
            "so what those learn is lost"
        )

    def _look(self, module: Any, q: Tensor, k: Tensor, v: Tensor, *rest: Any, **kw: Any) -> Any:
        if not self._seen:
            self._seen = True
            self._measure(lambda q, k, v: self._adapter(module, q, k, v, *rest, **kw)[0], q, k, v)
        return self._adapter(module, q, k, v, *rest, **kw)

    @torch.no_grad()
    def _measure(self, attend: Callable[..., Tensor], *like: Tensor) -> None:
        draw = torch.Generator().manual_seed(0)
        q, k, v, other_q, other_k, other_v = (
            torch.randn(x.shape, generator=draw).to(x) for x in (*like, *like)
        )  # (B, H, T, K)
        out = attend(q, k, v)  # (B, T, H, K)
        self.mixes = any(
            not _same(attend(q, k, _put(v, other_v, token)), out, but=token)
            for token in range(v.shape[2])
        )
        inputs = {"queries": (other_q, k, v), "keys": (q, other_k, v)}
        self.unused = tuple(name for name, other in inputs.items() if _same(attend(*other), out))


def _put(values: Tensor, others: Tensor, token: int) -> Tensor:
    """Values (B, H, S, K), those of one token exchanged."""
    changed = values.clone()
    changed[:, :, token] = others[:, :, token]
    return changed


def _same(one: Tensor, other: Tensor, but: int | None = None) -> bool:
    """Whether outputs (B, T, H, K) agree in the first row, which has no padding."""
    keep = [i for i in range(one.shape[1]) if i != but]
    return torch.allclose(one[0, keep].float(), other[0, keep].float(), rtol=_CLOSE, atol=_CLOSE)
