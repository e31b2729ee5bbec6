"""Labels of data in terms of a saved model's: by name, by number, or as the recipe says."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.label_values import label_cells, label_column, label_texts, split_labels
from hfdl.data.labels import LabelSet, listed_labels
from hfdl.data.table import Table
from hfdl.errors import ConfigError, DataError
from hfdl.weights.label_rows import is_nameless, label_names, same_spelling

_NUMBER = re.compile(r"\d+")
_SHOWN = 12


@dataclass(frozen=True)
class ModelLabels:
    """The label set that data are read with, and a line about it; None where there is no need."""

    labels: LabelSet
    fact: str | None = None


def of_training(labels: LabelSet, config: Any, data: DataConfig) -> ModelLabels:
    """The labels of a training split; numbers are the ids of a model whose labels have names.

    Args:
        labels: what the split holds.
        config: of a model whose head is trained.
        data: the recipe's section.
    """
    names = label_names(config)
    whole = labels.names and (labels.names[0] == "0" or len(labels) == len(names))
    no_ids = data.labels is not None or is_nameless(names) or not whole
    if no_ids or not _are_ids(labels.names, names):
        return ModelLabels(labels)
    mapping = {str(i): name for i, name in enumerate(names)}
    return ModelLabels(LabelSet(tuple(names), mapping), _numbers_fact(names, data))


def of_evaluation(
    names: Sequence[str], tables: Mapping[str, Table], data: DataConfig, many: bool
) -> ModelLabels:
    """The labels of a saved model, for the values that some splits hold.

    A value is a label by its name; else by the recipe's ``data.labels`` (a map, or names for a
    model that has none); else by another spelling of one name; else all are numbers, which are
    the model's ids.

    Raises:
        ConfigError: ``data.labels`` names a label that the model does not have.
    """
    listed = listed_labels(data)
    if isinstance(listed, Mapping):
        return ModelLabels(_mapped(names, listed))
    if listed is not None and is_nameless(names) and len(listed) == len(names):
        pairs = [f"{old} is {new}" for old, new in zip(names, listed, strict=True)]
        fact = f"the model's labels have no names: {_listed(pairs)} (data.labels)"
        return ModelLabels(_of_model(listed), fact)
    if many:
        _refuse_other_size(names, tables, label_column(data))
    values = {text for table in tables.values() for text in _texts(table, data, many)}
    unknown = sorted(values - set(names))
    spelled = {text: found for text in unknown if (found := same_spelling(text, names))}
    if unknown and len(spelled) == len(unknown):
        pairs = [f"{text} is {name}" for text, name in spelled.items()]
        mapping = {name: name for name in names} | spelled
        return ModelLabels(_of_model(names, mapping), f"labels by name: {_listed(pairs)}")
    if unknown and len(unknown) == len(values) and _are_ids(values, names):
        mapping = {str(i): name for i, name in enumerate(names)}
        return ModelLabels(_of_model(names, mapping), _numbers_fact(names, data))
    return ModelLabels(_of_model(names))


def _refuse_other_size(names: Sequence[str], tables: Mapping[str, Table], column: str) -> None:
    """Refuse vectors without names that are shorter or longer than the model's label set."""
    for table in tables.values():
        declared = [*(table.label_names or {}).get(column, ())]
        numbered = declared == [str(i) for i in range(len(declared))]
        if declared and numbered and len(declared) != len(names):
            raise DataError(
                f"{len(declared)} labels in column {column!r}, and the model has {len(names)}",
                where=table.source,
                rule=f"its labels are {_listed(names)}",
                remedy="evaluate it on data with the labels that it was trained for",
            )


def _of_model(names: Sequence[str], mapping: Mapping[str, str] | None = None) -> LabelSet:
    return LabelSet(tuple(names), mapping, of_model=True)


def _mapped(names: Sequence[str], mapping: Mapping[str, str]) -> LabelSet:
    absent = [name for name in mapping.values() if name not in names]
    if absent:
        raise ConfigError(
            f"the model has no label {absent[0]!r}",
            where="data.labels",
            rule=f"its labels are {_listed(names)}",
            remedy="give a map from the value in the file to one of these",
        )
    return _of_model(names, {name: name for name in names} | dict(mapping))


def _texts(table: Table, data: DataConfig, many: bool) -> list[str]:
    """The values of a split; none where a row has no label, which is refused later."""
    cells = label_cells(table, data)
    if many:
        cells = [part for cell in cells for part in split_labels(cell, data.label_separator) or []]
    try:
        bare = Table(table.source, {}, files=[table.source] * len(cells),
                     label_names=table.label_names)  # fmt: skip
        return label_texts(cells, bare, label_column(data))
    except DataError:
        return []


def _are_ids(values: Collection[str], names: Sequence[str]) -> bool:
    """Whether all values are ids of labels that have names, and the names hold no other number.

    "4" is no id of a model whose label 4 is called "5 stars".
    """
    ids = {str(i) for i in range(len(names))}
    if not values or not ids.issuperset(values) or ids.intersection(names):
        return False
    numbered = [(i, _NUMBER.search(name)) for i, name in enumerate(names)]
    return all(found is None or int(found[0]) == i for i, found in numbered)


def _numbers_fact(names: Sequence[str], data: DataConfig) -> str:
    pairs = [f"{i} is {name}" for i, name in enumerate(names)]
    return f"numbers in column {label_column(data)!r} are the model's ids: {_listed(pairs)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
