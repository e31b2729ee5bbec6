"""Forward hooks that are always removed again, and an error where one was never reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from hfdl.custom_attention.modules import base_model
from hfdl.errors import ModelError


class Hooks:
    """The hooks of one context, and which of them did what they are for.

    Args:
        handles: removes the hooks when it closes.
        expected: a name for each thing that is to be done.
    """

    def __init__(self, handles: ExitStack, expected: Iterable[str]) -> None:
        self.forwards = 0
        self.pending = dict.fromkeys(expected)  # in their order, unlike a set
        self._handles = handles

    def add(self, handle: RemovableHandle) -> None:
        """Remove a hook when the context closes."""
        self._handles.callback(handle.remove)

    def done(self, name: str) -> None:
        """Note that one of the expected things was done."""
        self.pending.pop(name, None)


@contextmanager
def hooked(model: nn.Module, expected: Iterable[str]) -> Iterator[Hooks]:
    """Keep hooks on while the context is open, and check at its end that they were reached.

    Args:
        model: the model that is to run.
        expected: as for ``Hooks``.

    Raises:
        ModelError: the model ran, and something that was expected was not done.
    """
    with ExitStack() as handles:
        hooks = Hooks(handles, expected)

        def count(module: nn.Module, args: tuple[Any, ...]) -> None:
            hooks.forwards += 1

        hooks.add(base_model(model).register_forward_pre_hook(count))
        yield hooks
    if hooks.forwards and hooks.pending:
        raise ModelError(
            f"the model ran and never came to {next(iter(hooks.pending))}",
            rule="what was to be done there was not",
            remedy="look at the positions and at the inputs: an encoder whose output is given "
            "does not run, and a few architectures use a layer's weights without calling it",
        )
