"""The charts of a report."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.metrics.calibration import Bin
from hfdl.report.counts import wilson
from hfdl.report.svg import ACCENT, GRID, INK, MUTED, PAPER, WARM, Chart, chart
from hfdl.report.wording import figure as figure_text
from hfdl.report.wording import is_share, metric_name

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

POINTS = 300
"""Stretches that a long curve is cut into; each keeps its lowest and its highest point."""
DOTS = 1000
"""Points of a scatter plot at most."""


def smooth(values: np.ndarray) -> np.ndarray:
    """An exponential mean over about a twentieth of the curve, without a bias at its start."""
    span = max(5.0, len(values) / 20)
    keep = 1 - 2 / (span + 1)
    means = np.empty(len(values))
    total = weight = 0.0
    for index, value in enumerate(values.tolist()):
        total = keep * total + value
        weight = keep * weight + 1
        means[index] = total / weight
    return means


def thin(values: np.ndarray, stretches: int = POINTS) -> np.ndarray:
    """Indices of a curve's points that keep its outline; all of them where it is short."""
    if len(values) <= 2 * stretches:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), stretches + 1).astype(int)
    kept = {0, len(values) - 1}
    for start, stop in itertools.pairwise(edges.tolist()):
        kept |= {start + int(values[start:stop].argmin()), start + int(values[start:stop].argmax())}
    return np.array(sorted(kept))


def loss_chart(updates: Sequence[dict[str, Any]], evaluations: Sequence[dict[str, Any]]) -> Markup:
    """Training loss, raw and smoothed, and the validation loss of each evaluation."""
    steps, losses = curve(updates, "loss")
    with chart("loss", "Training and validation loss by update") as drawn:
        axes = drawn.axes
        kept = thin(losses)
        axes.plot(steps[kept], losses[kept], color=ACCENT, alpha=0.25, linewidth=0.8)
        mean = smooth(losses)
        kept = thin(mean)
        axes.plot(steps[kept], mean[kept], line(mean), color=ACCENT, linewidth=1.8,
                  label="training, smoothed")  # fmt: skip
        measured = [{"step": e["step"], **e["metrics"]} for e in evaluations]
        steps, losses = curve(measured, "loss")
        if len(steps):
            axes.plot(steps, losses, "o-", color=WARM, linewidth=1.4, markersize=3.5,
                      label="validation")  # fmt: skip
        by_update(axes)
        axes.set_ylim(bottom=0)
        _legend(drawn)
    return drawn.svg


def update_chart(updates: Sequence[dict[str, Any]], key: str, description: str) -> Markup:
    """One value of each update: the learning rate, the gradient's norm."""
    steps, values = curve(updates, key)
    kept = thin(values)
    with chart(key.replace("_", "-"), f"{description} by update") as drawn:
        drawn.axes.plot(steps[kept], values[kept], line(values), color=ACCENT, linewidth=1.3)
        by_update(drawn.axes)
        drawn.axes.set_ylim(bottom=0)
        drawn.axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
        drawn.axes.yaxis.get_offset_text().set_color(MUTED)
    return drawn.svg


def metric_chart(evaluations: Sequence[dict[str, Any]], metric: str, best_step: int) -> Markup:
    """A validation metric at each evaluation, with the best one marked."""
    steps, values = curve([{"step": e["step"], **e["metrics"]} for e in evaluations], metric)
    description = f"Validation {metric_name(metric)} by update"
    with chart("metric", description) as drawn:
        axes = drawn.axes
        kept = thin(values)
        axes.plot(steps[kept], values[kept], "o-", color=WARM, linewidth=1.4, markersize=3.5)
        best = np.flatnonzero(steps == best_step)
        if len(best):
            _mark_best(axes, steps, values, int(best[0]), metric)
        axes.margins(x=0.08, y=0.25)
        by_update(axes)
        _drop_ticks_of_no_value(axes, values, metric)
        if is_share(metric):
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    return drawn.svg


def reliability_chart(name: str, bins: Sequence[Bin]) -> Markup:
    """Accuracy against mean score in each bin, with 95 % intervals."""
    confidence = np.array([one.confidence for one in bins])
    accuracy = np.array([one.accuracy for one in bins])
    ends = np.array([wilson(one.right, one.count) for one in bins]).reshape(-1, 2)
    low, high = accuracy - ends[:, 0], ends[:, 1] - accuracy
    with chart(name, "Accuracy by score, against perfect calibration", square=True) as drawn:
        axes = drawn.axes
        axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label="perfectly calibrated")
        axes.errorbar(confidence, accuracy, yerr=np.clip([low, high], 0, None), fmt="o-",
                      color=ACCENT, ecolor=ACCENT, elinewidth=1, markersize=4.5,
                      label="this model, 95% intervals")  # fmt: skip
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="score of the prediction",
                 ylabel="share that is right")  # fmt: skip
        _legend(drawn)
    return drawn.svg


