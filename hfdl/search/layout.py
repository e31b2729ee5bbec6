"""The folder of a study: what lies where.

::

    STUDY/
      study.yaml           the recipe with its search; what the study was begun with
      study.db             Optuna's storage (SQLite)
      trials/0007/         a run's folder; with folds one for each: trials/0007/fold-0/
      fresh/best/seed-N/   the winner on a fresh seed; fresh/default/seed-N/ the recipe as it stands
      best.yaml, best/     the winner as a recipe, and trained
      study.json           trials, importance and verdict
      report.html          the same as a page
"""

from __future__ import annotations

from pathlib import Path

STUDY, DATABASE, BEST_RECIPE = "study.yaml", "study.db", "best.yaml"
RESULT, REPORT, BEST = "study.json", "report.html", "best"
OUT_OF_FOLD = "out_of_fold.jsonl"
SIDES = ("best", "default")


class Layout:
    """The places of a study.

    Args:
        folder: where it lies, or will lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def study(self) -> Path:
        """The recipe with its search."""
        return self.folder / STUDY

    @property
    def database(self) -> Path:
        """Optuna's storage."""
        return self.folder / DATABASE

    @property
    def best(self) -> Path:
        """The run of the winner."""
        return self.folder / BEST

    def trial(self, number: int, fold: int | None = None) -> Path:
        """The run of a trial, or of one of its folds."""
        path = self.folder / "trials" / f"{number:04d}"
        return path if fold is None else path / f"fold-{fold}"

    def fresh(self, side: str, seed: int) -> Path:
        """The run of the winner (``best``) or of the recipe (``default``) on a fresh seed."""
        return self.folder / "fresh" / side / f"seed-{seed}"

    def claim(self, name: str) -> Path:
        """The folder whose lock is held by whoever does this piece of work."""
        return self.folder / ".claims" / name
