"""Two machines that train together: one process on each, joined by an address."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.processes import finish, start, train_command
from safetensors.torch import load_file


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.mark.slow
def test_two_machines_train_as_two_processes_do(settings: dict[str, Any], tmp_path: Path) -> None:
    runs = {name: tmp_path / name for name in ("machines", "processes")}
    short = {**settings, "train.steps": 4}
    plain = train_command(short, "--output", runs["processes"], "--processes", "2")
    code, stderr = finish(start(plain, cwd=tmp_path))
    assert code == 0, stderr
    command = train_command(short, "--output", runs["machines"])
    port = str(free_port())
    machines = [
        start(
            [
                sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node-rank",
                str(rank), "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port",
                port, "-m", "hfdl.cli", *command[command.index("train") :],
            ],
            cwd=tmp_path,
        )
        for rank in range(2)
    ]  # fmt: skip
    for code, stderr in map(finish, machines):
        assert code == 0, stderr
    weights = [load_file(run / "model.safetensors") for run in runs.values()]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[1])
    figures = [
        json.loads((run / "metrics.json").read_text())["validation"] for run in runs.values()
    ]
    assert figures[0] == figures[1]
