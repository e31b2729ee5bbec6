"""Luck told from gain: the winner and the default on fresh seeds, and what the search overstated.

The search's own figure is the best of many, so it is too good even where all settings are equally
good. Trained again on seeds that the search has not used, the winner owes nothing to its luck with
the seed. What it owes to the validation examples that chose it stays, unless there is a test split,
which then is what is judged on.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hfdl.metrics.bootstrap import Measure
from hfdl.metrics.paired_seeds import (
    Difference,
    ExamplesVariance,
    examples_variance,
    paired_difference,
)
from hfdl.report.record import read_run
from hfdl.runs.outputs import METRICS
from hfdl.runs.run import Run
from hfdl.runs.seeds import finished_run, measures_of
from hfdl.search.fresh_seeds import fresh_seeds
from hfdl.search.layout import SIDES, Layout
from hfdl.search.plan import Plan
from hfdl.search.worker import failure_of

GAIN, NONE, WORSE = "gain", "no gain shown", "worse"
_SECONDS = 60.0
"""Time that drawing the examples again may take; BLEU, for one, is slow."""


@dataclass(frozen=True)
class Judged:
    """The winner beside the default on one split.

    Args:
        split: which.
        best, default: the metric of each run.
        difference: best minus default, turned so that more is better.
    """

    split: str
    best: list[float]
    default: list[float]
    difference: Difference


@dataclass(frozen=True)
class Verdict:
    """What the runs on fresh seeds say.

    Args:
        word: ``gain``, ``no gain shown`` or ``worse``.
        metric: what was compared.
        judged: on each split; the first one gives the word.
        seeds: of the pairs that ended: the winner's and the default's.
        failed: reasons of those that failed.
        search_value: the search's own figure of the winner.
        overstated: how far it is above the winner's mean on fresh seeds.
        are_same: whether winner and default are the same recipe.
    """

    word: str
    metric: str
    judged: list[Judged]
    seeds: list[tuple[int, int]]
    failed: list[str]
    search_value: float
    overstated: float | None
    are_same: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return asdict(self)


def judge(
    plan: Plan, layout: Layout, winner: Mapping[str, Any], value: float, memory: Mapping[str, Any]
) -> Verdict | None:
    """Compare the finished runs on fresh seeds; None where none were asked for.

    Args:
        plan, layout: of the study.
        winner: its settings.
        value: of the winner in the search.
        memory: data objects by marker.
    """
    seeds = fresh_seeds(plan.recipe, plan.space)
    if not seeds:
        return None
    pairs, failed, kept = [], [], []
    for pair in seeds:
        folders = [layout.fresh(side, seed) for side, seed in zip(SIDES, pair, strict=True)]
        faults = [fault for fault in map(failure_of, folders) if fault is not None]
        failed += faults
        if not faults and all((folder / METRICS).is_file() for folder in folders):
            pairs.append([finished_run(folder) for folder in folders])
            kept.append(pair)
    are_same = all(_value_in(plan.base, key) == each for key, each in winner.items())
    judged = _judged(plan, pairs, memory)
    overstated = None
    if on_validation := [one for one in judged if one.split == "validation"]:
        sign = 1 if plan.larger_is_better else -1
        overstated = sign * (value - statistics.fmean(on_validation[0].best))
    word = _word(judged[0].difference) if judged else NONE
    return Verdict(word, plan.metric, judged, kept, failed, value, overstated, are_same)


def _word(difference: Difference) -> str:
    if difference.half_width is None:
        return NONE
    return GAIN if difference.low > 0 else WORSE if difference.high < 0 else NONE


def _splits(pairs: Sequence[Sequence[Run]], metric: str) -> list[str]:
    """Those that all runs were measured on; the one that chose nothing first."""
    runs = [run for pair in pairs for run in pair]
    names = ("test", "validation")
    return [n for n in names if runs and all(metric in run.metrics.get(n, {}) for run in runs)]


def _judged(plan: Plan, pairs: Sequence[Sequence[Run]], memory: Mapping[str, Any]) -> list[Judged]:
    splits = _splits(pairs, plan.metric)
    # Where validation is cut from train by the seed, each pair has examples of its own: the
    # variance over the pairs then holds that over the examples.
    shared = [split for split in splits if len(pairs) > 1 and _are_shared(pairs, split)]
    measures = [[measures_of(run, shared, memory) for run in pair] for pair in pairs if shared]
    return [
        _on_split(plan, split, pairs, [[one[split] for one in pair] for pair in measures]
                  if split in shared else [])
        for split in splits
    ]  # fmt: skip


def _on_split(
    plan: Plan,
    split: str,
    pairs: Sequence[Sequence[Run]],
    measures: Sequence[Sequence[tuple[Measure, int]]],
) -> Judged:
    best, default = (
        [float(pair[side].metrics[split][plan.metric]) for pair in pairs] for side in (0, 1)
    )
    variance = _by_examples(plan.metric, measures)
    firsts, seconds = (best, default) if plan.larger_is_better else (default, best)
    return Judged(split, best, default, paired_difference(firsts, seconds, variance))


def _by_examples(
    metric: str, measures: Sequence[Sequence[tuple[Measure, int]]]
) -> ExamplesVariance | None:
    """What the examples add to the variance; None: it cannot be told."""
    if not measures:
        return None
    count = measures[0][0][1]
    firsts, seconds = ([pair[side][0] for pair in measures] for side in (0, 1))
    if metric not in firsts[0](np.arange(count)):  # the loss, for one, is no function of answers
        return None
    return examples_variance(firsts, seconds, metric, count, seconds_limit=_SECONDS)


def _are_shared(pairs: Sequence[Sequence[Run]], split: str) -> bool:
    return len({_examples(run.directory, split) for pair in pairs for run in pair}) == 1


def _examples(folder: Path, split: str) -> tuple[str, ...]:
    """What the examples of a split are: their places and texts."""
    rows = [row for row in read_run(folder).predictions if row.get("split") == split]
    return tuple(str((row.get("where"), row.get("text"), row.get("tokens"))) for row in rows)


def _value_in(recipe: Any, key: str) -> Any:
    found = recipe.model_dump()
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
