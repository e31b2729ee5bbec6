"""Two-way mapping between hfdl's and transformers' parameter names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hfdl.errors import ModelError, nearest
from hfdl.weights.families.name_rules import (
    Copied,
    Dropped,
    Line,
    Rename,
    Rule,
    Split,
    Tied,
    Transposed,
    TransposedSplit,
    under,
)

_PARAMETERS = ("weight", "bias")
_NAMED = 3  # how many names a message holds
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Row:
    """One tensor of theirs and what it is in ours; both ways are linear.

    Args:
        theirs: its name in transformers.
        ours: the names of our tensors, that stand side by side in theirs where they are several.
        transposed: whether theirs is [in, out].
    """

    theirs: str
    ours: tuple[str, ...]
    transposed: bool = False

    def shape(self, shapes: Mapping[str, torch.Size]) -> torch.Size:
        """The shape of theirs."""
        own = [shapes[name] for name in self.ours]
        joined = (sum(size[0] for size in own), *own[0][1:])  # (out, in), or (out,)
        return torch.Size(reversed(joined) if self.transposed else joined)

    def read(self, tensor: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """theirs -> ours: views, no copies."""
        tensor = tensor.t() if self.transposed else tensor  # [in, out] -> [out, in]
        if len(self.ours) == 1:
            return {self.ours[0]: tensor}
        parts = tensor.split([shapes[name][0] for name in self.ours])
        return dict(zip(self.ours, parts, strict=True))

    def write(self, tensors: Tensors) -> Tensor:
        """ours -> theirs: a view of a single tensor, a copy of several."""
        parts = [tensors[name] for name in self.ours]
        joined = parts[0] if len(parts) == 1 else torch.cat(parts)
        return joined.t() if self.transposed else joined  # [out, in] -> [in, out]


class Table:
    """A family's rules applied to one model.

    Both directions are linear maps, so that gradients may be carried by them too.

    Args:
        rules: the family's lines for this head.
        shapes: the names and shapes of our model's tensors.
        tied: whether its config ties embeddings.

    Raises:
        ModelError: one of our tensors is in no line.
    """

    def __init__(
        self, rules: Sequence[Rule], shapes: Mapping[str, torch.Size], *, tied: bool
    ) -> None:
        self.shapes = shapes
        self.rows = list(_rows(rules, shapes))
        self._by_theirs = {row.theirs: row for row in self.rows}
        self._copied = [rule for rule in rules if isinstance(rule, Copied)]
        self._tied = [rule for rule in rules if isinstance(rule, Tied)] if tied else []
        self._shared = [*self._copied, *self._tied] if tied else []
        self._dropped = [_pattern(rule.theirs) for rule in rules if isinstance(rule, Dropped)]
        covered = {name for row in self.rows for name in row.ours}
        _refuse_missing([name for name in shapes if name not in covered], "the table")

    @property
    def names(self) -> list[str]:
        """All names in transformers, second names included."""
        return [*self._by_theirs, *(rule.theirs for rule in self._copied)]

    def ours_of(self, theirs: Iterable[str]) -> set[str]:
        """Our names of some of transformers' tensors, each under either of its names."""
        names = set(theirs)
        for rule in self._shared:
            if rule.of in names or rule.theirs in names:
                names |= {rule.of, rule.theirs}
        return {ours for row in self.rows if row.theirs in names for ours in row.ours}

    def theirs_of(self, ours: str) -> list[str]:
        """transformers' names of the tensor that holds one of ours; none where none does."""
        names = {row.theirs for row in self.rows if ours in row.ours}
        names |= {rule.theirs for rule in self._shared if rule.of in names}
        return sorted(names)

    def to_scratch(self, theirs: Tensors) -> dict[str, Tensor]:
        """transformers' tensors, or their gradients, under our names; views where possible.

        Raises:
            ModelError: a name is not known or is missing, or a shape is wrong.
        """
        ours = self.read(theirs)
        absent = [row.theirs for row in self.rows if row.ours[0] not in ours]
        _refuse_missing(absent, "these weights")
        return ours

    def read(self, theirs: Tensors) -> dict[str, Tensor]:
        """``to_scratch`` of some of the tensors: one shard of a checkpoint.

        Raises:
            ModelError: a name is not known, or a shape is wrong.
        """
        kept = {name: tensor for name, tensor in theirs.items() if not self._is_dropped(name)}
        _refuse_unknown(kept, self.names)
        self._fill(kept)
        for rule in self._copied:
            kept.pop(rule.theirs, None)
        ours: dict[str, Tensor] = {}
        for name, tensor in kept.items():
            row = self._by_theirs[name]
            _refuse_shape(name, tensor, row.shape(self.shapes))
            ours |= row.read(tensor, self.shapes)
        return ours

    def to_hf(self, ours: Tensors) -> dict[str, Tensor]:
        """Our tensors, or their gradients, under transformers' names, second names included.

        Raises:
            ModelError: a name is not known or is missing, or a shape is wrong.
        """
        _refuse_unknown(ours, self.shapes)
        for name, tensor in ours.items():
            _refuse_shape(name, tensor, self.shapes[name])
        whole = [row for row in self.rows if all(name in ours for name in row.ours)]
        theirs = {row.theirs: row.write(ours) for row in whole}
        self._fill(theirs)
        absent = [name for row in self.rows if row.theirs not in theirs for name in row.ours]
        _refuse_missing([name for name in absent if name not in ours], "these weights")
        return theirs

    def _fill(self, theirs: dict[str, Tensor]) -> None:
        """Give a tensor that has two names both."""
        for rule in [*self._copied, *self._tied]:
            present = [name for name in (rule.of, rule.theirs) if name in theirs]
            if len(present) == 1:
                other = rule.theirs if present[0] == rule.of else rule.of
                # Where nothing is tied, transformers saves one tensor of two that share memory,
                # and then opens the other with random weights.
                theirs[other] = theirs[present[0]] if self._tied else theirs[present[0]].clone()
            elif len(present) == 2 and isinstance(rule, Tied):
                _refuse_untied(rule, theirs)

    def _is_dropped(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self._dropped)


