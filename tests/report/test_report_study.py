"""The charts of a study's page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hfdl.report.study import study_html
from hfdl.report.study_plots import MOST_LINES, drawn_trials, parallel_chart

KEYS = ("learning_rate", "batch_size", "weight_decay", "warmup", "label_smoothing", "clip_norm")


def trial(number: int, keys: int) -> dict[str, Any]:
    settings = {f"train.{key}": 0.01 * (number + 1) for key in KEYS[:keys]}
    return {"number": number, "state": "complete", "value": 0.5 + number / 10, "settings": settings}


@pytest.mark.parametrize(("keys", "turned"), [(2, 0), (6, 7)])
def test_names_that_do_not_fit_side_by_side_are_turned(keys: int, turned: int) -> None:
    drawn = parallel_chart([trial(i, keys) for i in range(4)], "accuracy", True, [], winner=3)
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
    assert "<p>Luck</p>" in page
    assert "<p>On validation, gain</p>" in page
    verdict = {"word": "no gain shown", "seeds": [], "judged": []}
    page = study_html({**study, "verdict": verdict}, ["verdict: no gain shown: worse by 1"], [])
    assert "<p>Worse by 1</p>" in page
    assert page.count("no gain shown") == 1  # the badge
    assert ">50.0%<" in page.replace(" ", "")
    shown = re.sub(r"<(style|code).*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r">\s*0\.[56]0*\s*<", shown)  # accuracy is in percent everywhere


@pytest.mark.parametrize("keys", range(1, 7))
def test_labels_in_the_chart_can_be_read_on_a_phone(keys: int) -> None:
    """331 points are some 300 pixels there; more axes are as wide as they need, and scroll."""
    more = {"folder": "trials/0", "seconds": 1.0, "reason": ""}
    trials = [trial(i, keys) | more for i in range(3)]
    study: dict[str, Any] = {
        "trials": trials, "metric": "accuracy", "larger_is_better": True, "best": trials[2],
        "verdict": None, "importance": None, "folds": None, "sampler": "random",
        "pruner": "none", "facts": [],
    }  # fmt: skip
    page = study_html(study, [], [])
    drawn = str(parallel_chart(trials, "accuracy", True, [], winner=2))
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", drawn)]
    assert min(sizes) >= (9 if keys <= 3 else 8)
    assert ('class="scroll wide"' in page) == (keys > 3)


def heights_of_winner(drawn: str) -> list[float]:
    """The heights of the one line drawn in the winner's colour, from below."""
    [path] = re.findall(r'<path d="([^"]+)"[^>]*stroke: var\(--warm\)', drawn)
    return [-float(y) for _, y in re.findall(r"[ML] (\S+) (\S+)", path)]


@pytest.mark.parametrize("larger", [True, False])
@pytest.mark.parametrize("winner", [0, 1, 2])
def test_of_equal_trials_the_one_that_the_study_names_is_drawn_as_winner(
    winner: int, larger: bool
) -> None:
    equal = [trial(i, 1) | {"value": 0.5} for i in range(3)]
    worse = trial(3, 1) | {"value": 0.4 if larger else 0.6}
    drawn = parallel_chart([*equal, worse], "accuracy", larger, [], winner=winner)
    first, _ = heights_of_winner(str(drawn))
    lines = re.findall(r'<path d="M (\S+) (\S+)\s+L (\S+) \S+\s*" clip-path', str(drawn))
    starts = sorted({-float(y) for left, y, right in lines if left != right})
    assert starts.index(first) == winner  # the setting grows with the number of the trial


def test_a_winner_after_the_trials_that_are_drawn_is_drawn() -> None:
    trials = [trial(i, 1) | {"value": 0.5} for i in range(MOST_LINES + 5)]
    winner = MOST_LINES + 2
    trials[winner]["value"] = 0.9
    assert [t["number"] for t in drawn_trials(trials, winner)][-2:] == [MOST_LINES - 2, winner]
    assert len(drawn_trials(trials, winner)) == len(drawn_trials(trials, 0)) == MOST_LINES
    drawn = str(parallel_chart(trials, "accuracy", True, [], winner=winner))
    setting, value = heights_of_winner(drawn)
    assert setting == value  # the largest of both


def test_no_line_covers_a_label() -> None:
    """Labels stand on a ground of the card's colour, in front of the lines."""
    drawn = str(parallel_chart([trial(i, 2) for i in range(4)], "accuracy", True, [], winner=3))
    last_line = drawn.rindex("stroke: var(--warm)")
    assert drawn.rindex("fill: var(--card)") > last_line
