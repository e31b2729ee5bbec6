"""Where texts are cut: beside the library, on every character that there is."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from helpers.tokenizer_library import (
    ANY,
    ASSIGNED,
    HOSTILE,
    differing,
    newer_than_bert,
)
from helpers.tokenizer_library import (
    PRE_TOKENIZERS as LIBRARY,
)
from hypothesis import given
from hypothesis import strategies as st

from hfdl.tokenizers.characters_by_kind import WHITE_SPACE, Twins, is_punctuation
from hfdl.tokenizers.pre_tokenizers import GPT2_PATTERN, PRE_TOKENIZERS

NAMES = ["whitespace", "words", "bert", "gpt2", "characters"]


def cut(name: str, text: str) -> list[str]:
    """The library's words of a text."""
    return [word for word, _ in LIBRARY[name].pre_tokenize_str(text)]


def test_all_pre_tokenizers_are_covered() -> None:
    assert list(PRE_TOKENIZERS) == NAMES == list(LIBRARY)


@pytest.mark.parametrize("name", NAMES)
@given(text=ANY)
def test_any_text_is_cut_as_the_library_cuts_it(name: str, text: str) -> None:
    text = "".join(char for char in text if name != "bert" or char not in newer_than_bert())
    assert PRE_TOKENIZERS[name](text) == cut(name, text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_cut_as_the_library_cuts_them(name: str, text: str) -> None:
    assert PRE_TOKENIZERS[name](text) == cut(name, text)


@given(st.text("'stvemrldaT 1!\n\té", max_size=20))
def test_gpt2_s_endings_and_spaces(text: str) -> None:
    words = PRE_TOKENIZERS["gpt2"](text)
    assert words == cut("gpt2", text)
    assert "".join(words) == text


@given(st.text())
def test_gpt2_s_pattern_itself_cuts_so(text: str) -> None:
    import regex

    known = [char for char in text if unicodedata.category(char) != "Cn"]
    text = "".join(known)
    assert PRE_TOKENIZERS["gpt2"](text) == regex.findall(GPT2_PATTERN, text)


@pytest.mark.parametrize("name", ["whitespace", "words", "gpt2"])
def test_every_character_is_of_the_library_s_kind(name: str) -> None:
    assert len(ASSIGNED) > 140_000
    assert differing(PRE_TOKENIZERS[name], lambda text: cut(name, text)) == set()


def test_bert_s_characters_differ_where_the_library_s_tables_are_of_2015() -> None:
    """Unicode 8. What came after it, the library takes for letters, and Python does not."""
    newer = newer_than_bert()
    assert 0 < len(newer) < 1500
    assert min(newer) > "\u0600"
    kinds = {unicodedata.category(char) for char in newer}
    assert kinds <= {"Mn", "Mc", "Pd", "Po", "Ps", "Pe", "Pi", "Pf", "Cf", "So"}
    assert {char for char in newer if unicodedata.category(char) in ("Mc", "So")} <= {
        "\u166d", "\u1734", "\U00011938"
    }  # fmt: skip


def test_white_space() -> None:
    assert {char for char in ASSIGNED if char.isspace()} - WHITE_SPACE == set("\x1c\x1d\x1e\x1f")
    assert {char for char in ASSIGNED if char.isspace()} >= WHITE_SPACE


def test_words_of_a_sentence() -> None:
    text = "It's  the ship's 3rd 'log-book'…\n  x"
    assert PRE_TOKENIZERS["whitespace"](text) == [
        "It's",
        "the",
        "ship's",
        "3rd",
        "'log-book'…",
        "x",
    ]
    assert PRE_TOKENIZERS["words"](text)[:4] == ["It", "'", "s", "the"]
    assert PRE_TOKENIZERS["bert"](text)[-6:] == ["log", "-", "book", "'", "…", "x"]
    assert PRE_TOKENIZERS["gpt2"](text) == [
        "It", "'s", " ", " the", " ship", "'s", " 3", "rd", " '", "log", "-", "book", "'…", "\n ",
        " x",
    ]  # fmt: skip


def test_a_twin_is_asked_for_once() -> None:
    asked: list[str] = []

    def twin(char: str) -> str:
        asked.append(char)
        return "x"

    twins: Any = Twins(twin)
    assert "abab".translate(twins) == "xxxx"
    assert asked == ["a", "b"]


def test_ascii_punctuation_is_all_that_is_seen_and_no_letter_or_digit() -> None:
    ascii = "".join(map(chr, range(128)))
    assert [c for c in ascii if is_punctuation(c)] == re.findall(r"[!-/:-@\[-`{-~]", ascii)
