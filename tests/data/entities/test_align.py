"""Pieces and words: every word has a first piece, and each piece is its own word's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hfdl.data.entities.align import NO_WORD, Aligned, align

AWKWARD = [
    [],
    ["one"],
    ["a", "superb", "movie", "."],
    ["🎉", "fun", "👩‍👩‍👧", "!"],
    ["cafe\u0301", "A\u030aa"],  # combining marks
    ["a", "\u200b", "movie"],  # a zero-width space: WordPiece drops it
    ["\x07", "\u00ad", "bell"],  # all dropped, in a row
    ["a", "\u00a0", "b"],  # a no-break space is a word here
    ["北京", "是", "首都"],
    ["don't", "U.S.", "3.14", "--"],
    ["boring" * 40, "x"],
]


def joined(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words as a text, and where each stands."""
    spans, at = [], 0
    for word in words:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    return " ".join(words), spans


def aligned(tokenizer: Any, *sentences: list[str]) -> list[Aligned]:
    texts, spans = zip(*map(joined, sentences), strict=True)
    return align(tokenizer, texts, spans)


@pytest.fixture(params=["tiny_bert", "tiny_gpt2"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return AutoTokenizer.from_pretrained(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def merging() -> Any:
    """A tokenizer whose pieces reach across blanks: it merges 'b', ' ' and 'c' to 'b c'."""
    vocabulary = {piece: i for i, piece in enumerate(["[UNK]", *"abc ", " c", "b c"])}
    backend = Tokenizer(BPE(vocabulary, [(" ", "c"), ("b", " c")], unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[UNK]")


def test_every_word_has_a_first_piece_of_its_own(tokenizer: Any) -> None:
    for words, found in zip(AWKWARD, aligned(tokenizer, *AWKWARD), strict=True):
        assert len(found.firsts) == len(words)
        assert len(found.words) == len(found.ids)
        assert found.firsts == sorted(set(found.firsts))
        assert [found.words[first] for first in found.firsts] == list(range(len(words)))
        assert [w for w in found.words if w != NO_WORD] == sorted(
            w for w in found.words if w != NO_WORD
        )
        for word, first in enumerate(found.firsts):
            assert found.words.index(word) == first


WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
    | st.sampled_from([word for words in AWKWARD for word in words]),
    max_size=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS)
def test_any_words_have_first_pieces_and_lose_no_character_to_another(
    tokenizer: Any, words: list[str]
) -> None:
    (found,) = aligned(tokenizer, words)
    assert [found.words[first] for first in found.firsts] == list(range(len(words)))
    assert [found.words.index(word) for word in range(len(words))] == found.firsts
    known = [word for word in found.words if word != NO_WORD]
    assert known == sorted(known)
    text, spans = joined(words)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if offsets["input_ids"] != found.ids:
        return  # read word by word, or with a word that the tokenizer drops
    for piece, (start, end) in zip(found.words, offsets["offset_mapping"], strict=True):
        touched = [i for i, (s, e) in enumerate(spans) if s < end and start < e]
        assert touched == ([] if piece == NO_WORD else [piece])


def test_the_pieces_are_those_of_the_text_itself(tokenizer: Any) -> None:
    covered = 0
    for words, found in zip(AWKWARD, aligned(tokenizer, *AWKWARD), strict=True):
        plain = tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
        if len(found.ids) == len(plain):  # no word had to be filled in
            assert found.ids == plain
            covered += 1
    assert covered >= 8


def test_words_agree_with_transformers_where_it_is_given_words(tokenizer: Any) -> None:
    words = ["a", "superb", "movie", ",", "they", "say"]
    (found,) = aligned(tokenizer, words)
    if "[CLS]" in tokenizer.get_vocab():  # BERT reads words alone as it reads them in a text
        theirs = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
        assert (found.ids, found.words) == (theirs["input_ids"], theirs.word_ids())
    offsets = tokenizer(" ".join(words), add_special_tokens=False, return_offsets_mapping=True)
    text, spans = joined(words)
    for piece, (start, end) in enumerate(offsets["offset_mapping"]):
        first = next((i for i in range(start, end) if not text[i].isspace()), None)
        assert (first is None) == (found.words[piece] == NO_WORD)  # GPT-2 has blanks by themselves
        assert first is None or spans[found.words[piece]][0] <= first
        assert first is None or first < spans[found.words[piece]][1]


def test_a_word_that_the_tokenizer_drops_is_the_unknown_token(tiny_bert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    plain = tokenizer("a b", add_special_tokens=False)["input_ids"]
    unknown = tokenizer.unk_token_id
    one, several, last = aligned(
        tokenizer, ["a", "\u200b", "b"], ["\x07", "\u200b", "a"], ["a", "\u200b"]
    )
    assert one == Aligned([plain[0], unknown, plain[1]], [0, 1, 2], [0, 1, 2])
    assert several == Aligned([unknown, unknown, plain[0]], [0, 1, 2], [0, 1, 2])
    assert last == Aligned([plain[0], unknown], [0, 1], [0, 1])


def test_a_piece_across_two_words_has_the_words_read_one_by_one(merging: Any) -> None:
    assert merging("ab cc", add_special_tokens=False).tokens() == ["a", "b c", "c"]
    (found,) = aligned(merging, ["ab", "cc"])
    assert merging.convert_ids_to_tokens(found.ids) == ["a", "b", " c", "c"]
    assert found.words == [0, 0, 1, 1]
    assert found.firsts == [0, 2]


def test_words_may_touch_and_text_may_stand_between_them(tiny_bert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    (found,) = align(tokenizer, ["a b, a c"], [[(2, 3), (3, 4), (7, 8)]])
    assert found.words == [NO_WORD, 0, 1, NO_WORD, 2]
    assert found.firsts == [1, 2, 4]


def test_line_ends_between_words_do_not_move_them(tokenizer: Any) -> None:
    (found,) = align(tokenizer, ["a\r\nmovie"], [[(0, 1), (3, 8)]])
    assert [found.words[first] for first in found.firsts] == [0, 1]
    assert found.words[-1] == 1


def test_no_sentences_are_no_rows(tokenizer: Any) -> None:
    assert align(tokenizer, [], []) == []
