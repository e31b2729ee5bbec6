"""Randomly initialised models, made from an architecture's name and its sizes."""

from __future__ import annotations

from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, ShapeError, listed, nearest
from hfdl.hf_models.build import in_asked_code
from hfdl.hf_models.own_architectures import OWN, OwnArchitecture
from hfdl.hf_models.registry import AUTO_CLASSES
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.model_config import refuse_unfit_sizes, set_sizes
from hfdl.weights.names import SCHEME, is_new_model
from hfdl.weights.vocabulary_size import tokenizer_size

HEADS: dict[Head, str] = {
    "causal_lm": "a causal LM",
    "masked_lm": "a masked LM",
    "sequence": "labels of texts",
    "token": "labels of tokens",
    "seq2seq": "a translation",
}
"""The heads that a model of random weights can have, in words."""
# Ids that a config is born with and that belong to another vocabulary.
_SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id")


def own_architecture(model: ModelConfig) -> OwnArchitecture | None:
    """hfdl's own architecture that a recipe names, such as ``hfdl://lstm``; None: it names none."""
    return OWN.get(_bare(model.name)) if is_new_model(model) else None


def reads_both_ways(model: ModelConfig) -> bool:
    """Whether it is a transformer encoder, which reads a text between special tokens."""
    return model.name in architectures("masked_lm")


def architectures(head: Head) -> list[str]:
    """The names that a recipe may give for a model with such a head.

    Args:
        head: a key of ``HEADS``.
    """
    own = [name for name, architecture in OWN.items() if head in architecture.heads]
    return [SCHEME + name for name in [*own, *(f.model_type for f in FAMILIES if head in f.cores)]]


def check_architecture(head: Head, model: ModelConfig) -> None:
    """Refuse an architecture that there is not.

    Raises:
        ConfigError: there is none of that name with such a head, or it is asked for in
            transformers' code, which has none.
    """
    names = architectures(head)
    if model.name not in names:
        # What all of them begin with would make any two alike.
        close = nearest(_bare(model.name), map(_bare, names))
        raise ConfigError(
            f"no architecture {model.name!r} for {HEADS[head]}",
            where="model.name",
            rule=f"there are: {listed(names)}",
            remedy=f"did you mean {SCHEME + close!r}?" if close else "choose one of these",
        )
    if own_architecture(model) is not None and model.implementation == "hf":
        raise ConfigError(
            f"transformers has no class of its own for {model.name}",
            where="model.implementation",
            rule="hf asks for transformers' own code",
            remedy="set model.implementation=auto",
        )


def check_sizes(head: Head, model: ModelConfig) -> dict[str, Any]:
    """The sizes of a new model but that of its vocabulary, which is learned.

    What the recipe asks for under ``vocab_size`` is an upper bound.

    Raises:
        ConfigError: an unknown architecture or size, or a value of another type; of hfdl's own
            architectures also one out of range.
    """
    check_architecture(head, model)
    sizes = dict(model.config or {})
    pieces = sizes.pop("vocab_size", 1)
    if type(pieces) is not int or pieces < 1:
        raise ConfigError(
            f"it cannot be {pieces!r}",
            where="model.config.vocab_size",
            rule="it is a whole number, 1 or more",
            remedy="correct or remove it",
        )
    own = own_architecture(model)
    if own is None:
        set_sizes(_config(model), sizes)  # refuses unknown ones
    else:
        own.check_sizes(model.name, sizes)
    return sizes


def default_config(head: Head, model: ModelConfig) -> Any:
    """The config of an architecture with the sizes that it has by default.

    Raises:
        ConfigError: as ``check_architecture``.
    """
    check_architecture(head, model)
    return _config(model)


def new_config(head: Head, model: ModelConfig, tokenizer: Any, **settings: Any) -> Any:
    """The transformers config of a new model.

    Args:
        head: a key of ``HEADS``.
        model: names the architecture; ``config`` holds its sizes.
        tokenizer: gives the size of the vocabulary and the special ids.
        settings: keys of the transformers config: labels, problem type.

    Raises:
        ConfigError: as ``check_sizes``.
    """
    sizes = check_sizes(head, model)
    default = _config(model)
    if hasattr(default, "num_key_value_heads"):
        # Else the family's own number, 32 or 8, stays behind beside other heads.
        set_sizes(default, sizes)
        sizes.setdefault("num_key_value_heads", default.num_attention_heads)
    with refuse_unfit_sizes():
        config = _config(model, **sizes)  # derives sizes from others: head_dim
    config.vocab_size = tokenizer_size(tokenizer)
    for name in _SPECIAL:
        if hasattr(config, name):
            setattr(config, name, getattr(tokenizer, name))
    if head == "causal_lm" and config.pad_token_id == config.eos_token_id:
        # As GPT-2's own: else transformers takes the ends of documents for padding, and warns; and
        # the embedding of a padding token learns nothing.
        config.pad_token_id = None
    if head == "seq2seq":
        config.decoder_start_token_id = tokenizer.bos_token_id
    for name, value in settings.items():
        setattr(config, name, value)
    return config


def build_new_model(
    head: Head, model: ModelConfig, tokenizer: Any, **settings: Any
) -> tuple[torch.nn.Module, list[str]]:
    """A model with random weights, as its family draws them.

    Args:
        head: a key of ``HEADS``.
        model: the recipe's section.
        tokenizer: its vocabulary is the model's.
        settings: keys of the transformers config: labels, problem type.

    Returns:
        hfdl's own code, or transformers' class for ``implementation: hf`` and for an attention
        that runs in it alone; and the names of all its parameters as saved files have them.

    Raises:
        ConfigError: an unknown architecture or size, or sizes that do not fit each other.
    """
    config = new_config(head, model, tokenizer, **settings)
    dtype = getattr(torch, model.dtype)
    try:
        with refuse_unfit_sizes():
            built = AUTO_CLASSES[head].from_config(config, dtype=dtype, trust_remote_code=False)
    except ConfigError as error:
        if own_architecture(model) is None:
            raise
        raise _unfit(error) from error
    names = [name for name, _ in built.named_parameters()]
    return in_asked_code(built, model)[0], names


def _bare(name: str) -> str:
    return name.removeprefix(SCHEME)


def _config(model: ModelConfig, **sizes: Any) -> Any:
    """The config of an architecture, with its defaults where no size is given."""
    from transformers import AutoConfig

    own = own_architecture(model)
    if own is not None:
        return own.config_class(**own.preset, **sizes)
    return AutoConfig.for_model(_bare(model.name), **sizes)


def _unfit(error: ConfigError) -> ConfigError:
    """What a model of hfdl's own says of its sizes, with the key of the recipe."""
    cause = error.__cause__
    is_shape = isinstance(cause, ShapeError)  # which is a ValueError, too
    said = cause if is_shape else error
    return ConfigError(
        said.problem,
        where="model.config",
        rule=said.rule or "the sizes of a model must fit each other",
        # A layer's own remedy may be an argument that no recipe has.
        remedy=(None if is_shape else said.remedy) or "correct or remove it",
    )
