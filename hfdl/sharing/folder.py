"""Whether a folder can be shared: a finished run or a model, and no group, evaluation or part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hfdl.config.load import CODE
from hfdl.config.own_paths import is_own_path
from hfdl.errors import HubError, shell_path, to_resume
from hfdl.report.record import RunRecord, read_run
from hfdl.weights.graph_files import graph_alone, is_graph
from hfdl.weights.names import ATTENTION_RECORD, CLASS_RECORD
from hfdl.weights.resolve import check_model_folder


@dataclass(frozen=True)
class Shareable:
    """A folder that is a model by itself.

    Args:
        path: where it is.
        run: what a run left there; None: a model of another tool's.
        code: the user's own code that it needs, as the recipe names it.
    """

    path: Path
    run: RunRecord | None
    code: tuple[str, ...] = ()


def shareable(folder: str | Path) -> Shareable:
    """Look at a folder before anything else.

    Raises:
        HubError: it is no folder, holds several runs or an evaluation, or its run has not ended.
        ModelError: it holds an exported graph.
        ModelError: config, weights or tokenizer are missing.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise HubError(
            "no such folder",
            where=str(folder),
            rule="a run's folder or a model folder is pushed",
            remedy="check the path" + _with_slashes(str(folder)),
        )
    _refuse_group(path)
    if (path / "mistakes.jsonl").is_file() and not (path / "config.json").is_file():
        raise HubError(
            "an evaluation, and no model",
            where=str(path),
            rule="hfdl evaluate --output leaves figures only",
            remedy="push the run that was evaluated",
        )
    _refuse_unfinished(path)
    check_model_folder(path)
    is_run = (path / "recipe.yaml").is_file() and (path / "metrics.json").is_file()
    record = read_run(path) if is_run else None
    return Shareable(path, record, _own_code(path, record))


def _with_slashes(text: str) -> str:
    turned = text.replace("\\", "/")
    return f"; did you mean {shell_path(turned)}?" if Path(turned).is_dir() else ""


def _refuse_group(path: Path) -> None:
    runs = sorted(each.parent for each in path.glob("*/recipe.yaml"))
    is_group = (path / "seeds.json").is_file() or (path / "table.json").is_file()
    if (is_group or not (path / "config.json").is_file()) and runs:
        raise HubError(
            "it holds runs, and a repository holds one model",
            where=str(path),
            rule="--seeds, compare and tune leave a folder for each run",
            remedy=f"push one of them: hfdl push {shell_path(_best(path, runs))} REPO",
        )


def _best(path: Path, runs: list[Path]) -> Path:
    """The run with the best validation figure that they are chosen by; else the first."""
    scored: list[tuple[float, int]] = []
    for place, run in enumerate(runs):
        try:
            best = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["best"]
            sign = -1.0 if best["metric"] in ("loss", "perplexity") else 1.0
            scored.append((sign * float(best["value"]), -place))
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
    return runs[-max(scored)[1]] if scored else runs[0]


def _refuse_unfinished(path: Path) -> None:
    if is_graph(path):
        raise graph_alone(path)
    if (path / "recipe.yaml").is_file() and not (path / "metrics.json").is_file():
        raise HubError(
            "the run has not ended",
            where=str(path),
            rule="its figures and its best weights are there at the end",
            remedy=f"finish it: {to_resume(path)}",
        )


def _own_code(path: Path, record: RunRecord | None) -> tuple[str, ...]:
    """``file.py:NAME`` of each part of the user's own, once each."""
    named: list[object] = []
    if record is not None:
        for key in CODE:
            group, _, name = key.rpartition(".")
            section = record.section(group) if group else record.recipe
            value = section.get(name)
            named += value if isinstance(value, list) else [value]
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        config = {}
    for key in (CLASS_RECORD, ATTENTION_RECORD):
        found = config.get(key) if isinstance(config, dict) else None
        named.append(found.get("name") if isinstance(found, dict) else None)
    texts = [each for each in named if isinstance(each, str) and is_own_path(each)]
    return tuple(dict.fromkeys(texts))
