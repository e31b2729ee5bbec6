"""``tokenizer.json``: the library opens it and gives the same ids; so do transformers and we."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers.tokenizer_library import ANY, HOSTILE, newer_than_bert
from helpers.wording import assert_wording
from hypothesis import given
from tokenizers import Tokenizer as LibraryTokenizer

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import (
    BertNormalizer,
    BPETokenizer,
    ByteLevelBPETokenizer,
    CharacterTokenizer,
    Marks,
    Tokenizer,
    WordPieceTokenizer,
    WordTokenizer,
    load_tokenizer,
)
from hfdl.tokenizers.pre_tokenizers import PRE_TOKENIZERS
from hfdl.tokenizers.tokenizer import PRE_TOKENIZERS_JSON, tokenizer_json

TEXTS = [text for text in HOSTILE if not set(text) & newer_than_bert()] * 2
MADE: dict[str, Callable[[], Tokenizer]] = {
    "words": lambda: WordTokenizer.train(TEXTS, 90, special_tokens=["[UNK]", "[MASK]"]),
    "words by gpt2": lambda: WordTokenizer.train(TEXTS, pre_tokenizer="gpt2"),
    "characters": lambda: CharacterTokenizer.train(TEXTS, 120),
    "bpe": lambda: BPETokenizer.train(TEXTS, 500),
    "bpe, unmarked": lambda: BPETokenizer.train(
        TEXTS, 500, marks=Marks(), unknown=None, normalizer=BertNormalizer(strip_accents=False)
    ),
    "bpe, prefix": lambda: BPETokenizer.train(
        TEXTS, 600, marks=Marks("@"), pre_tokenizer="whitespace"
    ),
    "byte level": lambda: ByteLevelBPETokenizer.train(
        TEXTS, 500, special_tokens=["<s>", "<|endoftext|>"]
    ),
    "byte level, space": lambda: ByteLevelBPETokenizer.train(TEXTS, 500, add_prefix_space=True),
    "wordpiece": lambda: WordPieceTokenizer.train(TEXTS, 600),
    "wordpiece, cased": lambda: WordPieceTokenizer.train(
        TEXTS, 600, prefix="@@", unknown="<u>", special_tokens=[], normalizer=None
    ),
}  # fmt: skip


@cache
def made(name: str) -> Tokenizer:
    return MADE[name]()


@cache
def opened(name: str) -> Any:
    return LibraryTokenizer.from_str(json.dumps(tokenizer_json(made(name))))


@pytest.mark.parametrize("name", MADE)
@given(text=ANY)
def test_the_library_gives_the_same_ids_of_any_text(name: str, text: str) -> None:
    text = "".join(char for char in text if char not in newer_than_bert())
    ids = made(name).encode(text)
    assert opened(name).encode(text).ids == ids
    assert opened(name).decode(ids, skip_special_tokens=False) == made(name).decode(ids)
    assert opened(name).decode(ids) == made(name).decode(ids, skip_special=True)


@pytest.mark.parametrize("name", MADE)
def test_a_file_there_and_back(name: str, tmp_path: Path) -> None:
    ours, path = made(name), tmp_path / "tokenizer.json"
    ours.save(path)
    library: Any = LibraryTokenizer.from_file(str(path))
    again = load_tokenizer(path)
    assert type(again) is type(ours)
    assert json.loads(library.to_str()) == tokenizer_json(ours) == tokenizer_json(again)
    for text in [
        *TEXTS,
        "[MASK] <s>x<s> <u>",
        *(f"a{token}b" for token in ours.vocabulary.special),
    ]:
        ids = ours.encode(text)
        assert library.encode(text).ids == ids == again.encode(text)
        assert library.encode(text).tokens == ours.tokenize(text)
        assert again.decode(ids) == ours.decode(ids)


@pytest.mark.parametrize("name", MADE)
def test_transformers_opens_it(name: str, tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    ours = made(name)
    ours.save(tmp_path / "tokenizer.json")
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert len(theirs) == len(ours.vocabulary)
    for text in TEXTS[:40]:
        assert theirs(text)["input_ids"] == ours.encode(text)


def test_all_kinds_and_all_cuts_are_covered() -> None:
    kinds = {type(made(name)) for name in MADE}
    assert kinds == {
        WordTokenizer, CharacterTokenizer, BPETokenizer, ByteLevelBPETokenizer, WordPieceTokenizer
    }  # fmt: skip
    assert list(PRE_TOKENIZERS_JSON) == list(PRE_TOKENIZERS)
    assert {made(name).pre_tokenizer for name in MADE} == set(PRE_TOKENIZERS)


def test_the_longest_special_token_is_meant() -> None:
    ours = WordTokenizer.train(["a"], 9, special_tokens=["<a>", "<a><a>", "<a><b>"])
    library = LibraryTokenizer.from_str(json.dumps(tokenizer_json(ours)))
    for text in ("<a><a><a><b>a", "<a>", "<<a><b>>"):
        assert ours.encode(text) == library.encode(text).ids
    assert ours.tokenize("<a><a><a>") == ["<a><a>", "<a>"]


def test_a_normalizer_without_a_name_is_refused(tmp_path: Path) -> None:
    ours = WordTokenizer.train(["A b"], 9, normalizer=str.upper)
    assert ours.tokenize("a B") == ["A", "B"]
    with pytest.raises(ConfigError) as error:
        ours.save(tmp_path / "tokenizer.json")
    assert_wording(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"post_processor": {"type": "Sequence", "processors": []}}, "its post_processor is {"),
        ({"normalizer": {"type": "NFC"}}, "not a tokenizer.json .KeyError.'clean_text'"),
        ({"pre_tokenizer": {"type": "Metaspace"}}, 'its pre_tokenizer is {"type": "Metaspace"}'),
        ({"truncation": {"max_length": 5}}, "its truncation is"),
        ({"decoder": {"type": "Fuse"}}, "its decoder is"),
        ({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}, "json .TypeError.*vocab is list"),
        ({"model": None}, "not a tokenizer.json .AttributeError"),
    ],
)  # fmt: skip
def test_a_file_with_more_than_we_have_is_refused(
    change: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_json(made("bpe")) | change), encoding="utf-8")
    with pytest.raises(DataError, match=problem) as error:
        load_tokenizer(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith(
        "; hfdl.tokenizers opens what its own tokenizers save. Open it with "
        "tokenizers.Tokenizer.from_file or transformers.AutoTokenizer"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer.json: not a tokenizer.json"):
        load_tokenizer(path)
    with pytest.raises(DataError, match=r"absent.json: cannot be read \(No such file"):
        load_tokenizer(tmp_path / "absent.json")
