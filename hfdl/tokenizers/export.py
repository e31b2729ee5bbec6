"""``tokenizer.json``: the file in which `tokenizers` and `transformers` keep a tokenizer.

``model`` holds the vocabulary and how words are cut into pieces; the other entries are the steps
before and after it. What hfdl has a step for, the library has one for, so ids are the same there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.errors import ConfigError
from hfdl.tokenizers.normalizers import BertNormalizer
from hfdl.tokenizers.pre_tokenizers import GPT2_PATTERN

if TYPE_CHECKING:
    from hfdl.tokenizers.tokenizer import Tokenizer

PRE_TOKENIZERS_JSON: dict[str, dict[str, Any]] = {
    "whitespace": {"type": "WhitespaceSplit"},
    "words": {"type": "Whitespace"},
    "bert": {"type": "BertPreTokenizer"},
    "gpt2": {"type": "Split", "pattern": {"Regex": GPT2_PATTERN}, "behavior": "Isolated",
             "invert": False},
    "characters": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated",
                   "invert": False},
}  # fmt: skip
"""Our names for pre-tokenizers, and the library's."""


def tokenizer_json(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of a ``tokenizer.json``.

    Raises:
        ConfigError: the tokenizer's normalizer is a function that the file has no name for.
    """
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": tokenizer.vocabulary.id(token), "content": token, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False, "special": True,
            }
            for token in tokenizer.vocabulary.special
        ],
        "normalizer": _normalizer_json(tokenizer.normalizer),
        "pre_tokenizer": tokenizer.pre_tokenizer_json(),
        "post_processor": None,
        "decoder": tokenizer.decoder_json(),
        "model": tokenizer.model_json(),
    }  # fmt: skip


def write_tokenizer_json(tokenizer: Tokenizer, path: str | Path) -> None:
    """Write the file.

    Raises:
        ConfigError: see ``tokenizer_json``.
    """
    text = json.dumps(tokenizer_json(tokenizer), ensure_ascii=False, indent=2)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def _normalizer_json(normalizer: object) -> dict[str, Any] | None:
    if normalizer is None:
        return None
    if not isinstance(normalizer, BertNormalizer):
        raise ConfigError(
            f"the normalizer {normalizer!r} cannot be written",
            where="tokenizer.json",
            rule="a file names steps that other programs know; those of BertNormalizer are known",
            remedy="use a BertNormalizer, or normalise texts before they are tokenized",
        )
    return {
        "type": "BertNormalizer", "clean_text": normalizer.clean_text,
        "handle_chinese_chars": normalizer.chinese, "strip_accents": normalizer.strip_accents,
        "lowercase": normalizer.lowercase,
    }  # fmt: skip
