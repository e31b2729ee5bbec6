"""Entity metrics against seqeval's strict mode, on any tags there can be and on real ones."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.data import samples
from hfdl.data.entities.tags import Entity, write_tags
from hfdl.metrics.entities import entity_metric_names, entity_metrics

seqeval_metrics = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
seqeval_scheme = pytest.importorskip("seqeval.scheme")
SCHEMES = {"BIO": "IOB2", "BIOES": "IOBES", "BILOU": "BILOU"}


def reference(truth: list[list[str]], guess: list[list[str]], scheme: str) -> dict[str, float]:
    """The same figures by seqeval."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report: dict[str, Any] = seqeval_metrics.classification_report(
            truth, guess, mode="strict", scheme=getattr(seqeval_scheme, SCHEMES[scheme]),
            output_dict=True, zero_division=0,
        )  # fmt: skip
        micro = report.pop("micro avg")
        found = {"precision": micro["precision"], "recall": micro["recall"]}
        found["f1"] = micro["f1-score"]
        found["accuracy"] = seqeval_metrics.accuracy_score(truth, guess)
    for label, scores in report.items():
        if not label.endswith(" avg"):
            for name in ("precision", "recall", "f1-score", "support"):
                found[f"{label}/{name.removesuffix('-score')}"] = scores[name]
    return found


@st.composite
def sentences(draw: st.DrawFn) -> tuple[str, list[list[str]], list[list[str]]]:
    """A scheme, right tags and predicted ones, both legal."""
    scheme = draw(st.sampled_from(sorted(SCHEMES)))
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    made: list[list[list[str]]] = [[], []]
    for side in made:
        for length in lengths:
            side.append(write_tags(draw(entities(length)), length, scheme))
    return scheme, made[0], made[1]


@st.composite
def entities(draw: st.DrawFn, length: int) -> list[Entity]:
    found, at = [], 0
    while at < length:
        size = draw(st.integers(1, 3))
        label = draw(st.sampled_from(["", "PER", "LOC", "creative-work"]))
        if label and at + size <= length:
            found.append(Entity(at, at + size, label))
        at += size
    return found


@settings(max_examples=300, deadline=None)
@given(case=sentences())
def test_figures_equal_seqeval_s_strict_mode(
    case: tuple[str, list[list[str]], list[list[str]]],
) -> None:
    scheme, truth, guess = case
    found = entity_metrics(truth, guess, scheme)
    if not any(tag != "O" for side in (truth, guess) for tags in side for tag in tags):
        assert found == {"precision": 0, "recall": 0, "f1": 0, "accuracy": 1}
        return
    expected = reference(truth, guess, scheme)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-12)


def test_figures_equal_seqeval_s_on_the_sample_sentences() -> None:
    equals_seqeval(Path(samples.__path__[0], "ner", "train.conll"))


@pytest.mark.needs_shared
def test_figures_equal_seqeval_s_on_real_sentences(shared: Callable[[str], Path]) -> None:
    equals_seqeval(shared("data/wikigold/dev.conll"))


def equals_seqeval(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").split("\n\n")
    truth = [[row.split()[-1] for row in part.splitlines()] for part in lines if part.strip()]
    truth = [as_bio(tags) for tags in truth]
    rng = random.Random(0)
    guess = [as_bio([t if rng.random() < 0.8 else "O" for t in tags]) for tags in truth]
    expected = reference(truth, guess, "BIO")
    assert expected["LOC/support"] > 20
    assert 0.3 < expected["f1"] < 0.95
    assert entity_metrics(truth, guess, "BIO") == pytest.approx(expected, abs=1e-12)


def as_bio(tags: list[str]) -> list[str]:
    """Tags in which every entity begins with B."""
    made, before = [], "O"
    for tag in tags:
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        made.append("B" + tag[1:] if begins else tag)
        before = tag
    return made


def test_an_entity_with_a_wrong_end_or_type_does_not_count() -> None:
    truth = [["B-PER", "I-PER", "O", "B-LOC"]]
    found = entity_metrics(truth, [["B-PER", "O", "O", "B-PER"]], "BIO")
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)
    assert found["accuracy"] == 0.5
    assert (found["PER/support"], found["LOC/support"]) == (1, 1)
    assert entity_metrics(truth, truth, "BIO")["f1"] == 1


def test_the_names_are_known_before_there_are_figures() -> None:
    tags = [["B-LOC", "O", "B-PER"]]
    assert entity_metric_names(["LOC", "PER"]) == list(entity_metrics(tags, tags))
    assert len(entity_metric_names(["LOC", "PER"])) == 12


def test_nothing_has_figures_of_zero() -> None:
    expected = {"precision": 0, "recall": 0, "f1": 0, "accuracy": 0}
    assert entity_metrics([], []) == expected
    assert entity_metrics([[]], [[]]) == expected


def test_unequal_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        entity_metrics([["O", "O"]], [["O"]])
    with pytest.raises(ValueError, match="zip"):
        entity_metrics([["O"]], [])
