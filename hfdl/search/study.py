"""A study as a result: its trials, its winner, the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hfdl.display import Shown
from hfdl.search.layout import BEST, BEST_RECIPE, REPORT
from hfdl.search.lines import figure, short_settings
from hfdl.search.verdict import Verdict
from hfdl.search.wording import judged_text, overstated_text, verdict_text


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Args:
        number: from 0, in the order in which they were begun.
        state: ``complete``, ``pruned``, ``failed`` or ``running``.
        value: of the metric; of a pruned one its last evaluation; None: there is none.
        settings: what was tried, by key of the recipe.
        seconds: of training.
        folder: its run, within the study's folder.
        reason: why it failed.
        evaluations: value by number of the evaluation, of all that the pruner was told.
    """

    number: int
    state: str
    value: float | None
    settings: dict[str, Any]
    seconds: float
    folder: str
    reason: str | None = None
    evaluations: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Study(Shown):
    """A finished study.

    Args:
        directory: its folder.
        metric: what was searched for, and whether more of it is better.
        trials: by number.
        best: the winner.
        verdict: on fresh seeds; None: none were asked for.
        importance: by key, summing to 1; empty where too few trials ended.
        facts: what a person should know of it.
        space: what was searched, in words by key.
    """

    directory: Path
    metric: str
    larger_is_better: bool
    sampler: str
    pruner: str
    folds: int | None
    trials: list[TrialRecord]
    best: TrialRecord
    verdict: Verdict | None
    importance: dict[str, float]
    facts: list[str]
    space: dict[str, str]

    @property
    def best_recipe(self) -> Path:
        """The winner as a recipe: ``hfdl.train(study.best_recipe)`` trains it again."""
        return self.directory / BEST_RECIPE

    @property
    def best_run(self) -> Path:
        """The folder of the winner's run, for ``hfdl.pipeline`` and ``hfdl predict``."""
        return self.directory / BEST

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        states = [trial.state for trial in self.trials]
        counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
        rows = [
            ("trials", ", ".join(counts)),
            ("best", f"{self.metric} {figure(self.best.value)} (trial {self.best.number})"),
            ("settings", " ".join(short_settings(self.best.settings))),
        ]
        if self.verdict is not None:
            rows.append(("verdict", verdict_text(self.verdict)))
            if text := overstated_text(self.verdict):
                rows.append(("search", text))
        rows += [("recipe", str(self.best_recipe)), ("report", str(self.directory / REPORT))]
        return f"Study of {self.sampler} in {self.directory}", rows

    def verdict_lines(self) -> list[str]:
        """What the fresh seeds say, the split that counts first."""
        verdict = self.verdict
        if verdict is None:
            return ["verdict: none, for no fresh seeds were trained (study.fresh_seeds=0)"]
        lines = [f"verdict: {verdict_text(verdict)}"]
        if not verdict.are_same:
            lines += [f"besides: {judged_text(one, verdict.metric)}" for one in verdict.judged[1:]]
        if text := overstated_text(verdict):
            lines.append(f"the search: {text}")
        failed = list(dict.fromkeys(verdict.failed))
        return [*lines, *(f"a run on a fresh seed failed: {reason}" for reason in failed)]

    def as_dict(self) -> dict[str, Any]:
        """The contents of study.json."""
        kept = {
            name: value
            for name, value in vars(self).items()
            if name not in ("directory", "verdict", "trials", "best")
        }
        return {
            "directory": str(self.directory),
            **kept,
            "best": asdict(self.best),
            "verdict": None if self.verdict is None else self.verdict.as_dict(),
            "trials": [asdict(trial) for trial in self.trials],
        }
