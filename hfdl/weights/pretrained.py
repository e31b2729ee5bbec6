"""Opening the config, tokenizer and model of a model folder; no code from the folder runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from hfdl.config.overrides import as_override
from hfdl.config.recorded_code import recorded
from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.weights.names import CLASS_RECORD, OWN_TYPES
from hfdl.weights.resolve import saved_class_name

# transformers puts this where a tokenizer has no limit of its own.
_NO_LIMIT = 1_000_000
# The heads of these read the last token of a row, so it must not be padding.
_READS_LAST = frozenset({"xlnet"})
# Positions of these begin behind the padding id, so that many fewer tokens fit.
_OFFSET_POSITIONS = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke",
    "markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip


# What transformers raises on files that are damaged or do not belong together.
_BROKEN = (
    ValueError, OSError, KeyError, TypeError, AssertionError, RuntimeError, SafetensorError,
    StrictDataclassError,
)  # fmt: skip


def load_config(folder: Path, sizes: dict[str, Any] | None = None) -> Any:
    """The transformers config of a model folder, with some sizes replaced.

    Raises:
        ModelError: transformers does not know the model's type, or the file is damaged.
        ConfigError: a size is not a key of the config, or its value is of another type.
    """
    from transformers import AutoConfig

    try:
        # False, not the default: transformers would ask on the terminal whether to run the code.
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except _BROKEN as error:
        raise ModelError(
            f"transformers cannot read its config: {_line(error)}",
            where=str(folder / "config.json"),
            rule="model_type must be one that the installed transformers knows; code in a model "
            "folder is never run",
            remedy="choose another model",
        ) from error
    set_sizes(config, sizes or {})
    return config


def set_sizes(config: Any, sizes: Mapping[str, Any]) -> None:
    """Put sizes into a transformers config.

    Raises:
        ConfigError: a size is not a key of the config, or its value is of another type.
    """
    settings = [*config.to_dict(), *config.attribute_map]
    for key, value in sizes.items():
        if key not in settings:
            raise ConfigError(
                f"{config.model_type} has no size {key!r}",
                where=f"model.config.{key}",
                remedy=did_you_mean(key, settings),
            )
        try:
            setattr(config, key, value)
        except _BROKEN as error:
            raise _unfit_size(f"model.config.{key}", error) from error


@contextmanager
def refuse_unfit_sizes() -> Iterator[None]:
    """While active, what transformers says of sizes that do not fit each other is a ConfigError."""
    try:
        yield
    except _BROKEN as error:
        raise _unfit_size("model.config", error) from error


def _unfit_size(where: str, error: BaseException) -> ConfigError:
    return ConfigError(
        f"transformers refuses it: {_line(error, -1)}",
        where=where,
        rule="the sizes of a model must fit each other",
        remedy="correct or remove it",
    )


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, with a padding token.

    A model without one (GPT-2) pads with its end token, whose id is then also set in its config.

    Raises:
        ModelError: transformers cannot open it.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises the bare class
        raise ModelError(
            f"transformers cannot open the tokenizer: {_line(error)}",
            where=str(folder),
            rule="a model folder holds tokenizer.json",
            remedy="save the tokenizer into the folder",
        ) from error
    return with_padding(tokenizer, str(folder))


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


def open_saved(
    folder: Path, dtype: Literal["float32", "float64"] = "float32"
) -> tuple[Any, list[str]]:
    """A model as it was saved, head and all, in transformers' code.

    Args:
        folder: what ``hfdl.weights.resolve.find_model`` gives.
        dtype: of the weights.

    Returns:
        the model in eval mode, of the transformers class that its config names, or an
        ``AutoModel`` where it names none; and the names of the parameters that were not in the
        folder.

    Raises:
        ModelError: as ``build_pretrained``.
    """
    import transformers
    from transformers import PreTrainedModel

    name = saved_class_name(folder) or ""
    saved_class = getattr(transformers, name, None)
    is_model = isinstance(saved_class, type) and issubclass(saved_class, PreTrainedModel)
    section = ModelConfig(name=str(folder), dtype=dtype)
    model, missing = build_pretrained(name if is_model else "AutoModel", folder, section)
    return model.eval(), missing


def build_pretrained(
    auto_class: str | type[Any],
    folder: Path,
    model: ModelConfig,
    *,
    config: Any = None,
    **settings: Any,
) -> tuple[torch.nn.Module, list[str]]:
    """A transformers model for a task.

    Args:
        auto_class: name of the Auto class, such as ``AutoModelForSequenceClassification``; or a
            subclass of ``PreTrainedModel`` of the user's own.
        folder: the model's folder.
        model: the recipe's ``model`` section; with ``config`` the weights are random.
        config: what ``load_config`` gave for both; it is left as it is. None: it is read here.
        settings: keys of the transformers config: labels, problem type, padding id.

    Returns:
        the model, and the names of the parameters that were not in the folder: those of a new
        head, or all of them where the model is trained from scratch.

    Raises:
        ModelError: the folder's weights do not fit its config, or no such head exists.
        ConfigError: the sizes in ``model.config`` do not fit each other.
    """
    import transformers

    config = load_config(folder, model.config) if config is None else copy.deepcopy(config)
    for key, value in settings.items():
        setattr(config, key, value)
    if isinstance(auto_class, str):
        refuse_own_class(config, str(folder))
        auto = getattr(transformers, auto_class)
    else:
        auto = auto_class
    dtype = getattr(torch, model.dtype)
    if model.config is not None:
        with refuse_unfit_sizes():
            new_model = (
                auto.from_config(config, dtype=dtype, trust_remote_code=False)
                if isinstance(auto_class, str)
                else auto._from_config(config, dtype=dtype)
            )
        return new_model, [name for name, _ in new_model.named_parameters()]
    with quiet_transformers():
        try:
            loaded, info = auto.from_pretrained(
                folder, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False,
                # A head for other labels is replaced by a new one.
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
        except _BROKEN as error:
            raise ModelError(
                f"transformers cannot load the weights: {_line(error)}",
                where=str(folder),
                rule=f"{auto.__name__} must know the model's type and its weights must fit",
                remedy="check the folder, or choose another model",
            ) from error
    new = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    _refuse_new_body(loaded, new, folder)
    return loaded, new


def refuse_own_class(config: Any, folder: str) -> None:
    """Refuse to open the weights of a class of the user's own as those of another.

    Raises:
        ModelError: the config records such a class.
    """
    record = recorded(config, CLASS_RECORD)
    if record is not None:
        raise ModelError(
            f"its weights belong to the class {record['name']}",
            where=folder,
            rule="train, evaluate, predict and the pipelines open a class of your own; nothing "
            "else knows what it computes",
            remedy="to train it further, name the class: "
            + as_override("model.class", str(record["name"])),
        )


def _refuse_new_body(model: torch.nn.Module, new: list[str], folder: Path) -> None:
    """A body with holes would train from noise, and nobody would notice.

    A pooler may be new: masked language models are saved without one.
    """
    body = [n for n, _ in model.named_parameters() if n.startswith(f"{model.base_model_prefix}.")]
    absent = [name for name in body if name in new and "pooler" not in name]
    if absent:
        raise ModelError(
            f"{len(absent)} of the {len(body)} tensors of the model's body are not in its weights, "
            f"or not in this shape, for instance {min(absent)!r}",
            where=str(folder),
            rule="weights and config must belong together",
            remedy="check the folder; to train from scratch, give model.config={}",
        )


def length_limit(tokenizer: Any, config: Any) -> int | None:
    """Most tokens that a model takes in one row; None where there is no limit."""
    limits = [position_limit(tokenizer, config)]
    if tokenizer.model_max_length < _NO_LIMIT:
        limits.append(int(tokenizer.model_max_length))
    return min((limit for limit in limits if limit is not None), default=None)


def position_limit(tokenizer: Any, config: Any) -> int | None:
    """Most tokens that a model has positions for; None where there is no limit."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return None
    offset = config.model_type.removeprefix(OWN_TYPES) in _OFFSET_POSITIONS
    return positions - (tokenizer.pad_token_id + 1 if offset else 0)


def limit_generation(model: Any, longest: int | None) -> None:
    """Let ``generate`` end within what a model takes, prompt included, where nothing else is asked.

    transformers' text-generation pipeline asks for 256 new tokens, which a model with fewer
    positions cannot write; with ``max_length`` in its generation config it stops there, and a
    prompt that is longer is refused by name.

    Args:
        model: changed in place; a model that does not generate is left as it is.
        longest: most tokens; None: there is no limit.
    """
    settings = getattr(model, "generation_config", None)
    if longest is None or settings is None or not model.can_generate():
        return
    if settings.max_new_tokens is None:
        settings.max_length = min(settings.max_length or longest, longest)


def padding_side(config: Any) -> str:
    """The side on which rows are padded, whatever the tokenizer says.

    Most models count positions from the left edge, padding included (GPT-2 and BERT do), so that
    padding on the left would move a text; their heads find its first or last token themselves.
    """
    return "left" if config.model_type in _READS_LAST else "right"


class quiet_transformers:  # noqa: N801  # used as a function: with quiet_transformers(): ...
    """Hold back transformers' table of new head weights: that they are new is the point."""

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


def _line(error: BaseException, index: int = 0) -> str:
    """One line of an error's message; of an empty message the error's name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[index]
