"""How fast a run was, and how much memory it held, as its log has it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
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
    updates: Sequence[dict[str, Any]], pauses: Iterable[float] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens a second along a run, of the updates that followed another one at once.

    Args:
        updates: events of updates, in their order. Their ``seconds`` count from the beginning.
        pauses: updates after which something else was done: an evaluation, a checkpoint.

    Returns:
        the last update of each stretch and its rate, both (stretches,).
    """
    known = [one for one in updates if one.get("tokens") and one.get("seconds") is not None]
    if len(known) < 2:
        return np.zeros(0), np.zeros(0)
    steps = np.array([one["step"] for one in known], dtype=float)
    took = np.diff([one["seconds"] for one in known])
    # A clock that was set back, or a run that was continued elsewhere, has no rate there.
    at_once = (took > 0) & ~np.isin(steps[:-1], list(pauses))
    tokens = np.array([one["tokens"] for one in known[1:]], dtype=float)[at_once]
    ends, took = steps[1:][at_once], took[at_once]
    borders = np.unique(np.linspace(0, len(ends), min(STRETCHES, len(ends)) + 1).astype(int))
    stretches = list(itertools.pairwise(borders.tolist()))
    found = [tokens[start:stop].sum() / took[start:stop].sum() for start, stop in stretches]
    return np.array([ends[stop - 1] for _, stop in stretches]), np.array(found)


def speed_chart(steps: np.ndarray, per_second: np.ndarray) -> Markup:
    """Tokens a second along a run."""
    middle = wording.short_count(float(np.median(per_second)))
    with chart(
        "speed", "Tokens per second by update, without evaluations", f"The median is {middle}."
    ) as drawn:
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
    unit, name = (2**30, "GiB") if held.max() >= 2**30 else (2**20, "MiB")
    with chart("memory", "Most memory held so far, by update", ends) as drawn:
        kept = thin(held)
        drawn.axes.plot(steps[kept], held[kept] / unit, line(held), color=ACCENT, linewidth=1.3)
        by_update(drawn.axes)
        drawn.axes.set_ylim(0, held.max() / unit * 1.08)
        drawn.axes.set_ylabel(name)
    return drawn.svg
