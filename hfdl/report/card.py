"""``README.md``: the model card, with the real figures of the run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.report import metadata, wording
from hfdl.report.intervals import interval_of
from hfdl.report.limitations import limits
from hfdl.report.page import write_text
from hfdl.report.private import without_paths
from hfdl.report.record import RunRecord, read_run
from hfdl.report.section import templates
from hfdl.report.sections.calibration import what_was_done
from hfdl.report.sections.facts import environment_facts, run_facts
from hfdl.report.sections.headline import meaning, metric_rows

_SIGN = "<!-- written by hfdl: "
LABELS = 50
"""Labels that a card lists; ``config.json`` has them all."""

_KINDS = {
    "single_label_classification": "gives a text one label",
    "multi_label_classification": "gives a text any number of labels",
    "regression": "gives a text a number",
}


def write_model_card(folder: Path) -> Path:
    """Write ``README.md`` into a run's folder and say where it is.

    Raises:
        OutputError: the folder is not that of a finished run.
    """
    return write_text(folder / "README.md", signed(card_text(read_run(folder))))


def signed(text: str) -> str:
    """A card with a line at its end, which nobody sees, by which a later change is noticed."""
    return f"{text.rstrip()}\n{_SIGN}{_digest(text)} -->\n"


def unsigned(text: str) -> tuple[str, bool]:
    """A card without that line, and whether it is still as hfdl wrote it."""
    before, sign, after = text.rpartition("\n" + _SIGN)
    if not sign:
        return text, False
    digest, _, more = after.partition(" -->")
    return f"{before}\n{more.lstrip()}", digest == _digest(before) and not more.strip()


def _digest(text: str) -> str:
    return hashlib.sha256(text.rstrip().encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shown:
    """Where a card is read, and what only a person can say of a model.

    Args:
        place: what opens the model there: a folder, or a repository of the Hub.
        has_report: whether ``report.html`` lies beside the card.
        license, language: as ``metadata.card_data`` has them.
    """

    place: str = "path/to/this/folder"
    has_report: bool = True
    license: str | None = None
    language: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is the card in a run's own folder."""
        return self.place == Shown.place


LOCAL = Shown()


def card_text(record: RunRecord, shown: Shown = LOCAL) -> str:
    """The model card of a run.

    Args:
        record: the run.
        shown: where it is read. Default: in the run's folder.
    """
    markdown = templates(finalize=escape, keep_trailing_newline=True)
    body = markdown.get_template("model_card.md").render(**_context(record, shown))
    data = metadata.card_data(record, license=shown.license, language=[*shown.language])
    return f"---\n{data.to_yaml()}\n---\n\n{body}"


def _context(record: RunRecord, shown: Shown) -> dict[str, Any]:
    spec = record.spec
    return {
        "name": metadata.model_name(record),
        "origin": _origin(record),
        "data": metadata.data_name(record),
        "examples": (record.plan.get("examples") or {}).get("train"),
        "task": wording.task_name(record.task),
        "kind": _KINDS.get(record.problem_type or "") or spec.summary,
        "place": Markdown(shown.place),
        "is_folder": shown.is_folder,
        "has_report": shown.has_report,
        "columns": record.splits,
        "rows": _rows(record),
        "meaning": meaning(record),
        "interval": any(interval_of(record, split, "accuracy") for split in record.splits),
        "counts": [_count(record, split) for split in record.splits],
        "pipeline": Markdown(spec.hub_task) if spec.hub_task else None,
        "plain": _is_plain(record),
        "own_architecture": record.own_architecture,
        "arguments": Markdown(_arguments(record)),
        "own_arguments": Markdown(spec.card.own_arguments),
        "call": Markdown(spec.card.call),
        "example": Markdown(_example(record)),
        "pair": bool(record.section("data").get("text_pair")),
        "labels_title": spec.card.labels or "Labels",
        "labels": _labels(record)[:LABELS],
        "more_labels": max(0, len(_labels(record)) - LABELS),
        "number": record.problem_type == "regression",
        "calibrated": what_was_done(record.calibration) if record.calibration else None,
        "limits": limits(record),
        "notes": record.notes(),
        "settings": _settings(record),
        "facts": _facts(record),
        "environment": environment_facts(record),
    }


def _origin(record: RunRecord) -> str:
    """What training began with, in words."""
    base = metadata.base_name(record)
    if metadata.is_new(record):
        return "It was trained from random weights, with a vocabulary learned from its own data,"
    if record.section("model").get("config"):
        return f"It was trained from random weights, with the tokenizer of {base}"
    return f"It is {base}, fine-tuned"


def _count(record: RunRecord, split: str) -> str:
    count = record.examples(split)
    return f"{split}, {wording.plural(count, 'example')}" if count else split


def _rows(record: RunRecord) -> list[list[str]]:
    return [[row["name"], *map(_cell, row["cells"])] for row in metric_rows(record, record.splits)]


def _cell(cell: dict[str, Any]) -> str:
    if cell["interval"] is None:
        return cell["value"]
    low, high = map(wording.percent, cell["interval"])
    return f"{cell['value']} ({low} to {high})"


def _is_plain(record: RunRecord) -> bool:
    """Whether a pipeline of transformers' answers with the model."""
    card = record.spec.card
    if record.section("model").get("class") or not card.in_transformers:
        return False
    return record.generates or not card.generates


def _arguments(record: RunRecord) -> str:
    """What transformers' pipeline must be told beside the model."""
    if record.spec.card.arguments:
        return record.spec.card.arguments
    return {
        "multi_label_classification": ", top_k=None",
        "regression": ', function_to_apply="none"',
    }.get(record.problem_type or "", "")


def _example(record: RunRecord) -> str:
    return record.spec.card.example.format(mask=record.metrics.get("mask_token") or "[MASK]")


def _labels(record: RunRecord) -> list[str]:
    is_known = record.problem_type or record.spec.card.labels
    return record.labels if is_known else []


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    """As in the report, the model and the data by the names that others are shown."""
    named = {"Model": metadata.base_name(record), "Training data": metadata.data_name(record)}
    return [(name, named.get(name, value)) for name, value in run_facts(record)]


def _settings(record: RunRecord) -> list[tuple[str, str]]:
    groups = {name: record.section(name) for name in ("train", "tune", "data")}
    skipped = {"data.train", "data.validation", "data.test", "data.labels"}
    return [
        (f"{group}.{key}", wording.number(value) if isinstance(value, float) else str(value))
        for group, values in groups.items()
        for key, value in without_paths(values, record.folder).items()
        if value not in (None, [], {}) and f"{group}.{key}" not in skipped
    ]


# ---- Markdown made from texts that may hold anything ---------------------------------------------

_SPECIAL = re.compile(r"([\\`*_\[\]~|$])")
_AT_START = re.compile(r"^(#{1,6}|[+-]|\d+[.)]|-[-\s]*)(?=\s|$)")


class Markdown(str):
    """Text that is Markdown already and must not be escaped."""

    __slots__ = ()


def escape(value: Any) -> str:
    """A value as one line of Markdown that shows just its characters."""
    if isinstance(value, Markdown):
        return value
    line = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    line = _SPECIAL.sub(r"\\\1", line.replace(">", "&gt;"))
    # What opens a heading, a list or a rule does so at the start only.
    return _AT_START.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", line)
