"""Where a calibrated model goes: the run itself, or a copy that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hfdl.calibration.kept import KEPT
from hfdl.calibration.refusals import check_folder
from hfdl.report import write_model_card, write_report
from hfdl.runs.lock import LOCK, held
from hfdl.runs.outputs import RECIPE, RunFolder
from hfdl.training.files import remove_leftovers

CHECKPOINTS = "checkpoints"


@contextmanager
def claimed(
    source: Path, output: Path | None, *, save: bool, any_model: bool = False
) -> Iterator[Path]:
    """While active, the folder that is yielded is the caller's to open, and to change if ``save``.

    Args:
        source: the model's folder.
        output: a new folder for a copy; None: the source itself.
        save: whether anything is to be written.
        any_model: whether it need not be a run.

    Raises:
        OutputError: it is no run, an unfinished one, another process uses it, or the output is
            occupied.
    """
    check_folder(source, in_place=save and output is None and not any_model)
    if not save:
        yield source
    elif output is None:
        with held(source):
            _tidy(source)
            yield source
    else:
        yield from _copied(source, output)


def _tidy(run: Path) -> None:
    """Remove what a killed process was writing, but for what it had just moved aside."""
    moved = run / f".writing-old-{KEPT}"
    if moved.is_dir() and not (run / KEPT).exists():
        moved.rename(run / KEPT)
    remove_leftovers(run)


def _copied(source: Path, output: Path) -> Iterator[Path]:
    RunFolder(output, trains=False).check(resume=False, overwrite=False)
    aside = output.with_name(f".writing-{output.name}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        # What is a link in the cache becomes a file; checkpoints are not the model.
        shutil.copytree(source, aside, ignore=shutil.ignore_patterns(CHECKPOINTS, LOCK))
        yield aside
        if aside.exists():
            if output.is_dir():
                output.rmdir()
            aside.rename(output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def drop(aside: Path, source: Path) -> None:
    """Leave no copy, where nothing is to be written after all."""
    if aside != source:
        shutil.rmtree(aside)


def remake_pages(folder: Path) -> None:
    """Write report and model card anew from the files of a run; another model has none."""
    if (folder / RECIPE).is_file():
        write_report(folder)
        write_model_card(folder)
