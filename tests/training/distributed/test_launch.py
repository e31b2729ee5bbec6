"""Several processes: they end with their launcher, run no stray files, and can be continued."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.processes import HFDL, finish, log_of, start, train_command, wait_for_updates


def workers_of(launcher: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that it started, in the order of their ranks."""
    children = psutil.Process(launcher.pid).children()
    return sorted(children, key=lambda child: int(child.environ()["RANK"]))


def assert_gone(processes: list[psutil.Process], seconds: float) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


@pytest.fixture
def long_run(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "train.epochs": 2000, "train.save_every": 5}


@pytest.fixture
def stray_modules(tmp_path: Path) -> Path:
    """A working directory with files of the names of modules that every run imports."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("json", "random", "datasets", "torch", "signal", "hfdl", "types"):
        (folder / f"{name}.py").write_text(f"open('{name}.ran', 'w').close()\nx = [1, 2, 3]\n")
    return folder


def test_workers_end_with_a_launcher_that_is_killed_and_the_run_goes_on(
    long_run: dict[str, Any], stray_modules: Path, tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    command = train_command(long_run, "--output", run, "--processes", "2")
    launcher = start(command, cwd=stray_modules)
    wait_for_updates(run, 7, launcher)
    workers = workers_of(launcher)
    assert len(workers) == 2
    launcher.kill()
    launcher.wait()
    assert_gone(workers, 3)
    count = len(log_of(run))
    time.sleep(0.5)
    assert len(log_of(run)) == count
    assert list(stray_modules.glob("*.ran")) == []
    # And whoever goes on at once meets neither them nor their lock.
    again = start(
        [*HFDL, "train", str(run), "--output", str(run), "--resume", "--processes", "2"],
        cwd=stray_modules,
    )
    wait_for_updates(run, count, again)
    assert log_of(run, "resume")
    worker = workers_of(again)[1]
    worker.kill()  # as the kernel does where memory ends
    code, stderr = finish(again)
    assert code == 2
    assert stderr.count("error:") == 1
    assert "process 1 was killed (signal 9; out of memory?)" in stderr
    assert f"hfdl train '{run}' --output '{run}' --resume --processes 2" in stderr
    assert "Traceback" not in stderr
    assert list(stray_modules.glob("*.ran")) == []


def test_a_module_of_the_working_directory_is_found_where_the_recipe_names_it(
    settings: dict[str, Any], stray_modules: Path, tmp_path: Path
) -> None:
    (stray_modules / "my_task.py").write_text(
        "from hfdl.tasks.spec import TaskSpec\n"
        "from hfdl.tasks.text_classification.task import TextClassification\n\n\n"
        "class Mine(TextClassification):\n"
        '    spec = TaskSpec(name="mine", implementation="my_task:Mine")\n'
    )
    for name in ("hfdl", "torch", "types"):  # not those that an own task imports itself
        (stray_modules / f"{name}.py").unlink()
    settings |= {"task": "my_task:Mine", "train.steps": 2}
    for flags in ([], ["--processes", "2"]):
        run = tmp_path / f"run{len(flags)}"
        code, stderr = finish(
            start(train_command(settings, "--output", run, *flags), cwd=stray_modules)
        )
        assert code == 0, stderr
        assert len(log_of(run, "update")) == 2
    assert list(stray_modules.glob("*.ran")) == []


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_launcher_that_is_asked_to_stop_saves_and_ends_its_workers(
    signum: int, long_run: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    launcher = start(train_command(long_run, "--output", run, "--processes", "2"))
    wait_for_updates(run, 7, launcher)
    workers = workers_of(launcher)
    launcher.send_signal(signum)
    code, stderr = finish(launcher)
    assert code == 128 + signum
    assert_gone(workers, 1)
    assert f"hfdl train {run} --output {run} --resume --processes 2" in stderr
    last = log_of(run, "update")[-1]["step"]
    assert (run / "checkpoints" / f"step-{last:06d}").is_dir()


@pytest.mark.slow
def test_a_worker_that_is_killed_before_anything_was_written_leaves_a_true_remedy(
    long_run: dict[str, Any], tmp_path: Path
) -> None:
    launcher = start(train_command(long_run, "--output", tmp_path / "run", "--processes", "2"))
    deadline = time.monotonic() + 60
    while len(psutil.Process(launcher.pid).children()) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers_of(launcher)[0].kill()
    code, stderr = finish(launcher)
    assert code == 2
    assert "process 0 was killed (signal 9; out of memory?)" in stderr
    assert "--resume" not in stderr
    assert not (tmp_path / "run").exists()


def test_a_process_without_a_launcher_reads_no_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    from hfdl.training.distributed import launched

    monkeypatch.delenv(launched.MEETING, raising=False)
    monkeypatch.setattr(os, "read", lambda *arguments: pytest.fail("stdin was read"))
    launched.end_with_launcher()


@pytest.mark.parametrize(
    ("environment", "first", "count"),
    [
        ({}, True, 1),
        ({"RANK": "0", "WORLD_SIZE": "2"}, True, 2),
        ({"RANK": "1", "WORLD_SIZE": "2"}, False, 2),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, False, 4),
        ({"PMI_RANK": "0", "PMI_SIZE": "4"}, True, 4),
        ({"RANK": "", "WORLD_SIZE": "none"}, True, 1),
    ],
)
def test_which_process_this_is(
    environment: dict[str, str], first: bool, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.training.distributed.launched import is_first_process, launched_processes

    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (is_first_process(), launched_processes()) == (first, count)
