"""A disk that is full: a real one, a tmpfs of a few hundred kilobytes, at every moment of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.training.checkpoint import Checkpoints

SHARES = [0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97]
"""Of what a run needs at its fullest."""


class Disk:
    """A file system of its own in a folder, whose size can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, size: int) -> None:
        """Begin anew with an empty one of so many bytes."""
        self.leave()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder)]
        done = subprocess.run(mount, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a file system needs root: {done.stderr.strip()}")

    def grow(self, size: int) -> None:
        """Give it so many bytes, as somebody does who makes room."""
        mount = ["mount", "-o", f"remount,size={size}", str(self.folder)]
        subprocess.run(mount, check=True, capture_output=True)

    def leave(self) -> None:
        """Take it away."""
        if os.path.ismount(self.folder):
            subprocess.run(["umount", "-l", str(self.folder)], check=True, capture_output=True)

    def used(self) -> int:
        state = os.statvfs(self.folder)
        return (state.f_blocks - state.f_bfree) * state.f_frsize


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = Disk(folder)
    yield made
    made.leave()


@pytest.mark.skipif(shutil.which("mount") is None, reason="it needs the command mount")
@pytest.mark.usefixtures("without_report")
def test_whenever_the_disk_is_full_the_run_goes_on_from_there(
    settings: dict[str, Any], disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {**settings, "train.epochs": 1, "train.save_every": 2, "train.evaluate_every": 4}
    disk.mount(64 << 20)
    fullest = 0

    def watch(event: object) -> None:
        nonlocal fullest
        fullest = max(fullest, disk.used())

    run = disk.folder / "run"
    hfdl.train("sentiment", chosen, output=run, listener=watch)
    straight = load_file(run / "model.safetensors")
    words = ["train", "sentiment", *(f"{key}={value}" for key, value in chosen.items())]
    stopped = saved = 0
    for share in SHARES:
        disk.mount(int(share * fullest))
        code = run_command([*words, "--output", str(run)])
        said = capsys.readouterr().err
        if code:
            stopped += 1
            (line,) = [line for line in said.splitlines() if line.startswith("error:")]
            assert (code, "No space left on device" in line) == (2, True), said
            assert "Traceback" not in said
        begun = list((run / "checkpoints").glob("step-*"))
        if begun:
            saved += 1
            snapshot, notes = Checkpoints(run / "checkpoints", keep=2).latest()
            assert snapshot is not None
            assert notes == []
        disk.grow(64 << 20)
        again = ["--resume"] if (run / "recipe.yaml").exists() else ["--overwrite"] * run.exists()
        assert run_command([*words, "--output", str(run), *again]) == 0, capsys.readouterr().err
        capsys.readouterr()
        ended = load_file(run / "model.safetensors")
        assert [name for name in straight if not torch.equal(straight[name], ended[name])] == []
    assert stopped >= 6
    assert saved >= 4
