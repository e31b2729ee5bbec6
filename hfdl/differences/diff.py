"""``diff``: two models on the same examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hfdl.config.own_code import no_exit
from hfdl.differences.flips import flips_of
from hfdl.differences.pairs import Pairs, paired
from hfdl.differences.result import Difference
from hfdl.differences.sides import (
    Side,
    column_values,
    keys_beside_data,
    refuse_no_column,
    saved_side,
    to_be_measured,
)
from hfdl.differences.slices import slices
from hfdl.errors import ConfigError
from hfdl.metrics.paired import effect_of
from hfdl.metrics.sums import ExampleFigures
from hfdl.runs.console import console_listener
from hfdl.tasks.registry import attribute
from hfdl.training.events import Listener


@no_exit()
def diff(
    a: str | Path,
    b: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    file: str | Path | None = None,
    by: Sequence[str] = (),
    seed: int = 0,
    listener: Listener | None = None,
) -> Difference:
    """Compare two models on the same examples, with paired tests.

    Args:
        a, b: folders of runs or evaluations, whose saved predictions are compared; with ``file``
            any models of the same task.
        overrides: keys of the data that both are measured on anew, such as ``data.test``.
        file: the same as ``data.test``.
        by: columns of the data whose values are slices.
        seed: of the bootstrap's draws.
        listener: takes the events of measuring. Default: the console.

    Raises:
        HfdlError: the two cannot be compared; the message says how they can.
    """
    given = dict(overrides or {})
    if file is not None:
        given["data.test"] = str(file)
    if other := keys_beside_data(given):
        raise ConfigError(
            f"{other[0]} is no key of the data",
            where="hfdl diff",
            rule="saved models are compared as they are",
            remedy=f"leave {other[0]} out",
        )
    names = [str(a), str(b)]
    with console_listener() if listener is None else nullcontext(listener) as tell:
        if given:
            opened = to_be_measured(names, given)
            refuse_no_column(opened[0], by)
            sides = [one.measured(tell) for one in opened]
        else:
            sides = [saved_side(name) for name in names]
    pairs = paired(*sides)
    columns = {name: _column(sides[0], pairs, name) for name in by}
    return _compared(sides, pairs, columns, seed)


def _column(side: Side, pairs: Pairs, name: str) -> list[str]:
    values = column_values(side, pairs.split, name)
    return [values[row["index"]] for row in pairs.a]


def _compared(
    sides: Sequence[Side], pairs: Pairs, columns: Mapping[str, Sequence[str]], seed: int
) -> Difference:
    spec = sides[0].record.spec
    if spec.paired is None:
        raise ConfigError(
            f"models of {spec.name} cannot be compared",
            where=f"{sides[0].name}, {sides[1].name}",
            rule="the task says what its predictions are compared by (TaskSpec.paired)",
            remedy="compare their figures: hfdl evaluate",
        )
    labels = _labels(sides, pairs)
    of_rows = attribute(spec.paired)
    own: ExampleFigures = of_rows(pairs.a, labels)
    other: ExampleFigures = of_rows(pairs.b, labels)
    main = next(iter(own.metrics))
    return Difference(
        names=(sides[0].name, sides[1].name),
        task=spec.name,
        split=pairs.split,
        examples=len(pairs.a),
        effects={name: effect_of(own, other, name, None, seed) for name in own.metrics},
        smaller=frozenset(n for n, sums in own.metrics.items() if sums.smaller),
        slices=slices(
            pairs.a,
            columns,
            lambda c: effect_of(own, other, main, c, seed),
            smaller=own.metrics[main].smaller,
        ),
        flips=flips_of(pairs, own, other),
        notes=[*pairs.notes, *_label_notes(sides)],
    )


def _labels(sides: Sequence[Side], pairs: Pairs) -> list[str]:
    """The names of both models' labels, and those that their rows have."""
    named = [name for side in sides for name in side.record.labels]
    for row in (*pairs.a, *pairs.b):
        for key in ("label", "prediction"):
            value = row.get(key)
            named += map(str, value) if isinstance(value, list) else [str(value)]
    return list(dict.fromkeys(named))


def _label_notes(sides: Sequence[Side]) -> list[str]:
    notes = []
    for name, own, other in (("A", *sides), ("B", *reversed(sides))):
        if lacking := [x for x in other.record.labels if x not in own.record.labels]:
            shown = ", ".join(lacking[:5]) + (" ..." if len(lacking) > 5 else "")
            notes.append(f"{name} has no label {shown}")
    return notes
