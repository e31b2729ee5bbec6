"""Two machines that train together: two hosts with addresses of their own, joined by a cable.

One is killed, or cut off without a word; the other says so, and goes on alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.hosts import Hosts, kill_all, reason_for_none, two_hosts
from helpers.processes import finish, log_of, start, train_command, wait_for_updates
from safetensors.torch import load_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(reason_for_none()), reason=reason_for_none()),
]


def torchrun(rank: int, address: str, command: list[str]) -> list[str]:
    """One machine's line."""
    return [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node-rank", str(rank),
        "--nproc-per-node", "1", "--master-addr", address, "--master-port", "29501",
        "-m", "hfdl.cli", *command[command.index("train") :],
    ]  # fmt: skip


def started(hosts: Hosts, command: list[str], folder: Path) -> list[subprocess.Popen[str]]:
    """The same run on both hosts."""
    lines = [torchrun(rank, hosts.addresses[0], command) for rank in range(2)]
    return [start(hosts.on(rank, line), cwd=folder) for rank, line in enumerate(lines)]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_hosts_train_as_two_processes_do(
    strategy: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    runs = {name: tmp_path / name for name in ("hosts", "processes")}
    short = {**settings, "train.steps": 4, "train.strategy": strategy}
    plain = train_command(short, "--output", runs["processes"], "--processes", "2")
    code, stderr = finish(start(plain, cwd=tmp_path, OMP_NUM_THREADS="1"))
    assert code == 0, stderr
    command = train_command(short, "--output", runs["hosts"])
    with two_hosts() as hosts:
        for code, stderr in map(finish, started(hosts, command, tmp_path)):
            assert code == 0, stderr
    assert [record["processes"] for record in log_of(runs["hosts"], "plan")] == [2]
    weights = [load_file(run / "model.safetensors") for run in runs.values()]
    assert len(weights[1]) > 10
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[1])
    figures = [
        json.loads((run / "metrics.json").read_text())["validation"] for run in runs.values()
    ]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("way", ["killed", "cut off"])
@pytest.mark.parametrize("lost", [0, 1], ids=["the first", "the second"])
def test_one_host_is_lost_and_the_run_goes_on_with_the_other(
    lost: int, way: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    endless = {**settings, "train.epochs": 200, "train.save_every": 5, "train.evaluate_every": 400}
    with two_hosts() as hosts:
        machines = started(hosts, train_command(endless, "--output", run), tmp_path)
        wait_for_updates(run, 12, machines[1 - lost])
        kill_all(hosts.names[lost]) if way == "killed" else hosts.unplug(lost)
        began = time.monotonic()
        code, stderr = finish(machines[1 - lost])
        assert time.monotonic() - began < 60
        assert code != 0
        kill_all(hosts.names[lost])
        finish(machines[lost])
    told = [line for line in stderr.splitlines() if line.startswith("error:")]
    assert len(told) == 1, stderr
    assert "the processes of a run end together" in told[0]
    assert "fault in hfdl" not in stderr
    line = told[0].partition("Continue on the machines that are left: ")[2]
    assert line == f"hfdl train '{run}' --output '{run}' --resume --processes 2"
    # The machine that is left goes on, alone.
    alone = [sys.executable, "-P", "-m", "hfdl.cli", "train", str(run), "--output", str(run)]
    again = start([*alone, "--resume"], cwd=tmp_path)
    wait_for_updates(run, len(log_of(run, "update")) + 8, again)
    again.terminate()
    assert finish(again)[0] == 143
    steps = [record["step"] for record in log_of(run, "update")]
    assert steps == list(range(1, len(steps) + 1))
    notes = [record["text"] for record in log_of(run, "note")]
    assert any("started with 2 processes and goes on with 1" in note for note in notes)
