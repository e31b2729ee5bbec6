"""Opening the tokenizer of a model folder, without the code of models; no code from it runs."""

from __future__ import annotations

import copy
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from hfdl.errors import ConfigError, ModelError
from hfdl.weights.model_config import first_line
from hfdl.weights.plain_config import plain_config


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, with a padding token.

    A model without one (GPT-2) pads with its end token, whose id is then also set in its config.

    Raises:
        ModelError: transformers cannot open it.
    """
    try:
        tokenizer = _opened(folder)
        # One without its unknown token opens, and fails at its first text. Not by the tokenizer's
        # own call, which sets the backend's truncation.
        getattr(tokenizer, "backend_tokenizer", tokenizer).encode("a")
    except BaseException as error:  # the tokenizers library raises the bare class, or panics
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise ModelError(
            f"transformers cannot open the tokenizer: {first_line(error)}",
            where=str(folder),
            rule="a model folder holds tokenizer.json",
            remedy="save the tokenizer into the folder",
        ) from error
    _refuse_odd_limit(tokenizer, folder)
    return with_padding(tokenizer, str(folder))


def is_panic(error: BaseException) -> bool:
    """Whether it is what a library in Rust raises where it gives up: no ``Exception``."""
    return type(error).__name__ == "PanicException"


def with_padding(tokenizer: Any, where: str) -> Any:
    """The tokenizer, or where it has no padding token a copy that pads with its end token.

    Args:
        tokenizer: left as it is.
        where: its folder or argument, for the message.

    Raises:
        ModelError: it has no end token either, and none for unknown words.
    """
    if tokenizer.pad_token_id is not None:
        return tokenizer
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise ModelError(
            "the tokenizer has no token to pad with",
            where=where,
            rule="a batch of unequal texts is padded",
            remedy="give the tokenizer a pad_token",
        )
    return tokenizer


def _refuse_odd_limit(tokenizer: Any, folder: Path) -> None:
    limit = tokenizer.model_max_length
    if not isinstance(limit, int | float) or not limit >= 1:
        raise ModelError(
            f"model_max_length is {limit!r}",
            where=str(folder / "tokenizer_config.json"),
            rule="it is the most tokens that the model takes, a number above 0",
            remedy="correct or remove it",
        )


def require_tokenizer(tokenizer: Any) -> None:
    """Refuse an open model that was given without its tokenizer.

    Raises:
        ConfigError: the tokenizer is None.
    """
    if tokenizer is None:
        raise ConfigError(
            "an open model was given without its tokenizer",
            where="tokenizer",
            rule="only a folder brings its own",
            remedy="give tokenizer=...",
        )


def _opened(folder: Path) -> Any:
    usual = _usual_class(folder)
    if usual is not None:
        module, name = usual.split(":")
        return getattr(import_module(module), name).from_pretrained(folder, _from_auto=True)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def _usual_class(folder: Path) -> str | None:
    """The class that AutoTokenizer chooses where it has no choice: ``module:Class``; None: ask it.

    AutoTokenizer imports torch to read the config. It is asked where it is loaded already, since a
    class may have been registered there, and for a path that might be an id of the Hub, because it
    has exceptions by id.
    """
    if "transformers.models.auto.tokenization_auto" in sys.modules:
        return None
    config = plain_config(folder)
    if config is None or (not folder.is_absolute() and len(folder.parts) == 2):
        return None
    try:
        text = (folder / "tokenizer_config.json").read_text(encoding="utf-8")
        settings: Any = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(settings, dict) or "auto_map" in settings:
        return None
    name = config.tokenizer_class.partition(":")[2]
    return config.tokenizer_class if settings.get("tokenizer_class") == name else None
