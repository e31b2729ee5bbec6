"""Labels of a saved head met with those of the data: by name, never by their order.

Each output row of a classification head belongs to a label. A model that is trained further on the
same labels in another order keeps each label's row; a label that the model does not know gets a new
one.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_NAMELESS = re.compile(r"LABEL_\d+")
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
_SHOWN = 12
"""Most labels that a line names."""
_APART = 1e-4
"""Added to the bias of a row that is copied a second time; see ``LabelMatch.move``."""


def spelling(name: str) -> str:
    """What two spellings of a label share: case, and blank, hyphen or underscore, do not count.

    1.0 is 1: a column of whole numbers is one of floats where a row is empty.
    """
    if whole := _WHOLE.fullmatch(name.strip()):
        return whole[1]
    return re.sub(r"[\s_-]+", " ", name.strip()).casefold()


def same_spelling(name: str, names: Sequence[str]) -> str | None:
    """The one of ``names`` that is ``name`` in another spelling; None where none or several are."""
    close = [other for other in names if spelling(other) == spelling(name)]
    return close[0] if len(close) == 1 else None


def is_nameless(names: Sequence[str]) -> bool:
    """Whether a config gives its labels no names: transformers then writes LABEL_0, LABEL_1, ..."""
    return all(_NAMELESS.fullmatch(name) for name in names)


def label_names(config: Any) -> list[str]:
    """The labels of a transformers config, in the order of their ids."""
    return [str(config.id2label[i]) for i in range(config.num_labels)]


@dataclass(frozen=True)
class LabelMatch:
    """Which row of a saved head each label of the data gets.

    Args:
        old: the model's labels.
        new: the data's, in their order.
        rows: for each of ``new`` the row of the saved head; None for a label that is new.
        by_number: whether they were matched by their numbers, the model having no names.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    rows: tuple[int | None, ...]
    by_number: bool = False

    @classmethod
    def of(
        cls,
        old: Sequence[str],
        new: Sequence[str],
        others: Callable[[str], Sequence[str]] = lambda name: (),
    ) -> LabelMatch:
        """Match by name, else by a name that differs in spelling only.

        Args:
            old, new: see the class.
            others: names that a label may have in the model beside its own, the nearest first.
        """
        if is_nameless(old) and not is_nameless(new):
            same = len(old) == len(new)
            rows = tuple(range(len(new))) if same else (None,) * len(new)
            return cls(tuple(old), tuple(new), rows, by_number=same)
        clashing = {key for key, n in Counter(map(spelling, new)).items() if n > 1}
        rows = tuple(_row(name, old, clashing, others) for name in new)
        return cls(tuple(old), tuple(new), rows)

    @property
    def is_identity(self) -> bool:
        """Whether every row stays where it is."""
        return self.rows == tuple(range(len(self.old)))

    @property
    def kept(self) -> list[str]:
        """Labels of the data that have a row of the model's."""
        return [name for name, row in zip(self.new, self.rows, strict=True) if row is not None]

    def fact(self) -> str:
        """What became of the head's rows, as a line for a person."""
        if self.by_number:
            pairs = [f"{a} is {b}" for a, b in zip(self.old, self.new, strict=True)]
            return f"head kept by number, its labels having no names: {_listed(pairs)}"
        renamed = [
            f"{self.old[row]} is {name}"
            for name, row in zip(self.new, self.rows, strict=True)
            if row is not None and self.old[row] != name
        ]
        spelled = f" ({_listed(renamed)})" if renamed else ""
        if self.is_identity:
            return f"head kept: {_listed(renamed) or 'its labels are those of the data'}"
        fresh = [name for name, row in zip(self.new, self.rows, strict=True) if row is None]
        dropped = [name for i, name in enumerate(self.old) if i not in self.rows]
        if not fresh and not dropped:
            return (
                f"head kept, its rows put in the order of the data's labels{spelled}: "
                + _listed(list(self.new))
            )
        if not self.kept:
            return (
                f"head new: the model's labels are others ({_listed(list(self.old))}), and the "
                f"data's {_listed(fresh)}"
            )
        new = f"; new, randomly initialised: {_listed(fresh)}" if fresh else ""
        gone = f"; dropped: {_listed(dropped)}" if dropped else ""
        return f"head kept by name{spelled}: {_listed(self.kept)}{new}{gone}"

    def move(self, drawn: torch.Tensor, saved: torch.Tensor) -> torch.Tensor:
        """Rows of the saved head in the order of the data's labels.

        A row that two labels share (B-PER and I-PER both begin as PER) would leave their scores
        equal; in a bias the second is a little larger, so that a tie has one answer: I, which is
        how tags without prefixes are read.

        Args:
            drawn: (C new, ...) random, for the labels that are new.
            saved: (C old, ...).
        """
        moved = drawn.clone()
        seen: set[int] = set()
        for i, row in enumerate(self.rows):
            if row is None:
                continue
            moved[i] = saved[row]
            if row in seen and moved.dim() == 1:
                moved[i] += _APART
            seen.add(row)
        return moved


def label_parameters(model: Any) -> dict[str, int]:
    """The parameters of a model with an entry for each label, and the axis of the labels.

    They are those whose shape another number of labels changes.
    """
    config = copy.deepcopy(model.config)
    config.num_labels = model.config.num_labels + 1
    with torch.device("meta"):
        larger = type(model)(config)
    shapes = {name: parameter.shape for name, parameter in larger.named_parameters()}
    return {
        name: next(axis for axis, size in enumerate(shapes[name]) if size != p.shape[axis])
        for name, p in model.named_parameters()
        if shapes[name] != p.shape
    }


def move_rows(
    model: nn.Module, match: LabelMatch, axes: dict[str, int], saved: dict[str, torch.Tensor]
) -> None:
    """Put the rows of a saved head in the order of the data's labels.

    Args:
        model: for the data's labels.
        match: see ``LabelMatch``.
        axes: what ``label_parameters`` gives.
        saved: these parameters as they were saved.
    """
    config: Any = model.config
    std = float(getattr(config, "initializer_range", None) or 0.02)
    for name, axis in axes.items():
        parameter = model.get_parameter(name)
        with torch.no_grad():
            drawn = torch.zeros_like(parameter)
            if drawn.dim() > 1 and axis == 0 and None in match.rows:
                drawn.normal_(std=std)
            rows = match.move(drawn.movedim(axis, 0), saved[name].to(parameter).movedim(axis, 0))
            parameter.copy_(rows.movedim(0, axis))


def _row(
    name: str,
    old: Sequence[str],
    clashing: set[str],
    others: Callable[[str], Sequence[str]],
) -> int | None:
    if name in old:
        return list(old).index(name)
    for candidate in (name, *others(name)):
        if spelling(candidate) in clashing:
            continue
        if (found := same_spelling(candidate, old)) is not None:
            return list(old).index(found)
    return None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
