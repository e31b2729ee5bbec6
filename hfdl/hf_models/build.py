"""Models for the head of a task, in the code that a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hfdl.config.schema import ModelConfig
from hfdl.errors import HfdlError, ModelError
from hfdl.hf_models import HF_MODELS
from hfdl.hf_models.base import HfModel
from hfdl.hf_models.encoder import EncoderHfModel
from hfdl.hf_models.kernels import takes_kernel
from hfdl.hf_models.load import hf_class_of
from hfdl.nn.dropout import use_cheap_dropout
from hfdl.nn.linear import use_faster_linear
from hfdl.weights.chunked_lm_loss import enable_chunked_loss
from hfdl.weights.model_config import load_config
from hfdl.weights.names import OWN_TYPES
from hfdl.weights.pretrained import build_pretrained
from hfdl.weights.saved_head import take_saved_labels
from hfdl.weights.vocabulary_size import resize_to_tokenizer


class Built(NamedTuple):
    """A model made from a folder.

    Args:
        model: in the code that the recipe asks for.
        new: randomly initialised parameters, under transformers' names.
        facts: what became of its head, as lines for a person.
    """

    model: torch.nn.Module
    new: list[str]
    facts: list[str]


def build_saved(
    auto_class: str | type[Any],
    folder: Path,
    model: ModelConfig,
    *,
    config: Any = None,
    others: Callable[[str], Sequence[str]] = lambda name: (),
    tokenizer: Any = None,
    **settings: Any,
) -> Built:
    """As ``build_pretrained``, in the code that ``model.implementation`` asks for.

    A saved head keeps the row of each label that ``settings`` name, in whatever order: see
    ``hfdl.weights.label_rows``.

    Args:
        auto_class, folder, model, config, settings: as ``build_pretrained``.
        others: names that a label may have in the saved head beside its own.
        tokenizer: where it has tokens that the model lacks, the embeddings are resized. None: they
            stay as they are.

    Raises:
        ModelError: as ``build_pretrained``; also where hfdl's own code is asked for and it has none
            for the model.
    """
    built, new = build_pretrained(auto_class, folder, model, config=config, **settings)
    facts: list[str] = []
    if "id2label" in settings and model.config is None:
        saved = load_config(folder)
        new, fact = take_saved_labels(built, new, saved, auto_class, folder, others)
        facts = [fact] if fact else []
    if tokenizer is not None and (fact := resize_to_tokenizer(built, tokenizer)):
        facts.append(fact)
    if not isinstance(auto_class, str):
        return Built(built, new, facts)  # a class of the user's own runs its own code
    in_code, reason = in_asked_code(built, model)
    return Built(in_code, new, [*facts, reason] if reason else facts)


def in_asked_code(model: Any, section: ModelConfig) -> tuple[torch.nn.Module, str | None]:
    """A transformers model in the code that ``model.implementation`` asks for.

    ``auto`` is hfdl's own code wherever there is some for the model and its settings, else
    transformers' class with hfdl's dropout and linear layers in it: equal, and faster on a CPU.

    Args:
        model: as transformers built it; let it go.
        section: the recipe's. An attention that ``section.attention`` names runs there, too.

    Returns:
        the model, and why ``auto`` left it to transformers' class, as a line for a person; None
        where it did not.

    Raises:
        ModelError: hfdl's own code is asked for, and there is none.
    """
    if section.implementation == "hf":
        return model, None
    if section.implementation == "hfdl":
        return in_own_code(model), None
    reason = f"hfdl's own does not run {section.attention}"
    if section.attention is None or takes_kernel(section.attention):
        try:
            return in_own_code(model), None
        except ModelError as error:
            reason = error.problem
    use_cheap_dropout(model)
    use_faster_linear(model)
    return model, f"transformers' code: {reason}"


def in_own_code(model: Any) -> torch.nn.Module:
    """A transformers model as hfdl's own; its tensors are taken over, so let the other go.

    Raises:
        ModelError: hfdl has no code of its own for it.
    """
    if model.config.model_type.startswith(OWN_TYPES):
        return model
    return hf_class_of(model).from_hf(model)


def without_padding(model: Any) -> Any:
    """An encoder in hfdl's own code, which leaves padding out; any other model itself.

    The tensors are the model's own, and the answers its answers, up to rounding. A model stays as
    it is where hfdl has no code of its own for it, where its attention is a registered one, where
    it has hooks, and where it is of a class of the user's.
    """
    kind = HF_MODELS.get(type(model).__name__)
    is_plain = type(model).__module__.startswith("transformers.")
    attention = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if kind is None or not is_plain or not issubclass(kind, EncoderHfModel):
        return model
    chunked = "_chunked_loss" in vars(model)  # which has a hook of its own
    hooked = any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
    if attention not in ("sdpa", "eager") or (hooked and not chunked):
        return model
    try:
        own: Any = kind.from_hf(model).eval()
    except HfdlError:  # a setting that hfdl has no code for
        return model
    return enable_chunked_loss(own) if chunked else own


def implementation_of(model: torch.nn.Module) -> str:
    """Whose code a model runs: ``hfdl``, ``hf`` (transformers') or ``own`` (the user's)."""
    if isinstance(model, HfModel):
        return "hfdl"
    return "hf" if type(model).__module__.startswith("transformers.") else "own"
