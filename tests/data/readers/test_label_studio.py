"""Label Studio's exports: annotators that say the same, and tasks in which nothing can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError


def region(start: int, end: int, label: str, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label], **more}
    return {"id": f"{start}", "type": "labels", "from_name": "ner", "value": value}


def load(tmp_path: Path, tasks: list[dict[str, Any]], rows: Any = "entities") -> Any:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return load_splits(DataConfig(train=str(path)), rows=rows)["train"]


def test_annotators_who_say_the_same_are_one(tmp_path: Path) -> None:
    bare = [region(7, 12, "LOC"), region(0, 3, "PER"), {"type": "relation", "from_id": "0"}]
    full = [region(0, 3, "PER", text="Ann"), region(7, 12, "LOC", text="Paris")]
    annotations = [{"id": 9, "result": bare}, {"id": 10, "result": full}]
    table = load(tmp_path, [{"data": {"text": "Ann in Paris"}, "annotations": annotations}])
    spans = [{"start": 0, "end": 3, "label": "PER"}, {"start": 7, "end": 12, "label": "LOC"}]
    assert table.columns["spans"] == [spans]


@pytest.mark.parametrize("more", [{}, {"text": "Ann"}])
def test_annotators_who_differ_are_refused(tmp_path: Path, more: dict[str, str]) -> None:
    annotations = [{"result": [region(0, 3, "PER", **more)]}, {"result": [region(0, 3, "ORG")]}]
    with pytest.raises(DataError, match="2 annotations that differ"):
        load(tmp_path, [{"data": {"text": "Ann in Paris"}, "annotations": annotations}])


PREDICTED = {"predictions": [{"result": [region(0, 3, "PER")]}]}
RATED = {"result": [{"type": "rating", "from_name": "stars", "value": {"rating": 3}}]}


@pytest.mark.parametrize(
    ("task", "advice"),
    [
        (PREDICTED, "submit them, and export again"),
        ({**PREDICTED, "annotations": []}, "submit them, and export again"),
        ({"annotations": [RATED]}, "choices and labels are read, not rating"),
        ({"annotations": [{"result": []}]}, "no task of Label Studio is annotated here"),
    ],
)
def test_tasks_in_which_nothing_can_be_read_say_why(
    tmp_path: Path, task: dict[str, Any], advice: str
) -> None:
    tasks = [{"id": 1, "data": {"text": "Ann in Paris"}, **task}]
    table = load(tmp_path, tasks)
    assert table.columns == {"text": ["Ann in Paris"]}
    with pytest.raises(DataError) as caught:
        read_sentences(table, DataConfig(), "train")
    assert advice in str(caught.value.remedy)
    with pytest.raises(DataError) as caught:
        load(tmp_path, tasks, "labels").column("label", "data.label")
    assert advice in str(caught.value.remedy)
