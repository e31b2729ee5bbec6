"""A run's folder: whether it may be used, and what is written into it.

Nothing is created before the recipe, the data and the model have been found good, so a mistake
leaves no folder behind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hfdl.errors import ConfigError, OutputError
from hfdl.runs.lock import LOCK, held, made
from hfdl.training.distributed.launched import is_first_process, launched_processes
from hfdl.training.files import json_text, remove_leftovers, write_json

RECIPE, METRICS, PREDICTIONS = "recipe.yaml", "metrics.json", "predictions.jsonl"


class RunFolder:
    """The folder of one run.

    Args:
        path: where it is, or will be.
        trains: whether a training writes it, which can be continued and replaced; else an
            evaluation does, for which an empty folder is wanted.
    """

    def __init__(self, path: Path, *, trains: bool = True) -> None:
        self.path, self._trains = path, trains

    @property
    def checkpoints(self) -> Path:
        """The sub-folder of checkpoints."""
        return self.path / "checkpoints"

    @contextmanager
    def claimed(self, *, resume: bool, overwrite: bool) -> Iterator[str | None]:
        """While active, the folder is this run's; it has been found good.

        Of several processes that train together the first one looks at it and claims it for all:
        another one would find what the first puts there while it looks. If it is refused, the
        launcher ends the others.

        Yields:
            a line for a person where the file system has no locks; else None.

        Raises:
            OutputError: as for ``check``, or another run is writing into it.
        """
        if not is_first_process():
            yield None
            return
        if not self.path.is_dir():
            self.check(resume=resume, overwrite=overwrite)
        with held(self.path) as note:
            # Only now: another run may have used it until a moment ago.
            self.check(resume=resume, overwrite=overwrite)
            yield note

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse a folder that cannot or should not be written to; changes nothing.

        Raises:
            OutputError: it is not empty and neither ``resume`` nor ``overwrite`` is asked for, is
                not a run that could be overwritten or resumed, or cannot be written.
        """
        if (self.path.exists() or self.path.is_symlink()) and not self.path.is_dir():
            kind = "a file" if self.path.exists() else "a link to a place that is not there"
            raise OutputError(
                f"the output is {kind}", where=str(self.path), rule="a run leaves a folder",
                remedy="choose another --output",
            )  # fmt: skip
        self._check_writable()
        if resume:
            self._check_resumable()
        elif self._occupied():
            self._check_overwritable(overwrite)

    def create(self, *, resume: bool, overwrite: bool) -> None:
        """Make the folder, emptied of an old run if that is asked for."""
        if overwrite and not resume and self.path.is_dir():
            for entry in self._entries():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        remove_leftovers(self.path)

    def write_recipe(self, text: str) -> None:
        """Write recipe.yaml."""
        (self.path / RECIPE).write_text(text, encoding="utf-8")

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.path / METRICS, metrics)

    def write_predictions(self, records: Iterable[dict[str, Any]]) -> None:
        """Write predictions.jsonl."""
        with (self.path / PREDICTIONS).open("w", encoding="utf-8") as stream:
            for record in records:
                stream.write(json_text(record) + "\n")

    def _occupied(self) -> bool:
        return self.path.is_dir() and bool(self._entries())

    def _entries(self) -> list[Path]:
        return [path for path in self.path.iterdir() if path.name != LOCK]

    def _check_overwritable(self, overwrite: bool) -> None:
        is_run = (self.path / RECIPE).is_file()
        if not overwrite:
            raise OutputError(
                "the output folder is not empty",
                where=str(self.path),
                rule="a run never writes over files that are there",
                remedy="choose another --output"
                + (", continue the run with --resume, or replace it with --overwrite"
                   if is_run and self._trains else ""),
            )  # fmt: skip
        if not is_run:
            raise OutputError(
                "the output folder holds files that no run left",
                where=str(self.path),
                rule=f"--overwrite replaces a run (a folder with {RECIPE}) and nothing else",
                remedy="choose another --output, or remove the files yourself",
            )

    def _check_resumable(self) -> None:
        if not (self.path / RECIPE).is_file():
            raise OutputError(
                "there is no run to resume",
                where=str(self.path),
                rule=f"--resume continues a folder that holds {RECIPE} and checkpoints",
                remedy="name the folder of a run, or start it without --resume",
            )

    def _check_writable(self) -> None:
        existing = self.path
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        if not existing.is_dir():
            raise self._unwritable(f"{existing} is not a folder")
        try:
            # The only proof that a folder can be made here is to make one; root passes any test
            # of permissions, and a read-only file system none of them mentions.
            Path(tempfile.mkdtemp(prefix=".hfdl-", dir=existing)).rmdir()
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _unwritable(self, reason: str) -> OutputError:
        return OutputError(
            f"the output folder cannot be written ({reason})",
            where=str(self.path),
            rule="a run needs a folder that it may create files in",
            remedy="choose another --output",
        )


def check_group_folder(folder: Path, runs: str) -> None:
    """Refuse a folder that cannot hold the folders of several runs; changes nothing.

    Args:
        folder: where it is, or will be.
        runs: what they are, for the message.

    Raises:
        OutputError: it is the folder of a single run, or cannot be made.
    """
    if (folder / RECIPE).is_file():
        raise OutputError(
            "the output folder is that of a single run",
            where=str(folder),
            rule=f"{runs} go into folders of their own within it",
            remedy="choose another --output",
        )
    if not folder.is_dir():
        RunFolder(folder).check(resume=False, overwrite=False)


@contextmanager
def output_folder(output: str | Path | None, name: str) -> Iterator[Path]:
    """Where a run goes: ``output``, or a new folder ``runs/NAME-DATE-TIME``.

    The new one is made at once, so that no other run can have the same; if it is still empty at the
    end it is removed.

    Args:
        output: what was asked for.
        name: of the recipe.

    Raises:
        ConfigError: none was asked for, and several processes must agree on one.
        OutputError: it cannot be made.
    """
    if output:
        yield Path(output)
        return
    if launched_processes() > 1:
        raise ConfigError(
            "no output folder",
            where="--output",
            rule=f"{launched_processes()} processes write into one folder",
            remedy="give --output DIR",
        )
    stem = f"{Path(name).stem or 'run'}-{datetime.now():%Y%m%d-%H%M%S}"
    number = 1
    while True:
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        making = made(folder, exclusively=True)
        try:
            making.__enter__()
            break
        except FileExistsError:
            number += 1
    try:
        yield folder
    finally:
        making.__exit__(None, None, None)
