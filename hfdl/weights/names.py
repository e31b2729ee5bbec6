"""Names that stand in recipes and configs, and that several packages must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfdl.config.schema import ModelConfig

OWN_TYPES = "hfdl-"
"""What ``model_type`` begins with in the config of a model that transformers does not have."""

SCHEME = "hfdl://"
"""What the name of a model that is made from its sizes begins with, such as ``hfdl://gpt2``."""

CLASS_RECORD = "hfdl_class"
"""The key of config.json that says which class of the user's own the weights belong to."""

ATTENTION_RECORD = "hfdl_attention"
"""The key of config.json that says which attention of the user's own the weights belong to."""


def is_new_model(model: ModelConfig) -> bool:
    """Whether a recipe names an architecture (``hfdl://gpt2``) instead of a saved model."""
    return model.name.startswith(SCHEME)
