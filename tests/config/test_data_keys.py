"""Keys of the data section that a shell or a habit writes in another way."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.wording import assert_wording

from hfdl.config.load import load_recipe
from hfdl.config.overrides import parse_overrides
from hfdl.config.yaml import dump_recipe, parse_document
from hfdl.errors import ConfigError


def data(*overrides: str) -> Any:
    return load_recipe("sentiment", parse_overrides(overrides)).data


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\n", "\n"),
        (r"\n\n", "\n\n"),
        (r"\r\n", "\r\n"),
        (r"\t", "\t"),
        (r"\n---\n", "\n---\n"),
        (r'"\n\n"', "\n\n"),
        (r"\newpage", r"\newpage"),
        (r"\n1", "\n1"),
        ("<|endoftext|>", "<|endoftext|>"),
    ],
)
@pytest.mark.parametrize("key", ["separator", "label_separator"])
def test_escapes_of_separators(key: str, written: str, read: str) -> None:
    config = data(f"data.{key}={written}")
    assert getattr(config, key) == read
    again = parse_document(dump_recipe(load_recipe("sentiment", {f"data.{key}": read})), "x").data
    assert load_recipe("sentiment", again).data.model_dump()[key] == read


@pytest.mark.parametrize(("written", "read"), [(r"\t", "\t"), (";", ";"), ("'|'", "|")])
def test_separators_of_columns(written: str, read: str) -> None:
    assert data(f"data.csv.separator={written}").csv.separator == read


@pytest.mark.parametrize("key", ["text", "text_pair", "label", "tokens", "tags", "spans"])
def test_columns_go_by_number(key: str) -> None:
    assert getattr(data(f"data.{key}=3"), key) == "3"
    assert data("data.label=[1, 2]").label == ["1", "2"]


@pytest.mark.parametrize(
    "override",
    [
        "data.csv.separator=;;",
        r"data.csv.separator=\n",
        "data.encoding=cp125",
        "data.encoding=base64",
        "data.csv.header=maybe",
        "data.unlabelled=drop",
        "data.text=true",
    ],
)
def test_wrong_values(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        data(override)
    assert_wording(caught.value)


@pytest.mark.parametrize(
    ("key", "here"),
    [
        ("data.sep", "data.csv.separator"),
        ("data.delimiter", "data.csv.separator"),
        ("data.csv.sep", "data.csv.separator"),
        ("data.csv.encoding", "data.encoding"),
        ("data.file_encoding", "data.encoding"),
        ("data.header", "data.csv.header"),
        ("data.names", "data.csv.header"),
        ("data.sentence_id", "data.sentence"),
        ("data.unlabeled", "data.unlabelled"),
        ("data.test_file", "data.test"),
        ("data.text_column", "data.text"),
        ("data.label_column", "data.label"),
    ],
)
def test_names_of_elsewhere(key: str, here: str) -> None:
    with pytest.raises(ConfigError) as caught:
        data(f"{key}=x")
    assert f"'{here}'" in str(caught.value.remedy)
