"""The charts of a study: its history, the importance of keys, its trials as lines over all keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.report import wording
from hfdl.report.svg import ACCENT, GRID, INK, MUTED, PAPER, WARM, chart

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_LINES = 200
"""Trials in the parallel coordinates: of more, the best and the worst hide each other."""


def history_chart(trials: Sequence[Mapping[str, Any]], metric: str, larger: bool) -> Markup:
    """The value of each trial and the best so far."""
    numbers, values = _complete(trials)
    with chart("history", f"{metric} of each trial, and the best so far") as drawn:
        axes = drawn.axes
        axes.plot(numbers, values, "o", color=ACCENT, markersize=4, label="trial")
        pruned = [(t["number"], t["value"]) for t in trials
                  if t["state"] == "pruned" and t["value"] is not None]  # fmt: skip
        if pruned:
            axes.plot(*zip(*pruned, strict=True), "x", color=MUTED, markersize=4,
                      label="pruned, last evaluation")  # fmt: skip
        best = (np.maximum if larger else np.minimum).accumulate(values)
        axes.step(numbers, best, where="post", color=WARM, linewidth=1.5, label="best so far")
        axes.set_xlabel("trial")
        axes.set_ylabel(wording.metric_name(metric))
        if wording.is_share(metric):
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
        _whole_numbers(axes)
        drawn.figure.legend(loc="outside upper left", ncols=3, borderaxespad=0.1, handlelength=1.5)
    return drawn.svg


def importance_chart(importance: Mapping[str, float]) -> Markup:
    """A bar for each key, the most important on top."""
    names = list(importance)
    shares = [importance[name] for name in names]
    with chart("importance", "How much each key mattered") as drawn:
        axes = drawn.axes
        axes.barh(range(len(names)), shares, color=ACCENT, alpha=0.75, height=0.6)
        for place, share in enumerate(shares):
            axes.annotate(f"{100 * share:.0f}%", (share, place), xytext=(4, 0),
                          textcoords="offset points", va="center", color=INK)  # fmt: skip
        axes.set_yticks(range(len(names)), [_shortened(name) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.15)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    return drawn.svg


_NAMES_WIDTH, _TICKS_WIDTH = 42, 55
"""Characters that stand side by side below, and within, a chart."""
_BEHIND = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6}
"""What a label of parallel coordinates stands on, so that no line covers it."""
_ROOMY = 7
"""Axes of parallel coordinates that leave room for figures of nearly the usual size."""
_SIZES = ((4, 9.0), (_ROOMY, 8.0))
"""Up to so many axes, the size of their figures in points; of more axes 6."""


def parallel_chart(
    trials: Sequence[Mapping[str, Any]],
    metric: str,
    larger: bool,
    logs: Sequence[str],
    *,
    winner: int,
) -> Markup:
    """A line for each trial through its values, coloured the better it is; the winner in front.

    Args:
        trials, metric, larger: of study.json.
        logs: keys that are searched by their logarithm.
        winner: the number of the trial that the study names; another may have the same value.
    """
    ended = drawn_trials(trials, winner)
    keys = list(ended[0]["settings"])
    columns = [_column([t["settings"][key] for t in ended], key in logs) for key in keys]
    values = [float(t["value"]) for t in ended]
    heights, ticks = _column(values, False)
    places = dict(zip(heights, values, strict=True))
    columns.append((heights, [(h, wording.figure(metric, places[h])) for h, _ in ticks]))
    shares = _shares_beaten(values if larger else [-v for v in values])
    # Better ones over worse ones, the winner over those that equal it.
    order = sorted(range(len(ended)), key=lambda i: (shares[i], ended[i]["number"] == winner))
    with chart("parallel", "Each trial as a line through its settings and its value") as drawn:
        axes = drawn.axes
        for index in order:
            share = shares[index]
            is_best = ended[index]["number"] == winner
            heights = [column[0][index] for column in columns]
            axes.plot(range(len(columns)), heights, color=WARM if is_best else ACCENT,
                      alpha=1.0 if is_best else 0.12 + 0.5 * share**2,
                      linewidth=2.2 if is_best else 1.0)  # fmt: skip
        most = max(7, _TICKS_WIDTH // len(columns))
        size = next((points for count, points in _SIZES if len(columns) <= count), 6.0)
        for place, (_, ticks) in enumerate(columns):
            axes.axvline(place, color=GRID, linewidth=1)
            for height, text in ticks:
                axes.annotate(_shortened(text, most), (place, height), xytext=(2, 2),
                              textcoords="offset points", color=INK, zorder=5, bbox=_BEHIND,
                              fontsize=size)  # fmt: skip
        names = [_shortened(key.rpartition(".")[2], 14) for key in keys]
        names.append(_shortened(wording.metric_name(metric), 14))
        axes.set_xticks(range(len(columns)), names)
        if sum(map(len, names)) > _NAMES_WIDTH:  # side by side they would cover each other
            axes.tick_params(axis="x", labelrotation=60 if len(columns) > _ROOMY else 35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.1, len(columns) - 0.55)
        axes.set_yticks([])
        axes.grid(visible=False)
    return drawn.svg


def drawn_trials(trials: Sequence[Mapping[str, Any]], winner: int) -> list[Mapping[str, Any]]:
    """The trials of the parallel coordinates: those that ended, the first ``MOST_LINES`` of them.

    The winner is one of them wherever it stands.
    """
    ended = [trial for trial in trials if trial["state"] == "complete"]
    later = [trial for trial in ended[MOST_LINES:] if trial["number"] == winner]
    return [*ended[: MOST_LINES - len(later)], *later]


def _shares_beaten(values: Sequence[float]) -> list[float]:
    """The share of the values that each is at least as large as: equal ones have equal shares."""
    found = np.searchsorted(np.sort(values), values, side="right") / len(values)
    return found.tolist()


def _column(values: Sequence[Any], is_log: bool) -> tuple[list[float], list[tuple[float, str]]]:
    """The heights of values on an axis from 0 to 1, and the ticks of that axis."""
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not is_number:
        texts = [v if isinstance(v, str) else json.dumps(v, allow_nan=False) for v in values]
        names = list(dict.fromkeys(texts))
        places = {name: i / max(1, len(names) - 1) for i, name in enumerate(names)}
        return [places[t] for t in texts], [(places[n], _shortened(n, 14)) for n in names]
    scaled = [math.log(v) if is_log and v > 0 else float(v) for v in values]
    low, high = min(scaled), max(scaled)
    heights = [(v - low) / (high - low) if high > low else 0.5 for v in scaled]
    ends = sorted({heights.index(min(heights)), heights.index(max(heights))})
    return heights, [(heights[i], f"{values[i]:.3g}") for i in ends]


def _complete(trials: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(t["number"], t["value"]) for t in trials if t["state"] == "complete"]
    numbers, values = np.array(pairs, dtype=float).reshape(-1, 2).T
    return numbers, values


def _whole_numbers(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def _shortened(text: str, most: int = 24) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
