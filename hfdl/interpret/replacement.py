"""Replacing one activation: which positions of a call are replaced, and by what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from hfdl.custom_attention.modules import base_model
from hfdl.errors import ConfigError, ShapeError
from hfdl.interpret.activation_sites import Place
from hfdl.interpret.hooks import Hooks

Replacement = Tensor | Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Change:
    """Returns a module's activations with one place replaced.

    Args:
        place: which columns.
        value: the replacement, see ``hfdl.interpret.patch.patch``.
        positions: which positions of the text, ascending; None: all that the value covers.
        clock: the position that a call begins with.
        hooks: are told when something was replaced.
    """

    place: Place
    value: Replacement
    positions: list[int] | None
    clock: Clock
    hooks: Hooks

    def __call__(self, x: Tensor) -> Tensor | None:
        """Replace in activations (B, T, D) of one call; None where there is nothing to replace."""
        before = self.place.of(x)  # (B, T, columns)
        here = self._here(x.shape[1])
        if not here:
            return None
        local = torch.tensor([p - self.clock.start for p in here], device=x.device)
        old = before[:, local]  # (B, positions, columns)
        out = x.clone()
        self.place.of(out)[:, local] = self._new(old, here).expand_as(old)  # into out: a view
        self.hooks.done(str(self.place))
        return out

    def _here(self, length: int) -> list[int]:
        """The positions to replace in a call of ``length`` columns."""
        start, covered = self.clock.start, _covered(self.value)
        call = range(start, start + length)
        if self.positions is not None:
            return [p for p in self.positions if p in call]
        if covered is None:
            return list(call)
        if start == 0 and covered > length:
            raise ShapeError(
                f"the text has {length} positions and the tensor for the {self.place} {covered}",
                rule="each position of the tensor needs one of the text",
                remedy="choose positions, or cut the tensor",
            )
        return [p for p in call if p < covered]

    def _new(self, old: Tensor, here: list[int]) -> Tensor:
        """The replacement of ``old`` (B, positions, columns), or what broadcasts to it."""
        if not isinstance(self.value, Tensor):
            new = self.value(old)
            shapes = [tuple(old.shape)]
        else:
            new = self.value.to(old)
            new = new if _covered(new) is None else new[:, here]
            shapes = [tuple(old.shape), (1, *old.shape[1:]), (old.shape[2],)]
        if tuple(new.shape) not in shapes:
            raise ShapeError(
                f"what replaces the {self.place} is {tuple(new.shape)}",
                rule=f"it must be {' or '.join(map(str, dict.fromkeys(shapes)))}",
            )
        return new


def check_positions(place: Place, value: Replacement, positions: list[int] | None) -> None:
    """Refuse positions that do not exist.

    Raises:
        ConfigError: one is negative, or is not in the tensor that replaces.
    """
    if not positions:
        return
    if positions[0] < 0:
        raise ConfigError(
            f"position {positions[0]} is negative",
            rule="in generate() a text has no end yet; positions count from 0",
        )
    covered = _covered(value)
    if covered is not None and positions[-1] >= covered:
        raise ConfigError(
            f"position {positions[-1]} is not in the tensor for the {place}",
            rule=f"it has positions 0 to {covered - 1}",
        )


def _covered(value: Replacement) -> int | None:
    """S of a tensor (B, S, columns); None for a value that is the same at every position."""
    return value.shape[1] if isinstance(value, Tensor) and value.dim() == 3 else None


# ---- Which positions of a text the current call of a module is about -----------------------------
# With a cache, ``generate()`` gives the model the prompt first and then one token at a time: column
# 0 of such a call is position n of the text, where n positions are in the cache already. A hook on
# the module that takes the cache reads n from it before each forward.


class Clock:
    """The position of the first column of a call, for the modules of one stack."""

    def __init__(self) -> None:
        self.start = 0

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        caches = [x for x in (*args, *kwargs.values()) if hasattr(x, "get_seq_length")]
        self.start = int(caches[0].get_seq_length()) if caches else 0


class Clocks:
    """A clock for each stack of a model: a decoder has a cache, the encoder beside it has none."""

    def __init__(self, model: nn.Module, hooks: Hooks) -> None:
        self._base = base_model(model)
        self._hooks = hooks
        self._clocks: dict[int, Clock] = {}

    def of(self, module_name: str) -> Clock:
        """The clock of the stack that a module belongs to."""
        stack = self._stack(module_name)
        if id(stack) not in self._clocks:
            clock = self._clocks[id(stack)] = Clock()
            self._hooks.add(stack.register_forward_pre_hook(clock, with_kwargs=True))
        return self._clocks[id(stack)]

    def _stack(self, module_name: str) -> nn.Module:
        """The innermost transformers model around a module."""
        path = module_name.split(".")
        for end in range(len(path), 0, -1):
            module = self._base.get_submodule(".".join(path[:end]))
            # hfdl's own encoder is no transformers model, and generate() calls it by itself.
            if isinstance(module, PreTrainedModel) or path[:end] == ["core", "encoder"]:
                return module
        return self._base
