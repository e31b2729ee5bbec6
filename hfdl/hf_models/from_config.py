"""Randomly initialised models, made from an architecture's name and its sizes."""

from __future__ import annotations

from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, ShapeError, nearest
from hfdl.hf_models.load import in_own_code
from hfdl.hf_models.word_models import SMALL
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.names import SCHEME
from hfdl.weights.pretrained import refuse_unfit_sizes, set_sizes

HEADS: dict[Head, str] = {
    "causal_lm": "AutoModelForCausalLM",
    "masked_lm": "AutoModelForMaskedLM",
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
}
"""The heads that a model of random weights can have, and their Auto classes."""
_NAMES: dict[Head, str] = {
    "causal_lm": "a causal LM",
    "masked_lm": "a masked LM",
    "sequence": "labels of texts",
    "token": "labels of tokens",
}
# Ids that a config is born with and that belong to another vocabulary.
_SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id")


def is_new_model(model: ModelConfig) -> bool:
    """Whether a recipe names an architecture (``hfdl://gpt2``) instead of a saved model."""
    return model.name.startswith(SCHEME)


def is_small(model: ModelConfig) -> bool:
    """Whether it is one of the models over whole words, such as ``hfdl://lstm``."""
    return is_new_model(model) and _bare(model.name) in SMALL


def reads_both_ways(model: ModelConfig) -> bool:
    """Whether it is a transformer encoder, which reads a text between special tokens."""
    return model.name in architectures("masked_lm")


def architectures(head: Head) -> list[str]:
    """The names that a recipe may give for a model with such a head.

    Args:
        head: a key of ``HEADS``.
    """
    small = [name for name, architecture in SMALL.items() if head in architecture.heads]
    return [
        SCHEME + name for name in [*small, *(f.model_type for f in FAMILIES if head in f.cores)]
    ]


def check_architecture(head: Head, model: ModelConfig) -> str:
    """The name of a new model's architecture, without ``hfdl://``.

    Raises:
        ConfigError: there is none of that name with such a head, or it is asked for in
            transformers' code, which has none.
    """
    known = architectures(head)
    if model.name not in known:
        # What all of them begin with would make any two alike.
        close = nearest(_bare(model.name), map(_bare, known))
        raise ConfigError(
            f"no architecture {model.name!r} for {_NAMES[head]}",
            where="model.name",
            rule=f"there are: {', '.join(known)}",
            remedy=f"did you mean {SCHEME + close!r}?" if close else "choose one of these",
        )
    if is_small(model) and model.implementation == "hf":
        raise ConfigError(
            f"transformers has no class of its own for {model.name}",
            where="model.implementation",
            rule="hf asks for transformers' own code",
            remedy="leave it out",
        )
    return _bare(model.name)


def check_sizes(head: Head, model: ModelConfig) -> dict[str, Any]:
    """The sizes of a new model but that of its vocabulary, which is learned.

    What the recipe asks for under ``vocab_size`` is an upper bound.

    Raises:
        ConfigError: an unknown architecture or size, or a value of another type.
    """
    preset = _preset(head, model)
    sizes = {k: v for k, v in (model.config or {}).items() if k != "vocab_size"}
    for key in preset.keys() & sizes.keys():
        raise ConfigError(
            f"the name {model.name} already says it",
            where=f"model.config.{key}",
            rule=f"it is {preset[key]!r}",
            remedy="leave it out, or change model.name",
        )
    set_sizes(_default_config(head, model), sizes)  # refuses unknown ones
    return sizes


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
    from transformers import AutoConfig

    sizes = check_sizes(head, model)
    default = _default_config(head, model)
    if hasattr(default, "num_key_value_heads"):
        # Else the family's own number, 32 or 8, stays behind beside other heads.
        set_sizes(default, sizes)
        sizes.setdefault("num_key_value_heads", default.num_attention_heads)
    with refuse_unfit_sizes():
        # derives sizes from others: head_dim
        config = AutoConfig.for_model(default.model_type, **_preset(head, model), **sizes)
    config.vocab_size = len(tokenizer)
    for name in _SPECIAL:
        if hasattr(config, name):
            setattr(config, name, getattr(tokenizer, name))
    if head == "causal_lm" and config.pad_token_id == config.eos_token_id:
        # As GPT-2's own: else transformers takes the ends of documents for padding, and warns; and
        # the embedding of a padding token learns nothing.
        config.pad_token_id = None
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
        transformers' class, or hfdl's own code for ``implementation: hfdl`` and where
        transformers has none; and the names of all its parameters as saved files have them.

    Raises:
        ConfigError: an unknown architecture or size, or sizes that do not fit each other.
    """
    import transformers

    config = new_config(head, model, tokenizer, **settings)
    auto = getattr(transformers, HEADS[head])
    dtype = getattr(torch, model.dtype)
    try:
        with refuse_unfit_sizes():
            built = auto.from_config(config, dtype=dtype, trust_remote_code=False)
    except ConfigError as error:
        if not is_small(model):
            raise
        raise _unfit(error) from error
    names = [name for name, _ in built.named_parameters()]
    wants_own = model.implementation == "hfdl" and not is_small(model)
    return (in_own_code(built) if wants_own else built), names


def _bare(name: str) -> str:
    return name.removeprefix(SCHEME)


def _preset(head: Head, model: ModelConfig) -> dict[str, Any]:
    """The sizes that the architecture's name says."""
    name = check_architecture(head, model)
    return dict(SMALL[name].preset) if name in SMALL else {}


def _default_config(head: Head, model: ModelConfig) -> Any:
    from transformers import AutoConfig

    name = check_architecture(head, model)
    small = SMALL.get(name)
    model_type = name if small is None else small.config_class.model_type
    return AutoConfig.for_model(model_type, **_preset(head, model))


def _unfit(error: ConfigError) -> ConfigError:
    """What a model of hfdl's own says of its sizes, with the key of the recipe."""
    cause = error.__cause__
    said = cause if isinstance(cause, ShapeError) else error  # which is a ValueError, too
    return ConfigError(
        said.problem,
        where="model.config",
        rule=said.rule or "the sizes of a model must fit each other",
        remedy=said.remedy or "correct or remove it",
    )
