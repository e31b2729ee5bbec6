"""What has a length gives a list of answers; a generator or stream gives a generator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from torch.utils.data import Dataset
from transformers.pipelines.pt_utils import KeyDataset

from hfdl.errors import DataError
from hfdl.pipelines.inputs import answer_several

TEXTS = ["a fine film", "café", ""]
SIZED: dict[str, Callable[[], Any]] = {
    "list": lambda: TEXTS,
    "tuple": lambda: tuple(TEXTS),
    "series": lambda: pd.Series(TEXTS),
    "filtered series": lambda: pd.Series(["x", *TEXTS])[lambda s: s != "x"],
    "object series": lambda: pd.Series(TEXTS, dtype=object),
    "categories": lambda: pd.Series(TEXTS, dtype="category"),
    "index": lambda: pd.Index(TEXTS),
    "numpy": lambda: np.array(TEXTS),
    "numpy objects": lambda: np.array(TEXTS, dtype=object),
    "pyarrow": lambda: pa.array(TEXTS),
    "chunked": lambda: pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    "datasets column": lambda: datasets.Dataset.from_dict({"text": TEXTS})["text"],
    "dict values": lambda: dict(enumerate(TEXTS)).values(),
    "deque": lambda: deque(TEXTS),
}


class Texts(Dataset[str]):
    def __len__(self) -> int:
        return len(TEXTS)

    def __getitem__(self, index: int) -> str:
        return TEXTS[index]


def generator() -> Iterator[str]:
    yield from TEXTS


STREAMS: dict[str, Callable[[], Any]] = {
    "generator": generator,
    "iterator": lambda: iter(TEXTS),
    "map": lambda: map(str, TEXTS),
    "torch dataset": Texts,
    "key dataset": lambda: KeyDataset(datasets.Dataset.from_dict({"text": TEXTS}), "text"),
}
TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame({"text": TEXTS}),
    "pyarrow": lambda: pa.table({"text": TEXTS}),
}


def refusal(value: Any, index: int) -> DataError:
    return DataError(f"{value!r} is no text", where=f"input {index + 1}")


def answered(inputs: Any) -> Any:
    def answer(texts: list[Any]) -> list[str]:
        assert all(type(text) is str for text in texts), texts
        return [text.upper() for text in texts]

    return answer_several(inputs, answer, 2, refusal)


@pytest.mark.parametrize("kind", SIZED)
def test_what_has_a_length_gives_a_list(kind: str) -> None:
    assert answered(SIZED[kind]()) == [text.upper() for text in TEXTS]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_gives_a_generator(kind: str) -> None:
    answers = answered(STREAMS[kind]())
    assert isinstance(answers, GeneratorType)
    assert list(answers) == [text.upper() for text in TEXTS]


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_refused_and_its_column_is_the_remedy(kind: str) -> None:
    table = TABLES[kind]()
    with pytest.raises(DataError, match=r'Give the column that holds them, as table\["text"\]'):
        answered(table)
    assert answered(table["text"]) == [text.upper() for text in TEXTS]


def test_empty_collections_give_empty_lists() -> None:
    for nothing in ([], (), pd.Series([], dtype=str), np.array([], dtype=str), pa.array([])):
        assert answered(nothing) == []


@pytest.mark.parametrize("wrong", [7, None, b"bytes", {"a": 1}, np.array("a text"), 1.5])
def test_what_is_no_input_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="input 1: "):
        answered(wrong)


def test_every_kind_is_tested() -> None:
    assert (len(SIZED), len(STREAMS), len(TABLES)) == (14, 5, 2)
