"""How long a model's rows may be, on which side they are padded, and whether types of 0 count."""

from __future__ import annotations

from typing import Any

from hfdl.weights.names import OWN_TYPES

# transformers puts this where a tokenizer has no limit of its own.
_NO_LIMIT = 1_000_000
# The heads of these read the last token of a row, so it must not be padding.
_READS_LAST = frozenset({"xlnet"})
# These add the word embedding of a token's type, so that 0 is not the same as no types.
_TYPES_ARE_WORDS = frozenset({
    "codegen", "ctrl", "flaubert", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "openai-gpt", "xlm",
})  # fmt: skip
# Positions of these begin behind the padding id, so that many fewer tokens fit.
_OFFSET_POSITIONS = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke",
    "markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip


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


def types_of_0_count(config: Any) -> bool:
    """Whether a model answers otherwise where all its ``token_type_ids`` are 0 than without any."""
    return config.model_type.removeprefix(OWN_TYPES) in _TYPES_ARE_WORDS
