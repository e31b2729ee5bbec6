"""A finished run, read back from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hfdl.errors import OutputError, shell_path, to_resume
from hfdl.tasks.registry import known_spec
from hfdl.tasks.spec import TaskSpec
from hfdl.weights.graph_files import graph_alone, is_graph
from hfdl.weights.names import OWN_TYPES

Record = dict[str, Any]
"""A line of ``log.jsonl`` or ``predictions.jsonl``."""

_RULE = "a report needs the folder of a finished run"
_SPLIT_ORDER = ("test", "validation")


@dataclass(frozen=True)
class RunRecord:
    """What the files of a run hold.

    ``events`` is the log without what a later resume took back; ``recipe_text`` is ``recipe.yaml``
    as it stands in the folder; ``out_of_fold`` are training examples, each with the answer of a
    model that was not trained on it; ``config`` is the saved model's, empty where there is none;
    ``calibration`` what ``hfdl calibrate`` left.
    ``generates``: whether transformers' ``generate`` writes with the model. ``folder``: where the
    files lie.
    """

    recipe: dict[str, Any]
    recipe_text: str
    metrics: dict[str, Any]
    events: list[Record]
    predictions: list[Record]
    out_of_fold: list[Record] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    generates: bool = True
    calibration: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def task(self) -> str:
        """Name of the task, as in the recipe."""
        return str(self.metrics.get("task") or self.recipe.get("task") or "")

    @property
    def spec(self) -> TaskSpec:
        """What hfdl knows of the task; of a task that is not here, its name."""
        return known_spec(self.task)

    @property
    def problem_type(self) -> str | None:
        """As in a transformers config; None for tasks that have none."""
        return self.metrics.get("problem_type")

    @property
    def labels(self) -> list[str]:
        """The label set in the model's order."""
        return [str(label) for label in self.metrics.get("labels") or []]

    @property
    def own_architecture(self) -> bool:
        """Whether the saved model is of an architecture that transformers does not have."""
        return str(self.config.get("model_type") or "").startswith(OWN_TYPES)

    @property
    def plan(self) -> Record:
        """The last ``plan`` event (a resumed run has several), or an empty one."""
        return next(iter(self.events_of("plan")[-1:]), {})

    @property
    def end(self) -> Record:
        """The last ``end`` event, or an empty one."""
        return next(iter(self.events_of("end")[-1:]), {})

    @property
    def splits(self) -> list[str]:
        """Splits with figures, the one that tells most first: test, then validation."""
        return [name for name in _SPLIT_ORDER if isinstance(self.metrics.get(name), dict)]

    def events_of(self, kind: str) -> list[Record]:
        """The events of one kind, in the order of the log."""
        return [event for event in self.events if event.get("event") == kind]

    def notes(self) -> list[str]:
        """What the run noted for a person, each thing once."""
        return list(dict.fromkeys(str(event["text"]) for event in self.events_of("note")))

    def section(self, name: str) -> dict[str, Any]:
        """A group of the recipe (``section("data")``), empty where there is none."""
        group = self.recipe.get(name)
        return group if isinstance(group, dict) else {}

    def on(self, split: str) -> list[Record]:
        """The labelled predictions on a split."""
        return [
            row
            for row in self.predictions
            if row.get("split") == split and row.get("label") is not None
        ]

    def examples(self, split: str) -> int | None:
        """How many examples a split has, or None where no file says so."""
        planned = (self.plan.get("examples") or {}).get(split)
        return len(self.on(split)) or planned


def read_run(folder: str | Path) -> RunRecord:
    """Read the files of a run.

    Raises:
        OutputError: the folder is not that of a finished run, or a file in it is damaged.
        ModelError: it is that of an exported graph, which has no figures of its own.
    """
    import yaml

    folder = Path(folder)
    _refuse_no_run(folder)
    # Outside of the try: an OutputError is a ValueError.
    recipe_text, metrics_text = (_needed(folder / name) for name in ("recipe.yaml", "metrics.json"))
    try:
        recipe = yaml.safe_load(recipe_text)
        metrics = json.loads(metrics_text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise OutputError(f"a file of the run is damaged: {error}", where=str(folder)) from error
    if not isinstance(recipe, dict) or not isinstance(metrics, dict):
        raise OutputError(
            "recipe.yaml and metrics.json must each hold a mapping", where=str(folder)
        )
    return RunRecord(
        recipe=recipe,
        recipe_text=recipe_text,
        metrics=metrics,
        events=_without_superseded(_lines(folder / "log.jsonl", unfinished_end=True)),
        predictions=list(_lines(folder / "predictions.jsonl", unfinished_end=False)),
        out_of_fold=list(_lines(folder / "out_of_fold.jsonl", unfinished_end=False)),
        config=_json(folder / "config.json"),
        generates=(folder / "generation_config.json").is_file(),
        calibration=_json(folder / "calibration.json"),
        folder=folder,
    )


def _refuse_no_run(folder: Path) -> None:
    if is_graph(folder):
        raise graph_alone(folder)
    if (folder / "recipe.yaml").is_file():
        return
    if (folder / "study.yaml").is_file():
        raise _study(folder)
    is_there = "there is no recipe.yaml" if folder.is_dir() else "it is a file"
    raise OutputError(
        is_there if folder.exists() else "there is no such folder",
        where=str(folder),
        rule=_RULE,
        remedy="name the folder of a run or of an evaluation",
    )


def _study(folder: Path) -> OutputError:
    """The error for a study, which has runs and is none."""
    page, winner, here = folder / "report.html", folder / "best", shell_path(folder)
    own = f", and has a report of its own: {page}" if page.is_file() else ""
    return OutputError(
        f"it is a study{own}",
        where=str(folder),
        rule=_RULE,
        remedy=f"name the run of its winner: hfdl report {shell_path(winner)}"
        if (winner / "metrics.json").is_file()
        else f"continue it, and it writes its report: hfdl tune {here} --output {here} --resume",
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _needed(path: Path) -> str:
    if not path.is_file():
        raise OutputError(
            f"there is no {path.name}",
            where=str(path.parent),
            rule=_RULE,
            remedy=f"finish the run: {to_resume(path.parent)}",
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise OutputError(
            "a file of the run is damaged: it is not UTF-8", where=str(path)
        ) from error


def _lines(path: Path, *, unfinished_end: bool) -> Iterator[Record]:
    if not path.is_file():
        return
    # Bytes that are no UTF-8 are seen in the line they are in.
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                # A killed run can leave half a line of log; the next line starts after it.
                if unfinished_end and not line.endswith("\n"):
                    return
                where = f"{path}, line {number}"
                raise OutputError(
                    f"the line is not JSON: {getattr(error, 'msg', error)}", where=where
                ) from error
            if not isinstance(record, dict):
                where = f"{path}, line {number}"
                raise OutputError("the line must hold a mapping", where=where)
            yield record


def _without_superseded(events: Iterator[Record]) -> list[Record]:
    kept: list[Record] = []
    for event in events:
        if event.get("event") == "resume":
            resumed = event["step"]
            kept = [old for old in kept if not _taken_back(old, resumed)]
        kept.append(event)
    return kept


def _taken_back(event: Record, resumed_step: int) -> bool:
    return (
        event.get("event") in ("update", "evaluation", "samples") and event["step"] > resumed_step
    )
