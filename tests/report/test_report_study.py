"""The charts of a study's page."""

from __future__ import annotations

from typing import Any

import pytest

from hfdl.report.study import study_html
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


def test_the_verdict_stands_under_its_badge_without_the_words_of_the_terminal() -> None:
    more = {"folder": "trials/0", "seconds": 1.0, "reason": ""}
    study: dict[str, Any] = {
        "trials": [trial(i, 2) | more for i in range(2)],
        "metric": "accuracy", "larger_is_better": True,
        "best": trial(1, 2), "verdict": None, "importance": None, "folds": None,
        "sampler": "random", "pruner": "none", "facts": [],
    }  # fmt: skip
    page = study_html(study, ["verdict: luck", "besides: on validation, gain"], [])
    assert "<p>luck</p>" in page
    assert "<p>on validation, gain</p>" in page


def test_no_line_covers_a_label() -> None:
    """Labels stand on a ground of the card's colour, in front of the lines."""
    drawn = str(parallel_chart([trial(i, 2) for i in range(4)], "accuracy", True, []))
    last_line = drawn.rindex("stroke: var(--warm)")
    assert drawn.rindex("fill: var(--card)") > last_line
