"""Open the model that is to be verified, and find hfdl's own code for it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from torch import nn

from hfdl.errors import ModelError
from hfdl.hf_models import HF_MODELS, HfModel
from hfdl.hf_models.kernels import kernel_named
from hfdl.hf_models.load import hf_class_of, to_scratch_model
from hfdl.hf_models.own_architectures import OWN
from hfdl.nn.functional import AttentionKernel
from hfdl.parity.layouts import backbone
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import FAMILIES, Family
from hfdl.weights.model_config import load_config
from hfdl.weights.pretrained import open_saved, refuse_own_class
from hfdl.weights.resolve import check_model_folder, find_model
from hfdl.weights.saved_config import saved_class_name
from hfdl.weights.saved_tokenizer import load_tokenizer
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer


@dataclass(frozen=True, eq=False)
class Reference:
    """A transformers model to compare with, that may be switched and cast freely.

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

    @property
    def head(self) -> Head:
        """What it has on its body."""
        return hf_class_of(self.model).head

    @property
    def family(self) -> Family:
        """Its family."""
        return hf_class_of(self.model).family


def open_reference(model: Any) -> Reference:
    """A copy of an open transformers model, or what a folder or the Hub holds.

    Raises:
        ModelError: it cannot be opened, or hfdl has none of its kind.
    """
    opened: Any
    tokenizer, notes = None, []
    if not isinstance(model, str | Path):
        hf_class_of(model)  # refuses before anything is copied
        name = getattr(model, "name_or_path", "") or type(model).__name__
        opened = copy.deepcopy(model).eval()
    else:
        folder, name = find_model(str(model), tokenizer=False), str(model)
        _check_saved_class(folder)
        (opened, missing), tokenizer = open_saved(folder), _tokenizer(folder)
        refuse_larger_tokenizer(opened, tokenizer, str(folder))
        if missing:
            notes.append(f"{len(missing)} tensors are not in its weights and were drawn at random")
    if opened.config.pad_token_id is None:
        opened.config.pad_token_id = 0 if tokenizer is None else tokenizer.pad_token_id
        notes.append(f"its config names no padding id; {opened.config.pad_token_id} was taken")
    return Reference(name, opened, tokenizer, tuple(notes))


def own_core(hf_model: Any) -> nn.Module:
    """hfdl's model with copies of the weights of a transformers model, in eval mode.

    Raises:
        ModelError: hfdl has no such architecture or head, or not with these settings.
    """
    return to_scratch_model(hf_model).eval().core


def core_of(candidate: Any, hf_model: Any) -> nn.Module | None:
    """The model of ``hfdl.models`` that a candidate is, bare or wrapped.

    None where it is not hfdl's counterpart of the transformers model.
    """
    core = candidate.core if isinstance(candidate, HfModel) else candidate
    own_class = hf_class_of(hf_model)
    return core if isinstance(core, own_class.family.cores[own_class.head]) else None


def kernel_of(candidate: Any, core: nn.Module) -> AttentionKernel:
    """The attention that a candidate runs with when it is called: its own, not one of ours.

    Args:
        candidate: a model of ``hfdl.models``, bare or wrapped.
        core: the bare model in it.
    """
    if isinstance(candidate, HfModel):
        return kernel_named(candidate.config._attn_implementation, False, {})
    return signature(backbone(core).forward).parameters["kernel"].default


def _check_saved_class(folder: Path) -> None:
    """Refuse, before weights are read, a model that hfdl has no code of its own for."""
    name = saved_class_name(folder)
    if name in HF_MODELS:
        return
    own = {model.__name__ for each in OWN.values() for model in each.heads.values()}
    if name in own:
        raise ModelError(
            f"transformers has no counterpart of {name}",
            where=str(folder / "config.json"),
            rule="what is verified is that hfdl's own code equals transformers'; this architecture "
            "is hfdl's alone, and its tests compare its parts",
            remedy=f"choose a model of one of: {', '.join(f.model_type for f in FAMILIES)}",
        )
    refuse_own_class(load_config(folder), str(folder))
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
