"""Arguments that are not UTF-8, other locales, and a program started without its streams."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from helpers.processes import HFDL


def predicted(run: Path, text: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    words = [*map(os.fsencode, HFDL), b"predict", os.fsencode(run), text]
    return subprocess.run(words, capture_output=True, env={**os.environ, **environment})


def test_a_text_is_utf_8_in_any_locale(trained: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    answers = [predicted(trained, "a fine café".encode(), **more) for more in ({}, plain)]
    assert [done.returncode for done in answers] == [0, 0], answers
    read = [json.loads(done.stdout) for done in answers]
    assert read[0]["text"] == read[1]["text"] == "a fine café"
    refused = predicted(trained, b"caf\xe9")
    assert refused.returncode == 2
    (line,) = refused.stderr.decode().splitlines()
    assert line.startswith("error: text 1 is not UTF-8")


def test_a_file_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    name = os.fsdecode(b"t\xff.csv")
    (tmp_path / name).write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    words = [*HFDL, "train", "sentiment", f"data.train={name}", "--output", "run"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "data.train: 't\\udcff.csv' is not UTF-8" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_an_empty_one(closed: str, trained: Path) -> None:
    command = f"exec {' '.join(HFDL)} predict '{trained}' 'a fine film' {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert bool(done.stdout) == (">&-" not in closed.replace("2>&-", ""))
