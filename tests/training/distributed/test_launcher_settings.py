"""``accelerate launch`` and torchrun: what they ask for is done, refused, or said not to be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import finish, log_of, start, train_command
from helpers.wording import assert_wording
from safetensors.torch import load_file

import hfdl
from hfdl.errors import ConfigError
from hfdl.runs.run import plan
from hfdl.training.events import Event, Noted

pytestmark = pytest.mark.usefixtures("without_report")


def train(settings: dict[str, Any], run: Path) -> list[str]:
    """Train in this process; the lines that were said."""
    notes: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.text)

    hfdl.train("sentiment", {**settings, "train.steps": 4}, output=run, listener=listener)
    return notes


@pytest.mark.parametrize(
    "name",
    ["USE_DEEPSPEED", "USE_MEGATRON_LM", "USE_PARALLELISM_CONFIG", "USE_SAGEMAKER"],
)
def test_other_ways_of_training_are_refused_before_anything_is_written(
    name: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ACCELERATE_{name}", "true")
    with pytest.raises(ConfigError) as caught:
        train(settings, tmp_path / "run")
    assert_wording(caught.value)
    with pytest.raises(ConfigError):
        plan("sentiment", settings)
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv(f"ACCELERATE_{name}", "false")
    train(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value"),
    [("FSDP_VERSION", "1"), ("FSDP_VERSION", ""), ("FSDP_OFFLOAD_PARAMS", "true")],
)
def test_kinds_of_fsdp_that_there_are_not_are_refused(
    name: str, value: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(ConfigError) as caught:
        train(settings, tmp_path / "run")
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()


def test_fsdp_becomes_the_recipes_strategy(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FSDP.items():
        monkeypatch.setenv(name, value)
    said = train(settings, tmp_path / "run")
    assert (
        "accelerate launch asks for FSDP: train.strategy=fsdp, train.gradient_checkpointing=true"
    ) in said
    assert "accelerate's fsdp_auto_wrap_policy (SIZE_BASED_WRAP) is not followed" in " ".join(said)
    assert "strategy: fsdp shares a model among processes, and there is one" in said
    recipe = (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8")
    assert "strategy: fsdp" in recipe
    assert os.environ["ACCELERATE_USE_FSDP"] == "true"


FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_ACTIVATION_CHECKPOINTING": "true",
    "FSDP_AUTO_WRAP_POLICY": "SIZE_BASED_WRAP", "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_OFFLOAD_PARAMS": "false",
}  # fmt: skip
"""What accelerate launch sets for a file that its questions have written."""


UNFIT: list[dict[str, str]] = [
    {"RANK": "5", "WORLD_SIZE": "2"},
    {"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"},
    {"WORLD_SIZE": "2"},
    {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "x"},
    {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "99999"},
    {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"},
    {"PMI_RANK": "0", "PMI_SIZE": "2"},
    {"ACCELERATE_USE_CPU": "maybe"},
    {"ACCELERATE_TORCH_DEVICE": "toaster"},
]


def test_variables_of_a_launcher_that_do_not_fit_are_named_and_the_remedy_works(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    command = train_command({**settings, "train.steps": 1}, "--output", tmp_path / "run")
    for environment in UNFIT:
        code, stderr = finish(start(command, cwd=tmp_path, **environment))
        (line,) = [text for text in stderr.splitlines() if text.startswith("error: ")]
        assert code == 2, stderr
        assert all(f"{name}={value}" in line for name, value in environment.items())
        unset = line.rpartition("unset ")[2].split()
        assert {*unset} == {*environment}
        assert not (tmp_path / "run").exists()
    assert len(UNFIT) == 9


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("train.optimizer", "muon"),
        ("train.optimizer", "adafactor"),
        ("train.optimizer", "rprop"),
        ("train.precision", "fp16"),
        ("train.compile", True),
    ],
)
def test_what_cannot_be_had_beside_fsdp_is_refused(
    option: str, value: Any, settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        train({**settings, "train.strategy": "fsdp", option: value}, tmp_path / "run")
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"MIXED_PRECISION": "bf16"},
         "accelerate's mixed_precision (bf16) is not followed: train.precision=float32 decides"),
        ({"MIXED_PRECISION": "fp16"},
         "accelerate's mixed_precision (fp16) is not followed: train.precision=float32 decides"),
        ({"GRADIENT_ACCUMULATION_STEPS": "4"},
         "accelerate's gradient_accumulation_steps (4) is not followed: an update is "
         "train.batch_size examples, in parts of train.micro_batch_size"),
        ({"DYNAMO_BACKEND": "EAGER"},
         "accelerate's dynamo_backend (eager) is not followed: train.compile=false decides"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_the_recipe_decides_is_said_and_changes_no_bit(
    environment: dict[str, str], line: str, settings: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert not any("accelerate" in note for note in train(settings, tmp_path / "plain"))
    for name, value in environment.items():
        monkeypatch.setenv(f"ACCELERATE_{name}", value)
    assert line in train(settings, tmp_path / "run")
    a, b = (load_file(tmp_path / run / "model.safetensors") for run in ("plain", "run"))
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_accelerate_launch_with_one_process_says_so(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = train_command({**settings, "train.steps": 2}, "--output", run)
    launcher = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
        "--mixed_precision", "bf16", "-m", "hfdl.cli",
    ]  # fmt: skip
    code, stderr = finish(start([*launcher, *command[command.index("train") :]], cwd=tmp_path))
    assert code == 0, stderr
    notes = [record["text"] for record in log_of(run, "note")]
    assert any("started one process, whatever --num_processes said" in note for note in notes)
    assert any("mixed_precision (bf16) is not followed" in note for note in notes)


def test_accelerate_launch_shards_by_its_file(settings: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(FILE, encoding="utf-8")
    run = tmp_path / "run"
    command = train_command({**settings, "train.steps": 2}, "--output", run)
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(file)]
    launcher += ["--main_process_port", "0", "-m", "hfdl.cli"]
    code, stderr = finish(start([*launcher, *command[command.index("train") :]], cwd=tmp_path))
    assert code == 0, stderr
    assert [record["processes"] for record in log_of(run, "plan")] == [2]
    notes = [record["text"] for record in log_of(run, "note")]
    assert "accelerate launch asks for FSDP: train.strategy=fsdp" in notes
    assert any("each of 2 processes keeps one part in 2" in note for note in notes)


FILE = """
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
mixed_precision: 'no'
num_machines: 1
num_processes: 2
use_cpu: false
fsdp_config:
  fsdp_version: 2
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_reshard_after_forward: true
  fsdp_state_dict_type: FULL_STATE_DICT
  fsdp_cpu_ram_efficient_loading: true
  fsdp_offload_params: false
"""
"""As accelerate config writes it."""


def test_torchrun_trains_together_and_its_line_continues(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = train_command({**settings, "train.steps": 2}, "--output", run)
    launcher = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2",
        "--master_port", "0", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0",
        "-m", "hfdl.cli",
    ]  # fmt: skip
    code, stderr = finish(start([*launcher, *command[command.index("train") :]], cwd=tmp_path))
    assert code == 0, stderr
    assert [record["processes"] for record in log_of(run, "plan")] == [2]
    assert len(log_of(run, "update")) == 2


def test_several_processes_need_one_folder(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(ConfigError) as caught:
            hfdl.train("sentiment", settings, listener=lambda event: None)
        assert "no output folder; 2 processes write into one folder. Give --output DIR" in str(
            caught.value
        )
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]
