"""The name table of a family of models: its body, and what each head adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from hfdl.weights.families.name_rules import Line, Rule, under
from hfdl.weights.families.name_table import Table

Head = Literal["base", "masked_lm", "causal_lm", "sequence", "token"]
"""What a model has on its body; ``base`` is the bare one."""


@dataclass(frozen=True)
class FamilyTable:
    """Lines of a family.

    Args:
        prefix: how transformers calls the body in a model with a head.
        body: the lines of the bare model.
        heads: the lines that each head adds, with whole names.
    """

    prefix: str
    body: tuple[Line, ...]
    heads: Mapping[Head, tuple[Rule, ...]]

    def rules(self, head: Head) -> tuple[Rule, ...]:
        """The lines of a model with this head."""
        if head == "base":
            return (*self.body, *self.heads["base"])
        return (*under(self.body, "backbone.", f"{self.prefix}."), *self.heads[head])

    def table(self, head: Head, shapes: Mapping[str, torch.Size], *, tied: bool) -> Table:
        """The table of one model; arguments as for ``Table``."""
        return Table(self.rules(head), shapes, tied=tied)
