"""Hooks that are always taken off again, and that notice when they were never reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from hfdl.custom_attention.modules import base_model
from hfdl.errors import ModelError


class Hooks:
    """The hooks of one context, and which of them did what they are for.

    Args:
        expected: a name for each thing that is to be done.
    """

    def __init__(self, expected: Iterable[str]) -> None:
        self.forwards = 0
        self._undone = dict.fromkeys(expected)  # in their order, unlike a set
        self._handles: list[RemovableHandle] = []

    def add(self, handle: RemovableHandle) -> None:
        """Take a hook off when the context closes."""
        self._handles.append(handle)

    def done(self, name: str) -> None:
        """One of the expected things was done."""
        self._undone.pop(name, None)

    def remove(self) -> None:
        """Take all hooks off."""
        for handle in self._handles:
            handle.remove()

    def check(self) -> None:
        """Insist that everything was done, if the model ran at all.

        Raises:
            ModelError: something was not.
        """
        if self.forwards and self._undone:
            raise ModelError(
                f"the model ran and never came to {next(iter(self._undone))}",
                rule="what was to be done there was not",
                remedy="look at the positions and at the inputs: an encoder whose output is given "
                "does not run, and a few architectures use a layer's weights without calling it",
            )


@contextmanager
def hooked(model: nn.Module, expected: Iterable[str]) -> Iterator[Hooks]:
    """Keep hooks on while the context is open, and check at its end that they were reached.

    Args:
        model: the model that is to run.
        expected: as for ``Hooks``.
    """
    hooks = Hooks(expected)

    def count(module: nn.Module, args: tuple[Any, ...]) -> None:
        hooks.forwards += 1

    hooks.add(base_model(model).register_forward_pre_hook(count))
    try:
        yield hooks
        hooks.check()
    finally:
        hooks.remove()
