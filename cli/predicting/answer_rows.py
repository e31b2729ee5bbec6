"""Answers as columns beside the rows that they are answers to: what ``--output`` holds.

=================  ==========================================================================
``prediction``     the label; of a regression the number; of a model that writes, its text
``score``          its probability, where the answer has one
``predictions``    a list, where there are several: ``[{"label": ..., "score": ...}]``
``entities``       a list: ``[{"entity_group", "score", "word", "start", "end"}]``
=================  ==========================================================================

In csv and tsv a list is JSON in its cell. A row without a text has nothing in these columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .answers import input_fields
from .cells import free_name
from .row_files import Row
from .texts import FileRows, Input

_NAMES = {"label": "prediction", "translation_text": "prediction", "generated_text": "prediction"}


def answer_columns(answer: Any, *, is_number: bool = False) -> dict[str, Any]:
    """An answer of a pipeline by column.

    Args:
        answer: of one text.
        is_number: of a regression: the score is the answer, and its label only a name.
    """
    if isinstance(answer, list):
        return {"predictions": answer}
    if not isinstance(answer, Mapping):
        return {"prediction": answer}
    if is_number and "score" in answer:
        return {"prediction": answer["score"]}
    return {_NAMES.get(str(name), str(name)): value for name, value in answer.items()}


class AnswerRows:
    """Rows of a file, or texts, with the columns of their answers.

    Args:
        source: the rows of a file; None: texts that are no file's.
        is_number: see ``answer_columns``.
        with_lines: whether each row begins with its line in the file, or its number where the
            format has no lines.
    """

    def __init__(
        self, source: FileRows | None, *, is_number: bool = False, with_lines: bool = False
    ) -> None:
        self.source, self._is_number, self._with_lines = source, is_number, with_lines
        self.renamed: dict[str, str] = {}
        """Columns of answers that have another name, since the file has a column of theirs."""
        self._done = 0
        self._waiting: list[tuple[Input | None, Any]] = []
        self._names: list[str] | None = None

    def rows(self, inputs: Sequence[Input | None], answers: Iterable[Any]) -> Iterator[Row]:
        """The next rows with their answers; None, of a row without a text, is no answer.

        Rows wait for the first answer, which says what columns there are.
        """
        self._waiting += zip(inputs, answers, strict=True)
        if self._names is None:
            first = next((answer for _, answer in self._waiting if answer is not None), None)
            if first is None:
                return
            self._names = list(answer_columns(first, is_number=self._is_number))
        yield from self.rest()

    def rest(self) -> Iterator[Row]:
        """The rows that wait, whether there was any answer or not."""
        waiting, self._waiting = self._waiting, []
        for given, answer in waiting:
            yield self._row(given, answer)

    def _row(self, given: Input | None, answer: Any) -> Row:
        row = self._own(given)
        columns = {} if answer is None else answer_columns(answer, is_number=self._is_number)
        for name in self._names or ["prediction"]:
            free = free_name(name, row)
            if free != name:
                self.renamed[name] = free
            row[free] = columns.get(name)
        self._done += 1
        return row

    def _own(self, given: Input | None) -> dict[str, Any]:
        if self.source is None:
            return input_fields(given)
        table, at = self.source.table, self._done
        row = {str(name): values[at] for name, values in table.columns.items()}
        if not self._with_lines:
            return row
        number = at + 1 if table.lines is None else table.lines[at]
        return {free_name("line" if table.lines is not None else "row", row): number, **row}
