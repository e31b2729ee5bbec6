"""The command that pushes, and a run that may be spoilt; for the tests of several rooms."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Push = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def push(capsys: pytest.CaptureFixture[str]) -> Push:
    """``push(RUN, "my-model", "--yes")``: exit code, stdout and stderr of the command."""
    from hfdl.cli.errors import run as run_command

    def command(*words: str | Path) -> tuple[int, str, str]:
        code = run_command(["push", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return command
