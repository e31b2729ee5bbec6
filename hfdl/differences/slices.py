"""Parts of a held-out set by themselves: by label, by length, by a column of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.metrics.paired import Effect, holm
from hfdl.report.record import Record

LEAST = 10
"""Examples of a slice; of fewer nothing could be shown."""
VALUES = 50
"""Most values of a column that are slices; of numbers with more, quarters are."""


@dataclass(frozen=True)
class Slice:
    """A part, and the effect there.

    Args:
        name: ``label = positive``.
        examples: of it.
        effect: on its examples alone.
        adjusted: its p, Holm-adjusted over all slices.
    """

    name: str
    examples: int
    effect: Effect
    adjusted: float


def slices(
    rows: Sequence[Record],
    columns: Mapping[str, Sequence[str]],
    effect_of: Callable[[np.ndarray], Effect],
    *,
    smaller: bool = False,
) -> list[Slice]:
    """Every slice with enough examples, the one that lost most first.

    Args:
        rows: N examples.
        columns: N values of each column that was asked for.
        effect_of: the effect on chosen examples, (N,) of bool.
        smaller: whether less of the metric is better.
    """
    groups = {**_by_label(rows), **_by_length(rows)}
    for name, values in columns.items():
        groups |= _by_values(name, values)
    kept = {n: c for n, c in groups.items() if LEAST <= c.sum() < len(rows)}
    effects = [effect_of(chosen) for chosen in kept.values()]
    adjusted = holm([effect.p for effect in effects])
    found = [
        Slice(name, int(chosen.sum()), effect, p)
        for (name, chosen), effect, p in zip(kept.items(), effects, adjusted, strict=True)
    ]
    sign = -1 if smaller else 1
    return sorted(found, key=lambda one: sign * one.effect.difference)


def _by_label(rows: Sequence[Record]) -> dict[str, np.ndarray]:
    of = [_labels(row) for row in rows]
    names = sorted({name for each in of for name in each})
    return {
        f"label = {name}": np.array([name in each for each in of], dtype=bool)
        for name in (names if len(names) <= VALUES else [])
    }


def _labels(row: Record) -> set[str]:
    if row.get("true_entities") is not None:
        return {str(one["label"]) for one in row["true_entities"]} or {"(no entity)"}
    label = row.get("label")
    if isinstance(label, list):
        return {str(name) for name in label} or {"(none)"}
    return {label} if isinstance(label, str) and "prediction" in row and "tokens" not in row else (
        set())  # fmt: skip


def _by_length(rows: Sequence[Record]) -> dict[str, np.ndarray]:
    sizes = [len(str(row.get("text") or "")) + len(str(row.get("text_pair") or "")) for row in rows]
    return _quarters("characters", np.array(sizes, dtype=float))


def _quarters(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Four parts of about as many; equal values stay together."""
    if len(values) == 0:
        return {}
    edges = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower"))
    of = np.searchsorted(edges, values)
    return {
        f"{name} {values[of == i].min():g} to {values[of == i].max():g}": of == i
        for i in np.unique(of).tolist()
    }


def _by_values(name: str, values: Sequence[str]) -> dict[str, np.ndarray]:
    kinds = sorted(set(values))
    if len(kinds) <= VALUES:
        return {f"{name} = {kind}": np.array([v == kind for v in values]) for kind in kinds}
    try:
        return _quarters(name, np.array([float(value) for value in values]))
    except ValueError:
        return {}
