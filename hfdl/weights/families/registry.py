"""The registry of the model families that hfdl has its own code for.

Each module of this package registers its families; ``hfdl/weights/families/__init__.py`` imports
them all, so whoever imports this module finds the registry filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import transformers
from torch import nn

from hfdl.weights.families.name_table import FamilyTable, Head

_SUFFIXES: dict[Head, str] = {
    "base": "Model",
    "masked_lm": "ForMaskedLM",
    "causal_lm": "ForCausalLM",
    "sequence": "ForSequenceClassification",
    "token": "ForTokenClassification",
}


@dataclass(frozen=True)
class Family:
    """A family in transformers and in hfdl.

    Args:
        model_type: transformers' name of it.
        name: with which the names of its classes begin.
        translate: from transformers' config to ours.
        table: the names of its tensors; where its components stand follows from them.
        cores: our class for each head.
        hf_names: transformers' classes whose names do not follow the rule.
        casts_to_float32: whether transformers' code computes parts of it, such as the softmax, in
            float32 whatever the type of the weights is.
        reads_padding: (config, head) -> whether that head reads the state of a padding token where
            texts are padded on the left, one that may attend to nothing real.
        positions_from_padding: whether positions count real tokens from ``pad_token_id`` + 1.
    """

    model_type: str
    name: str
    translate: Callable[[Any], Any]
    table: FamilyTable
    cores: Mapping[Head, type[nn.Module]]
    hf_names: Mapping[Head, str] = field(default_factory=dict)
    casts_to_float32: bool = False
    positions_from_padding: bool = False
    reads_padding: Callable[[Any, Head], bool] = lambda config, head: False

    def hf_name(self, head: Head) -> str:
        """The name of transformers' class with this head."""
        return self.hf_names.get(head, self.name + _SUFFIXES[head])

    @property
    def hf_config_class(self) -> Any:
        """transformers' config class."""
        return getattr(transformers, f"{self.name}Config")

    @property
    def decodes(self) -> bool:
        """Whether it is a decoder."""
        return "causal_lm" in self.cores


FAMILIES: list[Family] = []
"""All families, in the order in which they were registered."""


def register(family: Family) -> None:
    """Add a family to ``FAMILIES``."""
    FAMILIES.append(family)


def family_of(model_type: str) -> Family | None:
    """The family that transformers calls so, or None."""
    return next((family for family in FAMILIES if family.model_type == model_type), None)
