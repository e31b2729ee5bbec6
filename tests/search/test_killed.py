"""A study that is killed, by real signals, and continued ends as one that was never stopped."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hfdl
from hfdl.search.study import Study

SPACE = {
    "search.train.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "search.train.batch_size": [16, 32],
    "train.epochs": 8,
    "study.trials": 4,
    "study.startup_trials": 2,
    "study.fresh_seeds": 2,
    "study.reports": False,
    "data.max_samples": 120,
}
RECIPE = "eras/bag-of-words"


def words(output: Path, *more: str) -> list[str]:
    import json

    given = [f"{key}={json.dumps(value)}" for key, value in SPACE.items()]
    return [sys.executable, "-m", "hfdl.cli", "tune", RECIPE, *given, "--output", str(output),
            *more]  # fmt: skip


def start(output: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words(output, *more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], is_time: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not is_time():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"it ended too soon: {process.communicate()[0]}")
        time.sleep(0.002)


def weights(folder: Path) -> dict[str, str]:
    return {
        path.parent.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("model.safetensors"))
        if "checkpoints" not in path.parts
    }


def told(study: Study) -> list[tuple]:
    return [(t.number, t.state, t.value, t.settings, t.evaluations) for t in study.trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    output = tmp_path_factory.mktemp("whole") / "study"
    return hfdl.tune(RECIPE, SPACE, output=output, listener=lambda event: None)


def test_killed_at_several_moments(whole: Study, tmp_path: Path) -> None:
    output = tmp_path / "study"
    moments = (
        lambda: any(output.glob("trials/0001/checkpoints/step-*")),  # amid a trial
        lambda: (output / "trials/0001/model.safetensors").is_file(),  # trained, perhaps not told
        lambda: any(output.glob("fresh/default/seed-*/checkpoints/step-*")),  # the fresh seeds
    )
    for number, is_time in enumerate(moments):
        process = start(output, *(["--resume"] if number else []))
        wait_for(process, is_time)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.communicate()
    moved = tmp_path / "moved"
    output.rename(moved)
    again = hfdl.tune(moved, output=moved, resume=True, listener=lambda event: None)
    assert told(again) == told(whole)
    assert weights(moved) == weights(whole.directory)
    assert again.verdict == whole.verdict
    log = (moved / "trials/0001/log.jsonl").read_text(encoding="utf-8")
    assert '"event": "resume"' in log or '"event": "restart"' in log


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_and_continued_by_what_is_printed(
    whole: Study, tmp_path: Path, signum: int, code: int
) -> None:
    output = tmp_path / "a study"
    process = start(output)
    wait_for(process, lambda: any(output.glob("trials/0000/checkpoints/step-*")))
    process.send_signal(signum)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == code, said
    line = said.rpartition("Continue with: ")[2].strip()
    assert line.startswith("hfdl tune ")
    ended = subprocess.run(
        line.replace("hfdl", f"{sys.executable} -m hfdl.cli", 1) + " --json", shell=True,
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert weights(output) == weights(whole.directory)
