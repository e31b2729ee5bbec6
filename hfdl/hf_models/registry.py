"""A class for each family and head; all models here, registered with transformers' Auto classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import transformers

from hfdl.hf_models.base import BackboneModel, HfModel
from hfdl.hf_models.decoder import CausalLM, DecoderModel, DecoderSequence, DecoderToken
from hfdl.hf_models.encoder import EncoderModel, EncoderSequence, EncoderToken, MaskedLM
from hfdl.hf_models.family import FamilyModel
from hfdl.hf_models.own_architectures import OWN
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import FAMILIES, Family
from hfdl.weights.names import OWN_TYPES

_ENCODERS = (EncoderModel, MaskedLM, EncoderSequence, EncoderToken)
_DECODERS = (DecoderModel, CausalLM, DecoderSequence, DecoderToken)
AUTO_CLASSES: dict[Head, Any] = {
    "base": transformers.AutoModel,
    "masked_lm": transformers.AutoModelForMaskedLM,
    "causal_lm": transformers.AutoModelForCausalLM,
    "sequence": transformers.AutoModelForSequenceClassification,
    "token": transformers.AutoModelForTokenClassification,
    "seq2seq": transformers.AutoModelForSeq2SeqLM,
}
"""transformers' Auto class of each head."""
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


def _model_class(family: Family, parent: type[BackboneModel], config_class: Any) -> Any:
    name = family.hf_name(parent.head)
    body = {
        "family": family,
        "config_class": config_class,
        "__module__": _HOME,
        "__doc__": f"hfdl's own ``transformers.{name}``.",
    }
    return type(f"Scratch{name}", (FamilyModel, parent), body)


def _register(config_class: Any, models: Iterable[type[HfModel]]) -> None:
    transformers.AutoConfig.register(config_class.model_type, config_class)
    for model in models:
        AUTO_CLASSES[model.head].register(config_class, model)


def _register_all() -> tuple[dict[str, type[FamilyModel]], dict[str, Any]]:
    models: dict[str, type[FamilyModel]] = {}
    config_classes: dict[str, Any] = {}
    for family in FAMILIES:
        config_class = _config_class(family)
        config_classes[config_class.__name__] = config_class
        parents = _ENCODERS if "masked_lm" in family.cores else _DECODERS
        made = {
            family.hf_name(parent.head): _model_class(family, parent, config_class)
            for parent in parents
        }
        _register(config_class, made.values())
        models.update(made)
    for config_class, heads in {each.config_class: each.heads for each in OWN.values()}.items():
        _register(config_class, heads.values())
    return models, config_classes


HF_MODELS, CONFIGS = _register_all()
"""Of the families: classes by the name of the transformers class that each stands for, and their
config classes."""
