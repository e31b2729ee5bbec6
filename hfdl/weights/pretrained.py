"""Opening what a model folder holds: config, tokenizer, model. No code from the folder runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, ModelError, did_you_mean

# transformers puts this where a tokenizer has no limit of its own.
_NO_LIMIT = 1_000_000
# Positions of these begin behind the padding id, so that many fewer tokens fit.
_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "mpnet"})


def load_config(folder: Path, sizes: dict[str, Any] | None = None) -> Any:
    """The transformers config of a model folder, with some sizes replaced.

    Raises:
        ModelError: transformers does not know the model's type, or the file is damaged.
        ConfigError: a size is not a key of the config.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder)
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(
            f"transformers cannot read its config: {_first_line(error)}",
            where=str(folder / "config.json"),
            rule="model_type must be one that the installed transformers knows; code in a model "
            "folder is never run",
            remedy="choose another model",
        ) from error
    for key, value in (sizes or {}).items():
        if not hasattr(config, key):
            raise ConfigError(
                f"{config.model_type} has no size {key!r}",
                where=f"model.config.{key}",
                remedy=did_you_mean(key, config.to_dict()),
            )
        setattr(config, key, value)
    return config


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, with a padding token.

    A model without one (GPT-2) pads with its end token, whose id is then also set in its config.

    Raises:
        ModelError: transformers cannot open it.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(
            f"transformers cannot open the tokenizer: {_first_line(error)}",
            where=str(folder),
            rule="a model folder holds tokenizer.json",
            remedy="save the tokenizer into the folder",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise ModelError(
            "the tokenizer has no token to pad with",
            where=str(folder),
            rule="a batch of unequal texts is padded",
            remedy="give the tokenizer a pad_token",
        )
    return tokenizer


def build_pretrained(
    auto_class: str, folder: Path, model: ModelConfig, **settings: Any
) -> tuple[torch.nn.Module, list[str]]:
    """A transformers model for a task.

    Args:
        auto_class: name of the Auto class, such as ``AutoModelForSequenceClassification``.
        folder: the model's folder.
        model: the recipe's ``model`` section; with ``config`` the weights are fresh.
        settings: keys of the transformers config: labels, problem type, padding id.

    Returns:
        the model, and the names of the parameters that were not in the folder: those of a new
        head, or all of them where the model is trained from scratch.

    Raises:
        ModelError: the folder's weights do not fit its config, or no such head exists.
    """
    import transformers

    config = load_config(folder, model.config)
    for key, value in settings.items():
        setattr(config, key, value)
    auto = getattr(transformers, auto_class)
    dtype = getattr(torch, model.dtype)
    if model.config is not None:
        fresh_model = auto.from_config(config, dtype=dtype)
        return fresh_model, [name for name, _ in fresh_model.named_parameters()]
    with quiet_transformers():
        try:
            loaded, info = auto.from_pretrained(
                folder, config=config, dtype=dtype, use_safetensors=True,
                # A head for other labels is replaced by a fresh one.
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
        except (ValueError, OSError, RuntimeError) as error:
            raise ModelError(
                f"transformers cannot load the weights: {_first_line(error)}",
                where=str(folder),
                rule=f"{auto_class} must know the model's type and its weights must fit",
                remedy="check the folder, or choose another model",
            ) from error
    fresh = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    _refuse_mostly_fresh(loaded, fresh, folder)
    return loaded, fresh


def _refuse_mostly_fresh(model: torch.nn.Module, fresh: list[str], folder: Path) -> None:
    """A model whose body is not in the file would train from noise, and nobody would notice."""
    body = [n for n, _ in model.named_parameters() if n.startswith(f"{model.base_model_prefix}.")]
    absent = set(fresh) & set(body)
    if body and len(absent) > len(body) // 2:
        raise ModelError(
            f"{len(absent)} of the {len(body)} tensors of the model's body are not in its weights, "
            f"for instance {min(absent)!r}",
            where=str(folder),
            rule="weights and config must belong together",
            remedy="check the folder; to train from scratch, give model.config",
        )


def length_limit(tokenizer: Any, config: Any) -> int | None:
    """Most tokens that a model takes in one row; None where there is no limit."""
    limits = []
    if tokenizer.model_max_length < _NO_LIMIT:
        limits.append(int(tokenizer.model_max_length))
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        offset = config.model_type in _OFFSET_POSITIONS
        limits.append(positions - (config.pad_token_id + 1 if offset else 0))
    return min(limits, default=None)


class quiet_transformers:  # noqa: N801  # used as a function: with quiet_transformers(): ...
    """Hold back transformers' table of fresh head weights: that they are fresh is the point."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._level = logging.get_verbosity()
        self._bars = logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self._level)
        if self._bars:
            logging.enable_progress_bar()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
