"""The verdict in words."""

from __future__ import annotations

import math

from hfdl.report.wording import is_share
from hfdl.search.verdict import GAIN, WORSE, Judged, Verdict


def verdict_text(verdict: Verdict) -> str:
    """``gain: better than the default by 1.2 ± 0.9 points of accuracy on test (95 %, 5 seeds)``."""
    if not verdict.judged:
        return f"{verdict.word}: no pair of runs on fresh seeds came to its end"
    if verdict.are_same:
        return f"{verdict.word}: the winner is the recipe as it stands"
    return f"{verdict.word}: {judged_text(verdict.judged[0], verdict.metric)}"


def judged_text(judged: Judged, metric: str) -> str:
    """How the winner compares with the default on one split."""
    difference = judged.difference
    word = "better" if difference.mean >= 0 else "worse"
    seeds = f"{len(difference.pairs)} seeds" if len(difference.pairs) > 1 else "one seed"
    amount = _amount(abs(difference.mean), metric)
    if difference.half_width is None:
        return f"{word} than the default by {amount}{_unit(metric)} on {judged.split} ({seeds})"
    around = _amount(difference.half_width, metric)
    return (
        f"{word} than the default by {amount} ± {around}{_unit(metric)} on {judged.split} "
        f"(95 %, {seeds})"
    )


def overstated_text(verdict: Verdict) -> str | None:
    """How far the search's own figure was too good."""
    if verdict.overstated is None:
        return None
    amount = f"{_amount(abs(verdict.overstated), verdict.metric)}{_unit(verdict.metric)}"
    word = "too low" if verdict.overstated < 0 else "overstated"
    return f"its own figure was {word} by {amount}"


def colour_of(verdict: Verdict) -> str:
    """``good``, ``bad`` or neither, for the page."""
    return {GAIN: "good", WORSE: "bad"}.get(verdict.word, "")


def _amount(value: float, metric: str) -> str:
    if not math.isfinite(value):
        return "?"
    return f"{100 * value:.1f}" if is_share(metric) else f"{value:.3g}"


def _unit(metric: str) -> str:
    return f" points of {metric}" if is_share(metric) else f" of {metric}"
