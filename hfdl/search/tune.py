"""A study from recipe to verdict, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from hfdl.config.load import load_recipe, take_objects
from hfdl.config.own_code import no_exit
from hfdl.config.schema import Recipe
from hfdl.config.yaml import dump_recipe
from hfdl.errors import ConfigError, shell_path
from hfdl.runs.console import console_listener
from hfdl.runs.ingredients import refuse_graph
from hfdl.runs.lock import held
from hfdl.runs.outputs import output_folder
from hfdl.runs.run import resolve
from hfdl.runs.seeds import objects_again
from hfdl.search.earlier import check_folder, check_study, continued
from hfdl.search.finish import finish
from hfdl.search.layout import STUDY, Layout
from hfdl.search.plan import Plan, folder_name, make_plan, require_optuna
from hfdl.search.processes import work_together
from hfdl.search.signals import Watch
from hfdl.search.storage import Storage
from hfdl.search.study import Study
from hfdl.search.worker import Worker
from hfdl.training.events import Interrupted, Listener, Noted
from hfdl.training.files import replace_text


@no_exit()
def tune(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    resume: bool = False,
    workers: int = 1,
    listener: Listener | None = None,
) -> Study:
    """Search a recipe's space, and say whether the winner is a gain or luck.

    Args:
        recipe: as for ``hfdl.train``, with a section ``search``; or the folder of a study.
        overrides: as for ``hfdl.train``; ``search.KEY`` and ``study.KEY`` among them.
        output: the study's folder. Default: ``runs/tune-NAME-DATE-TIME``.
        resume: continue the study in ``output``: finished trials are kept, an interrupted one goes
            on from its checkpoint. More ``study.trials`` than it was begun with go on searching.
        workers: processes that work on it at the same time. With one the study ends with the same
            trials and values, stopped and resumed or not.
        listener: takes the lines. Default: the console.

    Raises:
        HfdlError: the recipe, the space, the data or the output is wrong, and nothing was written;
            or no trial came to its end.
        Interrupted: SIGINT or SIGTERM; the trial that went on was saved.
    """
    require_optuna()
    plain, memory = take_objects(overrides or {})
    resolved = _resolve(recipe, plain)
    _check_workers(workers, memory)
    with ExitStack() as stack:
        folder = stack.enter_context(output_folder(output, folder_name(recipe)))
        layout = Layout(folder)
        check_folder(layout, resume=resume)
        if resume:
            resolved = continued(layout, resolved)
        tell = stack.enter_context(
            console_listener() if listener is None else nullcontext(listener)
        )
        plan = make_plan(resolved, memory)
        stack.enter_context(held(folder))
        check_folder(layout, resume=resume)
        replace_text(layout.study, dump_recipe(plan.recipe, file=STUDY))
        storage = Storage(layout, plan)
        for fact in plan.facts:
            tell(Noted(fact))
        watch = stack.enter_context(Watch())
        with _continued_by(layout, workers):
            if workers > 1:
                work_together(layout, storage, workers, tell, watch)
            else:
                objects = objects_again(plain, memory)
                Worker(plan, layout, storage, objects, tell, watch).work()
        return finish(plan, layout, storage, memory)


@no_exit()
def join(study: str | Path, *, listener: Listener | None = None) -> None:
    """Work on a study that another process has begun, until nothing of it is left to do.

    Args:
        study: its folder.
        listener: takes the lines. Default: the console.

    Raises:
        HfdlError: no study stands there.
        Interrupted: as for ``tune``.
    """
    require_optuna()
    layout = Layout(Path(study))
    check_study(layout)
    with console_listener() if listener is None else nullcontext(listener) as tell:
        plan = make_plan(load_recipe(layout.study), {})
        storage = Storage(layout, plan)
        with Watch() as watch:
            worker = Worker(plan, layout, storage, {}, tell, watch)
            if not worker.has_work():
                tell(Noted(f"nothing of {layout.folder} is left to do"))
            worker.work()


def plan_study(recipe: str | Path | Recipe, overrides: Mapping[str, Any] | None = None) -> Plan:
    """What ``tune`` would do; nothing is trained or written. Arguments as for ``tune``."""
    plain, memory = take_objects(overrides or {})
    return make_plan(_resolve(recipe, plain), memory)


def _resolve(recipe: str | Path | Recipe, overrides: Mapping[str, Any]) -> Recipe:
    refuse_graph(recipe)
    if not isinstance(recipe, Recipe) and (Path(recipe) / STUDY).is_file():
        recipe = Path(recipe) / STUDY
    return resolve(recipe, overrides)


def _check_workers(workers: int, memory: Mapping[str, Any]) -> None:
    if workers < 1:
        raise ConfigError(f"{workers} workers", where="workers", rule="one at least is needed",
                          remedy="give 1")  # fmt: skip
    if workers > 1 and memory:
        raise ConfigError(
            f"{workers} workers cannot share data that is an object in memory",
            where="workers",
            rule="they are processes, and read the data themselves",
            remedy="give workers=1, or name files",
        )


class _continued_by:  # noqa: N801  # a context manager
    """While active, a signal's message names the command that continues the study."""

    def __init__(self, layout: Layout, workers: int) -> None:
        self._layout, self._workers = layout, workers

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Interrupted):
            folder = shell_path(self._layout.folder)
            line = f"hfdl tune {folder} --output {folder} --resume"
            more = f" --workers {self._workers}" if self._workers > 1 else ""
            error.continue_with = line + more
