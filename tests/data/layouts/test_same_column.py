"""One column named as a text and as its label or pair: refused, for it trains without an error."""

from __future__ import annotations

from typing import Any

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.layouts.examples import as_examples
from hfdl.data.layouts.rows import Rows
from hfdl.data.table import Table
from hfdl.errors import DataError

TABLE = Table("a.csv", {"text": ["a", "b"], "label": ["x", "y"]})


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"label": "text"}, "data.label"),
        ({"label": ["label", "text"]}, "data.label"),
        ({"text": "label"}, "data.label"),
        ({"text_pair": "text"}, "data.text_pair"),
    ],
)
def test_refused(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(DataError, match=r"is the column of data\.text, too") as caught:
        as_examples(TABLE, DataConfig(**keys))
    assert caught.value.where == key


@pytest.mark.parametrize("label", ["label", ["mood", "label"]])
def test_a_second_text_is_no_label(label: str | list[str]) -> None:
    with pytest.raises(DataError, match=r"is a column of data\.label, too") as caught:
        as_examples(TABLE, DataConfig(text_pair="label", label=label))
    assert caught.value.where == "data.text_pair"


@pytest.mark.parametrize("rows", ["pairs", "texts"])
def test_a_copy_may_be_translated(rows: Rows) -> None:
    assert len(as_examples(TABLE, DataConfig(label="text"), rows)) == 2


def test_predictions_have_no_label() -> None:
    assert len(as_examples(TABLE, DataConfig(label="text"), labelled=False)) == 2
