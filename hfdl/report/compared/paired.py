"""Differences between runs that were measured on the same examples, and how far chance moves them.

The examples are drawn again with replacement, the same for all runs (paired bootstrap: Efron and
Tibshirani 1993, chapters 8 and 13; Koehn 2004 for such tests), and of a group its seeds. A
difference between runs varies less than either figure: what is hard for one is mostly hard for the
other.

It is quick because every metric here is a function of sums over examples: of hits and predictions,
of errors, of losses. Drawing again changes the weights of those sums alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.report.compared.members import Member
from hfdl.report.counts import RESAMPLES, is_right
from hfdl.report.guess import MULTI, REGRESSION, SINGLE
from hfdl.report.record import Record, RunRecord
from hfdl.report.sections.tagged import read_sentences

AT_ONCE = 50
"""Resamples that are drawn together: all at once would take much memory on many examples."""
Figure = Callable[[np.ndarray], np.ndarray]
"""From sums over examples, (..., K), to the metric, (...)."""


@dataclass(frozen=True)
class Parts:
    """What each example adds to a metric: ``sums`` (N, K), and the metric of their totals."""

    sums: np.ndarray
    figure: Figure


def _mean(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1]


def _f1(sums: np.ndarray) -> np.ndarray:
    items = sums[..., 1] + sums[..., 2]
    return np.divide(2 * sums[..., 0], items, out=np.zeros(items.shape), where=items > 0)


def _root(sums: np.ndarray) -> np.ndarray:
    return np.sqrt(_mean(sums))


def _exp(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(_mean(sums), 700.0))


def parts_of(record: RunRecord, split: str, metric: str) -> Parts | None:
    """What each example of a split adds to a metric.

    None where the metric is no such function, or where that of the saved predictions is not the
    one that the run states: it is of another kind then.
    """
    made = _parts(record, split, metric)
    stated = (record.metrics.get(split) or {}).get(metric)
    if made is None or stated is None or not len(made.sums):
        return None
    found = float(made.figure(made.sums.sum(axis=0)))
    return made if abs(found - stated) <= 1e-4 * max(1.0, abs(stated)) else None


def _parts(record: RunRecord, split: str, metric: str) -> Parts | None:
    rows, kind = record.on(split), record.problem_type
    if metric == "accuracy" and kind in (SINGLE, MULTI):
        return Parts(_beside_one([float(is_right(row)) for row in rows]), _mean)
    if metric == "f1" and kind == MULTI:
        pairs = [({*row["label"]}, {*row["prediction"]}) for row in rows]
        return Parts(_overlaps(pairs), _f1)
    if metric == "f1" and record.spec.rows == "entities":
        sentences = read_sentences(rows, record.labels)
        return Parts(_overlaps([({*one.true}, {*one.predicted}) for one in sentences]), _f1)
    if kind == REGRESSION and metric in ("mae", "mse", "rmse"):
        errors = np.array([float(row["prediction"]) - float(row["label"]) for row in rows])
        sums = np.abs(errors) if metric == "mae" else errors**2
        return Parts(_beside_one(sums), _root if metric == "rmse" else _mean)
    if metric in ("loss", "perplexity") and record.spec.rows in ("texts", "pairs"):
        return Parts(_losses(texts_of(record, split)), _mean if metric == "loss" else _exp)
    return None


def _beside_one(values: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(values, dtype=float), np.ones(len(values))], axis=1)


def _overlaps(pairs: Sequence[tuple[set, set]]) -> np.ndarray:
    counted = [[len(true & said), len(said), len(true)] for true, said in pairs]
    return np.array(counted, dtype=float).reshape(-1, 3)


def _losses(rows: Sequence[Record]) -> np.ndarray:
    counted = [[row["loss"] * row["tokens"], row["tokens"]] for row in rows]
    return np.array(counted, dtype=float).reshape(-1, 2)


def texts_of(record: RunRecord, split: str) -> list[Record]:
    """The rows of a split that have a loss, labelled or not."""
    rows = [row for row in record.predictions if row.get("split") == split]
    return [row for row in rows if row.get("loss") is not None and row.get("tokens")]


def resampled(
    members: Sequence[Member], split: str, metric: str, seed: int = 0
) -> list[np.ndarray] | None:
    """The metric of each member on the same examples drawn again, each (resamples,).

    None where a member has no such parts, or another number of examples.
    """
    parts = [[parts_of(record, split, metric) for record in one.records] for one in members]
    flat = [one for ones in parts for one in ones]
    whole = [one for one in flat if one is not None]
    if len(whole) < len(flat) or len({len(one.sums) for one in whole}) != 1:
        return None
    figures = _drawn_again(whole, np.random.default_rng(seed))  # (runs, R)
    random, at, found = np.random.default_rng(seed + 1), 0, []
    for ones in parts:
        share = np.full(len(ones), 1 / len(ones))
        weights = random.multinomial(len(ones), share, size=RESAMPLES)  # (R, S)
        found.append((weights.T * figures[at : at + len(ones)]).sum(axis=0) / len(ones))
        at += len(ones)
    return found


def _drawn_again(parts: Sequence[Parts], random: np.random.Generator) -> np.ndarray:
    """The metric of each run on each of the resamples, (runs, R)."""
    total = len(parts[0].sums)
    share = np.full(total, 1 / total)
    found = []
    for _ in range(RESAMPLES // AT_ONCE):
        drawn = random.multinomial(total, share, size=AT_ONCE).astype(float)  # (AT_ONCE, N)
        found.append([one.figure(drawn @ one.sums) for one in parts])
    return np.concatenate(found, axis=1)


def ends(values: np.ndarray) -> tuple[float, float] | None:
    """The 95 % interval of resampled values; None where one is not finite."""
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