def scatter_chart(name: str, true: np.ndarray, predicted: np.ndarray) -> Markup:
    """Predicted against true values; of many, an even sample."""
    kept = np.linspace(0, len(true) - 1, min(len(true), DOTS)).astype(int)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    with chart(name, "Predicted against true values", square=True) as drawn:
        axes = drawn.axes
        axes.plot(ends, ends, "--", color=MUTED, linewidth=1, label="perfect")
        axes.plot(true[kept], predicted[kept], "o", color=ACCENT, alpha=0.45, markersize=3.5,
                  markeredgewidth=0)  # fmt: skip
        axes.set(xlabel="true value", ylabel="predicted value")
        _legend(drawn)
    return drawn.svg


def residual_chart(name: str, true: np.ndarray, predicted: np.ndarray) -> Markup:
    """Error (predicted minus true) against the prediction; of many, an even sample.

    A cloud that leans or widens shows where the model can be trusted less.
    """
    kept = np.linspace(0, len(true) - 1, min(len(true), DOTS)).astype(int)
    errors = predicted - true
    with chart(name, "Error against prediction", square=True) as drawn:
        drawn.summary = f"The mean error is {errors.mean():.4g}, its spread {errors.std():.4g}."
        axes = drawn.axes
        axes.axhline(0, color=MUTED, linestyle="--", linewidth=1)
        axes.plot(predicted[kept], errors[kept], "o", color=ACCENT, alpha=0.45, markersize=3.5,
                  markeredgewidth=0)  # fmt: skip
        axes.set(xlabel="predicted value", ylabel="predicted − true")
    return drawn.svg


def histogram_chart(name: str, errors: np.ndarray) -> Markup:
    """How the errors (predicted minus true) are spread."""
    with chart(name, "Histogram of the errors", square=True) as drawn:
        axes = drawn.axes
        bins = int(np.clip(np.sqrt(len(errors)), 5, 40))
        axes.hist(errors, bins=bins, color=ACCENT, alpha=0.75, edgecolor=PAPER, linewidth=0.5)
        axes.axvline(0, color=INK, linewidth=1)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel="predicted − true", ylabel="examples")
        axes.spines["bottom"].set_color(GRID)
    return drawn.svg


def by_update(axes: Axes) -> None:
    """Mark the updates along the bottom."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("update")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def line(values: np.ndarray) -> str:
    """A line, or a dot where there is one value alone."""
    # A line through one point would not be seen.
    return "-" if len(values) > 1 else "o"


def chrf_chart(name: str, scores: np.ndarray) -> Markup:
    """How the chrF of single translations is spread."""
    middle = float(np.median(scores))
    with chart(name, "Histogram of chrF by translation", f"The median is {middle:.1f}.") as drawn:
        axes = drawn.axes
        axes.hist(scores, bins=[*range(0, 101, 5)], color=ACCENT, alpha=0.75, edgecolor=PAPER,
                  linewidth=0.5)  # fmt: skip
        axes.axvline(middle, color=INK, linewidth=1, label=f"median {middle:.1f}")
        axes.grid(visible=False, axis="x")
        axes.set(xlim=(0, 100), xlabel="chrF", ylabel="translations")
        _legend(drawn)
    return drawn.svg


def _legend(drawn: Chart) -> None:
    # Above the plot, where it can hide nothing.
    drawn.figure.legend(loc="outside upper left", ncols=2, borderaxespad=0.1, handlelength=1.5)


def _mark_best(axes: Axes, steps: np.ndarray, values: np.ndarray, best: int, metric: str) -> None:
    axes.plot(steps[best], values[best], "o", markersize=9, markerfacecolor="none",
              markeredgecolor=INK, markeredgewidth=1.4)  # fmt: skip
    # Beside the border the words would leave the picture.
    share = (steps[best] - steps[0]) / max(steps[-1] - steps[0], 1)
    side = "left" if share < 0.2 else "right" if share > 0.8 else "center"
    # A curve that falls comes from above.
    is_low = values[best] < values[0]
    axes.annotate(
        f"best: {figure_text(metric, float(values[best]))}",
        (steps[best], values[best]),
        xytext=(0, -17 if is_low else 9),
        textcoords="offset points",
        ha=side,
        color=INK,
    )


def _drop_ticks_of_no_value(axes: Axes, values: np.ndarray, metric: str) -> None:
    """Leave room for words beyond 0 or 100 %, but no tick: there is no such error or share."""
    low, high = axes.get_ylim()
    least = max(low, 0.0) if (values >= 0).all() else low
    most = min(high, 1.0) if is_share(metric) else high
    axes.set_yticks([tick for tick in axes.get_yticks() if least <= tick <= most])
    axes.set_ylim(low, high)


def curve(records: Sequence[dict[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of the records that have a finite one."""
    pairs = [(r["step"], r[key]) for r in records if r.get(key) is not None]
    steps, values = np.array(pairs, dtype=float).reshape(-1, 2).T
    finite = np.isfinite(values)
    return steps[finite], values[finite]
