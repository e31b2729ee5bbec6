"""A head that its config.json gives another number of labels is not said to be absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import transformers
from helpers.wording import assert_wording

import hfdl
from hfdl.errors import ModelError

HEADS = {
    "text-classification": "AutoModelForSequenceClassification",
    "ner": "AutoModelForTokenClassification",
}


@pytest.mark.parametrize(("rows", "labels"), [(3, 2), (2, 3), (4, 1)])
@pytest.mark.parametrize("task", HEADS)
def test_its_two_shapes_are_named(
    task: str, rows: int, labels: int, tiny_bert: Path, tmp_path: Path
) -> None:
    made = getattr(transformers, HEADS[task]).from_pretrained(tiny_bert, num_labels=rows)
    made.save_pretrained(tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    config = json.loads(file.read_text())
    right = json.dumps(config)
    config |= {
        "id2label": {str(i): f"L{i}" for i in range(labels)},
        "label2id": {f"L{i}": i for i in range(labels)},
    }
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError) as caught:
        hfdl.pipeline(task, model=tmp_path / "model")
    said = str(caught.value)
    assert f"classifier.bias has the shape [{rows}] in its weights and [{labels}] by its" in said
    assert "is not in its weights" not in said
    if (rows, labels) == (3, 2):
        assert_wording(caught.value)
    file.write_text(right)  # as the remedy has it
    hfdl.pipeline(task, model=tmp_path / "model")


def test_one_that_is_absent_is_said_to_be(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="is not in its weights"):
        hfdl.pipeline("text-classification", model=tiny_bert)
