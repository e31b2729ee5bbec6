"""Which positions of a text the current call of a module is about.

With a cache, ``generate()`` gives the model the prompt first and then one token at a time: column
0 of such a call is position n of the text, where n positions are in the cache already. The cache
knows n; a hook on the module that is given it reads it there before each forward.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from hfdl.custom_attention.modules import base_model
from hfdl.interpret.hooks import Hooks


class Clock:
    """The position of the first column of a call, for the modules of one stack."""

    def __init__(self) -> None:
        self.start = 0

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        caches = [x for x in (*args, *kwargs.values()) if hasattr(x, "get_seq_length")]
        self.start = int(caches[0].get_seq_length()) if caches else 0


class Clocks:
    """A clock for each stack of a model: an encoder has no cache, the decoder behind it has."""

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
            if isinstance(module, PreTrainedModel):
                return module
        return self._base
