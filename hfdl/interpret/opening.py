"""Opening a model as it was saved, head and all, to look into it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError
from hfdl.weights.pretrained import build_pretrained, load_tokenizer
from hfdl.weights.resolve import architecture, find_model


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model and its tokenizer.

    Args:
        model: in eval mode where it was opened here.
        tokenizer: its tokenizer.
        name: what a person calls it.
    """

    model: Any
    tokenizer: Any
    name: str

    @property
    def is_pair(self) -> bool:
        """Whether it is an encoder and a decoder."""
        return bool(getattr(self.model.config, "is_encoder_decoder", False))

    def accepted(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inputs that the model takes.

        Tokenizers make token types for models without them too, and forwards that take any
        keyword would swallow a target.
        """
        known = inspect.signature(self.model.forward).parameters
        needs = {"token_type_ids": "token_type_ids" in known, "decoder_input_ids": self.is_pair}
        return {name: value for name, value in inputs.items() if needs.get(name, True)}


def open_model(model: Any, tokenizer: Any = None) -> OpenModel:
    """Open a model of any kind, by the class that its config names.

    Args:
        model: a folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model; of a folder instead of its own.

    Raises:
        ModelError: it cannot be found or opened.
        ConfigError: an open model without its tokenizer.
    """
    if isinstance(model, str | Path):
        folder = find_model(str(model))
        loaded, _ = build_pretrained(_class_of(folder), folder, ModelConfig(name=str(folder)))
        return OpenModel(loaded.eval(), load_tokenizer(folder), _short(str(model)))
    if tokenizer is None:
        raise ConfigError(
            "an open model was given without its tokenizer",
            where="tokenizer",
            rule="only a folder brings its own",
            remedy="give tokenizer=...",
        )
    name = getattr(model, "name_or_path", "") or type(model).__name__
    return OpenModel(model, tokenizer, _short(name))


def _short(name: str) -> str:
    """A Hub id whole, the end of a path: what a title has room for."""
    return "/".join(Path(name).parts[-2:])


def _class_of(folder: Path) -> str:
    """The transformers class that a folder was saved from; AutoModel where it names none."""
    import transformers

    names = architecture(folder).get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    found = getattr(transformers, name, None) if isinstance(name, str) else None
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found.__name__
    return "AutoModel"
