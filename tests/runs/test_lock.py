"""A run's folder is one run's at a time: real processes, started beside each other."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.processes import (
    HFDL,
    contents,
    finish,
    log_of,
    start,
    train_command,
    wait_for_updates,
)
from helpers.wording import assert_wording
from safetensors.torch import load_file

import hfdl
from hfdl.errors import HfdlError, OutputError
from hfdl.runs.lock import LOCK, held
from hfdl.runs.outputs import RunFolder, output_folder
from hfdl.runs.seeds import train_seeds
from hfdl.training.events import Event, Interrupted, Noted, Updated

pytestmark = pytest.mark.usefixtures("without_report")


def silent(event: Event) -> None:
    """A listener that says nothing."""


@pytest.fixture
def long_run(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run that lasts until it is stopped."""
    return {**settings, "train.epochs": 2000, "train.evaluate_every": 50}


# ---- Beside a live run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kinds",
    [["again", "overwrite"], pytest.param(["resume", "together"], marks=pytest.mark.slow)],
    ids=", ".join,
)
def test_nothing_gets_into_the_folder_of_a_live_run(
    kinds: list[str], long_run: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = start(train_command(long_run, "--output", run))
    wait_for_updates(run, 5, first)
    commands = {
        "again": train_command({**long_run, "train.seed": 7}, "--output", run),
        "resume": [*HFDL, "train", str(run), "--output", str(run), "--resume"],
        "overwrite": train_command(long_run, "--output", run, "--overwrite"),
        "together": train_command(long_run, "--output", run, "--overwrite", "--processes", "2"),
    }
    recipe = (run / "recipe.yaml").read_text()
    for name in kinds:
        began = len(log_of(run, "update"))
        code, stderr = finish(start(commands[name]))
        assert code == 2, name
        assert stderr.count("error:") == 1, name
        assert f"{run}: another run is writing into this folder (process {first.pid})" in stderr
        assert "Traceback" not in stderr
        assert (run / "recipe.yaml").read_text() == recipe
        assert len(log_of(run, "update")) > began, f"{name}: the first run did not go on"
    first.send_signal(signal.SIGTERM)
    assert finish(first)[0] == 143
    steps = [record["step"] for record in log_of(run, "update")]
    assert steps == list(range(1, len(steps) + 1))
    assert not (run / LOCK).exists()


@pytest.mark.parametrize(
    "delay", [0.0, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.5, 1.0, 2.0, 3.0, 4.0))]
)
def test_of_two_runs_started_together_one_finishes_and_one_is_refused(
    delay: float, settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.epochs": 60}
    run = tmp_path / "run"
    seeds = {}
    for seed in (0, 7):
        command = train_command({**settings, "train.seed": seed}, "--output", run)
        seeds[seed] = start(command)
        time.sleep(delay)
    ends = {seed: finish(process) for seed, process in seeds.items()}
    (winner,) = [seed for seed, (code, _) in ends.items() if code == 0]
    (loser,) = [(code, stderr) for code, stderr in ends.values() if code != 0]
    assert loser[0] == 2
    assert "another run is writing into this folder" in loser[1]
    assert "Traceback" not in loser[1]
    assert f"seed: {winner}\n" in (run / "recipe.yaml").read_text()
    steps = [record["step"] for record in log_of(run, "update")]
    assert steps == list(range(1, len(steps) + 1))


def test_a_lock_ends_with_a_process_that_is_killed(
    long_run: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = start(train_command(long_run, "--output", run))
    wait_for_updates(run, 3, first)
    first.kill()
    first.wait()
    assert (run / LOCK).exists()  # the file stays, and locks nothing
    again = start([*HFDL, "train", str(run), "--output", str(run), "--resume"])
    deadline = time.monotonic() + 120
    while not log_of(run, "restart") and time.monotonic() < deadline and again.poll() is None:
        time.sleep(0.05)
    again.terminate()
    assert finish(again)[0] == 143


def test_overwriting_does_not_let_go_of_the_folder(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 3}
    hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=silent)
    seen: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Updated):
            with pytest.raises(OutputError) as caught:
                hfdl.train("sentiment", chosen, output=tmp_path / "run", overwrite=True)
            seen.append(str(caught.value))

    hfdl.train("sentiment", chosen, output=tmp_path / "run", overwrite=True, listener=listener)
    assert len(seen) == 3


