"""``tokenizer.json`` back into a tokenizer: the files that ``save`` writes.

The format can hold more than this package has. Such a file is refused, and the part named: ids
that are nearly right would be worse.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hfdl.errors import DataError
from hfdl.tokenizers.bpe import BPETokenizer
from hfdl.tokenizers.byte_level_bpe import ByteLevelBPETokenizer
from hfdl.tokenizers.character import CharacterTokenizer
from hfdl.tokenizers.export import PRE_TOKENIZERS_JSON, tokenizer_json
from hfdl.tokenizers.load import read_text
from hfdl.tokenizers.marks import Marks
from hfdl.tokenizers.normalizers import BertNormalizer
from hfdl.tokenizers.tokenizer import Tokenizer
from hfdl.tokenizers.vocabulary import Vocabulary
from hfdl.tokenizers.word import WordTokenizer
from hfdl.tokenizers.wordpiece import WordPieceTokenizer


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a ``tokenizer.json``.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read, or holds what this package has no step for.
    """
    path = Path(path)
    try:
        content = json.loads(read_text(path))
        tokenizer = _build(content)
        missed = [key for key, value in tokenizer_json(tokenizer).items() if content[key] != value]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _refused(path, f"not a tokenizer.json ({error!r})") from None
    # Written again it must be the same file: then nothing that was in it has been passed over.
    if missed:
        raise _refused(path, f"its {missed[0]} is {json.dumps(content[missed[0]])[:200]}")
    return tokenizer


def _build(content: dict[str, Any]) -> Tokenizer:
    """The tokenizer that comes nearest to the content."""
    model, cut = content["model"], content["pre_tokenizer"]
    special = [token["content"] for token in content["added_tokens"]]
    vocabulary = Vocabulary(sorted(model["vocab"], key=model["vocab"].get), special)
    normalizer = _normalizer(content["normalizer"])
    name = next((n for n, value in PRE_TOKENIZERS_JSON.items() if value == cut), "words")
    match model["type"], cut["type"]:
        case "BPE", "ByteLevel":
            return ByteLevelBPETokenizer(
                vocabulary, [(left, right) for left, right in model["merges"]],
                add_prefix_space=cut["add_prefix_space"],
            )  # fmt: skip
        case "BPE", _:
            marks = Marks(
                model["continuing_subword_prefix"] or "", model["end_of_word_suffix"] or ""
            )
            return BPETokenizer(
                vocabulary, [(left, right) for left, right in model["merges"]],
                unknown=model["unk_token"], marks=marks, normalizer=normalizer, pre_tokenizer=name,
            )  # fmt: skip
        case "WordPiece", _:
            return WordPieceTokenizer(
                vocabulary, unknown=model["unk_token"], prefix=model["continuing_subword_prefix"],
                longest_word=model["max_input_chars_per_word"], normalizer=normalizer,
                pre_tokenizer=name, cleanup=content["decoder"]["cleanup"],
            )  # fmt: skip
        case "WordLevel", _ if name == "characters":
            return CharacterTokenizer(vocabulary, unknown=model["unk_token"], normalizer=normalizer)
        case _:
            return WordTokenizer(
                vocabulary, unknown=model["unk_token"], normalizer=normalizer, pre_tokenizer=name
            )


def _normalizer(content: dict[str, Any] | None) -> BertNormalizer | None:
    if content is None:
        return None
    return BertNormalizer(
        clean_text=content["clean_text"], chinese=content["handle_chinese_chars"],
        lowercase=content["lowercase"], strip_accents=content["strip_accents"],
    )  # fmt: skip


def _refused(path: Path, problem: str) -> DataError:
    return DataError(
        problem,
        where=str(path),
        rule="hfdl.tokenizers opens what its own tokenizers save",
        remedy="open it with tokenizers.Tokenizer.from_file or transformers.AutoTokenizer",
    )
