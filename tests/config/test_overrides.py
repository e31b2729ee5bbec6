"""Splitting, merging and clearing."""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.config.overrides import as_override, merge, parse_override, parse_overrides
from hfdl.config.schema import DataConfig
from hfdl.errors import ConfigError

BASE = {
    "task": "t",
    "model": {"name": "m", "config": {"a": 1, "b": 2}},
    "train": {"epochs": 9, "clip_norm": 2.0},
    "tune": {"class_weights": {"x": 1.0, "y": 2.0}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs=1", ("train.epochs", 1)),
        ("data.train=a=b.csv", ("data.train", "a=b.csv")),
        ("data.text=", ("data.text", "")),
        ("data.labels=[no, yes]", ("data.labels", ["no", "yes"])),
        ("train.steps=null", ("train.steps", None)),
        (" train.epochs =2", ("train.epochs", 2)),
    ],
)
def test_parse(text: str, expected: tuple[str, object]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["train.epochs", "", "=1", " =1"])
def test_not_an_override(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_override(text)
    assert_wording(caught.value)


def test_broken_value() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_override("data.labels=[a")
    assert_wording(caught.value)


def test_order_is_that_of_the_last_mention() -> None:
    found = parse_overrides(["train.epochs=1", "train=null", "train.epochs=2"])
    assert list(found.items()) == [("train", None), ("train.epochs", 2)]


def test_dotted_and_nested_are_the_same() -> None:
    dotted = merge(BASE, {"train.epochs": 1, "data.text": "x"})
    assert dotted == merge(BASE, {"train": {"epochs": 1}, "data": {"text": "x"}})
    assert dotted["train"] == {"epochs": 1, "clip_norm": 2.0}


def test_base_and_overrides_are_not_written_to() -> None:
    given = {"tune": {"class_weights": {"z": 3}}, "tune.class_weights.w": 4}
    merged = merge(BASE, given)
    assert merged["tune"]["class_weights"] == {"z": 3, "w": 4}
    assert given["tune"] == {"class_weights": {"z": 3}}
    assert BASE["tune"] == {"class_weights": {"x": 1.0, "y": 2.0}}


def test_the_last_one_wins() -> None:
    assert merge(BASE, {"train.epochs": 1, "train": {"epochs": 2}})["train"]["epochs"] == 2


def test_a_map_replaces_a_map_and_a_dotted_key_enters_it() -> None:
    assert merge(BASE, {"tune.class_weights": {"x": 5}})["tune"]["class_weights"] == {"x": 5}
    entered = merge(BASE, {"tune.class_weights.x": 5})["tune"]["class_weights"]
    assert entered == {"x": 5, "y": 2.0}
    assert merge(BASE, {"model.config.c.d": 1})["model"]["config"] == {
        "a": 1,
        "b": 2,
        "c": {"d": 1},
    }


def test_null_clears() -> None:
    assert merge(BASE, {"train.clip_norm": None})["train"] == {"epochs": 9, "clip_norm": None}
    assert merge(BASE, {"train.epochs": None})["train"] == {"clip_norm": 2.0}
    assert "train" not in merge(BASE, {"train": None})
    assert merge(BASE, {"tune.class_weights.x": None})["tune"]["class_weights"] == {"y": 2.0}
    assert merge(BASE, {"train": None, "train.epochs": 4})["train"] == {"epochs": 4}
    assert merge(BASE, {"data.text": None}) == BASE


def test_null_for_an_unknown_key_is_kept_to_be_refused() -> None:
    assert merge(BASE, {"train.nope": None})["train"]["nope"] is None


def test_nulls_in_the_file_clear_too() -> None:
    merged = merge({"train": None, "data": {"text": None, "max_length": None}}, {})
    assert merged == {"data": {"max_length": None}}


def test_paths_become_texts() -> None:
    assert merge(BASE, {"data.train": Path("a/b.csv")})["data"]["train"] == str(Path("a/b.csv"))


def test_keys_must_be_texts() -> None:
    with pytest.raises(ConfigError, match="the key 3 is not a text"):
        merge(BASE, {"train": {3: 1}})


@pytest.mark.parametrize(
    "value",
    [
        ["a", "b c"], ["a, b", "x: y"], ["1", "2", "-1"], ["-1", "+3", "007", "1.0", "true", "no"],
        ["", " a", "it's", 'a "b"', "#x", "[x]", "{y", "日本", "null", "~", "& é", "a\nb", "*x"],
        {"1": "good", "a, b": "x: y", "": "1", "-": "no"}, "text", "a b", "it's",
    ],
)  # fmt: skip
def test_an_override_that_is_printed_reads_back_from_a_shell(value: Any) -> None:
    (word,) = shlex.split(as_override("data.labels", value))
    key, read = parse_override(word)
    assert key == "data.labels"
    if isinstance(value, str):
        assert read == value
    else:
        section = DataConfig(labels=read)
        assert section.labels == value


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@settings(max_examples=8)
@given(
    st.lists(
        st.text(max_size=12)
        | st.lists(st.text(max_size=12), min_size=1, max_size=3)
        | st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1, max_size=3),
        min_size=60,
        max_size=60,
    )
)
def test_any_text_that_is_printed_reads_back_from_a_shell(values: list[Any]) -> None:
    printed = " ".join(as_override("model.config", value) for value in values)
    command = f"printf '%s\\0' {printed}".encode()
    words = subprocess.run(["bash"], input=command, capture_output=True, check=True).stdout
    read = [parse_override(word)[1] for word in words.decode().split("\0")[:-1]]
    # Whole numbers in brackets are read as such; all else is the text that it was.
    assert [as_texts(value) for value in read] == values


def as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {as_texts(key): as_texts(item) for key, item in value.items()}
    return [as_texts(item) for item in value] if isinstance(value, list) else str(value)
