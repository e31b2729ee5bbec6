"""BPE of words: the library's merges and ids under every setting, and readable pieces."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from helpers.tokenizer_library import ANY, FEW, HOSTILE, library_bpe, tie_free_limits
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import BertNormalizer, BPETokenizer, Marks, Vocabulary
from hfdl.tokenizers.tokenizer import tokenizer_json

MARKS = [Marks(), Marks(prefix="##"), Marks(suffix="</w>"), Marks("##", "</w>")]
FAMILY = (
    "unhappy unkind unfair undo untie happy happiness kindness fairness darkness sadness "
    "sad dark fair kind happier do tie"
)


def same(ours: BPETokenizer, library: Any, texts: list[str]) -> None:
    """The whole file is the same, and so are ids, tokens and what they decode to."""
    assert tokenizer_json(ours) == json.loads(library.to_str())
    for text in texts:
        same_text(ours, library, text)


def same_text(ours: BPETokenizer, library: Any, text: str) -> None:
    found = library.encode(text)
    assert ours.tokenize(text) == found.tokens
    assert ours.encode(text) == found.ids
    assert ours.decode(found.ids) == library.decode(found.ids, skip_special_tokens=False)


@pytest.mark.parametrize("marks", MARKS)
def test_corpora_train_to_the_library_s_merges_and_ids(corpus: list[str], marks: Marks) -> None:
    settings: Any = {"marks": marks, "min_frequency": 2}
    ours = BPETokenizer.train(corpus, 1500, **settings)
    assert len(ours.merges) > 15
    same(ours, library_bpe(corpus, 1500, **settings), [*corpus[:100], *HOSTILE])


@given(
    FEW, st.integers(20, 70), st.sampled_from(MARKS),
    st.fixed_dictionaries({
        "min_frequency": st.integers(0, 3),
        "initial_alphabet": st.sampled_from([[], ["a", "x"], ["é", "z", "ß"]]),
        "pre_tokenizer": st.sampled_from(["whitespace", "words", "bert", "gpt2", "characters"]),
    }),
)  # fmt: skip
def test_ties_are_broken_as_the_library_breaks_them(
    texts: list[str], size: int, marks: Marks, settings: Any
) -> None:
    if not "".join(texts).strip():
        return
    ours = BPETokenizer.train(texts, size, marks=marks, **settings)
    same(ours, library_bpe(texts, size, marks=marks, **settings), texts)


@given(FEW, st.sampled_from([["<unk>", "ab", "b"], ["<unk>", "##b", "abc"], ["ca", "<unk>"]]),
       st.sampled_from(MARKS[:2]))  # fmt: skip
def test_merges_into_tokens_that_are_there_already(
    texts: list[str], special: list[str], marks: Marks
) -> None:
    """A special token may be what a merge makes: then two pairs may make one token."""
    if not "".join(texts).strip():
        return
    settings: Any = {"marks": marks, "pre_tokenizer": "whitespace"}
    ours = BPETokenizer.train(texts, 60, special_tokens=special, **settings)
    same(ours, library_bpe(texts, 60, special=special, **settings), texts)


@given(FEW, st.data())
def test_a_limited_alphabet(texts: list[str], data: st.DataObject) -> None:
    texts = ["".join(text.split()) for text in texts]
    limits = tie_free_limits(texts)
    if not limits:
        return
    settings: Any = {
        "limit_alphabet": data.draw(st.sampled_from(limits)),
        "marks": data.draw(st.sampled_from(MARKS)), "pre_tokenizer": "whitespace",
    }  # fmt: skip
    ours = BPETokenizer.train(texts, 60, **settings)
    same(ours, library_bpe(texts, 60, **settings), [])
    assert sum(len(token) == 1 for token in ours.vocabulary) == settings["limit_alphabet"]


def test_of_equally_frequent_characters_the_first_are_kept() -> None:
    ours = BPETokenizer.train(["dcba dcb"], 30, limit_alphabet=2, marks=Marks())
    assert [token for token in ours.vocabulary if len(token) == 1] == ["b", "c"]
    ours = BPETokenizer.train(["aab"], 30, limit_alphabet=2, initial_alphabet="z", marks=Marks())
    assert [token for token in ours.vocabulary if len(token) == 1] == ["a", "z"]


@cache
def hostile(marks: Marks, unknown: str | None) -> tuple[BPETokenizer, Any]:
    """Ours and the library's, of half of the hostile texts, so that some characters are unknown."""
    texts, settings = HOSTILE[::2] * 2, {"marks": marks, "unknown": unknown}
    special = [] if unknown is None else [unknown]
    ours = BPETokenizer.train(texts, 600, **settings)
    return ours, library_bpe(texts, 600, special=special, **settings)


