"""Opening pretrained models in hfdl's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from hfdl.config.recorded_code import recorded
from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, HfdlError, ModelError, did_you_mean
from hfdl.hf_models import HF_MODELS, FamilyModel
from hfdl.hf_models.encoder import EncoderHfModel
from hfdl.weights.chunked_lm_loss import enable_chunked_loss
from hfdl.weights.families.config_checks import HF_REMEDY
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.model_config import load_config
from hfdl.weights.names import ATTENTION_RECORD, OWN_TYPES
from hfdl.weights.pretrained import build_pretrained, open_saved, refuse_own_class
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_head import take_saved_labels
from hfdl.weights.vocabulary_size import resize_to_tokenizer


def load_scratch(
    name_or_path: str,
    *,
    revision: str | None = None,
    dtype: torch.dtype | str | None = None,
    attn_implementation: str | None = None,
) -> FamilyModel:
    """A pretrained model in hfdl's own code.

    Its class is that of the transformers class that config.json names under ``architectures``;
    another head is opened by its class, ``hfdl.hf_models.ScratchBertForTokenClassification``.

    Args:
        name_or_path: a Hub id, or a folder that holds a saved model.
        revision: branch, tag or commit on the Hub.
        dtype: of the weights; float32 where it is None.
        attn_implementation: ``sdpa`` (the default: torch's fused kernel), ``eager`` (the formula
            itself, which has weights to show), or a name from ``hfdl.register_attention``.

    Returns:
        the model in eval mode.

    Raises:
        ConfigError: there is no such dtype or attention.
        ModelError: it is not there, hfdl has no code for it or for one of its settings, or its
            weights do not fit its config.
    """
    _check_attention(attn_implementation)
    weight_dtype = _dtype(dtype)
    folder = find_model(str(name_or_path), revision, tokenizer=False)
    config = load_config(folder)
    own_class = _class_of(config, str(folder))
    if attn_implementation is None:
        _refuse_other_attention(config, str(folder))
    exact = "float64" if weight_dtype == torch.float64 else "float32"
    hf_model, missing = open_saved(folder, exact)
    if missing:
        raise ModelError(
            f"{len(missing)} of its tensors are not in its weights, for instance {missing[0]!r}",
            where=str(folder),
            rule=f"{own_class.hf_name()} must be saved whole",
            remedy="fine-tune it first, or open another head by its class",
        )
    model: Any = own_class.from_hf(hf_model).to(weight_dtype)  # pyright: ignore[reportArgumentType]
    if attn_implementation is not None:
        model.set_attn_implementation(attn_implementation)
    return model


def to_scratch_model(hf_model: PreTrainedModel) -> FamilyModel:
    """hfdl's own code with the weights of a transformers model.

    The weights are copied: training one does not change the other. The mode, training or eval, is
    the other's; the attention is the fused one whatever the other's is.

    Raises:
        ModelError: as ``load_scratch``.
    """
    model = hf_class_of(hf_model).from_hf(hf_model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    return model


def hf_class_of(hf_model: Any) -> type[FamilyModel]:
    """The class here that stands for the class of a transformers model.

    Raises:
        ModelError: there is none.
    """
    name = type(hf_model).__name__
    if name not in HF_MODELS:
        raise _unknown(name, None)
    return HF_MODELS[name]


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
        ModelError: as ``build_pretrained``; also where hfdl has no code of its own for the model.
    """
    built, new = build_pretrained(auto_class, folder, model, config=config, **settings)
    facts: list[str] = []
    if "id2label" in settings and model.config is None:
        saved = load_config(folder)
        new, fact = take_saved_labels(built, new, saved, auto_class, folder, others)
        facts = [fact] if fact else []
    if tokenizer is not None and (fact := resize_to_tokenizer(built, tokenizer)):
        facts.append(fact)
    return Built(in_own_code(built) if model.implementation == "hfdl" else built, new, facts)


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


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    resolved = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype or torch.float32
    if isinstance(resolved, torch.dtype) and resolved.is_floating_point:
        return resolved
    raise ConfigError(
        f"dtype is {dtype!r}", rule="weights are float32, float64, bfloat16 or float16"
    )


def _check_attention(name: str | None) -> None:
    own = ["sdpa", "eager"]
    if name is not None and name not in [*own, *ALL_ATTENTION_FUNCTIONS.valid_keys()]:
        raise ConfigError(
            f"no attention is registered as {name!r}",
            where="attn_implementation",
            rule="it is sdpa, eager, or a name that hfdl.register_attention knows; hfdl, "
            "hfdl_fused and hfdl_numpy are there once hfdl.register_attention was looked up",
            remedy=did_you_mean(name, own),
        )


def _refuse_other_attention(config: Any, folder: str) -> None:
    """Refuse to open weights that were trained with an attention of the user's own as plain ones.

    Raises:
        ModelError: its config records such an attention.
    """
    record = recorded(config, ATTENTION_RECORD)
    if record is not None:
        raise ModelError(
            f"its weights were trained with the attention {record['name']}",
            where=folder,
            rule="another one would give other answers",
            remedy="register the function with hfdl.register_attention and name it in "
            "attn_implementation, or give attn_implementation='sdpa' for the usual one",
        )


def _class_of(config: Any, where: str) -> type[FamilyModel]:
    """The class here of the first of a config's ``architectures``."""
    refuse_own_class(config, where)
    names = config.architectures or []
    if not names:
        raise ModelError(
            "its config names no class",
            where=where,
            rule="architectures in config.json names the class that the weights belong to",
            remedy=f"open it by its class: {_classes_of(config.model_type)}",
        )
    if names[0] not in HF_MODELS:
        raise _unknown(names[0], where, config.model_type)
    return HF_MODELS[names[0]]


def _unknown(name: str, where: str | None, model_type: str | None = None) -> ModelError:
    families = [family.model_type for family in FAMILIES]
    own = f", or open its body by its class: {_classes_of(model_type)}"
    return ModelError(
        f"hfdl has no code of its own for {name}",
        where=where,
        rule=f"it has bare models, and heads for words, texts and tokens, of {', '.join(families)}",
        remedy=HF_REMEDY + (own if model_type in families else ""),
    )


def _classes_of(model_type: str | None) -> str:
    """The classes of a family, or all families where it is none of them."""
    names = [c.__name__ for c in HF_MODELS.values() if c.family.model_type == model_type]
    return ", ".join(names or [family.model_type for family in FAMILIES])
