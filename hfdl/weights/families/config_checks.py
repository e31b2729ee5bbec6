"""Reading a transformers config, and refusing what hfdl's model of the family does not have.

A setting that hfdl's model has no code for is refused by name, not passed over.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NoReturn, TypeVar

from hfdl.errors import ModelError
from hfdl.nn.activations import ACTIVATIONS
from hfdl.weights.names import OWN_TYPES

HF_REMEDY = "run transformers' own code: model.implementation=hf"
_ACTIVATIONS = ("hidden_act", "hidden_activation", "classifier_activation")
_Config = TypeVar("_Config")


def same_settings(config: Any, config_class: type[_Config]) -> _Config:
    """A config of ``hfdl.models`` with all settings that transformers' has under the same names.

    There a name that transformers has means what it means in transformers. What is called or
    computed otherwise is the family's to set; what transformers' class does not declare, and a file
    has all the same, is passed over as transformers passes over it.

    Raises:
        ModelError: an activation that hfdl does not have, or layers of different sizes.
    """
    if getattr(config, "is_heterogeneous", False):
        refuse(config, "per_layer_config", "its layers are alike")
    declared = {*dir(type(config)), *config.attribute_map}
    ours: Any = config_class
    return config_class(**{
        name: activation(config, name) if name in _ACTIVATIONS else getattr(config, name)
        for name in (field.name for field in fields(ours))
        if name in declared
    })  # fmt: skip


def activation(config: Any, key: str) -> str:
    """The activation that a config names under ``key``.

    Raises:
        ModelError: hfdl does not have it; so do the functions below for what they refuse.
    """
    if getattr(config, key) not in ACTIVATIONS:
        refuse(config, key, f"it has {', '.join(ACTIVATIONS)}")
    return getattr(config, key)


def classifier_dropout(config: Any, otherwise: float) -> float:
    """``classifier_dropout`` of a config, or another probability where it names none."""
    own = getattr(config, "classifier_dropout", None)
    return otherwise if own is None else own


def token_dropout(config: Any) -> float:
    """Of the token heads of decoders, whose configs may have neither key."""
    hidden = getattr(config, "hidden_dropout", None)
    return classifier_dropout(config, 0.1 if hidden is None else hidden)


def refuse_set(config: Any, key: str, reason: str) -> None:
    """Refuse a setting that is true."""
    if getattr(config, key, False):
        refuse(config, key, reason)


def refuse(config: Any, key: str, reason: str) -> NoReturn:
    """Refuse a setting by its name and value.

    Args:
        config: transformers'.
        key: the setting.
        reason: what hfdl's model does instead.
    """
    raise ModelError(
        f"hfdl's own {config.model_type.removeprefix(OWN_TYPES)} cannot do {key} = "
        f"{getattr(config, key)!r}",
        where=f"config.json: {key}",
        rule=reason,
        remedy=HF_REMEDY,
    )
