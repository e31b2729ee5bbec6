"""BERT's normalizer, each step and all together, beside the library's."""

from __future__ import annotations

import itertools

import pytest
from helpers.tokenizer_library import ANY, HOSTILE, library_normalizer, newer_than_bert
from hypothesis import given
from hypothesis import strategies as st

from hfdl.tokenizers import BertNormalizer
from hfdl.tokenizers.normalizers import clean_text, lower_case, space_chinese, strip_accents

ALL = [
    BertNormalizer(clean_text=clean, chinese=chinese, lowercase=lower, strip_accents=strip)
    for clean, chinese, lower, strip in itertools.product(
        [False, True], [False, True], [False, True], [None, False, True]
    )
]


@given(st.sampled_from(ALL), ANY)
def test_any_text_is_normalised_as_the_library_does(normalizer: BertNormalizer, text: str) -> None:
    text = "".join(char for char in text if char not in newer_than_bert())
    assert normalizer(text) == library_normalizer(normalizer).normalize_str(text)


@pytest.mark.parametrize("normalizer", ALL)
def test_hostile_texts_are_normalised_as_the_library_does(normalizer: BertNormalizer) -> None:
    assert len(ALL) == 24
    for text in HOSTILE:
        text = "".join(char for char in text if char not in newer_than_bert())
        assert normalizer(text) == library_normalizer(normalizer).normalize_str(text)


def test_the_steps() -> None:
    assert clean_text("a\x00b\tc\u00a0d\ufffd\u200be\r\n") == "ab c de  "
    assert space_chinese("ab漢字c") == "ab 漢  字 c"
    assert space_chinese("かな 한국어") == "かな 한국어"
    assert strip_accents("Café ÅÄÖ ç e\u0301") == "Cafe AAO c e"
    assert lower_case("ΣΑΣ İ ẞ") == "σασ i\u0307 ß"
    assert "ΣΑΣ".lower() == "σας"  # which is why lower_case takes each character on its own


def test_accents_go_with_capitals_where_nothing_is_said() -> None:
    assert BertNormalizer()("É") == "e"
    assert BertNormalizer(lowercase=False)("É") == "É"
    assert BertNormalizer(strip_accents=False)("É") == "é"
    assert BertNormalizer(lowercase=False, strip_accents=True)("É") == "E"