# ---- Several runs in one folder ------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["train", "sentiment", "--seeds", "2"],
        pytest.param(["compare", "sentiment", "--eras", "bag-of-words"], marks=pytest.mark.slow),
    ],
    ids=["seeds", "compare"],
)
def test_the_folder_of_several_runs_is_held_too(
    command: list[str], settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.epochs": 3000, "data.max_length": 32}
    if command[0] == "compare":
        settings = {key: v for key, v in settings.items() if not key.startswith("model.")}
    words = [*HFDL, *command, *(f"{key}={v}" for key, v in settings.items())]
    group = tmp_path / "group"
    first = start([*words, "--output", str(group)])
    run = group / ("bag-of-words/seed-0" if command[0] == "compare" else "seed-0")
    wait_for_updates(run, 5, first)
    code, stderr = finish(start([*words, "--output", str(group)]))
    assert (code, stderr.count("error:")) == (2, 1)
    assert f"{group}: another run is writing into this folder (process {first.pid})" in stderr
    first.terminate()
    assert finish(first)[0] == 143


# ---- Names made from the time --------------------------------------------------------------------


def test_runs_without_a_name_started_at_once_have_folders_of_their_own(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.steps": 2}
    started = [start(train_command(settings), cwd=tmp_path) for _ in range(2)]
    assert [finish(process)[0] for process in started] == [0, 0]
    folders = sorted((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert load_file(folder / "model.safetensors")


def test_a_name_that_is_taken_gets_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        output_folder(None, "mine.yaml") as a,
        output_folder(None, "mine.yaml") as b,
        output_folder(None, "mine.yaml") as c,
    ):
        assert len({a, b, c}) == 3
        assert all(path.is_dir() and path.name.startswith("mine-") for path in (a, b, c))
        (b / "kept").touch()
    assert [path.name for path in Path("runs").iterdir()] == [b.name]


def test_a_mistake_leaves_no_folder_behind(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings |= {"data.text": "txet"}
    before = sorted(tmp_path.rglob("*"))
    assert finish(start(train_command(settings, "--processes", "2"), cwd=tmp_path))[0] == 2
    assert sorted(tmp_path.rglob("*")) == before
    monkeypatch.chdir(tmp_path)
    for train in (hfdl.train, train_seeds):
        for output in (None, "new/run"):
            with pytest.raises(HfdlError, match="no column 'txet'"):
                train("sentiment", settings, output=output, listener=silent)
            assert sorted(tmp_path.rglob("*")) == before


# ---- From Python ---------------------------------------------------------------------------------


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    outcomes: list[str] = []
    inside = threading.Barrier(2)

    def hold() -> None:
        with held(tmp_path / "run"):
            inside.wait()
            inside.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    try:
        with pytest.raises(OutputError) as caught, held(tmp_path / "run"):
            outcomes.append("got in")
    finally:
        inside.wait()
        holder.join()
    assert outcomes == []
    assert f"(process {os.getpid()})" in str(caught.value)
    with held(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK).read_text().startswith(f"{os.getpid()} ")
    assert not (tmp_path / "run").exists()


def test_many_at_once_get_in_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfdl.runs.lock._PATIENCE", 60.0)
    run, inside, most = tmp_path / "run", [], []

    def enter() -> None:
        for _ in range(20):
            with held(run) as note:
                assert note is None, note
                assert (run / LOCK).exists()
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 160


def test_a_folder_that_goes_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last run in a folder removes it between another's making and locking it."""
    run, opened = tmp_path / "above" / "run", []
    real = os.open

    def remove_first(path: Any, *args: Any, **options: Any) -> int:
        if not opened and Path(path).name == LOCK:
            opened.append(path)
            run.rmdir()
            run.parent.rmdir()
        return real(path, *args, **options)

    monkeypatch.setattr("hfdl.runs.lock.os.open", remove_first)
    with held(run) as note:
        assert note is None
        assert (run / LOCK).exists()
    assert opened
    assert list(tmp_path.iterdir()) == []


def test_another_process_of_the_run_takes_what_the_first_puts_there_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one proves that it can write by a folder that is there for a moment."""
    folder = RunFolder(tmp_path / "run")
    with folder.claimed(resume=False, overwrite=False):
        (folder.path / ".hfdl-proof").mkdir()
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "2")
        with RunFolder(folder.path).claimed(resume=False, overwrite=False) as note:
            assert note is None
        monkeypatch.setenv("RANK", "0")
        with (
            pytest.raises(OutputError),
            RunFolder(folder.path).claimed(resume=False, overwrite=False),
        ):
            pass


def test_a_refusal_in_words(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with held(run):
        (run / LOCK).write_text("12345 elsewhere\n")
        with pytest.raises(OutputError) as caught, held(run):
            pass
    assert_wording(caught.value)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS])
def test_a_file_system_without_locks_lets_a_run_in_and_says_so(
    number: int, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    notes: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.text)

    chosen = {**settings, "train.steps": 2}
    run = hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=note)
    assert json.loads((run.directory / "metrics.json").read_text())["runtime"]["steps"] == 2
    (line,) = [text for text in notes if "cannot be locked" in text]
    assert "make sure that no other run uses it" in line


def test_what_a_refused_run_finds_it_leaves_as_it_was(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"

    def stop(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 3:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        hfdl.train("sentiment", settings, output=run, listener=stop)
    with held(run):
        before = contents(run)
        for options in ({"resume": True}, {"overwrite": True}, {}):
            with pytest.raises(OutputError, match="another run is writing"):
                hfdl.train("sentiment", settings, output=run, listener=silent, **options)
            assert contents(run) == before
