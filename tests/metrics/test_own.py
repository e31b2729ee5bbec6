"""Metrics that a recipe adds: what they are given, what they may return, and their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.wording import assert_wording

from hfdl.errors import ConfigError
from hfdl.metrics.own import Answers, OwnMetrics

OWN = '''
import evaluate
import datasets


def one(predictions, references):
    return sum(a == b for a, b in zip(predictions, references))


def several(predictions, references):
    return {"first": predictions[0] == references[0], "n": len(references)}


def far(predictions, references):
    return 2.0


far.smaller_is_better = True


class Distance:
    smaller_is_better = ["distance"]

    def __call__(self, predictions, references):
        return {"distance": 3, "closeness": 4}


class Ids(evaluate.Metric):
    """As a module of the library is written."""

    def _info(self):
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features({
            "predictions": datasets.Value("int32"), "references": datasets.Value("int32")}))

    def _compute(self, predictions, references, scale=1):
        return {"ids": float(sum(predictions)), "list": [1, 2], "accuracy": 0.5,
                "of": {"inner": 1}}


def text(predictions, references):
    return "good"


def nothing(predictions, references):
    pass


def empty(predictions, references):
    return {}


def coloured(predictions, references):
    return {"a\\n\\x1b[31mb": 1.0}


def text_of_numpy(predictions, references):
    import numpy

    return numpy.array("good")


def day(predictions, references):
    import numpy

    return {"day": numpy.datetime64("2020-01-01")}


def complex_of_numpy(predictions, references):
    import numpy

    return numpy.complex64(1j)


def inside(predictions, references):
    return {"a": 1.0, "b": [1, 2]}


def one_argument(predictions):
    return 1.0


value = 3


def raises(predictions, references):
    return 1 / 0
'''
ANSWERS = Answers("labels", ["b", "a", "c"], ["b", "b", "c"], labels=["a", "b", "c"])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN, encoding="utf-8")
    return file


def test_functions_classes_names_and_modules_of_evaluate(own: Path) -> None:
    paths = [f"{own}:{name}" for name in ("one", "several", "far", "Distance", "Ids")]
    metrics = OwnMetrics([*paths, "matthews_correlation"], taken=["accuracy", "one"])
    found = metrics(ANSWERS)
    assert found.pop("matthews_correlation") == pytest.approx(0.5, abs=0.2)
    assert found == {
        "own_one": 2.0, "first": 1.0, "n": 3.0, "far": 2.0, "distance": 3.0, "closeness": 4.0,
        "ids": 3.0, "own_accuracy": 0.5, "of/inner": 1.0,
    }  # fmt: skip
    assert metrics.smaller == {"far", "distance"}
    assert len(metrics.names) == 10


@pytest.mark.parametrize("number", [np.float32(2), np.array(2), torch.tensor(2.0), 2, True])
def test_any_kind_of_number_will_do(number: object, own: Path) -> None:
    own.write_text("def given(predictions, references):\n    return predictions[0]\n")
    found = OwnMetrics([f"{own}:given"], [])(Answers("numbers", [number], [0]))
    assert type(found["given"]) is float


NONE = [
    "text", "nothing", "inside", "one_argument", "value", "oen", "empty", "coloured",
    "text_of_numpy", "day", "complex_of_numpy",
]  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_metric_is_refused(name: str, own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        OwnMetrics([f"{own}:{name}"], [])(ANSWERS)
    assert_wording(caught.value)


@pytest.mark.parametrize("paths", [["acuracy"], ["sacrebleu"], ["seqeval"], ["/no/file.py:f"]])
def test_a_name_of_another_kind_of_answers_is_refused(paths: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        OwnMetrics(paths, [])(ANSWERS)
    assert_wording(caught.value)


def test_two_metrics_of_one_name_are_refused(own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        OwnMetrics([f"{own}:one", f"{own}:one"], [])(ANSWERS)
    assert_wording(caught.value)


def test_a_module_of_evaluate_that_reads_something_else_is_refused(own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        OwnMetrics([f"{own}:Ids"], [])(Answers("texts", ["a"], ["b"]))
    assert_wording(caught.value)


def test_what_a_function_raises_goes_through(own: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        OwnMetrics([f"{own}:raises"], [])(ANSWERS)
