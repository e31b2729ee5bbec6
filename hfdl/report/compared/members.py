"""What a comparison is of: runs, evaluations, and groups of runs with several seeds."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.errors import OutputError
from hfdl.report.record import RunRecord, read_run

SEEDS, TABLE = "seeds.json", "table.json"


@dataclass(frozen=True)
class Member:
    """One side of a comparison.

    Args:
        name: tells it from the others.
        folder: of the run, or of the group.
        records: of the run; of a group one for each seed.
        runs: the folders of those.
    """

    name: str
    folder: Path
    records: list[RunRecord]
    runs: list[Path]

    @property
    def first(self) -> RunRecord:
        """The run, or the first of a group."""
        return self.records[0]

    def values(self, split: str, metric: str) -> list[float]:
        """A metric of each seed; empty where one lacks it."""
        found = [(record.metrics.get(split) or {}).get(metric) for record in self.records]
        is_whole = all(isinstance(one, (int, float)) and math.isfinite(one) for one in found)
        return [float(one) for one in found if one is not None] if is_whole else []

    def mean(self, split: str, metric: str) -> float | None:
        """The mean over the seeds."""
        values = self.values(split, metric)
        return statistics.fmean(values) if values else None

    def sd(self, split: str, metric: str) -> float | None:
        """The standard deviation over the seeds (n - 1); None of one run."""
        values = self.values(split, metric)
        return statistics.stdev(values) if len(values) > 1 else None


def read_members(folders: Sequence[Path]) -> list[Member]:
    """Read what is to be compared, in the order given.

    A group that is alone is taken apart: its seeds are compared.

    Raises:
        OutputError: a folder is named twice, or is not that of a finished run, or the runs are of
            different tasks.
    """
    _refuse_twice(folders)
    groups = [_runs_of(folder) for folder in folders]
    if len(folders) == 1:
        folders, groups = groups[0], [[run] for run in groups[0]]
    members = [
        Member(name, folder, [read_run(run) for run in runs], runs)
        for name, folder, runs in zip(short_names(folders), folders, groups, strict=True)
    ]
    _refuse_different_tasks(members)
    return members


def is_group(folder: Path) -> bool:
    """Whether a folder holds runs with several seeds (``hfdl train --seeds``)."""
    return (folder / SEEDS).is_file()


def short_names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that are all different."""
    parts = [Path(os.path.normpath(folder.absolute())).parts for folder in folders]
    longest = max(map(len, parts))
    for length in range(1, longest + 1):
        names = ["/".join(one[-length:]) for one in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _runs_of(folder: Path) -> list[Path]:
    """The folders of a group's runs, or the folder itself."""
    if not is_group(folder):
        return [folder]
    try:
        seeds = json.loads((folder / SEEDS).read_text(encoding="utf-8"))["seeds"]
        # Beside the file: the paths in it are those of the place where it was trained.
        return [folder / f"seed-{int(seed)}" for seed in seeds] or [folder]
    except (ValueError, TypeError, KeyError) as error:
        where = str(folder / SEEDS)
        raise OutputError(f"a file of the group is damaged: {error!r}", where=where) from error


def _refuse_twice(folders: Sequence[Path]) -> None:
    seen: set[Any] = set()
    for folder in folders:
        place = folder.resolve()
        if place in seen:
            raise OutputError(
                "the folder is named twice",
                where=str(folder),
                rule="a run compared with itself shows nothing",
                remedy="name each once",
            )
        seen.add(place)


def _refuse_different_tasks(members: Sequence[Member]) -> None:
    kinds: dict[str, list[str]] = {}
    for one in members:
        for record in one.records:
            kind = " ".join(filter(None, [record.task, record.problem_type]))
            kinds.setdefault(kind, []).append(str(one.folder))
    if len(kinds) > 1:
        named = "; ".join(f"{kind}: {', '.join(dict.fromkeys(of))}" for kind, of in kinds.items())
        raise OutputError(
            f"the runs are of different tasks ({named})",
            rule="figures of different tasks cannot be compared",
            remedy="name the runs of one task",
        )
