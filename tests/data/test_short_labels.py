"""Which known label another name is short for: said only where one is meant."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.support import write_csv

import hfdl
from hfdl.config.overrides import parse_overrides
from hfdl.data.alike import short_form
from hfdl.errors import ConfigError, DataError

CLASSES = ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("neg", CLASSES, "negative"),
        ("NEU.", CLASSES, "neutral"),
        ("positive sentiment", CLASSES, "positive"),
        ("p", CLASSES, "positive"),
        ("ne", CLASSES, None),
        ("mixed", CLASSES, None),
        ("negative", ("neg", "pos"), "neg"),
        ("non-toxic", ("toxic", "non_toxic"), "non_toxic"),
        ("irrelevant", ("relevant",), None),
        ("normal", ("no", "yes"), None),
        ("1", ("1 star", "10 stars"), "1 star"),
        ("1", ("10", "20"), None),
        ("1.0", ("10", "20"), None),
        ("1.5 stars", ("15 stars",), None),
        ("-1", ("1", "2"), None),
        ("?", CLASSES, None),
        ("", CLASSES, None),
    ],
)
def test_which_it_is(name: str, names: tuple[str, ...], meant: str | None) -> None:
    assert short_form(name, names) == meant


def _refused(folder: Path, file: Path, *keys: str) -> str:
    given = parse_overrides([f"data.test={file}", *keys])
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(folder, given, listener=lambda e: None)
    return str(caught.value)


def _rows(*labels: str) -> list[dict[str, Any]]:
    return [{"text": f"a film {i}", "label": label} for i, label in enumerate(labels)]


def test_the_printed_map_measures_what_the_labels_mean(
    tiny_bert: Path, make_classifier: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_classifier(tiny_bert, num_labels=3, id2label=dict(enumerate(CLASSES)))
    short = write_csv(tmp_path / "short.csv", _rows("pos", "neu", "pos", "neg"))
    full = write_csv(tmp_path / "full.csv", _rows("positive", "neutral", "positive", "negative"))
    [key] = shlex.split(_refused(folder, short).split(", for instance ")[1])
    found, meant = (
        hfdl.evaluate(folder, parse_overrides(keys), listener=lambda e: None)["test"]
        for keys in ([f"data.test={short}", key], [f"data.test={full}"])
    )
    assert (found["accuracy"], found["loss"]) == (meant["accuracy"], meant["loss"])


def test_what_cannot_be_told_is_left_to_the_reader(
    tiny_bert: Path, make_classifier: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_classifier(tiny_bert, num_labels=2, id2label={0: "negative", 1: "positive"})
    file = write_csv(tmp_path / "a.csv", _rows("neg", "neutral", "pos"))
    told = _refused(folder, file)
    ask = "say which labels they are (for LABEL write a known one): "
    [key] = shlex.split(told.split(ask)[1])
    assert key == "data.labels={neg: negative, neutral: LABEL, pos: positive}"
    with pytest.raises(ConfigError, match="the model has no label 'LABEL'"):  # not measured so
        hfdl.evaluate(folder, parse_overrides([f"data.test={file}", key]), listener=print)
    key = key.replace("LABEL", "negative")
    given = parse_overrides([f"data.test={file}", key])
    assert hfdl.evaluate(folder, given, listener=lambda e: None)["test"]["accuracy"] >= 0
