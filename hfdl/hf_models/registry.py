"""A class for each family and head, registered with transformers' Auto classes."""

from __future__ import annotations

from typing import Any

import transformers

from hfdl.hf_models.base import HfModel
from hfdl.hf_models.decoder import CausalLM, DecoderModel, DecoderSequence, DecoderToken
from hfdl.hf_models.encoder import EncoderModel, EncoderSequence, EncoderToken, MaskedLM
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import FAMILIES, Family
from hfdl.weights.names import OWN_TYPES

_ENCODERS: dict[Head, type[HfModel]] = {
    "base": EncoderModel, "masked_lm": MaskedLM, "sequence": EncoderSequence,
    "token": EncoderToken,
}  # fmt: skip
_DECODERS: dict[Head, type[HfModel]] = {
    "base": DecoderModel, "causal_lm": CausalLM, "sequence": DecoderSequence,
    "token": DecoderToken,
}  # fmt: skip
_AUTO: dict[Head, Any] = {
    "base": transformers.AutoModel,
    "masked_lm": transformers.AutoModelForMaskedLM,
    "causal_lm": transformers.AutoModelForCausalLM,
    "sequence": transformers.AutoModelForSequenceClassification,
    "token": transformers.AutoModelForTokenClassification,
}
_HOME = "hfdl.hf_models"


def _config_class(family: Family) -> Any:
    """transformers' config of the family under a model type of ours."""
    parent = family.hf_config_class
    body = {
        "model_type": OWN_TYPES + family.model_type,
        "__module__": _HOME,
        "__doc__": f"``transformers.{parent.__name__}`` under a model type of hfdl.",
    }
    return type(f"Scratch{parent.__name__}", (parent,), body)


def _model_class(
    family: Family, head: Head, parent: type[HfModel], config_class: Any
) -> type[HfModel]:
    name = family.hf_name(head)
    body = {
        "family": family,
        "head": head,
        "config_class": config_class,
        "__module__": _HOME,
        "__doc__": f"hfdl's own ``transformers.{name}``.",
    }
    return type(f"Scratch{name}", (parent,), body)


def _register_all() -> tuple[dict[str, type[HfModel]], dict[str, Any]]:
    models: dict[str, type[HfModel]] = {}
    config_classes: dict[str, Any] = {}
    for family in FAMILIES:
        config_class = _config_class(family)
        config_classes[config_class.__name__] = config_class
        transformers.AutoConfig.register(config_class.model_type, config_class)
        parents = _ENCODERS if "masked_lm" in family.cores else _DECODERS
        for head, parent in parents.items():
            model = _model_class(family, head, parent, config_class)
            models[family.hf_name(head)] = model
            _AUTO[head].register(config_class, model)
    return models, config_classes


HF_MODELS, CONFIGS = _register_all()
"""Classes by the name of the transformers class that each stands for; their config classes."""
