"""Label sets: the labels in the order of their ids.

Names are the contract, ids are not: two splits, or a saved model and a file, agree on a label if
they agree on its name. The set comes from training alone; a label that only validation or test
has is an error, never a new class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.label_values import (
    label_cells,
    label_column,
    label_texts,
    missing_label,
    natural_sort,
    split_labels,
)
from hfdl.data.table import Table
from hfdl.data.unknown_labels import Known, unknown_label
from hfdl.errors import DataError

Listed = Sequence[str] | Mapping[str, str] | None
"""``data.labels`` of the recipe: the labels in order, a map from value to label, or None."""


@dataclass(frozen=True)
class LabelSet:
    """Labels in the order of their ids.

    Args:
        names: label of each id, all different.
        mapping: value in the file -> label, where the recipe gives such a map.
        of_model: whether they are a saved model's, and not a training split's.
    """

    names: tuple[str, ...]
    mapping: Mapping[str, str] | None = None
    of_model: bool = False
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {name: i for i, name in enumerate(self.names)})

    def __len__(self) -> int:
        return len(self.names)

    @property
    def id2label(self) -> dict[int, str]:
        """Label by id, as a transformers config holds it."""
        return dict(enumerate(self.names))

    @property
    def label2id(self) -> dict[str, int]:
        """Id by label, as a transformers config holds it."""
        return dict(self._ids)

    @classmethod
    def from_training(
        cls,
        values: Sequence[Any],
        *,
        table: Table,
        column: str = "label",
        listed: Listed = None,
        many: bool = False,
        separator: str | None = None,
        config: DataConfig | None = None,
    ) -> LabelSet:
        """The labels of a training split.

        Their order is that of ``listed``, else the one a Hub ``ClassLabel`` declares, else
        ``natural_sort``.

        Args:
            values: the label column; with ``many`` lists of labels, or strings (see
                ``split_labels``).
            table: the training split, for messages and declared names.
            column: the column's name.
            listed: ``data.labels``. For 0/1 columns: their names.
            many: whether a row has any number of labels, and not just one.
            separator: splits a string into labels.
            config: the recipe's data section, for what messages advise.

        Raises:
            DataError: a row without a label, with ``many`` one that is None; a label that
                ``listed`` does not list; ``listed`` lists one twice; only one class, with ``many``
                no label in the whole split.
        """
        rows = _rows(values, table, column, separator, many)
        labels = cls._of(rows, table, column, listed)
        ids = labels._lookup(rows, table, "train", config)
        if many:
            _refuse_no_label(rows, table, column)
        else:
            _refuse_one_class(Counter(labels.names[row[0]] for row in ids), table, column)
        return labels

    def encode(
        self,
        values: Sequence[Any],
        table: Table,
        split: str,
        *,
        column: str = "label",
        many: bool = False,
        separator: str | None = None,
        config: DataConfig | None = None,
    ) -> list[list[int]]:
        """The ids of each row's labels, ascending, each once; one id without ``many``.

        Args:
            values: the label column of ``table``; with ``many`` as for ``from_training``.
            table: where the rows come from.
            split: the split's name, for the message.
            column: the column's name.
            many: whether a row has any number of labels, and not just one.
            separator: splits a string into labels.
            config: the recipe's data section, for what messages advise.

        Raises:
            DataError: a row without a label, with ``many`` one that is None; a label that is not in
                the set.
        """
        rows = _rows(values, table, column, separator, many)
        return [sorted(set(row)) for row in self._lookup(rows, table, split, config)]

    @classmethod
    def _of(
        cls, rows: Sequence[Sequence[str]], table: Table, column: str, listed: Listed
    ) -> LabelSet:
        if isinstance(listed, Mapping):
            return cls(tuple(dict.fromkeys(listed.values())), dict(listed))
        if listed is not None:
            repeated = [name for name, count in Counter(listed).items() if count > 1]
            if repeated:
                raise DataError(
                    f"label {repeated[0]!r} occurs twice",
                    where="data.labels",
                    rule="each label is listed once",
                )
            return cls(tuple(listed))
        declared = (table.label_names or {}).get(column)
        if declared:
            return cls(tuple(declared))
        return cls(natural_sort({text for row in rows for text in row}))

    def _lookup(
        self, rows: Sequence[Sequence[str]], table: Table, split: str, config: DataConfig | None
    ) -> list[list[int]]:
        if self.mapping is None:
            ids = self._ids
        else:
            ids = {raw: self._ids[name] for raw, name in self.mapping.items()}
        try:
            return [[ids[text] for text in row] for row in rows]
        except KeyError:
            raise unknown_label(
                Known(self.names, ids, self.mapping, self.of_model), rows, table, split, config
            ) from None


def training_labels(train: Table, config: DataConfig, *, many: bool) -> LabelSet:
    """The labels of a training split, read as its recipe says.

    Raises:
        DataError: as ``LabelSet.from_training``.
    """
    # Columns of 0 and 1 are labels by themselves, also one that is 0 in every row.
    columns = config.label if isinstance(config.label, list) else None
    return LabelSet.from_training(
        label_cells(train, config), table=train, column=label_column(config),
        listed=listed_labels(config) or columns, many=many, separator=config.label_separator,
        config=config,
    )  # fmt: skip


def listed_labels(config: DataConfig) -> Listed:
    """``data.labels`` without the values that mean that there is no label."""
    missing = set(config.na_values or ())
    if isinstance(config.labels, Mapping):
        return {value: name for value, name in config.labels.items() if value not in missing}
    return config.labels and [name for name in config.labels if name not in missing]


def label_ids(
    table: Table, config: DataConfig, labels: LabelSet, split: str, *, many: bool
) -> list[list[int]]:
    """The ids of each row's labels, read as the recipe says.

    Raises:
        DataError: as ``LabelSet.encode``.
    """
    return labels.encode(
        label_cells(table, config), table, split, column=label_column(config), many=many,
        separator=config.label_separator, config=config,
    )  # fmt: skip


def _rows(
    values: Sequence[Any], table: Table, column: str, separator: str | None, many: bool
) -> list[list[str]]:
    """The names of each row's labels."""
    if not many:
        return [[text] for text in label_texts(values, table, column)]
    rows: list[list[str]] = []
    for row, value in enumerate(values):
        parts = split_labels(value, separator)
        if parts is None:
            raise missing_label(table, row, column)
        # Messages give the row as the place of every label of its cell.
        place = table.where(row)
        origin = Table(place, {}, files=[place] * len(parts), label_names=table.label_names)
        rows.append(label_texts(parts, origin, column))
    return rows


def _refuse_no_label(rows: Sequence[Sequence[str]], table: Table, column: str) -> None:
    if not any(rows):
        raise DataError(
            f"no row of train has a label (column {column!r})",
            where=table.source,
            rule="a classifier needs at least one",
            remedy="name the column that holds labels: data.label=COLUMN",
        )


def _refuse_one_class(counts: Counter[str], table: Table, column: str) -> None:
    if len(counts) != 1:
        return
    (name, count), *_ = counts.items()
    raise DataError(
        f"one class only: all {count} rows of train have the label {name!r}",
        where=table.source,
        rule="a classifier needs two labels or more",
        remedy="add rows with another label, or name the column that tells them apart: "
        "data.label=COLUMN",
    )
