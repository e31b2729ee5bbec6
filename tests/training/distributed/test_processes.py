"""Several processes train the model that one process trains."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hfdl
from hfdl.errors import HfdlError
from hfdl.report.record import read_run
from hfdl.runs.seeds import finished_run
from hfdl.training.distributed.launch import launch


@pytest.fixture
def without_dropout(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny model with all its dropout at zero: each process would draw its own."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def arguments(settings: dict[str, Any], run: Path, *flags: str) -> list[str]:
    overrides = [f"{key}={value}" for key, value in settings.items()]
    return ["train", "sentiment", *overrides, "--output", str(run), *flags]


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "log.jsonl").read_text().splitlines()
    return [record for line in lines if (record := json.loads(line))["event"] == kind]


def test_two_processes_equal_one(
    settings: dict[str, Any], without_dropout: Path, tmp_path: Path
) -> None:
    # In updates of 7 with micro-batches of 1, one process has an empty micro-batch each time.
    settings |= {
        "model.name": without_dropout, "train.batch_size": 7, "train.micro_batch_size": 1,
        "train.steps": 20, "data.validation_share": 0.095,
    }  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    assert subprocess.run(
        [sys.executable, "-m", "hfdl.cli", *arguments(settings, one)], capture_output=True
    ).returncode == 0  # fmt: skip
    assert launch(arguments(settings, two), 2) == 0
    assert records(two, "plan")[0]["processes"] == 2
    updates = list(zip(records(one, "update"), records(two, "update"), strict=True))
    assert len(updates) == 20
    assert {a["examples"] for a, _ in updates} == {7, 4}  # 109 = 15 * 7 + 4
    for a, b in updates:
        assert (a["step"], a["examples"], a["tokens"]) == (b["step"], b["examples"], b["tokens"])
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-6)
        assert b["learning_rate"] == a["learning_rate"]
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (one, two)]
    assert metrics[1]["environment"]["processes"] == 2
    for name, value in metrics[0]["validation"].items():
        exact = name != "loss"
        assert metrics[1]["validation"][name] == (
            value if exact else pytest.approx(value, rel=1e-5)
        )
    lines = [(run / "predictions.jsonl").read_text().splitlines() for run in (one, two)]
    assert len(lines[0]) == len(lines[1]) == 11
    texts = [[json.loads(line)["text"] for line in part] for part in lines]
    assert texts[0] == texts[1]


def test_two_processes_stopped_and_resumed_equal_two_that_were_not(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.epochs": 16}
    straight, run = tmp_path / "straight", tmp_path / "run"
    assert launch(arguments(settings, straight), 2) == 0
    command = [sys.executable, "-m", "hfdl.cli", *arguments(settings, run, "--processes", "2")]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (run / "log.jsonl").exists() and len(records_so_far(run)) > 30:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 143, stderr
    assert len(records(run, "update")) < 224
    said = [
        unfinished(lambda: hfdl.pipeline("sentiment", model=run)),
        unfinished(lambda: hfdl.evaluate(run)),
        unfinished(lambda: read_run(run)),
        unfinished(lambda: finished_run(run)),
    ]
    commands = {text.rpartition(": ")[2] for text in said}
    assert commands == {f"hfdl train {run} --output {run} --resume --processes 2"}
    done = subprocess.run(
        [sys.executable, "-m", "hfdl.cli", *shlex.split(commands.pop())[1:]],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    a, b = load_file(straight / "model.safetensors"), load_file(run / "model.safetensors")
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def unfinished(use: Callable[[], object]) -> str:
    """What is said of using the run."""
    with pytest.raises(HfdlError) as caught:
        use()
    return str(caught.value)


def records_so_far(run: Path) -> list[str]:
    return [line for line in (run / "log.jsonl").read_text().splitlines() if '"update"' in line]


def test_a_mistake_is_told_once_and_keeps_its_exit_code(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"data.text": "txet"}
    command = [
        sys.executable, "-m", "hfdl.cli", *arguments(settings, tmp_path / "run", "--processes", "2")
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "no column 'txet'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_two_processes_meet_where_the_port_is_taken(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings |= {"train.steps": 2}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(taken.getsockname()[1]))
        assert launch(arguments(settings, tmp_path / "run"), 2) == 0
    assert records(tmp_path / "run", "plan")[0]["processes"] == 2
