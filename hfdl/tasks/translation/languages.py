"""From which language into which: what a model that knows several is told.

mBART and NLLB have a token for each language: the source's stands in the source, and the target's
is forced to be the first token of the translation. T5 reads a prefix ("translate English to
German: "), which ``task_specific_params`` of its config has by the names of both languages. A
Marian model of several targets reads ">>fra<<" before the source.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenizers import processors

from hfdl.config.schema import DataConfig
from hfdl.errors import ConfigError, did_you_mean

_PAIR = "translation_"


@dataclass(frozen=True)
class Languages:
    """What languages ask for.

    Args:
        source: the tokenizer of sources.
        target: the tokenizer of targets.
        prefix: stands before every source.
        forced: the first token of every translation; None: the model's own choice.
        settings: how to search, where the model says it for this pair of languages.
    """

    source: Any
    target: Any
    prefix: str = ""
    forced: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def set_defaults(self, model: Any) -> None:
        """Let ``generate`` search, and begin, as these languages ask, where it is told no other.

        Args:
            model: changed in place, if it has a ``generation_config``.
        """
        config = getattr(model, "generation_config", None)
        if config is None:
            return
        chosen = dict(self.settings)
        if self.forced is not None:
            chosen["forced_bos_token_id"] = self.forced
        if "max_new_tokens" in chosen:
            chosen["max_length"] = None  # transformers warns of both
        for name, value in chosen.items():
            setattr(config, name, value)

    def for_users(self, data: DataConfig) -> Any:
        """The tokenizer of sources, which also says what they are translated into."""
        if data.tgt_lang is None or not hasattr(self.source, "tgt_lang"):
            return self.source
        tokenizer = copy.deepcopy(self.source)
        tokenizer.tgt_lang = data.tgt_lang
        return tokenizer


def languages(tokenizer: Any, config: Any, data: DataConfig, *, is_plain: bool) -> Languages:
    """What the languages of a recipe ask of a model.

    Args:
        tokenizer: the model's; it is left as it is.
        config: the model's.
        data: with ``src_lang`` and ``tgt_lang``.
        is_plain: whether the model is not a run of hfdl's, so that its config alone says how
            it is to be asked.

    Raises:
        ConfigError: the model does not know a language; or it asks for a pair, and none is given.
    """
    pairs = _pairs(config)
    if data.src_lang is None and data.tgt_lang is None:
        if not is_plain or not pairs:
            return Languages(tokenizer, tokenizer)
        if len(pairs) == 1:
            return _of_pair(tokenizer, *pairs.values())
        raise _no_pair("no languages are given", "data.tgt_lang", pairs)
    name = f"{_PAIR}{data.src_lang}_to_{data.tgt_lang}"
    if name in pairs:
        return _of_pair(tokenizer, pairs[name])
    if pairs and not hasattr(tokenizer, "src_lang"):
        given = f"from {data.src_lang!r} into {data.tgt_lang!r} is no pair of the model's"
        raise _no_pair(given, "data.tgt_lang", pairs)
    return _of_tokens(tokenizer, data)


def _of_tokens(tokenizer: Any, data: DataConfig) -> Languages:
    """Languages that are tokens, or words in front, of the source and the target."""
    source, target = tokenizer, tokenizer
    if data.src_lang is not None:
        if not hasattr(tokenizer, "src_lang"):
            raise ConfigError(
                f"{type(tokenizer).__name__} has no language of sources", where="data.src_lang",
                rule="tokenizers such as mBART's and NLLB's have", remedy="set data.src_lang=null",
            )  # fmt: skip
        _token_of(tokenizer, data.src_lang, "data.src_lang")
        source = copy.deepcopy(tokenizer)
        source.src_lang = data.src_lang
    if data.tgt_lang is None:
        return Languages(source, target)
    marian = f">>{data.tgt_lang}<<"
    if marian in tokenizer.get_vocab():
        return Languages(source, target, prefix=f"{marian} ")
    forced = _token_of(tokenizer, data.tgt_lang, "data.tgt_lang")
    target = copy.deepcopy(tokenizer)
    # Tokenizers that know two languages would go back to that of their sources in every call.
    target._in_target_context_manager = True
    end = tokenizer.eos_token
    target.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{data.tgt_lang} $A {end}",
        special_tokens=[(data.tgt_lang, forced), (end, tokenizer.eos_token_id)],
    )
    return Languages(source, target, forced=forced)


def _of_pair(tokenizer: Any, params: Mapping[str, Any]) -> Languages:
    settings = {k: v for k, v in params.items() if k not in ("prefix", "max_length")}
    if "max_length" in params:  # of a decoder: its start token counts
        settings["max_new_tokens"] = params["max_length"] - 1
    return Languages(tokenizer, tokenizer, prefix=params.get("prefix", ""), settings=settings)


def _pairs(config: Any) -> dict[str, Any]:
    params = getattr(config, "task_specific_params", None) or {}
    return {k: v for k, v in params.items() if k.startswith(_PAIR) and "_to_" in k}


def _token_of(tokenizer: Any, language: str, where: str) -> int:
    vocabulary = tokenizer.get_vocab()
    if language in vocabulary:
        return vocabulary[language]
    codes = [
        token for token in getattr(tokenizer, "lang_code_to_id", None) or
        tokenizer.all_special_tokens if token in vocabulary and token[:1].isalpha()
    ]  # fmt: skip
    raise ConfigError(
        f"the model knows no language {language!r}",
        where=where,
        rule="a language is a token of its tokenizer",
        remedy=did_you_mean(language, codes) if codes else "leave it out",
    )


def _no_pair(problem: str, where: str, pairs: Mapping[str, Any]) -> ConfigError:
    known = ", ".join(name.removeprefix(_PAIR).replace("_to_", " to ") for name in pairs)
    return ConfigError(
        problem, where=where, rule=f"the model's pairs are: {known}",
        remedy="set data.src_lang and data.tgt_lang to one of them (src_lang=, tgt_lang= of a "
        "pipeline)",
    )  # fmt: skip
