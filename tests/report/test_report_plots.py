"""Charts of a report: what their axes say."""

from __future__ import annotations

import re

import pytest

from hfdl.report.plots import metric_chart


@pytest.mark.parametrize(
    ("metric", "values", "least", "most"),
    [
        ("mean_squared_error", [8.8, 3.1, 0.4, 0.0066], 0, 10),
        ("accuracy", [0.4, 0.9, 1.0], 0, 100),
        ("f1", [0.0, 0.02, 0.01], 0, 5),
        ("r2", [-0.5, 0.1], -1, 1),
    ],
)
def test_no_tick_stands_for_a_value_that_cannot_be(
    metric: str, values: list[float], least: float, most: float
) -> None:
    evaluations = [
        {"step": 1000 * step, "metrics": {metric: value}}
        for step, value in enumerate(values, start=1)
    ]
    drawn = str(metric_chart(evaluations, metric, 1000 * len(values)))
    words = re.findall(r">\s*([^<>]+?)\s*<", drawn.replace("\N{MINUS SIGN}", "-"))
    numbers = [float(word.rstrip("%")) for word in words if re.fullmatch(r"-?[\d.]+%?", word)]
    ticks = [number for number in numbers if number < 500]  # the others count updates
    assert len(ticks) > 2
    assert least <= min(ticks)
    assert max(ticks) <= most
    assert (min(ticks) < 0) == (metric == "r2")
