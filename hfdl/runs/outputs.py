"""A run's folder: whether it may be used, and what is written into it.

Nothing is created before the recipe, the data and the model have been found good, so a mistake
leaves no folder behind.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from hfdl.errors import OutputError
from hfdl.training.events import Event, Resumed
from hfdl.training.files import remove_leftovers, write_json

RECIPE, LOG, METRICS, PREDICTIONS = "recipe.yaml", "log.jsonl", "metrics.json", "predictions.jsonl"


class RunFolder:
    """The folder of one run.

    Args:
        path: where it is, or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoints(self) -> Path:
        """The sub-folder of checkpoints."""
        return self.path / "checkpoints"

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse a folder that cannot or should not be written to; changes nothing.

        Raises:
            OutputError: it is not empty and neither ``resume`` nor ``overwrite`` is asked for, is
                not a run that could be overwritten or resumed, or cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(
                "the output is a file", where=str(self.path), rule="a run leaves a folder",
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
            for entry in self.path.iterdir():
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
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _occupied(self) -> bool:
        return self.path.is_dir() and any(self.path.iterdir())

    def _check_overwritable(self, overwrite: bool) -> None:
        is_run = (self.path / RECIPE).is_file()
        if not overwrite:
            raise OutputError(
                "the output folder is not empty",
                where=str(self.path),
                rule="a run never writes over files that are there",
                remedy="choose another --output"
                + (", continue the run with --resume, or replace it with --overwrite"
                   if is_run else ""),
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
                remedy="check --output, or start the run without --resume",
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


def default_output(recipe_name: str) -> Path:
    """``runs/NAME-DATE-TIME``, for a run that was given no output."""
    stem = Path(recipe_name).stem or "run"
    return Path("runs") / f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"


class LogFile:
    """A listener that writes each event as a line of log.jsonl, at once.

    When a run resumes, the lines of updates after its checkpoint are dropped: they are about to
    be written again.
    """

    def __init__(self, folder: Path, *, append: bool) -> None:
        self._path = folder / LOG
        self._stream: IO[str] = self._path.open("a" if append else "w", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        if isinstance(event, Resumed):
            self._forget_after(event.step)
        record = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **event.as_record()}
        self._stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _forget_after(self, step: int) -> None:
        self._stream.close()
        lines = self._path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        self._path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._stream = self._path.open("a", encoding="utf-8")


def _step_of(line: str) -> float:
    """The update that a line of the log is about; infinite for a line that a kill cut short."""
    try:
        return json.loads(line).get("step", 0)
    except (ValueError, AttributeError):
        return float("inf")
