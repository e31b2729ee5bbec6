"""WordPiece: the library's vocabulary and ids, and the package's own learned tokenizer's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from helpers.tokenizer_library import (
    ANY,
    FEW,
    HOSTILE,
    library_wordpiece,
    newer_than_bert,
    tie_free_limits,
)
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.train_tokenizer import learn_tokenizer
from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import BertNormalizer, Vocabulary, WordPieceTokenizer
from hfdl.tokenizers.tokenizer import tokenizer_json
from hfdl.tokenizers.wordpiece import BERT_SPECIAL

BERT = BertNormalizer()
FAMILY = (
    "unhappy unkind unfair undo untie happy happiness kindness fairness darkness sadness "
    "sad dark fair kind happier do tie"
)


def known(text: str) -> str:
    """Without the characters for which the library's tables are of another year."""
    return "".join(char for char in text if char not in newer_than_bert())


def same(ours: WordPieceTokenizer, library: Any, texts: Iterable[str]) -> None:
    """The whole file is the same, and so are ids, tokens and what they decode to."""
    assert tokenizer_json(ours) == json.loads(library.to_str())
    for text in texts:
        same_text(ours, library, text)


def same_text(ours: WordPieceTokenizer, library: Any, text: str) -> None:
    found = library.encode(text)
    assert ours.tokenize(text) == found.tokens
    assert ours.encode(text) == found.ids
    assert ours.decode(found.ids) == library.decode(found.ids, skip_special_tokens=False)
    assert ours.decode(found.ids, skip_special=True) == library.decode(found.ids)


def test_corpora_train_to_the_library_s_vocabulary(corpus: list[str]) -> None:
    corpus = [known(text) for text in corpus]
    ours = WordPieceTokenizer.train(corpus, 1200, min_frequency=2)
    library = library_wordpiece(
        corpus, 1200, min_frequency=2, special=BERT_SPECIAL, normalizer=BERT
    )
    assert sum(len(token.removeprefix("##")) > 1 for token in ours.vocabulary) > 15
    same(ours, library, [*corpus[:200], *map(known, HOSTILE)])


def test_the_package_s_own_learned_tokenizer_is_the_same(corpus: list[str]) -> None:
    """``hfdl.data`` has the library number the marked characters first, and so can this."""
    corpus = [known(text) for text in corpus]
    learned = learn_tokenizer("wordpiece", corpus, 1200, masks=True)
    tokens = learned.convert_ids_to_tokens(range(len(learned)))
    first = [token for token in tokens if token.startswith("##") and len(token) == 3]
    assert tokens[5 : 5 + len(first)] == first == sorted(first)
    ours = WordPieceTokenizer.train(corpus, 1200, first_pieces=first)
    assert list(ours.vocabulary) == tokens
    for text in corpus[:200]:
        assert ours.encode(text) == learned(text, add_special_tokens=False)["input_ids"]


@given(
    FEW, st.integers(25, 70),
    st.fixed_dictionaries({
        "min_frequency": st.integers(0, 3),
        "initial_alphabet": st.sampled_from([[], ["a", "x"], ["é", "z", "ß"]]),
        "pre_tokenizer": st.sampled_from(["whitespace", "words", "bert"]),
        "prefix": st.sampled_from(["##", "#", "@@"]),
        "normalizer": st.sampled_from([None, BERT, BertNormalizer(lowercase=False)]),
    }),
)  # fmt: skip
def test_ties_are_broken_as_the_library_breaks_them(
    texts: list[str], size: int, settings: Any
) -> None:
    if not "".join(texts).strip():
        return
    ours = WordPieceTokenizer.train(texts, size, **settings)
    same(ours, library_wordpiece(texts, size, special=BERT_SPECIAL, **settings), texts)


