"""Tags in brackets, as CoNLL-2012 writes them: read as BIO, or refused with their place."""

from __future__ import annotations

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.entities.bracketed_tags import are_bracketed, from_brackets
from hfdl.data.entities.tag_columns import read_tags
from hfdl.data.table import Table
from hfdl.errors import DataError


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        ("(PERSON) (GPE* *) *", "B-PERSON B-GPE I-GPE O"),
        ("(PERSON*) (GPE* * *) (GPE)", "B-PERSON B-GPE I-GPE I-GPE B-GPE"),
        ("(WORK_OF_ART* *) (A-B)", "B-WORK_OF_ART I-WORK_OF_ART B-A-B"),
        ("(PER) - - (PER)", "B-PER O O B-PER"),
        ("* *", "O O"),
    ],
)
def test_read_as_bio(tags: str, read: str) -> None:
    assert from_brackets(tags.split()) == read.split()


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ("(GPE* (PER) *)", r"'\(PER\)' \(word 2\) opens an entity within 'GPE'"),
        ("* *)", r"'\*\)' \(word 2\) closes what was not opened"),
        ("(GPE* *", "'GPE' is opened and not closed"),
    ],
)
def test_what_does_not_match_is_refused_with_its_row(tags: str, problem: str) -> None:
    table = Table("a.conll", {"tags": [["(PER)"], tags.split()]}, lines=[1, 3])
    with pytest.raises(DataError, match=problem) as caught:
        read_tags(table, DataConfig(), "train")
    assert caught.value.where == "a.conll, line 3"


@pytest.mark.parametrize("tags", ["O B-PER", "* *", "O (", "(PER B-LOC", "PER* *", "- _ O", "(a b"])
def test_other_tags_are_no_brackets(tags: str) -> None:
    assert not are_bracketed([tags.split()])


def test_the_line_that_says_so() -> None:
    table = Table("a.conll", {"tags": [["(PER*", "*)", "*"]]})
    tags, facts = read_tags(table, DataConfig(), "train")
    assert tags == [["B-PER", "I-PER", "O"]]
    assert facts == ["train: tags in brackets, '(PER*  *)', are read as B-PER I-PER"]
