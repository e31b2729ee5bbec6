"""Opening the model that is to be verified."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.errors import ModelError
from hfdl.hf_models import HF_MODELS
from hfdl.parity.layouts import family_of_model
from hfdl.parity.twin import head_of
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.pretrained import load_tokenizer, open_saved
from hfdl.weights.resolve import check_model_folder, find_model, saved_class_name


@dataclass(frozen=True, eq=False)
class Opened:
    """A transformers model of our own, that may be switched and cast at will.

    Args:
        name: what a person calls it.
        model: in eval mode.
        tokenizer: its tokenizer, or None.
        notes: what a reader of the numbers should know.
    """

    name: str
    model: Any
    tokenizer: Any
    notes: tuple[str, ...]


def open_for_verify(model: Any) -> Opened:
    """A copy of an open transformers model, or what a folder or the Hub holds.

    Raises:
        ModelError: it cannot be opened, or hfdl has none of its kind.
    """
    opened: Any
    if not isinstance(model, str | Path):
        head_of(model)  # refuses before anything is copied
        family_of_model(model)
        opened, tokenizer, notes = copy.deepcopy(model).eval(), None, []
        name = getattr(model, "name_or_path", "") or type(model).__name__
    else:
        folder, name = find_model(str(model), tokenizer=False), str(model)
        _check_saved_class(folder)
        (opened, missing), tokenizer, notes = open_saved(folder), _tokenizer(folder), []
        if missing:
            notes.append(f"{len(missing)} tensors are not in its weights and were drawn at random")
    if opened.config.pad_token_id is None:
        opened.config.pad_token_id = 0 if tokenizer is None else tokenizer.pad_token_id
        notes.append(f"its config names no padding id; {opened.config.pad_token_id} was taken")
    return Opened(name, opened, tokenizer, tuple(notes))


def _check_saved_class(folder: Path) -> None:
    """Refuse, before weights are read, a model that hfdl has no code of its own for."""
    name = saved_class_name(folder)
    if name in HF_MODELS:
        return
    raise ModelError(
        f"hfdl has no code of its own for {name}" if name else "architectures names no class",
        where=str(folder / "config.json"),
        rule="what is verified is hfdl's own code: bare models, and heads for words, texts and "
        f"tokens, of {', '.join(family.model_type for family in FAMILIES)}",
        remedy="choose a model of one of these",
    )


def _tokenizer(folder: Path) -> Any:
    try:
        check_model_folder(folder)
    except ModelError:
        return None
    return load_tokenizer(folder)
