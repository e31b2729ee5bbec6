"""A run from recipe to report, on one page: config -> task -> loop -> what the folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.config.load import MEMORY, load_recipe, take_model, take_objects
from hfdl.config.overrides import settings
from hfdl.config.own_code import no_exit
from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.readers.sources import lost_object
from hfdl.display import Shown
from hfdl.errors import listed
from hfdl.quantization.precision import FLOAT32, check_precision
from hfdl.report.guess import guesses
from hfdl.report.intervals import intervals
from hfdl.runs.console import console_listener
from hfdl.runs.ingredients import refuse_graph, refuse_inputs_inside
from hfdl.runs.outputs import RECIPE, RunFolder, output_folder
from hfdl.runs.scores import Scores, metric_text
from hfdl.tasks.registry import (
    canonical_name,
    task_for_model,
    task_for_training,
    task_of_model,
)
from hfdl.training.distributed.launched import is_first_process
from hfdl.training.distributed.launcher_settings import (
    check_launcher_settings,
    follow_launcher,
    own_sharding,
)
from hfdl.training.events import Listener, Noted, Planned
from hfdl.weights.resolve import find_model

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """A finished run.

    Args:
        directory: its folder; ``docs/architecture.md`` says what it holds.
        metrics: the contents of metrics.json.
        recipe: the recipe with every default filled in.
    """

    directory: Path
    metrics: dict[str, Any]
    recipe: Recipe

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        splits = [split for split in ("validation", "test") if self.metrics.get(split)]
        rows = [
            ("model", self.recipe.model.name),
            *((split, metric_text(self.metrics[split])) for split in splits),
            ("saved in", str(self.directory)),
            ("report", str(self.directory / "report.html")),
        ]
        return f"Run of {self.recipe.task}", rows

    def pipeline(self, **options: Any) -> Pipeline:
        """A pipeline on the trained model; options as for ``hfdl.pipeline``."""
        from hfdl.pipelines import pipeline

        return pipeline(self.recipe.task, model=self.directory, **options)

    def report(self, output: str | Path | None = None) -> Path:
        """Write the report anew from the folder's files, and say where it is.

        Args:
            output: the page. Default: ``report.html`` in the folder.
        """
        from hfdl.report import write_report

        return write_report(self.directory, output)


@no_exit()
def train(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: bool = True,
    listener: Listener | None = None,
    model: Any = None,
    tokenizer: Any = None,
) -> Run:
    """Fine-tune a model as a recipe says.

    Args:
        recipe: a shipped name (``sentiment``), a YAML file, or a Recipe.
        overrides: keys of the recipe, dotted (``{"train.epochs": 1}``) or nested. Where a file
            is expected a datasets.Dataset, a DataFrame, a list of dicts or a dict of lists will do.
        output: the run's folder. Default: ``runs/NAME-DATE-TIME``.
        resume: continue the run in ``output`` from its last checkpoint, bit for bit.
        overwrite: replace the run in ``output``.
        report: write report.html and the model card, too: a second or two.
        listener: takes the run's events. Default: the console.
        model: a torch module or a transformers model, which is trained itself, not a copy
            (docs/own-parts.md); or a name or folder, as ``model.name``. Default: the recipe's.
        tokenizer: of such a module. Default: that of ``model.name``, or of the folder that the
            module was loaded from.

    Raises:
        HfdlError: the recipe, the data, the model or the output is wrong; nothing was written.
        Interrupted: SIGINT or SIGTERM; a checkpoint was saved.
    """
    refuse_graph(recipe)
    overrides, memory = take_model(*take_objects(overrides or {}), model, tokenizer)
    resolved = resolve(recipe, overrides)
    with ExitStack() as stack:
        folder = RunFolder(stack.enter_context(output_folder(output, str(recipe))))
        note = stack.enter_context(folder.claimed(resume=resume, overwrite=overwrite))
        notes = [note] if note else []
        from hfdl.runs import earlier, session  # torch: whoever is refused need not wait for it

        if overwrite:
            refuse_inputs_inside(folder.path, resolved)
        if resume:
            asked, resolved = resolved, earlier.recipe_of_run(folder, overrides)
            if metrics := earlier.finished_metrics(folder):
                return Run(folder.path, metrics, resolved)
            notes += earlier.passed_over(recipe, asked, resolved, folder)
        resolved, followed = follow_launcher(resolved)
        notes += [*followed, *check_launcher_settings(resolved.train), *_of_search(resolved)]
        stack.enter_context(own_sharding())
        tell = stack.enter_context(
            console_listener() if listener is None else nullcontext(listener)
        )
        task = task_for_training(resolved, memory)
        splits = task.prepare(resolved.data)
        running = session.Session(resolved, task, splits, folder, tell)
        running.facts += notes
        metrics = running.train(resume=resume, overwrite=overwrite, report=report)
    return Run(folder.path, metrics, resolved)


@no_exit()
def plan(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    listener: Listener | None = None,
    model: Any = None,
    tokenizer: Any = None,
) -> Planned:
    """What ``train`` would do, its time and memory estimated from a few real updates.

    Nothing is written. Arguments as for ``train``.
    """
    from hfdl.runs import session

    refuse_graph(recipe)
    overrides, memory = take_model(*take_objects(overrides or {}), model, tokenizer)
    resolved = resolve(recipe, overrides)
    resolved, followed = follow_launcher(resolved)
    notes = [*followed, *check_launcher_settings(resolved.train), *_of_search(resolved)]
    console = console_listener() if listener is None else nullcontext(listener)
    with console as tell, own_sharding():
        task = task_for_training(resolved, memory)
        splits = task.prepare(resolved.data)
        dry = session.Session(resolved, task, splits, None, lambda event: None)
        planned = dry.estimated()
        for fact in [*dry.facts, *notes]:
            tell(Noted(fact))
        tell(planned)
    return planned


@no_exit()
def evaluate(
    run_or_model: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    precision: str = FLOAT32,
    listener: Listener | None = None,
) -> Scores:
    """Evaluate a saved model, in float32 or with its linear layers in int8.

    Args:
        run_or_model: a run's folder, a model folder, or a Hub id of a fine-tuned model.
        overrides: keys of the recipe. With ``data.test`` or ``data.validation`` only those are
            evaluated; without, the held-out splits of the run itself.
        output: a folder for metrics.json, predictions.jsonl, mistakes.jsonl and report.html; a
            new or an empty one, so never the run's. Default: nothing is written.
        precision: ``float32`` or ``int8``. Of int8 the result also has what it costs: the same
            examples are answered in float32, too, and the two compared by a paired test.
        listener: takes the events. Default: the console.

    Returns:
        metrics by split: a dict that knows its folder.

    Raises:
        HfdlError: the model, the data or the output is wrong; nothing was written.
    """
    from hfdl.runs import evaluation
    from hfdl.runs import held_out as held_out_splits

    check_precision(precision)
    overrides, memory = take_objects(overrides or {})
    folder = find_model(str(run_or_model), graph=True)
    recipe = resolve(own_recipe(folder), overrides)
    # Each of several processes has all figures; the first one writes them.
    target = RunFolder(Path(output), trains=False) if output and is_first_process() else None
    if target is not None:
        target.check(resume=False, overwrite=False)
    with console_listener() if listener is None else nullcontext(listener) as tell:
        task = task_for_model(folder, recipe, memory=memory)
        held_out = recipe.model_copy(update={"data": held_out_data(recipe.data, overrides)})
        splits = task.prepare(held_out.data)
        if precision == FLOAT32:
            exact = found = held_out_splits.evaluate_saved(task, splits, tell)
        else:
            exact, found = held_out_splits.evaluate_int8(task, splits, tell, str(run_or_model))
        record = evaluation.record_of(task, splits, found)
        costs = evaluation.costs_of(record, task, splits, exact, precision)
        if target is not None:
            evaluation.write_evaluation(
                target, record, held_out, splits.facts, precision=precision, costs=costs
            )
    return Scores(
        {name: result.metrics for name, result in found.items()},
        str(run_or_model),
        None if target is None else target.path,
        guesses=guesses(record),
        intervals=intervals(record),
        mistakes=evaluation.worst_first(record),
        costs=costs,
    )


def resolve(recipe: str | Path | Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """A recipe with overrides, its task by its own name.

    Raises:
        ConfigError: as ``load_recipe``, or there is no such task.
    """
    resolved = load_recipe(recipe, overrides)
    name = canonical_name(resolved.task)
    # module:Class stays: whoever reads the run's recipe must find the class again.
    return resolved if ":" in resolved.task else resolved.model_copy(update={"task": name})


def _of_search(recipe: Recipe) -> list[str]:
    """A line where the recipe has a space that only ``hfdl tune`` searches."""
    if not recipe.search:
        return []
    keys = listed(recipe.search)
    return [f"search: hfdl tune would try values of {keys}; this run takes the recipe as it is"]


def own_recipe(folder: Path) -> Path | Recipe:
    """A run's recipe; for another model a recipe that reads texts whole, however long."""
    if (folder / RECIPE).is_file():
        return folder / RECIPE
    data = DataConfig(max_length=None, long_text="window")
    return Recipe(task=task_of_model(folder), model=ModelConfig(name=str(folder)), data=data)


def held_out_data(data: DataConfig, overrides: Mapping[str, Any]) -> DataConfig:
    """Only what was asked for, if anything was; else the run's own held-out splits.

    Raises:
        DataError: these are of an object that a Python user gave, which no recipe holds. What is
            measured on needs no training data: a file with validation rows will do.
    """
    keys = {path[1] for path, _ in settings(overrides) if path[0] == "data"}
    chosen = keys & {"validation", "test"}
    if not chosen:
        if "train" not in keys and str(data.train).startswith(MEMORY):
            raise lost_object(str(data.train), "data.validation")
        return data
    others = {"train", "validation", "test"} - chosen
    return data.model_copy(update=dict.fromkeys(others))
