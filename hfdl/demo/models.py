"""The models of a page: found and named first, opened after that."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hfdl.config.schema import Recipe
from hfdl.errors import ModelError
from hfdl.pipelines import pipeline, task_of
from hfdl.pipelines.open_model import Located, locate
from hfdl.pipelines.registry import pipeline_spec
from hfdl.tasks.registry import known_spec

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A model that is to be shown, before its weights are read.

    Args:
        name: what the page calls it; no two of a page have the same.
        located: its folder, and the recipe of the run that left it.
        task: what its pipeline is made for.
        panel: the class of its page, ``module:Class``.
    """

    name: str
    located: Located
    task: str
    panel: str

    @property
    def translates(self) -> bool:
        """Whether its answers are in a language that may be chosen."""
        return known_spec(self.task).rows == "pairs"


@dataclass(eq=False)
class DemoModel:
    """A model that is ready to answer.

    Args:
        name: what the page calls it.
        pipe: its pipeline.
        recipe: of the run that left it, if a run did.
        folder: where it lies.
        lock: held while the model runs. Attention is captured by changing the model for a moment,
            and several people may use one page.
    """

    name: str
    pipe: Any
    recipe: Recipe | None = None
    folder: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step_by_step(self, steps: Iterator[T]) -> Iterator[T]:
        """The steps of a long computation, the model held during each and free between them."""
        end = object()
        while True:
            with self.lock:
                step: Any = next(steps, end)
            if step is end:
                return
            yield step


def find_models(names: Sequence[str | Path]) -> list[Found]:
    """Find the models of a page, without reading their weights.

    Args:
        names: runs' folders, model folders or Hub ids.

    Raises:
        ModelError: one cannot be found, or its task has no page.
    """
    shown = distinct_names([str(name) for name in names])
    return [_find(str(given), name) for given, name in zip(names, shown, strict=True)]


def open_model(
    found: Found, languages: Mapping[str, str] | None = None, precision: str = "float32"
) -> DemoModel:
    """Open the pipeline of a model that was found.

    Args:
        found: the model.
        languages: ``src_lang`` and ``tgt_lang``, for one that translates.
        precision: as for ``hfdl.pipeline``; another than float32 stands behind the name.

    Raises:
        ModelError: it cannot be opened.
        ConfigError: it translates, and knows no such languages or needs to be told; or its task has
            no such precision.
    """
    options: dict[str, Any] = dict(languages or {}) if found.translates else {}
    name = found.name
    if precision != "float32":
        options["precision"], name = precision, f"{name} ({precision})"
    pipe = pipeline(found.task, model=found.located, **options)
    return DemoModel(name, pipe, found.located.recipe, found.located.folder)


def distinct_names(given: Sequence[str]) -> list[str]:
    """A short name for each model: the last part of its path, more where two are alike."""
    parts = [Path(name.rstrip("/") or "/").parts for name in given]
    lengths = [1] * len(given)
    while True:
        names = ["/".join(p[-n:]) for p, n in zip(parts, lengths, strict=True)]
        counts = Counter(names)
        longer = [
            n + (counts[name] > 1 and n < len(p))
            for name, n, p in zip(names, lengths, parts, strict=True)
        ]
        if longer == lengths:
            break
        lengths = longer
    seen: Counter[str] = Counter()
    seen_names = []
    for name in names:
        seen[name] += 1
        seen_names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return seen_names


def _find(given: str, name: str) -> Found:
    located = locate(given)
    task, _ = task_of(located)
    panel = pipeline_spec(task).panel
    if panel is None:
        raise ModelError(
            f"the task {task} has no page in the demo",
            where=given,
            rule="the panel of a task's TaskSpec is the class of its page",
            remedy="leave this model out",
        )
    return Found(name, located, task, panel)