@pytest.mark.parametrize("unknown", [None, "<unk>"])
@pytest.mark.parametrize("marks", MARKS)
@given(text=ANY)
def test_any_text_has_the_library_s_ids(text: str, marks: Marks, unknown: str | None) -> None:
    ours, library = hostile(marks, unknown)
    same_text(ours, library, text)


@pytest.mark.parametrize("unknown", [None, "<unk>"])
@pytest.mark.parametrize("marks", MARKS)
def test_hostile_texts_have_the_library_s_ids(marks: Marks, unknown: str | None) -> None:
    ours, library = hostile(marks, unknown)
    same(ours, library, HOSTILE)


def test_unhappiness_splits_into_learned_pieces() -> None:
    ours = BPETokenizer.train([FAMILY] * 10, 44)
    assert "unhappiness" not in FAMILY.split()
    assert ours.tokenize("unhappiness") == ["un", "happi", "ness</w>"]
    assert ours.decode(ours.encode("unhappiness is xad")) == "unhappiness is <unk>ad"


def test_normalizers_are_the_library_s() -> None:
    texts, normalizer = ["Der Ärger ÄRGERT den Ärmsten"] * 2, BertNormalizer()
    ours = BPETokenizer.train(texts, 40, marks=Marks(), normalizer=normalizer)
    library = library_bpe(texts, 40, marks=Marks(), normalizer=normalizer)
    same(ours, library, [*texts, "ärger"])
    assert ours.decode(ours.encode("ÄRGERT")) == "argert"


def test_characters_that_are_not_known() -> None:
    texts = ["low lower lowest"]
    ours = BPETokenizer.train(texts, 40)
    assert ours.tokenize("lox") == ["lo", "<unk>"]
    assert ours.encode("") == ours.encode(" \n") == []
    left_out = BPETokenizer.train(texts, 40, unknown=None)
    assert left_out.tokenize("xloxx") == ["lo"]


def test_a_very_long_word_takes_no_square_of_its_length() -> None:
    ours = BPETokenizer.train(["ab" * 50, "ba"], 40)
    assert "".join(ours.tokenize("ab" * 20_000)) == "ab" * 20_000 + "</w>"


def test_the_empty_and_the_wrong_are_refused() -> None:
    with pytest.raises(DataError) as empty:
        BPETokenizer.train(["", " \n"], 40)
    assert_wording(empty.value)
    with pytest.raises(ConfigError) as small:
        BPETokenizer.train(["abc"], 5, marks=Marks(prefix="##"))
    assert_wording(small.value)
    assert not BPETokenizer.train(["abc"], 6, marks=Marks("##")).merges  # <unk> a b c ##b ##c
    with pytest.raises(ConfigError) as one:
        BPETokenizer.train("abc", 7)
    assert_wording(one.value)
    with pytest.raises(ConfigError) as name:
        BPETokenizer.train(["abc"], 7, pre_tokenizer="wrods")
    assert_wording(name.value)
    with pytest.raises(DataError, match=r"vocabulary: no token '<unk>'; it has 1 tokens"):
        BPETokenizer(Vocabulary(["a"]), [], unknown="<unk>")


def test_no_more_tokens_than_asked_for() -> None:
    for size in (30, 35, 41):
        assert len(BPETokenizer.train([FAMILY] * 3, size).vocabulary) == size
