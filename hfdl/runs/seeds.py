"""The same run with several seeds: how much a metric varies by chance."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hfdl.config.load import load_recipe, take_objects
from hfdl.config.schema import Recipe
from hfdl.display import Shown
from hfdl.errors import ConfigError, OutputError, to_resume
from hfdl.metrics.bootstrap import Measure, Spread, bootstrap, interval
from hfdl.report.record import read_run
from hfdl.runs.ingredients import refuse_graph
from hfdl.runs.lock import LOCK, held
from hfdl.runs.outputs import METRICS, RECIPE, RunFolder, check_group_folder, output_folder
from hfdl.runs.run import Run, train
from hfdl.tasks.protocol import Task
from hfdl.tasks.registry import task_for_training
from hfdl.tasks.scored import ScoredTask
from hfdl.training.events import Listener
from hfdl.training.files import write_json

SEEDS = "seeds.json"
HELD_OUT = ("validation", "test")
SECONDS = 30.0
"""Time that the bootstrap of one split may take; BLEU, for one, is slow."""

TrainOne = Callable[[dict[str, Any], Path, bool, bool], Any]
"""Trains one seed: overrides, output, resume, overwrite."""


@dataclass(frozen=True, repr=False)
class SeedRuns(Shown):
    """Finished runs that differ in their seed alone.

    Args:
        directory: the folder that holds their folders and seeds.json.
        runs: by seed.
        spreads: by split and metric.
    """

    directory: Path
    runs: dict[int, Run]
    spreads: dict[str, dict[str, Spread]]

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows = [
            (f"{split} {name}", f"{one.mean:.4f}" + ("" if one.sd is None else f" ± {one.sd:.4f}"))
            for split, spreads in self.spreads.items()
            for name, one in spreads.items()
            if "/" not in name
        ]
        return f"Runs with {len(self.runs)} seeds in {self.directory}", rows

    def as_dict(self) -> dict[str, Any]:
        """The contents of seeds.json."""
        return {
            "seeds": list(self.runs),
            "runs": {str(seed): str(run.directory) for seed, run in self.runs.items()},
            **{
                split: {name: spread.as_dict() for name, spread in spreads.items()}
                for split, spreads in self.spreads.items()
            },
        }


def train_seeds(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    seeds: int = 3,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listener: Listener | None = None,
    train_one: TrainOne | None = None,
) -> SeedRuns:
    """Train a recipe with ``train.seed``, ``train.seed + 1`` and so on, one after the other.

    Args:
        recipe, overrides, listener: as for ``hfdl.train``.
        seeds: how many.
        output: a folder for the runs' folders, ``seed-0`` and so on. Default: as for ``train``.
        resume: leave finished runs as they are, continue or start the others.
        overwrite: replace the runs in ``output``.
        train_one: trains one seed; for a command that lets several processes do it.

    Returns:
        the runs, and each metric's mean, standard deviation and 95 % interval.

    Raises:
        HfdlError: as for ``train``; what the recipe or the folder is wrong in is found before
            the first seed is trained.
    """
    check_seeds(seeds)
    refuse_graph(recipe)
    plain, memory = take_objects(overrides or {})
    first = load_recipe(recipe, plain).train.seed
    train_one = train_one or _here(recipe, listener)
    with output_folder(output, str(recipe)) as folder:
        paths = {seed: folder / f"seed-{seed}" for seed in range(first, first + seeds)}
        check_group_folder(folder, "runs of several seeds")
        with held(folder):
            _check_folders(folder, list(paths.values()), resume=resume, overwrite=overwrite)
            for seed, path in paths.items():
                resumes = resume and (path / RECIPE).is_file()
                settings = {**plain, **objects_again(plain, memory), "train.seed": seed}
                train_one(settings, path, resumes, overwrite and path.exists())
            runs = {seed: finished_run(path) for seed, path in paths.items()}
            finished = SeedRuns(folder, runs, spreads_of(list(runs.values()), memory))
            write_json(folder / SEEDS, finished.as_dict())
    return finished


def check_seeds(seeds: int) -> None:
    """Refuse less than one seed.

    Raises:
        ConfigError: there would be no run.
    """
    if seeds < 1:
        raise ConfigError(
            f"{seeds} seeds", where="seeds", rule="at least one run is needed", remedy="give 3"
        )


def finished_run(folder: Path) -> Run:
    """The run that a folder holds.

    Raises:
        OutputError: it is not finished.
    """
    if not (folder / METRICS).is_file():
        raise OutputError(
            "the run is not finished", where=str(folder), remedy=f"continue it: {to_resume(folder)}"
        )
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return Run(folder, metrics, load_recipe(folder))


def spreads_of(runs: Sequence[Run], memory: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Each held-out metric over the runs, by split.

    Args:
        runs: finished ones of the same recipe.
        memory: data objects by the marker that stands for them in the recipe.
    """
    splits = [split for split in HELD_OUT if all(split in run.metrics for run in runs)]
    intervals = _intervals(runs, splits, memory)
    spreads: dict[str, dict[str, Spread]] = {}
    for split in splits:
        names = [n for n in runs[0].metrics[split] if all(n in r.metrics[split] for r in runs)]
        spreads[split] = {
            name: Spread(
                [run.metrics[split][name] for run in runs],
                *(intervals[split].get(name) or (None, None)),
            )
            for name in names
        }
    return spreads


