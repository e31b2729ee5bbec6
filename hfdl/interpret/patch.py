"""Activation patching: run a model on one text with activations from another.

If the answer changes with them, they carry what makes the texts differ (Vig et al. 2020,
arXiv:2004.12265; Meng et al. 2022, arXiv:2202.05262):

    clean = record(model, [place], clean_inputs)
    with patch(model, clean, positions=[3]):
        logits = model(**other_inputs).logits
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hfdl.errors import ModelError
from hfdl.interpret.activation_sites import Place, named
from hfdl.interpret.hooks import Hooks, hooked
from hfdl.interpret.replacement import Change, Clocks, Replacement, check_positions

Key = TypeVar("Key", bound=Place | str)


def record(model: nn.Module, places: Iterable[Key], inputs: Mapping[str, Any]) -> dict[Key, Tensor]:
    """Run a model once, without gradients, and keep its activations at some places.

    Args:
        model: a transformers model or one of hfdl's, in a PEFT wrapper or not; its training or
            evaluation mode is left as it is.
        places: names of modules (their output; the first of a tuple), or what the functions of
            ``hfdl.interpret.activation_sites`` give.
        inputs: keywords of the model's forward.

    Returns:
        place -> its activations, (B, T, columns); a copy.

    Raises:
        ModelError: there is no such module, or it ran more than once (ALBERT's shared layers),
            or never.
        ShapeError: its activations are not (B, T, D).
    """
    recorded: dict[Key, Tensor] = {}

    def keep(key: Key, place: Place, hooks: Hooks, x: Tensor) -> None:
        if key in recorded:
            raise ModelError(
                f"{place.module} runs more than once in a forward",
                rule="what is recorded must be one activation",
            )
        recorded[key] = place.of(x).detach().clone()
        hooks.done(str(place))

    sites = {key: named(model, key) for key in places}
    with hooked(model, [str(place) for place, _ in sites.values()]) as hooks, torch.no_grad():
        for key, (place, module) in sites.items():
            hooks.add(_attach(place, module, partial(keep, key, place, hooks)))
        model(**inputs)
    return recorded


@contextmanager
def patch(
    model: nn.Module,
    replacements: Mapping[Key, Replacement],
    *,
    positions: Iterable[int] | None = None,
) -> Iterator[None]:
    """Replace a model's activations while the context is open.

    Positions count the columns of the whole text from 0, left pads included, and keep counting in
    ``generate()``: with a cache, the first generated token is at position T of a prompt of T. So a
    recorded tensor patches the prompt once, and leaves the tokens that follow to themselves.

    Args:
        model: as in ``record``.
        replacements: place -> its replacement:

            * a tensor (B or 1, S, columns) with the activation of positions 0 to S - 1, as
              ``record`` gives it: position p of the run gets its position p. A text must have at
              least S positions, unless ``positions`` are chosen;
            * a tensor (columns,), which every position gets;
            * a function of the activations (B, positions, columns) of one call, which gives back
              as many.
        positions: the only ones to replace; all where it is None.

    Raises:
        ModelError: there is no such module; or, at the end, the model ran and never came to a
            place at the chosen positions.
        ConfigError: a position is negative, or is not in a tensor.
        ShapeError: a tensor does not fit the activations.
    """
    chosen = None if positions is None else sorted(set(positions))
    sites = [(*named(model, key), value) for key, value in replacements.items()]
    for place, _, value in sites:
        check_positions(place, value, chosen)
    with hooked(model, [str(place) for place, _, _ in sites]) as hooks:
        clocks = Clocks(model, hooks)
        for place, module, value in sites:
            change = Change(place, value, chosen, clocks.of(place.module), hooks)
            hooks.add(_attach(place, module, change))
        yield


def _attach(
    place: Place, module: nn.Module, change: Callable[[Tensor], Tensor | None]
) -> RemovableHandle:
    """Hook ``change`` to a module's side; a tensor that it returns takes the activation's place."""

    def on_input(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        new = change(args[0])
        return None if new is None else (new, *args[1:])

    def on_output(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        if not isinstance(first, Tensor):
            raise ModelError(
                f"{place.module} gives a {type(output).__name__}",
                rule="a place is a module that gives a tensor, or a tuple that begins with one",
            )
        new = change(first)
        if new is None:
            return None
        return (new, *output[1:]) if isinstance(output, tuple) else new

    if place.side == "input":
        return module.register_forward_pre_hook(on_input)
    return module.register_forward_hook(on_output)