@given(FEW, st.data())
def test_a_limited_alphabet(texts: list[str], data: st.DataObject) -> None:
    texts = ["".join(text.split()) for text in texts]
    limits = tie_free_limits(texts)
    if not limits:
        return
    settings: Any = {
        "limit_alphabet": data.draw(st.sampled_from(limits)), "pre_tokenizer": "whitespace",
        "normalizer": None,
    }  # fmt: skip
    ours = WordPieceTokenizer.train(texts, 60, **settings)
    same(ours, library_wordpiece(texts, 60, special=BERT_SPECIAL, **settings), texts)


@cache
def hostile() -> tuple[WordPieceTokenizer, Any]:
    """Ours and the library's, of half of the hostile texts, so that some words are unknown."""
    texts = [known(text) for text in HOSTILE[::2] * 2]
    ours = WordPieceTokenizer.train(texts, 600)
    return ours, library_wordpiece(texts, 600, special=BERT_SPECIAL, normalizer=BERT)


@given(ANY.map(known))
def test_any_text_has_the_library_s_ids(text: str) -> None:
    same_text(*hostile(), text)


def test_hostile_texts_have_the_library_s_ids() -> None:
    same(*hostile(), map(known, HOSTILE))


@given(st.lists(st.integers(0, 200), max_size=30), st.booleans())
def test_any_ids_decode_as_the_library_decodes_them(ids: list[int], cleanup: bool) -> None:
    from tokenizers.decoders import WordPiece

    ours = WordPieceTokenizer(hostile()[0].vocabulary, cleanup=cleanup)
    tokens = [ours.vocabulary.token(i) for i in ids]
    assert ours.decode(ids) == WordPiece(cleanup=cleanup).decode(tokens)


def test_unhappiness_splits_into_learned_pieces() -> None:
    ours = WordPieceTokenizer.train([FAMILY] * 10, 62)
    assert "unhappiness" not in FAMILY.split()
    assert ours.tokenize("Unhappiness!") == ["un", "##happ", "##iness", "[UNK]"]
    assert ours.decode(ours.encode("Unhappiness")) == "unhappiness"


def test_the_longest_piece_is_taken_from_the_left() -> None:
    vocabulary = Vocabulary(["[UNK]", "a", "ab", "##b", "##bc", "##c", "abcd"])
    ours = WordPieceTokenizer(vocabulary)
    assert ours.tokenize("abc") == ["ab", "##c"]  # not a ##bc
    assert ours.tokenize("abcd abcc") == ["abcd", "ab", "##c", "##c"]
    assert ours.tokenize("abcx") == ["[UNK]"]  # the whole word
    assert ours.tokenize("[UNK]") == ["[UNK]", "[UNK]", "[UNK]"]  # no special token here


def test_a_word_of_101_characters_is_unknown() -> None:
    ours = WordPieceTokenizer(Vocabulary(["[UNK]", "a", "##a"]))
    assert ours.tokenize("a" * 100) == ["a"] + ["##a"] * 99
    assert ours.tokenize("a" * 101) == ["[UNK]"]


def test_decoding_cleans_up() -> None:
    vocabulary = Vocabulary(["[UNK]", "do", "n't", ".", "it", "'s", "##s"])
    ids = [vocabulary.id(token) for token in ["do", "n't", "it", "'s", "do", "##s", "."]]
    assert WordPieceTokenizer(vocabulary).decode(ids) == "don't it's dos."
    assert WordPieceTokenizer(vocabulary, cleanup=False).decode(ids) == "do n't it 's dos ."


def test_the_wrong_is_refused() -> None:
    with pytest.raises(ConfigError) as unknown:
        WordPieceTokenizer(Vocabulary(["a"]))
    assert_wording(unknown.value)
    with pytest.raises(ConfigError, match=r"vocab_size: 9 tokens are too few; .*: 10 at least"):
        WordPieceTokenizer.train(["abc"], 9)
    assert len(WordPieceTokenizer.train(["abc"], 10).vocabulary) == 10
    with pytest.raises(DataError, match="there is no word"):
        WordPieceTokenizer.train(["\x00"], 100)
    with pytest.raises(DataError, match=r"no token has the id -1; ids are 0 to "):
        hostile()[0].decode([-1])
