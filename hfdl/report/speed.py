"""How fast a run was, and how much memory it held, as its log has it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.report import wording
from hfdl.report.plots import by_update, line, thin
from hfdl.report.svg import ACCENT, chart

if TYPE_CHECKING:
    from markupsafe import Markup

STRETCHES = 60
"""Stretches of a run that a rate is taken over: single updates differ by their texts' lengths."""


def rates(
    updates: Sequence[dict[str, Any]], evaluations: Sequence[dict[str, Any]] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens a second along a run; the time of evaluations is left out.

    Args:
        updates: events of updates, in their order. Their ``seconds`` count from the beginning.
        evaluations: events of evaluations, with their own ``seconds``; each follows the update of
            its ``step``.

    Returns:
        the last update of each stretch and its rate, both (stretches,).
    """
    known = [one for one in updates if one.get("tokens") and one.get("seconds") is not None]
    if len(known) < 2:
        return np.zeros(0), np.zeros(0)
    steps = np.array([one["step"] for one in known], dtype=float)
    tokens = np.array([one["tokens"] for one in known], dtype=float)
    seconds = np.diff([one["seconds"] for one in known]) - _evaluating(steps, evaluations)
    last = np.unique(np.linspace(1, len(known), min(STRETCHES, len(known) - 1) + 1).astype(int))
    ends, found = [], []
    for start, stop in itertools.pairwise(last):
        took = seconds[start - 1 : stop - 1].sum()
        # A clock that was set back, or a run that was continued elsewhere, has no rate there.
        if took > 0:
            ends.append(steps[stop - 1])
            found.append(tokens[start:stop].sum() / took)
    return np.array(ends), np.array(found)


def _evaluating(steps: np.ndarray, evaluations: Sequence[dict[str, Any]]) -> np.ndarray:
    """Seconds of evaluations between each update and the next, (updates - 1,)."""
    spent = np.zeros(len(steps) - 1)
    for one in evaluations:
        after = int(np.searchsorted(steps, one["step"]))
        if after < len(spent):
            spent[after] += float(one.get("seconds") or 0.0)
    return spent


def speed_chart(steps: np.ndarray, per_second: np.ndarray) -> Markup:
    """Tokens a second along a run."""
    middle = wording.short_count(float(np.median(per_second)))
    with chart("speed", "Tokens a second by update", f"The median is {middle}.") as drawn:
        drawn.axes.plot(steps, per_second, line(per_second), color=ACCENT, linewidth=1.3)
        by_update(drawn.axes)
        drawn.axes.set_ylim(bottom=0)
        drawn.axes.yaxis.set_major_formatter(lambda value, _: wording.short_count(value))
    return drawn.svg


def memory_chart(updates: Sequence[dict[str, Any]]) -> Markup | None:
    """The most memory held up to each update; None where the log does not have it."""
    known = [one for one in updates if one.get("memory_bytes")]
    if not known:
        return None
    steps = np.array([one["step"] for one in known], dtype=float)
    held = np.array([one["memory_bytes"] for one in known], dtype=float)
    ends = f"From {wording.size(held[0])} to {wording.size(held[-1])}."
    with chart("memory", "Most memory held so far, by update", ends) as drawn:
        kept = thin(held)
        drawn.axes.plot(steps[kept], held[kept], line(held), color=ACCENT, linewidth=1.3)
        by_update(drawn.axes)
        drawn.axes.set_ylim(0, held.max() * 1.08)
        drawn.axes.yaxis.set_major_formatter(lambda value, _: wording.size(value))
    return drawn.svg
