"""No message lists all that there is: at most about ten names, and how many more there are."""

from __future__ import annotations

import pytest
from helpers.wording import read_snapshot
from torch import nn

from hfdl.data.table import Table
from hfdl.errors import DataError, ModelError, did_you_mean, listed

LONGEST = 1000
NAMES = [f"column_{i}" for i in range(120)]


def test_every_recorded_message_is_short() -> None:
    texts = {key: str(text) for key, text in read_snapshot().items()}
    assert {key: len(text) for key, text in texts.items() if len(text) > LONGEST} == {}
    assert len(texts) >= 140


@pytest.mark.parametrize(("count", "more"), [(1, 0), (12, 0), (13, 3), (120, 110)])
def test_listed(count: int, more: int) -> None:
    text = listed(NAMES[:count])
    assert text.endswith(f", and {more} more") == bool(more)
    assert text.count("column_") == count - more
    assert listed([]) == "none"


def test_the_nearest_names_are_listed() -> None:
    names = ["zebra", *(f"layer.{i}.attention.self" for i in range(12)), *NAMES]
    text = listed(names, near="layer.7.selfattention")
    assert text.count("layer.") == 10
    assert "layer.7.attention.self" in text
    assert text.endswith(f", and {len(names) - 10} more")
    assert did_you_mean("qqq", NAMES).count("column_") == 10


def test_a_table_of_many_columns() -> None:
    table = Table("a.csv", {name: ["x"] for name in NAMES})
    with pytest.raises(DataError) as caught:
        table.column("txt", "data.text")
    assert len(str(caught.value)) < LONGEST


def test_a_model_of_many_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    from hfdl.interpret import sites

    names = [f"encoder.layer.{i}.attention.self" for i in range(120)]
    monkeypatch.setattr(sites, "attention_names", lambda model: names)
    with pytest.raises(ModelError) as caught:
        sites.attention_site(nn.Linear(1, 1), "encoder.layer.130.attention.self")
    assert len(str(caught.value)) < LONGEST
    assert "and 110 more" in str(caught.value)
