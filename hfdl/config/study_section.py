"""The sections ``search`` and ``study`` of a recipe: what ``hfdl tune`` tries, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from hfdl.config.section import PositiveInt, Section

Number = int | float


class Range(Section):
    """Numbers from ``low`` to ``high``, both included."""

    low: Number = Field(description="Least value.")
    high: Number = Field(description="Largest value.")
    step: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="Distance of neighbouring values. Default: 1 of whole numbers."
    )
    log: bool = Field(default=False, description="Draw the logarithm, not the number, evenly.")


class StudyConfig(Section):
    """How ``hfdl tune`` searches the space that ``search`` holds. Names are Optuna's."""

    sampler: Literal["tpe", "random", "grid", "cma_es"] = Field(
        default="tpe",
        description="How values are chosen. tpe: by a model of what was good so far (Bayesian, "
        "Bergstra et al. 2011). random: evenly. grid: every combination. cma_es: by evolution "
        "(Hansen 2016), for numbers alone.",
    )
    trials: PositiveInt | None = Field(
        default=None,
        description="How many settings are tried. Default: 20, or all of a grid. Fewer than a grid "
        "has are drawn from it.",
    )
    timeout: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Seconds after which one start of the command begins no further trial.",
    )
    metric: str | None = Field(
        default=None,
        description="Validation metric that is searched for, and that picks the best weights of "
        "each trial. Default: train.best_metric, else the task's.",
    )
    pruner: Literal["none", "median", "hyperband"] = Field(
        default="median",
        description="Which trials are stopped at an evaluation. median: those worse than the "
        "median of the earlier ones at the same evaluation. hyperband: all but the best of groups "
        "that get more and more evaluations (Li et al. 2018).",
    )
    startup_trials: PositiveInt | None = Field(
        default=None,
        description="Trials at random before tpe models the space (default 10), and trials that "
        "run to their end before median prunes (default 5).",
    )
    folds: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Cross-validation: each trial is trained so often, and its value is the mean "
        "over the folds of data.train. See data.folds.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="Fixes which values are tried, and the fresh seeds."
    )
    reports: bool = Field(
        default=True,
        description="Write report.html into the folder of each trial, not of the winner alone: a "
        "second or two a trial.",
    )
    fresh_seeds: Annotated[int, Field(ge=0)] = Field(
        default=5,
        description="Seeds, none of them of the search, on which the winner and the recipe as it "
        "stands are trained again to tell luck from gain: twice as many runs. Fewer than 5 make "
        "the interval wide (of 3, 4.3 standard errors to each side; of 5, 2.8). 0: none.",
    )

    @field_validator("fresh_seeds")
    @classmethod
    def _enough_for_an_interval(cls, value: int) -> int:
        if value == 1:
            raise ValueError(
                "study.fresh_seeds cannot be 1; one pair of runs has no interval: give 0, or 2 or "
                "more"
            )
        return value
