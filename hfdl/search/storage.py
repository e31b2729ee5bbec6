"""The trials of a study in Optuna's SQLite file, and who does which."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfdl.errors import OutputError
from hfdl.runs.lock import held
from hfdl.search.distributions import settings_of, suggest
from hfdl.search.layout import Layout
from hfdl.search.plan import Plan

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

NAME = "hfdl"
REASON, PRUNED, SECONDS, KILLED = "reason", "pruned", "seconds", "killed"
"""Attributes of trials: why it failed, that it is to be pruned, its time, how often its worker was
killed."""
_KILLS = 2
"""So often a trial's worker may be killed by the system."""
_PATIENCE = 600.0
"""Seconds that another worker may take to draw its next trial."""


@dataclass(frozen=True)
class Claimed:
    """A trial that this process does.

    Args:
        trial: Optuna's.
        number: of it, from 0.
        settings: what it tries, as overrides.
        is_resumed: whether it was begun before.
    """

    trial: Trial
    number: int
    settings: dict[str, Any]
    is_resumed: bool


class Storage:
    """A study's trials.

    Args:
        layout: where they lie.
        plan: the study.
    """

    def __init__(self, layout: Layout, plan: Plan) -> None:
        self.layout, self.plan = layout, plan
        self.study = self._open()

    def _open(self) -> optuna.Study:
        import optuna
        from sqlalchemy.engine import URL

        from hfdl.search.pruners import pruner

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        place = URL.create("sqlite", database=str(self.layout.database.resolve()))
        with quiet_optuna():
            storage = optuna.storages.RDBStorage(
                place.render_as_string(hide_password=False),
                engine_kwargs={"connect_args": {"timeout": 60}},
            )
            return optuna.create_study(
                storage=storage,
                study_name=NAME,
                direction="maximize" if self.plan.larger_is_better else "minimize",
                pruner=pruner(self.plan.recipe.study, self.plan.evaluations),
                load_if_exists=True,
            )

    def trials(self) -> list[FrozenTrial]:
        """All of them, by number."""
        return self.study.get_trials(deepcopy=False)

    def best(self) -> FrozenTrial | None:
        """The best trial that ran to its end, the first of equal ones; None: there is none."""
        best: FrozenTrial | None = None
        for trial in self.trials():
            if trial.state.name == "COMPLETE" and trial.value is not None:
                than = None if best is None else best.value
                best = trial if self.plan.is_better(trial.value, than) else best
        return best

    def settings(self, trial: FrozenTrial) -> dict[str, Any]:
        """What a trial tries, as overrides."""
        return settings_of(trial.params, self.plan.space)

    @contextmanager
    def claim(self, *, begins: bool = True) -> Iterator[Claimed | None]:
        """The next trial, this process's alone while the block is active.

        One that a stopped process has left comes first, then a new one.

        Args:
            begins: whether new ones may be begun.

        Yields:
            None where none is left.
        """
        with ExitStack() as stack:
            with held(self.layout.claim("next"), patience=_PATIENCE), quiet_optuna():
                claimed = self._left(stack)
                if claimed is None and begins:
                    claimed = self._new(stack)
            yield claimed

    def note_killed(self, reason: str) -> None:
        """Count that a worker was killed; the trial that it had is failed at the second time.

        Args:
            reason: of a trial that fails so. What takes more memory than there is would be killed
                again and again.
        """
        from optuna.trial import TrialState

        for frozen in self.trials():
            if frozen.state.is_finished():
                continue
            with suppress(OutputError), ExitStack() as stack:
                stack.enter_context(held(self.layout.claim(f"trial-{frozen.number}"), patience=0.0))
                times = frozen.user_attrs.get(KILLED, 0) + 1
                self.study._storage.set_trial_user_attr(frozen._trial_id, KILLED, times)
                if times >= _KILLS:
                    self.study._storage.set_trial_user_attr(frozen._trial_id, REASON, reason)
                    self.study.tell(frozen.number, state=TrialState.FAIL)

    def is_running(self) -> bool:
        """Whether a trial has not ended."""
        return any(not trial.state.is_finished() for trial in self.trials())

    def _left(self, stack: ExitStack) -> Claimed | None:
        """A trial that was begun and that nobody does."""
        from optuna.trial import Trial

        for frozen in self.trials():
            if frozen.state.is_finished():
                continue
            try:
                stack.enter_context(held(self.layout.claim(f"trial-{frozen.number}"), patience=0.0))
            except OutputError:
                continue
            self._prepare(frozen.number)
            return self._claimed(Trial(self.study, frozen._trial_id), is_resumed=True)
        return None

    def _new(self, stack: ExitStack) -> Claimed | None:
        number = len(self.trials())
        if number >= self.plan.trials:
            return None
        stack.enter_context(held(self.layout.claim(f"trial-{number}")))
        self._prepare(number)
        return self._claimed(self.study.ask(), is_resumed=False)

    def _prepare(self, number: int) -> None:
        from hfdl.search.samplers import sampler

        plan = self.plan
        self.study.sampler = sampler(plan.recipe.study, plan.space, plan.trials, number)

    def _claimed(self, trial: Trial, *, is_resumed: bool) -> Claimed:
        """The trial with all its parameters: a process may have been killed while it drew them."""
        for domain in self.plan.space:
            suggest(trial, domain)
        settings = settings_of(trial.params, self.plan.space)
        return Claimed(trial, trial.number, settings, is_resumed)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """While active, Optuna says nothing of arguments that may change in its next versions."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", module=r"optuna(\.|$)")
        yield
