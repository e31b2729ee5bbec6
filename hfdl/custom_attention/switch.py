"""Switch the attention of a live model, and check that every module took it."""

from __future__ import annotations

import copy

from torch import nn
from transformers import AttentionInterface, PreTrainedModel

from hfdl.custom_attention import register
from hfdl.custom_attention.modules import base_model, check_supported, ported_modules
from hfdl.errors import ConfigError, ModelError, did_you_mean


def use_attention(model: nn.Module, name: str) -> str:
    """Switch every attention module of a model to a registered attention.

    The model is first given a copy of its config. Models that were built from one config object
    share it, and the name in it decides: without the copy, switching one would switch them all,
    and comparing them would compare a model with itself. A config that you hold is therefore no
    longer the model's; look at ``model.config``.

    Args:
        model: a transformers model, in a PEFT wrapper or not.
        name: what was registered with ``hfdl.register_attention``, or one of transformers' own,
            such as ``"eager"``, to switch back.

    Returns:
        the name it used before.

    Raises:
        ConfigError: nothing is registered under the name.
        ModelError: the architecture computes its attention inline.
    """
    if name not in ["eager", *AttentionInterface().valid_keys()]:
        ours = [*register.registered_attentions(), "eager", "sdpa"]
        raise ConfigError(
            f"no attention is registered as {name!r}", remedy=did_you_mean(name, ours)
        )
    check_supported(model)
    inner = base_model(model)
    assert isinstance(inner, PreTrainedModel)
    _own_configs(model)
    before = inner.config._attn_implementation or "eager"
    inner.set_attn_implementation(name)
    _check_taken(inner, name)
    return before


def _own_configs(model: nn.Module) -> None:
    """Give a model copies of its configs; modules that shared one share its copy."""
    copies: dict[int, object] = {}  # deepcopy's memory: one copy for each object
    for module in model.modules():
        if (config := vars(module).get("config")) is not None:
            module.config = copy.deepcopy(config, copies)


def _check_taken(model: PreTrainedModel, name: str) -> None:
    for module_name, module in ported_modules(model).items():
        config = getattr(module, "config", model.config)  # hfdl's own modules hold none
        if (current := getattr(config, "_attn_implementation", None)) != name:
            raise ModelError(
                f"{module_name} still uses {current!r} after the switch to {name!r}",
                where=type(model).__name__,
                rule="every attention module must take it",
                remedy=f"load the model with attn_implementation={name!r}",
            )
