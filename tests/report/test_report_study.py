"""The charts of a study's page."""

from __future__ import annotations

from typing import Any

import pytest

from hfdl.report.study_plots import parallel_chart

KEYS = ("learning_rate", "batch_size", "weight_decay", "warmup", "label_smoothing", "clip_norm")


def trial(number: int, keys: int) -> dict[str, Any]:
    settings = {f"train.{key}": 0.01 * (number + 1) for key in KEYS[:keys]}
    return {"number": number, "state": "complete", "value": 0.5 + number / 10, "settings": settings}


@pytest.mark.parametrize(("keys", "turned"), [(2, 0), (6, 7)])
def test_names_that_do_not_fit_side_by_side_are_turned(keys: int, turned: int) -> None:
    drawn = parallel_chart([trial(i, keys) for i in range(4)], "accuracy", True, [])
    assert drawn.count("rotate(-35") == turned
    assert all(f">{key}<" in drawn for key in KEYS[: min(keys, 4)])
