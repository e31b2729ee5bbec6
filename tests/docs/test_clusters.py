"""The scripts for Slurm and SkyPilot start what they say, with the variables that these set.

Neither is here: small commands stand for theirs, and two nodes are this machine twice.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.processes import log_of
from helpers.support import reviews
from helpers.tuned_tasks import tagged

PAGE = (Path(__file__).parents[2] / "docs" / "several-processes.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.slow


def block(beginning: str) -> str:
    """The page's block that begins so."""
    blocks = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [each for each in blocks if each.startswith(beginning)]
    return found


@pytest.fixture
def small(tiny_bert: Path, tmp_path: Path) -> Any:
    """A script made small: one process a node, a tiny model, two updates."""
    data = tmp_path / "train.conll"
    rows = [tagged(row["text"].split()) for row in reviews(40)]
    pairs = [zip(row["tokens"], row["tags"], strict=True) for row in rows]
    lines = ["\n".join(map("\t".join, each)) for each in pairs]
    data.write_text("\n\n".join(lines) + "\n", encoding="utf-8")

    def made(script: str) -> str:
        changes = {
            "--nproc-per-node 8": "--nproc-per-node 1",
            "--nproc-per-node $SKYPILOT_NUM_GPUS_PER_NODE": "--nproc-per-node 1",
            "29500": "29533",
            "data.train=/shared/train.conll": f"data.train={data} model.name={tiny_bert} "
            "train.steps=2 data.max_length=32",
            "/shared/runs/ner": str(tmp_path / "run"),
        }
        changed = 0
        for old, new in changes.items():
            changed += old in script
            script = script.replace(old, new)
        assert changed == 4
        return script

    return made


def command(folder: Path, name: str, lines: str) -> None:
    """A program of that name."""
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/bash\n{lines}\n", encoding="utf-8")
    file.chmod(0o755)


def with_programs(folder: Path) -> dict[str, str]:
    """The environment in which those of ``folder`` are found, and this Python's torchrun."""
    command(folder, "torchrun", f'exec {sys.executable} -m torch.distributed.run "$@"')
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_slurm(small: Any, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    command(programs, "scontrol", 'test "$3" = "n[1-2]" && printf "127.0.0.1\\n127.0.0.2\\n"')
    command(programs, "srun", 'for n in 0 1; do SLURM_NODEID=$n "$@" & done; wait')
    environment = {**with_programs(programs), "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_NNODES": "2"}
    script = tmp_path / "job.sh"
    script.write_text(small(block("#!/bin/bash")), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert [r["processes"] for r in log_of(tmp_path / "run", "plan")] == [2], done.stderr[-3000:]
    assert (tmp_path / "run" / "metrics.json").is_file(), done.stderr[-3000:]


def test_skypilot(small: Any, tmp_path: Path) -> None:
    task = yaml.safe_load(small(block("resources:")))
    assert task.keys() == {"resources", "num_nodes", "workdir", "setup", "run"}
    shared = {**with_programs(tmp_path / "bin"), "SKYPILOT_NUM_NODES": str(task["num_nodes"]),
              "SKYPILOT_NODE_IPS": "127.0.0.1\n127.0.0.2"}  # fmt: skip
    nodes = [
        subprocess.Popen(
            ["bash", "-c", task["run"]], env={**shared, "SKYPILOT_NODE_RANK": str(rank)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for node in nodes:
        _, said = node.communicate(timeout=240)
        assert node.returncode == 0, said[-3000:]
    assert [r["processes"] for r in log_of(tmp_path / "run", "plan")] == [2]
