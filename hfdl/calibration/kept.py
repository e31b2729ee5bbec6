"""What a calibrated run keeps of its time before: enough to go back to it bit for bit.

``uncalibrated/`` holds the last layer's tensors, copies of the small files that change, and
``journal.json``: the sha256 of each weight file before and after. It is written first, so that a
run that is killed on the way can be calibrated again, or taken back.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hfdl.calibration.weight_file import read, written_aside
from hfdl.errors import OutputError, shell_path
from hfdl.training.files import atomic_folder, damage, sha256_of, sync, write_json

KEPT = "uncalibrated"
RECORD = "calibration.json"
HEAD, JOURNAL = "head.safetensors", "journal.json"
COPIED = ("config.json", "metrics.json", "predictions.jsonl")
"""Files of a run that change with its scores."""


@dataclass(frozen=True)
class Kept:
    """What ``uncalibrated/`` says.

    Args:
        files: by weight file its tensors, under the names that they have there, as they were.
        before: the sha256 of each file as it was.
        after: those that calibrating gave it.
    """

    files: dict[str, dict[str, Tensor]]
    before: dict[str, str]
    after: dict[str, list[str]]


def read_kept(run: Path) -> Kept | None:
    """What a run keeps; None where it was never calibrated.

    Raises:
        OutputError: it is damaged, or the weights are neither those of before nor those after.
    """
    folder = run / KEPT
    if not folder.is_dir():
        return None
    if (fault := damage(folder)) is not None:
        raise OutputError(
            f"what was kept of the time before is damaged: {fault}",
            where=str(folder),
            rule="the run is calibrated from what it was before",
            remedy=f"train it again, or keep it as it is: rm -r {shell_path(folder)}",
        )
    journal = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
    files = {name: read(folder / HEAD, tensors) for name, tensors in journal["tensors"].items()}
    kept = Kept(files, journal["before"], journal["after"])
    for name in files:
        if sha256_of(run / name) not in (kept.before[name], *kept.after[name]):
            raise OutputError(
                f"{name} was changed since it was calibrated",
                where=str(run),
                rule="the run is calibrated from what it was before",
                remedy=f"put it back, or keep it as it is: rm -r {shell_path(folder)} "
                f"{shell_path(run / RECORD)}",
            )
    return kept


def exchange(run: Path, original: Mapping[str, Mapping[str, Tensor]],
             changed: Mapping[str, Mapping[str, Tensor]]) -> None:  # fmt: skip
    """Put changed tensors into a run's weight files; what they were is kept first.

    Args:
        run: the folder.
        original: by file its tensors as they were before any calibration.
        changed: what they are to be.
    """
    asides = {name: run / f".writing-{name}" for name in changed}
    try:
        for name, aside in asides.items():
            written_aside(run / name, changed[name], aside)
        _keep(run, original, {name: sha256_of(aside) for name, aside in asides.items()})
        for name, aside in asides.items():
            aside.replace(run / name)
        sync(run)
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)


def take_back(run: Path, kept: Kept) -> None:
    """Make a run what it was before it was calibrated."""
    for name, tensors in kept.files.items():
        aside = run / f".writing-{name}"
        written_aside(run / name, tensors, aside)
        assert sha256_of(aside) == kept.before[name]
        aside.replace(run / name)
    for name in COPIED:
        if (run / KEPT / name).is_file():
            copy_file(run / KEPT / name, run / name)
    (run / RECORD).unlink(missing_ok=True)
    sync(run)
    shutil.rmtree(run / KEPT)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that the target is whole or what it was."""
    aside = target.with_name(f".writing-{target.name}")
    shutil.copy2(source, aside)
    sync(aside)
    aside.replace(target)


def _keep(
    run: Path, original: Mapping[str, Mapping[str, Tensor]], after: Mapping[str, str]
) -> None:
    """Write ``uncalibrated/``; of a run that has it, add what its files become now."""
    from safetensors.torch import save_file

    earlier = read_kept(run)
    source = run if earlier is None else run / KEPT
    before = {name: sha256_of(run / name) for name in original}
    journal: dict[str, Any] = {
        "tensors": {name: list(tensors) for name, tensors in original.items()},
        "before": before if earlier is None else earlier.before,
        "after": {
            name: [*([] if earlier is None else earlier.after[name]), digest]
            for name, digest in after.items()
        },
    }
    with atomic_folder(run / KEPT) as folder:
        save_file(
            {k: v.contiguous() for tensors in original.values() for k, v in tensors.items()},
            folder / HEAD,
        )  # fmt: skip
        for name in COPIED:
            if (source / name).is_file():
                shutil.copy2(source / name, folder / name)
        write_json(folder / JOURNAL, journal)
