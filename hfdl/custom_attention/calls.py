"""Count the calls of registered attentions, module by module, to prove that they ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from hfdl.custom_attention.modules import check_supported, ported_modules
from hfdl.errors import ModelError


@dataclass
class AttentionCalls:
    """How often each attention module of one model called a registered attention.

    Attributes:
        counts: the module's name within the transformers model -> calls; 0 where none was made.
    """

    counts: dict[str, int]
    _names: dict[int, str] = field(repr=False)
    _only: str | None = field(repr=False)

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.counts.values())

    @property
    def missing(self) -> list[str]:
        """The modules that made none."""
        return [name for name, count in self.counts.items() if count == 0]

    def add(self, module: nn.Module, attention: str) -> None:
        """Count a call if it is this model's, and of the attention that is counted."""
        name = self._names.get(id(module))
        if name is not None and self._only in (None, attention):
            self.counts[name] += 1


# Plain state of the process, not of a context: generate() may run in a thread of its own, and a
# counter only takes what its own model's modules report.
_listening: list[AttentionCalls] = []


def report_call(module: nn.Module, attention: str) -> None:
    """Report a call to every open counter; called by the adapter of each registered attention."""
    for counter in _listening:
        counter.add(module, attention)


@contextmanager
def count_attention_calls(model: nn.Module, name: str | None = None) -> Iterator[AttentionCalls]:
    """Count the calls of attentions that were registered with hfdl, while the context is open.

    Args:
        model: the model whose modules count, in a PEFT wrapper or not.
        name: count this attention alone; None counts every one of hfdl's.

    Yields:
        the counts, which grow while the model runs, in ``generate()`` too.
    """
    modules = ported_modules(model)
    calls = AttentionCalls(
        counts=dict.fromkeys(modules, 0),
        _names={id(module): name for name, module in modules.items()},
        _only=name,
    )
    _listening.append(calls)
    try:
        yield calls
    finally:
        # By identity: two counters with equal counts are equal.
        _listening[:] = [other for other in _listening if other is not calls]


def prove_attention(model: nn.Module, name: str, inputs: Mapping[str, Any]) -> dict[str, int]:
    """Run a model once and insist that every attention module of it called ``name``.

    The proof for ``from_pretrained(..., attn_implementation=name)``, which some architectures
    accept and then ignore.

    Args:
        model: the model; its training or evaluation mode is left as it is.
        name: the registered attention.
        inputs: keywords of its forward: all that it needs, so that no part of it stays idle.

    Returns:
        the calls of each attention module, by its name.

    Raises:
        ModelError: the architecture takes no registered attention, or a module did not call it.
    """
    check_supported(model)
    with count_attention_calls(model, name) as calls, torch.no_grad():
        model(**inputs)
    if calls.missing:
        raise ModelError(
            f"attention {name!r} did not run in {len(calls.missing)} of {len(calls.counts)} "
            f"attention modules, the first of them {calls.missing[0]}",
            rule="every attention module of the model must call it in a forward",
            remedy="switch the model with "
            f"hfdl.custom_attention.switch.use_attention(model, {name!r}), "
            "and give inputs that reach all of it",
        )
    return calls.counts
