"""The mistakes of a model on a split, the worst first."""

from __future__ import annotations

from hfdl.report.counts import is_right
from hfdl.report.guess import MULTI, REGRESSION, SINGLE
from hfdl.report.record import Record, RunRecord


def mistakes(record: RunRecord, split: str) -> list[Record]:
    """The predictions that are wrong, as ``predictions.jsonl`` has them.

    Of one label the surest first; of several, those with the most wrong; of numbers all that are
    off, the farthest first; of sentences those with the most wrong entities. A text that is written
    is neither right nor wrong: there are none.
    """
    rows = record.on(split)
    if record.problem_type == SINGLE:
        wrong = [row for row in rows if not is_right(row)]
        return sorted(wrong, key=lambda row: -float(row.get("score") or 0.0))
    if record.problem_type == MULTI:
        wrong = [row for row in rows if not is_right(row)]
        return sorted(wrong, key=lambda row: -len({*row["label"]} ^ {*row["prediction"]}))
    if record.problem_type == REGRESSION:
        off = [row for row in rows if row["prediction"] != row["label"]]
        return sorted(off, key=lambda row: -abs(float(row["prediction"]) - float(row["label"])))
    if record.spec.rows == "entities":
        from hfdl.report.sections.tagged import read_sentences

        sentences = [one for one in read_sentences(rows, record.labels) if one.mistakes]
        return [one.record for one in sorted(sentences, key=lambda one: -one.mistakes)]
    return []
