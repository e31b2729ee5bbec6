"""What a model reads: the tokens of a text, and those of a target for a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hfdl.errors import ConfigError, DataError, ModelError
from hfdl.interpret.opening import OpenModel
from hfdl.weights.pretrained import length_limit, quiet_transformers

MAX_NEW_TOKENS = 64
"""Tokens of a target text that a model writes itself, at most."""


def encoded(opened: OpenModel, text: str, where: str, **options: Any) -> dict[str, Tensor]:
    """The model's inputs for a text: (1, T) each.

    Args:
        opened: the model and its tokenizer.
        text: the text.
        where: what the text is called in an error.
        options: for the tokenizer in the text's place, such as ``text_target``.

    Raises:
        DataError: no tokens, or more than the model reads.
    """
    encoding = opened.tokenizer(**(options or {"text": text}), return_tensors="pt", verbose=False)
    count = encoding["input_ids"].shape[-1]
    if count == 0:
        raise DataError(
            f"{text!r} has no tokens", where=where, rule="there must be something to attend to",
            remedy="give a text of a word at least",
        )  # fmt: skip
    most = length_limit(opened.tokenizer, opened.model.config)
    if most is not None and count > most:
        raise DataError(
            f"the text has {count} tokens",
            where=where,
            rule=f"{opened.name} reads {most} at most",
            remedy="shorten it",
        )
    device = next(opened.model.parameters()).device
    return {name: value.to(device) for name, value in encoding.items()}


def decoder_ids(opened: OpenModel, inputs: Mapping[str, Tensor], target: str | None) -> Tensor:
    """What the decoder has read (1, T), its start token first.

    Args:
        opened: an encoder-decoder model.
        inputs: the encoder's.
        target: the text; default: what the model itself writes, greedily.

    Raises:
        ConfigError: there is no decoder beside an encoder, or nothing that could write.
        DataError: the text has no tokens, or more than the model reads.
    """
    if not opened.is_pair:
        raise ConfigError(
            f"{opened.name} has no decoder beside an encoder",
            where="target",
            rule="only an encoder-decoder model reads two texts",
            remedy="leave it out",
        )
    if target is None:
        return _written(opened, inputs)
    labels = encoded(opened, target, "target", text_target=target)["input_ids"]
    if hasattr(opened.model, "prepare_decoder_input_ids_from_labels"):
        return opened.model.prepare_decoder_input_ids_from_labels(labels=labels)
    start = torch.full_like(labels[:, :1], opened.model.config.decoder_start_token_id)
    return torch.cat([start, labels[:, :-1]], dim=1)


def _written(opened: OpenModel, inputs: Mapping[str, Tensor]) -> Tensor:
    if not (hasattr(opened.model, "can_generate") and opened.model.can_generate()):
        raise ConfigError(
            f"{opened.name} cannot write a target text itself",
            where="target",
            rule="a model without a language model head has to be given one",
            remedy="give target",
        )
    with torch.no_grad(), quiet_transformers():  # it has a word on every limit set twice
        ids = opened.model.generate(
            **opened.accepted(inputs), do_sample=False, num_beams=1, max_new_tokens=MAX_NEW_TOKENS
        )
    # The last token is what was written, and was not read any more.
    return ids[:, :-1] if ids.shape[1] > 1 else ids


def check_same_tokens(
    first: OpenModel, other: OpenModel, text: str, inputs: Mapping[str, Tensor]
) -> None:
    """Refuse a second model that reads a text as other tokens.

    Args:
        first: the model whose ``inputs`` these are.
        other: the second one.
        text: what both read.
        inputs: ``input_ids`` (1, T) and more.

    Raises:
        ModelError: the tokens differ; it names the first that does.
    """
    mine, theirs = (
        tuple(one.tokenizer.convert_ids_to_tokens(ids["input_ids"][0].tolist()))
        for one, ids in ((first, inputs), (other, encoded(other, text, "text")))
    )
    if mine != theirs:
        pairs = zip([*mine, "nothing"], [*theirs, "nothing"], strict=False)
        place, (a, b) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ModelError(
            f"the models read the text as other tokens: token {place} is {a!r} for {first.name} "
            f"and {b!r} for {other.name}",
            rule="only maps of the same tokens can be compared",
            remedy="compare a model with one that was trained from it",
        )
