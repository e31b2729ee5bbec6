"""Language models that are trained from nothing: an architecture by name, sizes, fresh weights."""

from __future__ import annotations

from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, did_you_mean
from hfdl.weights.families import FAMILIES
from hfdl.weights.pretrained import in_own_code, refuse_unfit_sizes, set_sizes

SCHEME = "hfdl://"
HEADS = {"causal_lm": "AutoModelForCausalLM", "masked_lm": "AutoModelForMaskedLM"}
# Ids that a config is born with and that belong to another vocabulary.
_SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id")


def is_fresh(model: ModelConfig) -> bool:
    """Whether a recipe names an architecture (``hfdl://gpt2``) instead of a saved model."""
    return model.name.startswith(SCHEME)


def architectures(kind: str) -> list[str]:
    """The names that a recipe may give for a kind of language model.

    Args:
        kind: ``causal_lm`` or ``masked_lm``.
    """
    return [SCHEME + family.model_type for family in FAMILIES if kind in family.cores]


def check_architecture(kind: str, model: ModelConfig) -> str:
    """transformers' model type of a fresh model.

    Raises:
        ConfigError: there is none of that name with such a head.
    """
    known = architectures(kind)
    if model.name not in known:
        raise ConfigError(
            f"no architecture {model.name!r} for {kind}",
            where="model.name",
            rule=f"there are: {', '.join(known)}",
            remedy=did_you_mean(model.name, known),
        )
    return model.name.removeprefix(SCHEME)


def fresh_config(model: ModelConfig, tokenizer: Any) -> Any:
    """The transformers config of a fresh model.

    Args:
        model: names the architecture; ``config`` holds its sizes.
        tokenizer: gives the size of the vocabulary and the special ids.

    Raises:
        ConfigError: an unknown architecture or size, or a value of another type.
    """
    from transformers import AutoConfig

    kind = "masked_lm" if model.name in architectures("masked_lm") else "causal_lm"
    model_type = check_architecture(kind, model)
    # The vocabulary was learned: what the recipe asks for is an upper bound of its size.
    sizes = {k: v for k, v in (model.config or {}).items() if k != "vocab_size"}
    default = AutoConfig.for_model(model_type)
    set_sizes(default, sizes)  # refuses unknown ones
    if hasattr(default, "num_key_value_heads"):
        # Else the family's own number, 32 or 8, stays behind beside other heads.
        sizes.setdefault("num_key_value_heads", default.num_attention_heads)
    with refuse_unfit_sizes():
        config = AutoConfig.for_model(model_type, **sizes)  # derives sizes from others: head_dim
    config.vocab_size = len(tokenizer)
    for name in _SPECIAL:
        if hasattr(config, name):
            setattr(config, name, getattr(tokenizer, name))
    return config


def build_fresh(kind: str, model: ModelConfig, tokenizer: Any) -> tuple[torch.nn.Module, list[str]]:
    """A language model with random weights, as its family draws them.

    Args:
        kind: ``causal_lm`` or ``masked_lm``.
        model: the recipe's section.
        tokenizer: its vocabulary is the model's.

    Returns:
        transformers' class, or hfdl's own code for ``implementation: scratch``, and the names of
        all its parameters as transformers has them.

    Raises:
        ConfigError: an unknown architecture or size, or sizes that do not fit each other.
    """
    import transformers

    check_architecture(kind, model)
    config = fresh_config(model, tokenizer)
    auto = getattr(transformers, HEADS[kind])
    with refuse_unfit_sizes():
        built = auto.from_config(config, dtype=getattr(torch, model.dtype), trust_remote_code=False)
    names = [name for name, _ in built.named_parameters()]
    return (in_own_code(built) if model.implementation == "scratch" else built), names
