"""The same task in every era: one data set, one loop, one table.

From counts of words to a pretrained transformer: what each step brought, and what it costs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from hfdl.config.load import load_recipe, take_objects
from hfdl.config.overrides import settings
from hfdl.errors import ConfigError, did_you_mean
from hfdl.progress import Progress, report
from hfdl.report.comparison import write_comparison
from hfdl.report.guess import guesses
from hfdl.report.record import read_run
from hfdl.runs.comparison import Comparison, Row
from hfdl.runs.console import console_listener
from hfdl.runs.eras import COMPARISONS, Era
from hfdl.runs.lock import held
from hfdl.runs.outputs import RECIPE, check_group_folder, output_folder
from hfdl.runs.run import Run, train
from hfdl.runs.seeds import HELD_OUT, check_seeds
from hfdl.tasks.registry import task_for_training
from hfdl.training.events import Event, Listener, Noted, Updated
from hfdl.training.files import write_json

TABLE, PAGE = "table.json", "compare.html"
VECTORS = "model.vectors"
_OWN = ("tune.freeze", "tune.lora", "tune.layer_decay")


def compare(
    name: str = "sentiment",
    overrides: Mapping[str, Any] | None = None,
    *,
    eras: Sequence[str] | None = None,
    seeds: int = 1,
    output: str | Path | None = None,
    listener: Listener | None = None,
    verbose: bool | None = None,
) -> Comparison:
    """Train the same task with a model of every era, and put them into one table.

    A run that already stands in ``output`` is not made again: it is used, or continued.

    Args:
        name: ``sentiment`` or ``ner``.
        overrides: keys that all recipes are given, as for ``hfdl.train``: data, epochs, seed. The
            models differ, so ``model`` and ``tune.freeze`` are theirs; ``model.vectors`` goes to
            those that have vectors of words.
        eras: which of them; default: all.
        seeds: how often each is trained, from ``train.seed`` on.
        output: the folder. Default: ``runs/compare-NAME-DATE-TIME``.
        listener: takes the runs' events. Default: the console.
        verbose: whether it takes all of them, or a line for each era and its progress. Default: all
            where a listener is given; the console gets the lines.

    Raises:
        HfdlError: as for ``train``; what a recipe is wrong in is found before the first is trained.
    """
    chosen = _chosen(name, eras)
    _check_overrides(overrides or {}, chosen)
    check_seeds(seeds)
    by_era = {era.name: _for_era(era, overrides or {}) for era in chosen}
    first = _check_recipes(chosen, by_era)
    all_seeds = list(range(first, first + seeds))
    with ExitStack() as stack:
        folder = stack.enter_context(output_folder(output, f"compare-{name}"))
        check_group_folder(folder, "the runs of a comparison")
        stack.enter_context(held(folder))
        tell = stack.enter_context(
            console_listener() if listener is None else nullcontext(listener)
        )
        verbose = listener is not None if verbose is None else verbose
        runs: dict[str, list[Run]] = {}
        for number, era in enumerate(chosen, start=1):
            place = f"era {number} of {len(chosen)}: {era.title}"
            if verbose:
                tell(Noted(f"{place} ({era.recipe})"))
            heard = tell if verbose else _Brief(place)
            runs[era.name] = [
                _train_one(era, {**by_era[era.name], "train.seed": seed}, folder, seed, heard)
                for seed in all_seeds
            ]
            if not verbose:
                tell(Noted(f"{place}  {_row(era, runs[era.name], folder).text()}"))
        last = runs[chosen[-1].name][-1]
        rows = [_row(era, runs[era.name], folder) for era in chosen]
        precisions = ", ".join(dict.fromkeys(row.precision for row in rows))
        record = read_run(last.directory)
        comparison = Comparison(
            name,
            folder,
            rows,
            all_seeds,
            examples=dict(record.plan["examples"]),
            machine={**last.metrics["environment"], "precision": precisions},
            guesses={one.split: one for one in guesses(record) if one.metric == rows[0].metric},
        )
        write_json(folder / TABLE, comparison.as_dict())
        write_comparison(folder / PAGE, comparison.as_dict())
    return comparison


class _Brief:
    """A listener that takes a run's updates for progress, and keeps the rest to its log.

    Args:
        place: which era it is.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def __call__(self, event: Event) -> None:
        if isinstance(event, Updated):
            report(Progress(self.place, event.step, event.steps, "updates"))


