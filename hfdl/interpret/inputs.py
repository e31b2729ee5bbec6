"""Open a model with its tokenizer, and make its inputs of texts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hfdl.custom_attention.recipe import attend_as_trained
from hfdl.errors import ConfigError, DataError, ModelError
from hfdl.hf_models.saved import open_model
from hfdl.interpret.capture import is_encoder_decoder
from hfdl.weights.limits import length_limit
from hfdl.weights.pretrained import quiet_transformers
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_tokenizer import load_tokenizer, require_tokenizer
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer

MAX_NEW_TOKENS = 64
"""Tokens of a target text that a model writes itself, at most."""


@dataclass(frozen=True, eq=False)
class ModelWithTokenizer:
    """A model and the tokenizer that makes its inputs.

    Args:
        model: in eval mode where it was opened here.
        tokenizer: its tokenizer.
        name: what a person calls it.
    """

    model: Any
    tokenizer: Any
    name: str

    def encode(
        self, text: str, where: str, text_pair: str | None = None, **options: Any
    ) -> dict[str, Tensor]:
        """The model's inputs for a text, or for a pair of them: (1, T) each.

        Args:
            text: the text.
            where: what the text is called in an error.
            text_pair: the second text of a pair.
            options: for the tokenizer in the text's place, such as ``text_target``.

        Raises:
            DataError: no tokens, or more than the model reads.
        """
        given = options or {"text": text, "text_pair": text_pair}
        encoding = self.tokenizer(**given, return_tensors="pt", verbose=False)
        count = encoding["input_ids"].shape[-1]
        if count == 0:
            raise DataError(
                f"{text!r} has no tokens",
                where=where,
                rule="there must be something to attend to",
                remedy="give a text of a word at least",
            )
        most = length_limit(self.tokenizer, self.model.config)
        if most is not None and count > most:
            raise DataError(
                f"the text has {count} tokens",
                where=where,
                rule=f"{self.name} reads {most} at most",
                remedy="shorten it",
            )
        device = next(self.model.parameters()).device
        return {name: value.to(device) for name, value in encoding.items()}

    def decoder_ids(self, inputs: Mapping[str, Tensor], target: str | None) -> Tensor:
        """What the decoder has read (1, T), its start token first.

        Args:
            inputs: the encoder's.
            target: the text; default: what the model itself writes, the
            likeliest token at each step.

        Raises:
            ConfigError: there is no decoder beside an encoder, or nothing that could write.
            DataError: the text has no tokens, or more than the model reads.
        """
        if not is_encoder_decoder(self.model):
            raise ConfigError(
                f"{self.name} has no decoder beside an encoder",
                where="target",
                rule="only an encoder-decoder model reads two texts",
                remedy="leave it out",
            )
        if target is None:
            return self._generate(inputs)
        labels = self.encode(target, "target", text_target=target)["input_ids"]
        if hasattr(self.model, "prepare_decoder_input_ids_from_labels"):
            return self.model.prepare_decoder_input_ids_from_labels(labels=labels)
        start = torch.full_like(labels[:, :1], self.model.config.decoder_start_token_id)
        return torch.cat([start, labels[:, :-1]], dim=1)

    def accepted(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inputs that the model takes.

        Tokenizers make token types for models without them too, and forwards that take any
        keyword would swallow a target.
        """
        parameters = inspect.signature(self.model.forward).parameters
        takes = {
            "token_type_ids": "token_type_ids" in parameters,
            "decoder_input_ids": is_encoder_decoder(self.model),
        }
        return {name: value for name, value in inputs.items() if takes.get(name, True)}

    def _generate(self, inputs: Mapping[str, Tensor]) -> Tensor:
        if not (hasattr(self.model, "can_generate") and self.model.can_generate()):
            raise ConfigError(
                f"{self.name} cannot write a target text itself",
                where="target",
                rule="a model without a language model head has to be given one",
                remedy="give target",
            )
        with torch.no_grad(), quiet_transformers():  # it warns of every limit that is set twice
            ids = self.model.generate(
                **self.accepted(inputs), do_sample=False, num_beams=1, max_new_tokens=MAX_NEW_TOKENS
            )
        # The last token was written, and not read any more.
        return ids[:, :-1] if ids.shape[1] > 1 else ids


def open_with_tokenizer(model: Any, tokenizer: Any = None) -> ModelWithTokenizer:
    """Open a model of any kind, by the class that its config names.

    Args:
        model: a folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.

    Raises:
        ModelError: it cannot be found or opened.
        ConfigError: an open model without its tokenizer.
    """
    if isinstance(model, str | Path):
        folder, name = find_model(str(model)), str(model)
        where: str | None = str(folder)
        model = open_model(folder)
        attend_as_trained(model, where)
        tokenizer = load_tokenizer(folder)
    else:
        require_tokenizer(tokenizer)
        name = getattr(model, "name_or_path", "") or type(model).__name__
        where = None
    refuse_larger_tokenizer(model, tokenizer, where)
    # A Hub id whole, the end of a path: a title has room for no more.
    return ModelWithTokenizer(model, tokenizer, "/".join(Path(name).parts[-2:]))


def check_same_tokens(
    first: ModelWithTokenizer,
    inputs: Mapping[str, Tensor],
    other: ModelWithTokenizer,
    others: Mapping[str, Tensor],
) -> None:
    """Refuse a second model that reads a text as other tokens.

    Args:
        first: a model.
        inputs: its ``input_ids`` (1, T) of a text, and more.
        other: the second one.
        others: its inputs of the same text.

    Raises:
        ModelError: the tokens differ; it names the first that does.
    """
    mine, theirs = (
        tuple(one.tokenizer.convert_ids_to_tokens(ids["input_ids"][0].tolist()))
        for one, ids in ((first, inputs), (other, others))
    )
    if mine != theirs:
        pairs = zip([*mine, "nothing"], [*theirs, "nothing"], strict=False)
        index, (a, b) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ModelError(
            f"the models read the text as other tokens: token {index} is {a!r} for {first.name} "
            f"and {b!r} for {other.name}",
            rule="only maps of the same tokens can be compared",
            remedy="compare a model with one that was trained from it",
        )
