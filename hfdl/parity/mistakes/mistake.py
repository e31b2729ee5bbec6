"""A known mistake, and the changes to a model that mistakes are made of."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from hfdl.nn.attend import Attend, PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.functional import AttentionKernel, allowed, repeat_heads, scale_of
from hfdl.parity.layouts import backbone

Module = TypeVar("Module", bound=nn.Module)

Change = Callable[[nn.Module], bool]
"""Changes a model of ``hfdl.models`` in place; False where there is nothing to change."""


@dataclass(frozen=True)
class Mistake:
    """One thing that people get wrong when they write a transformer.

    Args:
        name: short, with underscores.
        explanation: what the model then does, in one sentence.
        look_at: where the correct code is, or the setting that decides.
        change: makes the mistake in a model.
    """

    name: str
    explanation: str
    look_at: str
    change: Change

    def apply(self, model: nn.Module) -> nn.Module | None:
        """A copy of a model of ``hfdl.models`` with this mistake; None where it cannot have it."""
        copied = copy.deepcopy(model)
        return copied if self.change(copied) else None


def modules(model: nn.Module, kind: type[Module] | tuple[type[Module], ...]) -> list[Module]:
    """All modules of a kind."""
    return [module for module in model.modules() if isinstance(module, kind)]


def attentions(model: nn.Module) -> list[MultiHeadAttention]:
    """The attention of every layer."""
    return modules(model, MultiHeadAttention)


def wrap_attend(model: nn.Module, wrap: Callable[[Attend], Attend]) -> bool:
    """Wrap how every attention looks at other tokens."""

    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, attend = args
        return (x, wrap(attend)), kwargs

    for attention in attentions(model):
        attention.register_forward_pre_hook(hook, with_kwargs=True)
    return True


def changed_attend(**fields: Any) -> Change:
    """Set fields of the ``PaddedAttend`` that every attention is given."""

    def wrap(attend: Attend) -> Attend:
        return replace(attend, **fields) if isinstance(attend, PaddedAttend) else attend

    return lambda model: wrap_attend(model, wrap)


def softmax_kernel(*, dim: int = -1, masked: float | None = None) -> AttentionKernel:
    """The formula of ``hfdl.nn.functional.attention`` with one thing changed.

    Args:
        dim: of the softmax.
        masked: the score of a key that is not allowed; None: the lowest number of the type.
    """

    def kernel(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        *,
        scale: float | None = None,
        causal: bool = False,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        groups = q.shape[1] // k.shape[1]
        k, v = repeat_heads(k, groups), repeat_heads(v, groups)
        scores = q @ k.transpose(-2, -1) * scale_of(q, scale)  # (B, H, T, S)
        if (mask := allowed(q, k, mask, causal)) is not None:
            lowest = torch.finfo(scores.dtype).min if masked is None else masked
            scores = scores.masked_fill(~mask, lowest)
        weights = scores.softmax(dim)
        return weights @ v, weights

    return kernel


def setting(kind: type[nn.Module] | tuple[type[nn.Module], ...], name: str, value: Any) -> Change:
    """Set an attribute of every module of a class that has another value."""

    def change(model: nn.Module) -> bool:
        others = [module for module in modules(model, kind) if getattr(module, name) != value]
        for module in others:
            setattr(module, name, value)
        return bool(others)

    return change


def becoming(kind: type[nn.Module], other: type[nn.Module]) -> Change:
    """Give every module of a class the forward of another that has the same parts."""

    def change(model: nn.Module) -> bool:
        same_class = [module for module in model.modules() if type(module) is kind]
        for module in same_class:
            module.__class__ = other
        return bool(same_class)

    return change


def swapped(kind: type[nn.Module], first: str, second: str) -> Change:
    """Exchange two linear layers of every module of a class, where they have one shape."""

    def change(model: nn.Module) -> bool:
        holders = modules(model, kind)
        for module in holders:
            a, b = getattr(module, first), getattr(module, second)
            if a.weight.shape != b.weight.shape:
                return False
            setattr(module, first, b)
            setattr(module, second, a)
        return bool(holders)

    return change


def without_input(model: nn.Module, name: str, index: int | None = None) -> bool:
    """Drop an input of the backbone, which then takes its default.

    Args:
        model: the model.
        name: of the keyword.
        index: its position among the arguments, where it may be positional.
    """

    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if index is not None and len(args) > index:
            args = (*args[:index], None, *args[index + 1 :])
        return args, {k: v for k, v in kwargs.items() if k != name}

    backbone(model).register_forward_pre_hook(hook, with_kwargs=True)
    return True
