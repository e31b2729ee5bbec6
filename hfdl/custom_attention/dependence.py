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
        trains: whether its gradient matters.

    Attributes:
        mixes: whether a token's output depends on the value of another token.
        unused: which of ``queries`` and ``keys`` the output does not depend on.
        without_gradient: which of them it depends on, and gives no gradient.
    """

    name: str
    trains: bool
    mixes: bool = True
    unused: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] = ()
    _seen: bool = False

    def __enter__(self) -> Dependence:
        self._adapter: Any = AttentionInterface()[self.name]
        AttentionInterface.register(self.name, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        AttentionInterface.register(self.name, self._adapter)

    @property
    def facts(self) -> list[str]:
        """A line on queries and keys that learn nothing; none where both do."""
        said = {"does not depend on": self.unused, "gives no gradient to": self.without_gradient}
        return [
            f"model.attention: its output {what} the {' and '.join(names)}, so what those learn is "
            "lost"
            for what, names in said.items()
            if names
        ]

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
        if self.trains:
            reached = _with_gradient(attend, q, k, v)
            known = reached | set(self.unused)
            self.without_gradient = tuple(name for name in inputs if name not in known)


@torch.enable_grad()
def _with_gradient(attend: Callable[..., Tensor], *inputs: Tensor) -> set[str]:
    """Which of q, k and v get a gradient from the output."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = attend(*leaves)
    if not out.requires_grad:
        return set()
    gradients = torch.autograd.grad(out.float().square().sum(), leaves, allow_unused=True)
    names = ("queries", "keys", "values")
    return {n for n, g in zip(names, gradients, strict=True) if g is not None and bool(g.any())}


def _put(values: Tensor, others: Tensor, token: int) -> Tensor:
    """Values (B, H, S, K), those of one token exchanged."""
    changed = values.clone()
    changed[:, :, token] = others[:, :, token]
    return changed


def _same(one: Tensor, other: Tensor, but: int | None = None) -> bool:
    """Whether outputs (B, T, H, K) agree in the first row, which has no padding."""
    keep = [i for i in range(one.shape[1]) if i != but]
    return torch.allclose(one[0, keep].float(), other[0, keep].float(), rtol=_CLOSE, atol=_CLOSE)
