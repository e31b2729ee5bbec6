"""What is wrong with a model of the user's, as an error."""

from __future__ import annotations

from torch import nn

from hfdl.custom_model.load import KEY
from hfdl.errors import ConfigError


def name_of(model: nn.Module) -> str:
    """The name of the user's class."""
    return type(getattr(model, "module", model)).__name__


def wrong(model: nn.Module, problem: str, remedy: str) -> ConfigError:
    """An error that begins with the name of the class."""
    return ConfigError(
        f"{name_of(model)} {problem}",
        where=KEY,
        rule="a model is called with input_ids and attention_mask, (B, T), and what else its "
        "forward takes by name",
        remedy=remedy,
    )
