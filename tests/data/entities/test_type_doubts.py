"""Types that are probably one: the map that is printed makes them one, and the line is gone."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from hfdl.config.load import load_recipe
from hfdl.config.overrides import parse_overrides
from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.table import Table
from hfdl.errors import DataError

RESPELLED = [  # rows of tags, the types of which they are
    (["b-Per O", "b-Loc O", "B-PER O"], ["Loc", "PER"]),
    (["B-PER I-PER", "B-per I-per", "B-Per O"], ["PER"]),
    (["B-PER O B-LOC", "B-per O B-loc"], ["LOC", "PER"]),
    (["B_PER I_PER O", "B_per I_per O"], ["PER"]),
    (["PER-B PER-I O", "per-B per-I O"], ["PER"]),
    (["PER O", "per o", "LOC O"], ["LOC", "PER"]),
    (["B-PER O", "B-P\u0415R O"], ["PER"]),
    (["B-PER\u200b O", "B-PER O"], ["PER"]),
    (["B-e\u0301t O", "B-\u00e9t O"], ["\u00e9t"]),
    (["O B_PER I_PER LOC"], ["B_PER", "LOC"]),
    (["S-PER O", "M-PER B-per E-per O", "S-per O"], ["PER"]),
    (["OUT PER", "OUT per"], ["PER"]),
    (["BPER IPER LOC", "O Bper Iper"], ["BPER", "LOC"]),
]


def read(rows: list[Any], labels: Any = None, names: Any = None) -> Any:
    tags = [row.split() if isinstance(row, str) else row for row in rows]
    table = Table("a.jsonl", {"tokens": [["w"] * len(row) for row in tags], "tags": tags},
                  lines=range(1, 100), label_names=names)  # fmt: skip
    return read_sentences(table, DataConfig(labels=labels), "train")


def pasted(facts: list[str]) -> Any:
    """``data.labels`` with all that lines print, pasted behind one another."""
    keys = [w for fact in facts for w in shlex.split(fact) if w.startswith("data.labels=")]
    assert keys
    return load_recipe("ner", parse_overrides(keys)).data.labels


@pytest.mark.parametrize(("rows", "types"), RESPELLED, ids=ascii)
def test_the_map_works(rows: list[str], types: list[str]) -> None:
    before = read(rows)
    assert any("if they are one" in fact for fact in before.facts)
    after = read(rows, pasted(before.facts))
    assert after.types == types
    assert not any("data.labels" in fact for fact in after.facts)
    words = sum(tag != "O" for sentence in before.sentences for tag in sentence.tags)
    outside = sum(row.count("OUT") for row in rows)
    assert sum(tag != "O" for one in after.sentences for tag in one.tags) == words - outside


@pytest.mark.parametrize(
    ("labels", "names", "rows"),
    [
        (["O", "B-PER", "B-per"], None, [[0, 1], [2, 0]]),
        (None, {"tags": ["O", "B-PER", "B-per"]}, [[0, 1], [2, 0]]),
        ({"X": "O", "b-PER": "B-PER"}, None, ["X b-PER", "B-per X"]),
        ({"LOCATION": "LOC"}, None, ["B-LOCATION O", "B-loc O", "B-PER B-per"]),
        ({"LOCATION": "loc"}, None, ["B-LOCATION O", "B-LOC O"]),
        ({"PERSON": "PER", "OUT": "O"}, None, ["B-PERSON O", "B-per OUT"]),
    ],
)
def test_it_goes_on_from_the_recipe_s_map(labels: Any, names: Any, rows: list[Any]) -> None:
    before = read(rows, labels, names)
    after = read(rows, pasted(before.facts), names)
    assert not any("if they are one" in fact for fact in after.facts)
    assert len(after.types) == len({name.casefold() for name in before.types})


@pytest.mark.parametrize("labels", [{"b-Per": "B-PER"}, {"Per": "PER"}, {"b-Per": "B-X"}])
def test_a_map_of_some_tags_leaves_the_others_to_be_read(labels: dict[str, str]) -> None:
    found = read(["b-Per O", "b-Loc O", "B-PER O"], labels)
    assert found.types == sorted({"Loc", "PER", labels.get("b-Per", "B-PER")[2:]})


def test_spans() -> None:
    spans = [[[0, 3, "PER"]], [[0, 3, "per"]], [[0, 3, "Loc"]]]
    table = Table("a.jsonl", {"text": ["Ann saw"] * 3, "spans": spans}, lines=range(1, 9))
    facts = read_sentences(table, DataConfig(), "train").facts
    assert facts == [
        "train: types 'PER' and 'per' are two types; if they are one: 'data.labels={per: PER}'"
    ]
    after = read_sentences(table, DataConfig(labels=pasted(facts)), "train")
    assert after.types == ["Loc", "PER"]
    assert after.facts == []


@pytest.mark.parametrize("labels", [None, {"Org": "ORG"}])
def test_a_type_of_test_in_another_spelling(labels: Any) -> None:
    table = Table("a.jsonl", {"tokens": [["Ann"]], "tags": [["B-per"]]}, lines=[1])
    with pytest.raises(DataError) as caught:
        read_sentences(table, DataConfig(labels=labels), "test", types=["PER"])
    remedy = str(caught.value.remedy)
    mapping = pasted([part.rstrip(",") for part in [remedy.replace(", or", " or")]])
    assert mapping == {**(labels or {}), "per": "PER"}
    found = read_sentences(table, DataConfig(labels=mapping), "test", types=["PER"])
    assert found.sentences[0].tags == ("B-PER",)


def test_types_that_are_two() -> None:
    assert read(["B-PER O", "B-PERS O", "B-P O"]).facts == []
