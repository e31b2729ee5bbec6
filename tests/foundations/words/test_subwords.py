"""n-grams and buckets against gensim's, which read the models of fastText's own program."""

import pytest
from gensim.models.fasttext import ft_ngram_hashes
from gensim.models.fasttext_inner import compute_ngrams_bytes, ft_hash_bytes
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ConfigError
from hfdl.foundations.words.subwords import Subwords, character_ngrams, fasttext_hash

WORDS = st.text(max_size=12).filter(lambda word: not any(0xD800 <= ord(c) < 0xE000 for c in word))


def test_the_paper_s_example() -> None:
    assert character_ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]
    assert "<her>" in character_ngrams("her")
    assert "<her>" not in character_ngrams("where")


@given(WORDS, st.integers(1, 4), st.integers(0, 4))
def test_ngrams_are_gensim_s(word: str, shortest: int, more: int) -> None:
    theirs = compute_ngrams_bytes(word, shortest, shortest + more)
    ours = character_ngrams(word, shortest, shortest + more)
    assert [ngram.encode() for ngram in ours] == theirs


@given(WORDS, st.integers(1, 3_000_000))
def test_buckets_are_gensim_s(word: str, buckets: int) -> None:
    assert Subwords(3, 6, buckets).buckets_of(word) == list(ft_ngram_hashes(word, 3, 6, buckets))
    assert fasttext_hash(word) == ft_hash_bytes(word.encode())


def test_bytes_above_127_are_hashed_as_fasttext_does() -> None:
    """By FNV-1a itself "é" has another number: a negative control of the test above."""
    value = 2_166_136_261
    for byte in "é".encode():
        value = (value ^ byte) * 16_777_619 % 2**32
    assert fasttext_hash("é") == ft_hash_bytes("é".encode()) != value


@pytest.mark.parametrize("word", ["", "a", "\ud800", "日本", "👍👍👍", "a b"])
def test_words_at_the_edge_have_buckets(word: str) -> None:
    assert len(Subwords().buckets_of(word)) == len(character_ngrams(word))


@pytest.mark.parametrize("wrong", [(0, 3, 9), (4, 3, 9), (3, 6, 0)])
def test_settings_out_of_range_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match=r"n-grams of|0 buckets"):
        Subwords(*wrong)
