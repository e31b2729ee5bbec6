"""From a table as a file holds it to one with an example a row, as a task reads it."""

from __future__ import annotations

from hfdl.config.schema import DataConfig
from hfdl.data.layouts.label_cells import with_decimals, with_plain_labels, with_plain_numbers
from hfdl.data.layouts.na_values import with_na_values
from hfdl.data.layouts.nested_columns import with_nested
from hfdl.data.layouts.rows import Rows
from hfdl.data.layouts.span_columns import SPAN_COLUMNS, with_spans
from hfdl.data.layouts.unlabelled import without_unlabelled
from hfdl.data.layouts.verdicts import ANSWER, accepted, is_judged
from hfdl.data.layouts.word_rows import sentences_of_words
from hfdl.data.layouts.written_lists import texts_that_are_lists, with_label_lists, with_lists
from hfdl.data.readers.binary_columns import with_shown_bytes
from hfdl.data.table import Table
from hfdl.errors import DataError


def as_examples(
    table: Table, config: DataConfig, rows: Rows = "labels", *, labelled: bool = True
) -> Table:
    """The table with an example a row. What was left out or read in a special way is in its notes.

    Keys of objects that the recipe names become columns; texts written as ``b'...'`` are what they
    stand for; rows that an annotator rejected are left
    out; lists that are written as text are read; a word a
    row becomes a sentence a row; the spans of annotation tools become ``data.spans``; labels that
    are ``data.na_values`` become None; with ``data.unlabelled=skip`` rows without a label are left
    out.

    Args:
        table: the table.
        config: the recipe's data section.
        rows: what the task reads.
        labelled: whether labels are read at all; they are not for predictions.

    Raises:
        DataError: a row that cannot be read so, with its place; one column is the text and its
            label, or both texts of a pair.
    """
    if rows == "labels":
        _refuse_same_column(config, labelled)
    table = with_nested(table, config)
    table = with_shown_bytes(table, sorted(_named(config)))
    if is_judged(table) and ANSWER not in _named(config):
        table = accepted(table)
    if rows == "entities":
        return _sentences(table, config, labelled)
    names = [config.text, config.text_pair or "", config.label if rows == "pairs" else ""]
    for name in names:
        table = table.noted(texts_that_are_lists(table, str(name)))
    if labelled and rows == "labels":
        table = with_decimals(table, _label_columns(config))
        table = with_na_values(
            table, _label_columns(config), config.na_values or (), config.label_separator
        )
        table = _labels(table, config)
    if labelled and rows != "texts" and config.unlabelled == "skip":
        are_bits = isinstance(config.label, list)
        table = without_unlabelled(
            table,
            _label_columns(config),
            blank_is_none=are_bits or not _has_several(config),
            are_bits=are_bits,
        )
    return table


def _refuse_same_column(config: DataConfig, labelled: bool) -> None:
    """Refuse a text that is its own label or its own pair: all that is learned is to copy it."""
    others = {"data.text_pair": [config.text_pair]}
    others |= {"data.label": _label_columns(config)} if labelled else {}
    for key, names in others.items():
        if config.text in names:
            raise DataError(
                f"{config.text!r} is the column of data.text, too",
                where=key,
                rule="a text has a label, or a second text, of another column",
                remedy=f"set {key}=COLUMN, or data.text=COLUMN",
            )
    if labelled and config.text_pair in _label_columns(config):
        raise DataError(
            f"{config.text_pair!r} is a column of data.label, too",
            where="data.text_pair",
            rule="a model that reads the label learns to copy it",
            remedy="set data.text_pair=COLUMN, or data.label=COLUMN",
        )


def _sentences(table: Table, config: DataConfig, labelled: bool) -> Table:
    if table.item_lines is not None:
        return table  # a CoNLL file: it is in this form already
    if labelled:
        table = with_na_values(table, [config.tags, config.spans], config.na_values or ())
    names = [config.tokens, config.tags, config.spans]
    if config.tokens not in table.columns and config.spans not in table.columns:
        names += SPAN_COLUMNS
    for name in dict.fromkeys(names):
        table = with_lists(table, name, needed=name in (config.tokens, config.tags, config.spans))
    table = sentences_of_words(with_spans(table, config), config)
    if labelled and config.unlabelled == "skip":
        column = config.tags if config.tokens in table.columns else config.spans
        table = without_unlabelled(table, [column], blank_is_none=True)
    return table


def _labels(table: Table, config: DataConfig) -> Table:
    if not isinstance(config.label, str) or config.label not in table.columns:
        return table
    if config.problem_type == "regression":
        table = with_plain_numbers(table, config.label)
    if config.label_separator is None:
        table = with_label_lists(table, config.label)
    return with_plain_labels(table, config, config.label)


def _has_several(config: DataConfig) -> bool:
    several = config.problem_type == "multi_label_classification"
    return config.label_separator is not None or several


def _named(config: DataConfig) -> set[str]:
    """Columns that the recipe reads as something else."""
    return {config.text, config.text_pair or "", *_label_columns(config)}


def _label_columns(config: DataConfig) -> list[str]:
    return [config.label] if isinstance(config.label, str) else config.label
