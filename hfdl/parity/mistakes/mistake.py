"""A known mistake, and how to find one's way in hfdl's models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from hfdl.nn.attend import Attend
from hfdl.nn.attention import MultiHeadAttention

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Mistake:
    """One thing that people get wrong when they write a transformer.

    Args:
        name: short, with underscores.
        explanation: what the model then does, in one sentence.
        look_at: where the right thing stands, or is decided.
        change: makes the mistake in a model of ``hfdl.models``, in place. False where the model
            has nothing to make it in, or is so already.
    """

    name: str
    explanation: str
    look_at: str
    change: Callable[[nn.Module], bool]

    def apply(self, model: nn.Module) -> nn.Module | None:
        """A copy of a model of ``hfdl.models`` with this mistake; None where it would be none."""
        copied = copy.deepcopy(model)
        return copied if self.change(copied) else None


def backbone(model: nn.Module) -> Any:
    """A model without its head."""
    return getattr(model, "backbone", model)


def modules(model: nn.Module, kind: type[Module] | tuple[type[Module], ...]) -> list[Module]:
    """All modules of a kind."""
    return [module for module in model.modules() if isinstance(module, kind)]


def attentions(model: nn.Module) -> list[MultiHeadAttention]:
    """The attention of every layer."""
    return modules(model, MultiHeadAttention)


def wrap_attend(model: nn.Module, wrap: Callable[[Attend], Attend]) -> bool:
    """Let every attention look at other tokens in another way."""

    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, attend = args
        return (x, wrap(attend)), kwargs

    for attention in attentions(model):
        attention.register_forward_pre_hook(hook, with_kwargs=True)
    return True


def without_input(model: nn.Module, name: str, place: int | None = None) -> bool:
    """Keep an input from the backbone, which then takes its default.

    Args:
        model: the model.
        name: of the keyword.
        place: its number where it may be given by position.
    """

    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if place is not None and len(args) > place:
            args = (*args[:place], None, *args[place + 1 :])
        return args, {k: v for k, v in kwargs.items() if k != name}

    backbone(model).register_forward_pre_hook(hook, with_kwargs=True)
    return True
