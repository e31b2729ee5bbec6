"""Completion as bash does it: installed for a home, then asked for what could follow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
ASK = """
source "$HOME/.bashrc"
COMP_WORDS=({words}); COMP_CWORD={at}
_hfdl_completion hfdl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where ``hfdl --install-completion`` has run, with some files."""
    if BASH is None:
        pytest.skip("bash is not on this machine")
    folder = tmp_path_factory.mktemp("home")
    # Not the last command, which bash would become: hfdl asks which shell it runs in.
    done = in_home(folder, "hfdl --install-completion bash && :")
    assert done.returncode == 0, done.stderr
    (folder / "reviews.csv").write_text("text,label\n")
    (folder / "mine.yaml").write_text("task: sentiment\n")
    return folder


def in_home(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BASH or "bash", "--norc", "-ic", script], cwd=home, capture_output=True, text=True,
        env={**os.environ, "HOME": str(home), "PATH": path, "SHELL": BASH or ""},
        start_new_session=True, timeout=120, check=False,
    )  # fmt: skip


def offered(home: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    done = in_home(home, ASK.format(words=quoted, at=len(words) - 1))
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["hfdl", "co"], ["compare"]),
        (["hfdl", "rep"], ["report"]),
        (["hfdl", "e"], ["evaluate", "embed"]),
        (["hfdl", "recipes", "c"], ["copy", "check"]),
        (["hfdl", "train", "senti"], ["sentiment"]),
        (["hfdl", "train", "mi"], ["mine.yaml"]),
        (["hfdl", "train", "sentiment", "train.ep"], ["train.epochs="]),
        (["hfdl", "data", "check", "rev"], ["reviews.csv"]),
        (["hfdl", "data", "check", "sent"], ["sentiment"]),
        (["hfdl", "compare", "senti"], ["sentiment"]),
        (["hfdl", "recipes", "check", "mi"], ["mine.yaml"]),
        (["hfdl", "recipes", "show", "senti"], ["sentiment"]),
        (["hfdl", "predict", "runs/x", "--file", "rev"], ["reviews.csv"]),
        (["hfdl", "embed", "runs/x", "--file", "rev"], ["reviews.csv"]),
        (["hfdl", "evaluate", "runs/x", "rev"], ["reviews.csv"]),
        (["hfdl", "train", "--ov"], ["--overwrite"]),
    ],
)
def test_bash_completes(words: list[str], expected: list[str], home: Path) -> None:
    found = offered(home, *words)
    assert set(found) >= set(expected)
    assert len(found) <= 4
    assert all(one.startswith(words[-1]) for one in found)
