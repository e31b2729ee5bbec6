"""Names that stand in recipes and configs, and that several packages must agree on."""

from __future__ import annotations

OWN_TYPES = "hfdl-"
"""What ``model_type`` begins with in the config of a model that transformers does not have."""

SCHEME = "hfdl://"
"""What the name of a model that is made from its sizes begins with, such as ``hfdl://gpt2``."""

CLASS_RECORD = "hfdl_class"
"""The key of config.json that says which class of the user's own the weights belong to."""

ATTENTION_RECORD = "hfdl_attention"
"""The key of config.json that says which attention of the user's own the weights belong to."""
