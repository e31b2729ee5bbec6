"""Vocabulary: ids there and back."""

from __future__ import annotations

import pytest
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import DataError
from hfdl.tokenizers import Vocabulary
from hfdl.tokenizers.vocabulary import with_unknown


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_ids_are_places(tokens: list[str]) -> None:
    vocabulary = Vocabulary(tokens)
    assert [vocabulary.id(token) for token in tokens] == list(range(len(tokens)))
    assert [vocabulary.token(i) for i in range(len(tokens))] == tokens == list(vocabulary)
    assert len(vocabulary) == len(tokens)
    assert all(token in vocabulary for token in tokens)
    for i, token in enumerate(tokens):
        row = vocabulary.one_hot(token)
        assert (len(row), sum(row), row[i]) == (len(tokens), 1, 1)


def test_special_tokens_are_in_the_order_of_their_ids() -> None:
    vocabulary = Vocabulary(["a", "[X]", "b", "[Y]"], special=["[Y]", "[X]", "[Y]"])
    assert vocabulary.special == ("[X]", "[Y]")
    assert repr(vocabulary) == "Vocabulary(4 tokens, 2 of them special)"


def test_the_unknown_token_stands_first() -> None:
    assert with_unknown("[U]", ["[A]"]) == ["[U]", "[A]"]
    assert with_unknown("[U]", ["[A]", "[U]"]) == ["[A]", "[U]"]
    assert with_unknown(None, ["[A]"]) == ["[A]"]


def test_what_is_refused() -> None:
    with pytest.raises(DataError) as twice:
        Vocabulary(["a", "b", "a"])
    assert_wording(twice.value)
    with pytest.raises(DataError) as empty:
        Vocabulary(["a", ""])
    assert_wording(empty.value)
    with pytest.raises(DataError) as unknown:
        Vocabulary(["ship", "sea"]).id("shop")
    assert_wording(unknown.value)
    with pytest.raises(DataError, match=r"no token '\[X\]'; it has 1 tokens"):
        Vocabulary(["a"], special=["[X]"])
    with pytest.raises(DataError, match=r"no token 'a'; it has 2000 tokens$"):
        Vocabulary(map(str, range(2000))).one_hot("a")
    for vocabulary, rule in ((Vocabulary(["a", "b"]), "ids are 0 to 1"), (Vocabulary([]), "empty")):
        for i in (-1, 2):
            with pytest.raises(DataError, match=f"vocabulary: no token has the id {i}; .*{rule}"):
                vocabulary.token(i)
