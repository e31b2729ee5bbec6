"""``model.attention`` of a recipe: the attention that a model is trained and used with.

A function of the user's own is registered under a name of its own and recorded in the model's
config with the digest of its file, so that whoever opens the weights is told if it is gone or
another.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import AttentionInterface

from hfdl.config.overrides import as_override
from hfdl.config.own_code import OwnPart, load_own
from hfdl.config.own_paths import is_own_path
from hfdl.config.recorded_code import check_recorded, recorded
from hfdl.custom_attention import register
from hfdl.custom_attention.modules import base_model
from hfdl.custom_attention.switch import use_attention
from hfdl.custom_attention.trial import KEY
from hfdl.errors import ConfigError, HfdlError, ModelError, did_you_mean
from hfdl.weights.names import ATTENTION_RECORD as RECORD


def attend_by(model: nn.Module, path: str) -> str:
    """Switch a model to the attention that a recipe names, and record it in its config.

    Args:
        model: a transformers model, or one of hfdl's own in its wrapper.
        path: ``model.attention``.

    Returns:
        the name that it is registered under.

    Raises:
        ConfigError: there is no such attention, or it is none.
        ModelError: the architecture takes no other attention than its own.
    """
    name, part = _registered(path)
    try:
        use_attention(model, name)
    except (HfdlError, ImportError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        problem = error.problem if isinstance(error, HfdlError) else str(error)
        raise ModelError(
            problem,
            where=KEY,
            rule=getattr(error, "rule", None) or "the architecture must take it",
            remedy=getattr(error, "remedy", None)
            or f"set {KEY}=null, or name another model: model.name=NAME",
        ) from error
    config: Any = base_model(model).config
    if part is None and name not in set(register.registered_attentions()) - set(register.BUILTIN):
        forget_attention(config)  # transformers' and hfdl's compute the same
    else:
        setattr(config, RECORD, {"name": path, "sha256": part.sha256 if part else None})
    return name


def recorded_attention(config: Any) -> dict[str, Any] | None:
    """What a model's config says of the attention that its weights were trained with."""
    return recorded(config, RECORD)


def attention_of(config: Any, asked: str | None, folder: str) -> str | None:
    """The attention that saved weights are used with: what is asked for, else the recorded one.

    Args:
        config: of the saved model.
        asked: ``model.attention`` of the recipe; None: it names none.
        folder: the model's, for messages.

    Raises:
        ConfigError: the file of the recorded attention is gone, or is not what it was.
    """
    record = recorded_attention(config)
    if record is None or (asked is not None and asked != record["name"]):
        return asked
    usual = f", or {KEY}=sdpa for the model's usual attention"
    check_recorded(record, folder, key=KEY, what="attention", otherwise=usual)
    return record["name"]


def attend_as_trained(model: nn.Module, folder: str) -> None:
    """Switch a saved model to the attention that its config records; without a record, leave it.

    Args:
        model: opened from the folder, with the attention that its class has by itself.
        folder: for messages.

    Raises:
        ConfigError: as ``attention_of``.
    """
    path = attention_of(base_model(model).config, None, folder)
    if path is not None:
        attend_by(model, path)


def forget_attention(config: Any) -> None:
    """Drop the record: the weights go on with another attention."""
    if hasattr(config, RECORD):
        delattr(config, RECORD)


def refuse_unsaid(config: Any, asked: str | None, name: str) -> None:
    """Refuse to train weights further without a word on the attention that they were trained with.

    Raises:
        ConfigError: the recipe names none.
    """
    record = recorded_attention(config)
    if record is not None and asked is None:
        raise ConfigError(
            f"{name} was trained with the attention {record['name']}",
            where=KEY,
            rule="its weights belong to that one, and the recipe names none",
            remedy=f"set {as_override(KEY, str(record['name']))} to go on with it, or "
            f"{KEY}=sdpa for the usual one",
        )


def _registered(path: str) -> tuple[str, OwnPart | None]:
    """The name of an attention in transformers' registry; of a function it is registered now."""
    if not is_own_path(path):
        known = ["eager", *AttentionInterface().valid_keys()]
        if path not in known:
            ours = [*register.registered_attentions(), "eager", "sdpa"]
            raise ConfigError(
                f"no attention is registered as {path!r}",
                where=KEY,
                rule="a name is transformers', hfdl's, or registered in this process; a function "
                "of your own is file.py:function",
                remedy=did_you_mean(path, ours),
            )
        return path, None
    part = load_own(path, KEY, "an attention")
    digest = (part.sha256 or "")[:8]
    name = f"own_{part.name}_{digest}"
    for word in register.TAKEN:  # to which transformers gives meanings of its own
        name = name.replace(word, word[0])
    try:
        register.register_attention(name, part.value, grouped=getattr(part.value, "grouped", False))
    except ConfigError as error:
        raise ConfigError(
            f"{path}: {error.problem}",
            where=KEY,
            rule=error.rule,
            remedy=error.remedy or f"write: def {part.name}(q, k, v, mask): return ...",
        ) from error
    return name, part
