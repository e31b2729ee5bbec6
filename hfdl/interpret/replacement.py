"""One replaced activation: which positions of a call it concerns, and what comes there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hfdl.errors import ConfigError, ShapeError
from hfdl.interpret.activation_sites import Place
from hfdl.interpret.clock import Clock
from hfdl.interpret.hooks import Hooks

Replacement = Tensor | Callable[[Tensor], Tensor]


class Change:
    """Gives a module's activations back with one place replaced.

    Args:
        place: which columns.
        value: what comes there, see ``hfdl.interpret.patch.patch``.
        positions: which positions of the text, ascending; None: all that the value covers.
        clock: says which position a call begins with.
        hooks: are told when something was replaced.
    """

    def __init__(
        self,
        place: Place,
        value: Replacement,
        positions: list[int] | None,
        clock: Clock,
        hooks: Hooks,
    ) -> None:
        self.place = place
        self.value = value
        self.positions = positions
        self.clock = clock
        self.hooks = hooks

    def __call__(self, x: Tensor) -> Tensor | None:
        """Replace in activations (B, T, D) of one call; None where none of them is concerned."""
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
        """The positions to replace, of those in a call of ``length`` columns."""
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
        """What comes in the place of ``old`` (B, positions, columns), or broadcasts to it."""
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
    """Refuse positions that cannot be meant.

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
    """S of a tensor (B, S, columns); None for what is the same at every position."""
    return value.shape[1] if isinstance(value, Tensor) and value.dim() == 3 else None