def _train_one(
    era: Era, overrides: Mapping[str, Any], folder: Path, seed: int, listener: Listener
) -> Run:
    path = folder / era.name / f"seed-{seed}"
    return train(
        era.recipe, overrides, output=path, resume=(path / RECIPE).is_file(), listener=listener
    )


def _row(era: Era, runs: Sequence[Run], folder: Path) -> Row:
    plan = read_run(runs[0].directory).plan
    metric = (runs[0].metrics["best"] or {"metric": "loss"})["metric"]
    measured = [run.metrics["runtime"] for run in runs]
    return Row(
        era=era.name,
        title=era.title,
        model=runs[0].recipe.model.name,
        metric=metric,
        scores={
            split: [run.metrics[split][metric] for run in runs]
            for split in HELD_OUT
            if all(split in run.metrics for run in runs)
        },
        parameters=plan["parameters"],
        trained=plan["trainable"],
        seconds=statistics.fmean(each["seconds"] for each in measured),
        samples_per_second=statistics.fmean(each["samples_per_second"] for each in measured),
        precision=runs[0].metrics["environment"]["precision"],
        runs=[run.directory.relative_to(folder).as_posix() for run in runs],
    )


# ---- Checks before the first run -----------------------------------------------------------------


def _chosen(name: str, eras: Sequence[str] | None) -> tuple[Era, ...]:
    if name not in COMPARISONS:
        raise ConfigError(
            f"no comparison {name!r}",
            rule=f"there are: {', '.join(COMPARISONS)}",
            remedy=did_you_mean(name, COMPARISONS),
        )
    if eras is None:
        return COMPARISONS[name]
    names = [era.name for era in COMPARISONS[name]]
    for era in eras:
        if era not in names:
            raise ConfigError(
                f"no era {era!r}",
                where="eras",
                rule=f"{name} has: {', '.join(names)}",
                remedy=did_you_mean(era, names),
            )
    if not eras:
        raise ConfigError(
            "no era", where="eras", rule=f"{name} has: {', '.join(names)}", remedy="name one"
        )
    return tuple(era for era in COMPARISONS[name] if era.name in eras)


def _check_overrides(overrides: Mapping[str, Any], chosen: Sequence[Era]) -> None:
    keys = [".".join(path) for path, _ in settings(take_objects(overrides)[0])]
    for key in keys:
        is_own = key.split(".")[0] in ("task", "model") or key.startswith(_OWN) or key == "tune"
        if is_own and key != VECTORS:
            raise ConfigError(
                "each era has its own",
                where=key,
                rule="eras are given the same data and the same time, not the same model",
                remedy="copy an era's recipe and train it by itself: hfdl recipes copy "
                f"{chosen[0].recipe}",
            )
    if VECTORS in keys and not any(era.takes_vectors for era in chosen):
        raise ConfigError(
            "none of the eras has vectors of words", where=VECTORS, remedy="leave it out"
        )


def _for_era(era: Era, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides without those that are for other eras."""
    own = dict(overrides)
    if era.takes_vectors:
        return own
    own.pop(VECTORS, None)
    if isinstance(own.get("model"), Mapping):  # nested: nothing but vectors can be in it
        own.pop("model")
    return own


def _check_recipes(chosen: Sequence[Era], by_era: Mapping[str, Mapping[str, Any]]) -> int:
    """Load each recipe and find its model; the first seed."""
    seed = 0
    for era in chosen:
        overrides, memory = take_objects(by_era[era.name])
        recipe = load_recipe(era.recipe, overrides)
        task_for_training(recipe, memory)
        seed = recipe.train.seed
    return seed