def _rows(rules: Sequence[Rule], shapes: Mapping[str, torch.Size]) -> Iterable[Row]:
    layers = {int(number) for name in shapes for number in re.findall(r"layers\.(\d+)\.", name)}
    for rule in rules:
        if not isinstance(rule, Rename | Split):
            continue
        modules = (rule.ours,) if isinstance(rule, Rename) else rule.ours
        for i in sorted(layers) if "{}" in rule.theirs else [0]:
            for parameter in _PARAMETERS:
                ours = tuple(f"{module.format(i)}.{parameter}" for module in modules)
                if ours[0] in shapes:
                    theirs = f"{rule.theirs.format(i)}.{parameter}"
                    yield Row(theirs, ours, isinstance(rule, Transposed | TransposedSplit))


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(re.escape("{}"), r"\d+"))


def _counted(names: Sequence[str]) -> str:
    """'1 tensor is', or '5 tensors ('a', 'b', 'c', ...) are'."""
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    more = ", ..." if len(names) > _NAMED else ""
    return f"{len(names)} tensor{'s' * (len(names) > 1)} ({shown}{more}) " + (
        "are" if len(names) > 1 else "is"
    )


def _refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = sorted(set(given) - set(known))
    if unknown:
        close = nearest(unknown[0], known)
        raise ModelError(
            f"{_counted(unknown)} not known to this model",
            rule="every tensor must have its place",
            remedy=f"the nearest name to the first is {close!r}" if close else None,
        )


def _refuse_missing(absent: Sequence[str], where: str) -> None:
    if absent:
        raise ModelError(
            f"{_counted(absent)} not in {where}",
            rule="every tensor of the model must have its weights",
            remedy="check that weights and config belong together",
        )


def _refuse_shape(name: str, tensor: Tensor, shape: torch.Size) -> None:
    if tensor.shape != shape:
        raise ModelError(
            f"{name!r} has shape {tuple(tensor.shape)}, and the model wants {tuple(shape)}",
            rule="weights and config must belong together",
        )


def _refuse_untied(rule: Tied, tensors: Tensors) -> None:
    a, b = tensors[rule.of], tensors[rule.theirs]
    if a is not b and a.data_ptr() != b.data_ptr() and not torch.equal(a, b):
        raise ModelError(
            f"{rule.theirs!r} and {rule.of!r} differ",
            rule="tie_word_embeddings is true in the config, so they are one tensor",
            remedy="set tie_word_embeddings to false in config.json",
        )


# ---- The name table of a family of models: its body, and what each head adds ---------------------

Head = Literal["base", "masked_lm", "causal_lm", "sequence", "token", "seq2seq"]
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
