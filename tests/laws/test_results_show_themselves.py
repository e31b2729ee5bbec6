"""Every result has a short repr, and a table for notebooks in which nothing is markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import hfdl
from hfdl.config.schema import ModelConfig, Recipe
from hfdl.data.checks.report import check_data
from hfdl.data.table import Table
from hfdl.metrics.bootstrap import Spread
from hfdl.parity.diagnose import Diagnosis
from hfdl.parity.report import Report, Row
from hfdl.report.guess import Guess
from hfdl.runs.comparison import Comparison
from hfdl.runs.comparison import Row as Era
from hfdl.runs.run import Run
from hfdl.runs.scores import Scores
from hfdl.runs.seeds import SeedRuns

BAD = '<b>"&\x1b[2J ' + "x" * 90
METRICS = {f"metric_{i}": i / 7 for i in range(9)}
SCORES: dict[str, Any] = {"validation": METRICS, "test": METRICS}
RUN = Run(Path(BAD), {**SCORES, "runtime": {}}, Recipe(task="t", model=ModelConfig(name=BAD)))


def results() -> dict[str, Any]:
    rows = [
        Era(f"era-{i}", BAD, "m", "accuracy", {"test": [0.5]}, 10**9, 1, 9.0, 1.0, "bf16", [])
        for i in range(20)
    ]
    row = Row("fused", "plain", torch.float64, BAD, 3, error=1.0, bound=1e-9)
    diagnosis = Diagnosis("wrong", BAD * 5, BAD)
    data: Any = {"train": Table(BAD, {"text": ["a", "", "a"], "label": ["p", BAD, None]})}
    return {
        "train": RUN,
        "evaluate": Scores(SCORES, BAD, Path(BAD), guesses=[Guess("test", "f1", 1.0, BAD, 0.5)]),
        "train_seeds": SeedRuns(
            Path(BAD), dict.fromkeys(range(5), RUN),
            {"test": {f"m{i}": Spread([0.5, 0.6]) for i in range(20)}},
        ),
        "compare": Comparison(BAD, Path(BAD), rows, [0], {}, {}),
        "verify": Report(BAD, (row,) * 99, (), diagnosis),
        "diagnose": diagnosis,
        "data check": check_data(data, Recipe(task="t", model=ModelConfig(name="m")).data),
    }  # fmt: skip


@pytest.mark.parametrize("name", [*results()])
def test_a_repr_is_short_and_its_table_escaped(name: str) -> None:
    result = results()[name]
    lines = repr(result).splitlines()
    assert 1 < len(lines) < 10
    assert all(len(line) <= 80 for line in lines), lines
    assert all(line.isprintable() for line in lines)
    page = result._repr_html_()
    assert "<b>" not in page
    assert page.count("<table>") == page.count("</table>") == 1
    assert len(results()) == 7


def test_a_pipeline(trained: Path) -> None:
    pipe = hfdl.pipeline(model=trained)
    lines = repr(pipe).splitlines()
    assert lines[0] == "TextClassificationPipeline (text-classification)"
    assert len(lines) < 10
    assert "negative, positive" in repr(pipe)
    assert "<table>" in pipe._repr_html_()  # pyright: ignore[reportAttributeAccessIssue]


def test_scores_are_a_dict_still() -> None:
    scores = Scores(SCORES, "m")
    assert scores == SCORES
    assert dict(scores) == SCORES
    assert repr(scores).splitlines()[0] == "Scores of m"
    assert replace(RUN, directory=Path("x")).metrics == RUN.metrics
