"""Opening pretrained models in hfdl's own code."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from hfdl.config.recorded_code import recorded
from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.hf_models import HF_MODELS, FamilyModel
from hfdl.weights.families.config_checks import HF_REMEDY
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.model_config import load_config
from hfdl.weights.names import ATTENTION_RECORD
from hfdl.weights.pretrained import open_saved, refuse_own_class
from hfdl.weights.resolve import find_model


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
