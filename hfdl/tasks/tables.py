"""Reading the tables of a recipe: held-out rows, smaller splits, columns of texts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.folds import fold_numbers
from hfdl.data.layouts.rows import Rows
from hfdl.data.layouts.textless import tables_with_texts
from hfdl.data.readers.sources import load_splits, nothing_to_train_on
from hfdl.data.splits import sample, stratified_split
from hfdl.data.table import Table, notes_of
from hfdl.errors import DataError

Strata = Sequence[Hashable] | None
"""What a split should keep the proportions of: a value for each row; None: nothing."""


def no_strata(table: Table) -> Strata:
    """Rows are drawn from all alike."""
    return None


def read_tables(
    config: DataConfig,
    memory: Mapping[str, Any],
    seed: int,
    trains: bool,
    strata: Callable[[Table], Strata] = no_strata,
    rows: Rows = "labels",
) -> tuple[dict[str, Table], list[str]]:
    """The raw splits, validation cut from train where none is given, each down to max_samples.

    Rows without a text are left out, and counted in a line.

    Args:
        config: the sources, the share of validation, and max_samples.
        memory: data objects by the marker that stands for them in the recipe.
        seed: fixes which rows are drawn.
        trains: whether there must be something to train on.
        strata: what the drawing keeps the proportions of, for a table.
        rows: what the rows of the task's data are.

    Returns:
        tables by split name, without train where nothing is trained, and what a person should know
        of how they came about.

    Raises:
        DataError: nothing to train on (``trains``) or nothing to evaluate on.
    """
    tables = tables_with_texts(load_splits(config, memory, rows), config, rows)
    if trains and "train" not in tables:
        raise nothing_to_train_on("a file, a folder, hfdl://NAME or a Hub id")
    notes = notes_of(tables)
    tables, facts = divide(tables, config, seed, strata)
    facts = [*notes, *facts]
    if not trains:
        tables.pop("train", None)
    return tables, facts


def divide(
    tables: dict[str, Table],
    config: DataConfig,
    seed: int,
    strata: Callable[[Table], Strata] = no_strata,
) -> tuple[dict[str, Table], list[str]]:
    """Cut validation from train where none is given, then each split down to max_samples.

    Args:
        tables: by split name.
        config: the share of validation, and max_samples.
        seed: fixes which rows are drawn.
        strata: what the drawing keeps the proportions of, for a table.

    Returns:
        tables by split name, and what a person should know of how they came about.

    Raises:
        DataError: train has a single row.
    """
    facts: list[str] = []
    if "train" in tables and config.folds is not None:
        tables, fact = _cut_fold(tables, config, seed, strata)
        facts.append(fact)
    elif "train" in tables and "validation" not in tables:
        tables, fact = _cut_validation(tables, config, seed, strata)
        facts.append(fact)
    if config.max_samples is None:
        return tables, facts
    kept = dict(tables)
    for name, table in tables.items():
        if len(table) > config.max_samples:
            rows = sample(len(table), config.max_samples, seed, strata(table))
            kept[name] = table.select(rows)
            facts.append(f"{name}: {config.max_samples} of {len(table)} rows (max_samples)")
    return kept, facts


def held_out_rows(
    config: DataConfig,
    memory: Mapping[str, Any],
    seed: int,
    strata: Callable[[Table], Strata] = no_strata,
    rows: Rows = "labels",
) -> list[int]:
    """The rows of train, counted from 0, that ``data.fold`` is validated on.

    Arguments as for ``read_tables``.
    """
    train = tables_with_texts(load_splits(config, memory, rows), config, rows)["train"]
    _, taken = _fold(train, config, seed, strata)
    if config.max_samples is None or len(taken) <= config.max_samples:
        return taken
    drawn = sample(len(taken), config.max_samples, seed, strata(train.select(taken)))
    return [taken[i] for i in drawn]


def text_column(table: Table, column: str, key: str) -> list[str]:
    """The texts of a column.

    Args:
        table: the rows.
        column: its name.
        key: the key of the recipe that names it, for messages.

    Raises:
        DataError: a value is missing, or is no text.
    """
    return table.texts(column, key)


def _cut_validation(
    tables: dict[str, Table], config: DataConfig, seed: int, strata: Callable[[Table], Strata]
) -> tuple[dict[str, Table], str]:
    train = tables["train"]
    if len(train) < 2:
        raise DataError(
            f"{len(train)} row is too few to train and validate on",
            where=train.source,
            rule="without data.validation a share of train is held out",
            remedy="give more rows, or data.validation=FILE",
        )
    groups = strata(train)
    kept, taken = stratified_split(groups, len(train), config.validation_share, seed)
    how = f"seed {seed}" if groups is None else f"stratified, seed {seed}"
    fact = (
        f"validation: {len(taken)} of {len(train)} rows held out from {train.source} "
        f"({how}), because no validation split was given"
    )
    return {**tables, "train": train.select(kept), "validation": train.select(taken)}, fact


def _fold(
    train: Table, config: DataConfig, seed: int, strata: Callable[[Table], Strata]
) -> tuple[list[int], list[int]]:
    """The rows that are trained on in ``data.fold``, and those that it is validated on."""
    assert config.folds is not None
    groups = None if config.group is None else train.texts(config.group, "data.group")
    numbers = fold_numbers(strata(train), len(train), config.folds, seed, groups)
    taken = [row for row, number in enumerate(numbers) if number == config.fold]
    return [row for row, number in enumerate(numbers) if number != config.fold], taken


def _cut_fold(
    tables: dict[str, Table], config: DataConfig, seed: int, strata: Callable[[Table], Strata]
) -> tuple[dict[str, Table], str]:
    train = tables["train"]
    kept, taken = _fold(train, config, seed, strata)
    unused = "; its validation split is not used" if "validation" in tables else ""
    by = f", rows of one {config.group} together" if config.group is not None else ""
    fact = (
        f"validation: fold {config.fold} of {config.folds}, {len(taken)} of {len(train)} rows of "
        f"{train.source} (seed {seed}{by}){unused}"
    )
    return {**tables, "train": train.select(kept), "validation": train.select(taken)}, fact