def _intervals(
    runs: Sequence[Run], splits: Sequence[str], memory: Mapping[str, Any]
) -> dict[str, dict[str, tuple[float, float] | None]]:
    """The interval of each metric that can be made of predictions, by split."""
    measures: dict[str, list[tuple[Measure, int]]] = {split: [] for split in splits}
    for run in runs:
        for split, pair in measures_of(run, splits, memory).items():
            measures[split].append(pair)
    intervals = {}
    for split, pairs in measures.items():
        means = bootstrap([m for m, _ in pairs], [n for _, n in pairs], seconds=SECONDS)
        intervals[split] = {name: interval(values) for name, values in means.items()}
    return intervals


def measures_of(
    run: Run, splits: Sequence[str], memory: Mapping[str, Any]
) -> dict[str, tuple[Measure, int]]:
    """From some examples of a split to the metrics of a run on them, and how many there are.

    Args:
        run: a finished one.
        splits: held-out ones.
        memory: as for ``spreads_of``.
    """
    task = task_for_training(run.recipe, memory)
    held_out = task.prepare(run.recipe.data).named()
    predictions = read_run(run.directory).predictions
    found = {}
    for split in splits:
        own = [record for record in predictions if record["split"] == split]
        measure = _measure(task, own, held_out[split].references(), run.metrics[split])
        found[split] = (measure, len(own))
    return found


def _measure(
    task: Task,
    predictions: Sequence[dict[str, Any]],
    references: Sequence[Any],
    names: Iterable[str],
) -> Measure:
    # A language model's references are of the whole text: they go with any of its blocks.
    is_each = len(references) == len(predictions)

    def measure(examples: np.ndarray) -> dict[str, float]:
        chosen = examples.tolist()
        answers = [references[i] for i in chosen] if is_each else references
        found = _figures(task, [predictions[i] for i in chosen], answers)
        return {**dict.fromkeys(names, math.nan), **found}

    return measure


def _figures(
    task: Task, predictions: Sequence[dict[str, Any]], references: Sequence[Any]
) -> dict[str, float]:
    """All figures that some examples have; a metric of one's own may need more than were drawn."""
    score = task.score_defined if isinstance(task, ScoredTask) else task.metrics
    return score(predictions, references)


def _here(recipe: str | Path | Recipe, listener: Listener | None) -> TrainOne:
    """Train in this process."""

    def train_one(settings: dict[str, Any], output: Path, resume: bool, overwrite: bool) -> Any:
        return train(
            recipe, settings, output=output, resume=resume, overwrite=overwrite, listener=listener
        )

    return train_one


def objects_again(plain: Mapping[str, Any], memory: Mapping[str, Any]) -> dict[str, Any]:
    """The data objects again, in the place of their markers."""
    return {key: memory[v] for key, v in plain.items() if isinstance(v, str) and v in memory}


def _check_folders(folder: Path, paths: Sequence[Path], *, resume: bool, overwrite: bool) -> None:
    """Refuse before the first run what would stop a later one."""
    for path in paths:
        if path.exists() and not resume:
            RunFolder(path).check(resume=False, overwrite=overwrite)
    ours = {*paths, folder / SEEDS, folder / LOCK}
    others = [p.name for p in folder.glob("*") if p not in ours and not p.name.startswith("seed-")]
    if others:
        raise OutputError(
            f"the output folder holds {others[0]!r}",
            where=str(folder),
            rule="runs of several seeds need a folder of their own",
            remedy="choose another --output",
        )
