"""Byte-level BPE: the library's merges and ids, and nothing lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers.tokenizer_library import ANY, FEW, HOSTILE, library_byte_level
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import ByteLevelBPETokenizer, Vocabulary, bytes_to_unicode
from hfdl.tokenizers.byte_level_bpe import byte_words
from hfdl.tokenizers.tokenizer import tokenizer_json

END = "<|endoftext|>"


@cache
def both() -> tuple[ByteLevelBPETokenizer, Any]:
    """Ours and the library's, trained on the hostile texts."""
    return ByteLevelBPETokenizer.train(HOSTILE * 3, 600), library_byte_level(HOSTILE * 3, 600)


def same(ours: ByteLevelBPETokenizer, library: Any, texts: list[str]) -> None:
    """The whole file is the same, and so are ids, tokens and what they decode to."""
    assert tokenizer_json(ours) == json.loads(library.to_str())
    for text in texts:
        found = library.encode(text)
        assert ours.encode(text) == found.ids
        assert ours.tokenize(text) == found.tokens
        assert ours.decode(found.ids) == library.decode(found.ids, skip_special_tokens=False)


def test_corpora_train_to_the_library_s_merges_and_ids(corpus: list[str]) -> None:
    ours = ByteLevelBPETokenizer.train(corpus, 900, min_frequency=2)
    library = library_byte_level(corpus, 900, min_frequency=2)
    assert len(ours.merges) > 50
    same(ours, library, [*corpus[:200], *HOSTILE])


@pytest.mark.needs_shared
@pytest.mark.slow
def test_a_whole_corpus_trains_to_the_library_s_merges(shared: Callable[[str], Path]) -> None:
    text = shared("data/tinyshakespeare/input.txt").read_text(encoding="utf-8")
    texts = text.splitlines(keepends=True)
    start = time.process_time()
    ours = ByteLevelBPETokenizer.train(texts, 257 + 5000)
    assert time.process_time() - start < 60
    assert len(ours.merges) == 5000
    same(ours, library_byte_level(texts, 257 + 5000), texts[:2000])
    assert ours.decode(ours.encode(text)) == text


@given(FEW, st.integers(257, 320), st.integers(0, 3), st.booleans())
def test_ties_are_broken_as_the_library_breaks_them(
    texts: list[str], size: int, least: int, space: bool
) -> None:
    if not any(texts):
        return
    settings = {"min_frequency": least, "add_prefix_space": space}
    ours = ByteLevelBPETokenizer.train(texts, size, **settings)
    same(ours, library_byte_level(texts, size, **settings), texts)


@given(ANY)
def test_any_text_has_the_library_s_ids(text: str) -> None:
    ours, library = both()
    assert ours.encode(text) == library.encode(text).ids


@given(st.text())  # unassigned characters too
def test_any_text_comes_back(text: str) -> None:
    assert both()[0].decode(both()[0].encode(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_back(text: str) -> None:
    assert both()[0].decode(both()[0].encode(text)) == text


@given(st.lists(st.integers(0, 599), max_size=30))
def test_any_ids_decode_as_the_library_decodes_them(ids: list[int]) -> None:
    ours, library = both()
    assert ours.decode(ids) == library.decode(ids, skip_special_tokens=False)
    assert ours.decode(ids, skip_special=True) == library.decode(ids)


def test_a_space_before_the_text() -> None:
    ours = ByteLevelBPETokenizer.train(["the sea the sea"], 270, add_prefix_space=True)
    assert ours.tokenize("sea") == ours.tokenize(" sea")
    assert ours.decode(ours.encode("sea")) == " sea"
    assert ours.encode("") == []
    assert ours.tokenize(f"sea{END}sea") == [*ours.tokenize(" sea"), END, *ours.tokenize(" sea")]


def test_a_special_token_is_one_token() -> None:
    ours, library = both()
    assert ours.encode(END) == [0] == library.encode(END).ids
    assert ours.decode([0, 5], skip_special=True) == ours.decode([5])
    assert ours.decode(ours.encode(f"é{END}é")) == f"é{END}é"


def test_bytes_as_characters() -> None:
    table = bytes_to_unicode()
    assert sorted(table) == list(range(256))
    assert len(set(table.values())) == 256
    assert not any(char.isspace() or not char.isprintable() for char in table.values())
    assert (table[ord("a")], table[ord(" ")], table[ord("\n")], table[0xAD]) == ("a", "Ġ", "Ċ", "Ń")
    assert byte_words("it's é") == ["it", "'s", "ĠÃ©"]


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        ByteLevelBPETokenizer.train(["a"], 256)
    assert_wording(error.value)
    with pytest.raises(DataError, match=r"texts: there is no word in the texts; a tokenizer is"):
        ByteLevelBPETokenizer.train([], 300)
    with pytest.raises(DataError, match=r"vocabulary: no token has the id 700; ids are 0 to 599"):
        both()[0].decode([700])
    with pytest.raises(DataError) as damaged:
        ByteLevelBPETokenizer(Vocabulary(["a", "b"]), [("a", "b")])
    assert_wording(damaged.value)
    with pytest.raises(DataError) as half:
        both()[0].encode("ab\ud800")
    assert_wording(half.value)
    with pytest.raises(DataError, match="half a character"):
        ByteLevelBPETokenizer.train(["\udfff"], 300)
