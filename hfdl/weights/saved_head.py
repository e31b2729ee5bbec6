"""The trained head of a saved model, taken over for the labels of other data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.weights.label_rows import LabelMatch, label_names, label_parameters, move_rows
from hfdl.weights.pretrained import build_pretrained


def take_saved_labels(
    model: Any,
    missing: Sequence[str],
    saved_config: Any,
    auto_class: str | type[Any],
    folder: Path,
    others: Callable[[str], Sequence[str]] = lambda name: (),
) -> tuple[list[str], str | None]:
    """Give each label of the data the row that it has in the saved head.

    Args:
        model: transformers' class, for the data's labels, as ``build_pretrained`` made it from the
            folder: a head of as many labels has the saved rows in the saved order, one of another
            number is new.
        missing: what ``build_pretrained`` said was not in the weights.
        saved_config: the folder's own config.
        auto_class: what the model was built with.
        folder: the model's folder.
        others: see ``LabelMatch.of``.

    Returns:
        what is still missing, and a line about the labels; no line where the folder has no such
        head.
    """
    if 1 in (model.config.num_labels, saved_config.num_labels):
        return list(missing), None  # a number, which has no labels
    match = LabelMatch.of(label_names(saved_config), label_names(model.config), others)
    names = label_parameters(model)  # with the axis of each
    same_size = len(match.old) == len(match.new)
    if same_size:
        if set(names) & set(missing):
            return list(missing), None  # no head was saved
        if match.is_identity:
            return list(missing), match.fact()
        saved = {name: model.get_parameter(name).detach().clone() for name in names}
    else:
        found = _saved(auto_class, folder, saved_config, model.dtype, names)
        if found is None:
            return list(missing), None
        saved = found
    if match.kept:
        move_rows(model, match, names, saved)
        return [name for name in missing if name not in names], match.fact()
    if same_size:
        move_rows(model, match, names, saved)
    return sorted({*missing, *names}), match.fact()


def _saved(
    auto_class: str | type[Any], folder: Path, config: Any, dtype: torch.dtype, names: Iterable[str]
) -> dict[str, torch.Tensor] | None:
    """Parameters of the head as they were saved; None where the folder lacks one of them."""
    section = ModelConfig(name=str(folder), dtype=str(dtype).removeprefix("torch."))  # pyright: ignore[reportArgumentType]
    with torch.random.fork_rng(devices=[]):
        whole, missing = build_pretrained(auto_class, folder, section, config=copy.copy(config))
    if set(names) & set(missing):
        return None
    return {name: whole.get_parameter(name).detach() for name in names}
