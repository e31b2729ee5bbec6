"""A run that is stopped anywhere and resumed ends bit for bit like one that was not."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hfdl
from hfdl.errors import HfdlError
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Checkpointed, Evaluated, Event, Interrupted, Noted, Updated

STEPS = 23  # 120 reviews, a ninth of them held out: 14 updates of 8 an epoch


pytestmark = pytest.mark.usefixtures("without_report")


def silent(event: Event) -> None:
    """A listener that says nothing."""


def options(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**settings, "train.epochs": 5, "train.steps": STEPS, **more}


class StopAt:
    """A listener that sends this process a real signal after a given update."""

    def __init__(self, step: int, signum: int = signal.SIGTERM) -> None:
        self.step, self.signum = step, signum

    def __call__(self, event: Event) -> None:
        if isinstance(event, Updated) and event.step == self.step:
            signal.raise_signal(self.signum)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def last_state(run: Path) -> dict[str, torch.Tensor]:
    """Weights, optimizer and random state at the end."""
    (folder,) = (run / "checkpoints").glob("step-*")
    return {
        f"{file.stem}/{name}": tensor
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def assert_equal_bits(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert len(a) > 30
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert different == []


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulation": {"train.micro_batch_size": 3},
    "evaluations between checkpoints": {"train.evaluate_every": 5, "train.save_every": 4},
    "cosine schedule and clipping": {"train.schedule": "cosine", "train.clip_norm": 0.05},
    "plateau schedule": {"train.schedule": "reduce_lr_on_plateau", "train.evaluate_every": 3},
    "bf16": {"train.precision": "bf16"},
    "windows": {"data.max_length": 8, "data.long_text": "window"},
    "hfdl's own model": {"model.implementation": "hfdl", "train.micro_batch_size": 5},
    "entities": {
        "task": "token_classification", "data.train": "hfdl://ner", "data.max_samples": 112,
        "data.max_length": 24, "data.long_text": "window", "train.micro_batch_size": 5,
        "tune.class_weights": "balanced",
    },
    "translation": {
        "task": "translation",
        "model.name": "hfdl://transformer",
        "model.config": {
            "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 32, "dropout": 0.2,
            "attention_dropout": 0.2,
        },
    },
    "causal_lm, writing samples": {
        "task": "causal_lm", "model.name": "hfdl://gpt2", "model.tokenizer": "characters",
        "model.config": {"n_layer": 3, "n_head": 2, "n_embd": 16, "n_positions": 32},
        "train.samples": ["", "what"], "train.evaluate_every": 5, "train.save_every": 4,
    },
    "masked_lm, whole words": {
        "task": "masked_lm", "data.whole_words": True, "train.micro_batch_size": 3,
    },
    "bf16, accumulation, focal loss": {
        "train.precision": "bf16", "train.micro_batch_size": 2, "tune.loss": "focal",
    },
    "transformers' code": {"model.implementation": "hf", "train.micro_batch_size": 3},
    "LoRA with dropout": {"tune.lora.dropout": 0.2, "train.micro_batch_size": 3},
    "layer decay, gradient checkpointing": {
        "tune.layer_decay": 0.7, "train.gradient_checkpointing": True,
    },
    "muon": {"train.optimizer": "muon", "train.learning_rate": 0.01},
    "masked_lm, streamed": {
        "task": "masked_lm", "data.streaming": True, "train.micro_batch_size": 3,
    },
    "Llama, streamed, bf16": {
        "task": "causal_lm", "model.name": "hfdl://llama", "model.tokenizer": "characters",
        "model.config": {
            "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2,
            "num_key_value_heads": 1, "intermediate_size": 32,
        },
        "data.streaming": True, "train.samples": [], "train.precision": "bf16",
        "train.micro_batch_size": 3,
    },
}  # fmt: skip


def test_the_variants_cover_every_task() -> None:
    assert {chosen.get("task", "text_classification") for chosen in VARIANTS.values()} == set(TASKS)
    assert len(VARIANTS) == 19


@pytest.mark.parametrize("variant", VARIANTS)
def test_interrupted_anywhere_and_resumed_is_bit_identical(
    variant: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = options(settings, **VARIANTS[variant])
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    # The first update, the middle of an epoch, its end, the last but one, and one at random.
    stops = [1, 9, 14, STEPS - 1, random.Random(variant).randrange(2, STEPS - 1)]
    for stop in stops:
        run = tmp_path / f"stopped-{stop}"
        with pytest.raises(Interrupted) as caught:
            hfdl.train("sentiment", chosen, output=run, listener=StopAt(stop))
        assert (caught.value.step, caught.value.signum) == (stop, signal.SIGTERM)
        assert not (run / "model.safetensors").exists()
        torch.manual_seed(12345)  # another process would have another random state
        hfdl.train("sentiment", output=run, resume=True, listener=silent)
        assert_equal_bits(weights(run), weights(tmp_path / "straight"))
        assert_equal_bits(last_state(run), last_state(tmp_path / "straight"))


def test_a_run_stopped_at_every_third_update_is_bit_identical(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = options(settings)
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    run, resumes = tmp_path / "stopped", 0
    for stop in range(3, STEPS, 3):
        with pytest.raises(Interrupted):
            hfdl.train("sentiment", chosen, output=run, resume=stop > 3, listener=StopAt(stop))
        resumes += 1
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert resumes == 7
    assert_equal_bits(weights(run), weights(tmp_path / "straight"))


def test_log_of_a_resumed_run_tells_each_update_once(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    chosen = options(settings, **{"train.save_every": 4})
    seen: list[int] = []

    def crash(event: Event) -> None:
        if isinstance(event, Updated):
            seen.append(event.step)
            if event.step == 10:
                raise RuntimeError("the machine died")

    with pytest.raises(RuntimeError):
        hfdl.train("sentiment", chosen, output=run, listener=crash)
    hfdl.train("sentiment", chosen, output=run, resume=True, listener=silent)
    records = log_of(run)
    assert seen == list(range(1, 11))
    assert [r["step"] for r in records if r["event"] == "update"] == list(range(1, STEPS + 1))
    assert [r["step"] for r in records if r["event"] == "resume"] == [8]


def test_early_stopping_survives_a_stop_right_before_it(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    more = {
        "train.early_stopping": 2,
        "train.evaluate_every": 2,
        "train.learning_rate": 1e-9,  # nothing gets better
        "train.best_metric": "accuracy",
    }
    chosen = options(settings, **more)
    evaluations: list[int] = []

    def count(event: Event) -> None:
        if isinstance(event, Evaluated):
            evaluations.append(event.step)

    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=count)
    assert evaluations == [2, 4, 6]
    run = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=run, listener=StopAt(6))
    hfdl.train("sentiment", chosen, output=run, resume=True, listener=silent)
    assert log_of(run)[-1]["reason"] == "early_stopping"
    assert_equal_bits(weights(run), weights(tmp_path / "straight"))


def test_resuming_a_finished_run_changes_nothing(trained: Path) -> None:
    before = {p.name: p.read_bytes() for p in trained.iterdir() if p.is_file()}
    run = hfdl.train("sentiment", output=trained, resume=True, listener=silent)
    after = {p.name: p.read_bytes() for p in trained.iterdir() if p.is_file()}
    assert before == after
    assert run.metrics["validation"] == json.loads(before["metrics.json"])["validation"]


def test_what_follows_the_result_is_done_on_resume_where_a_kill_was_in_between(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(folder: Path) -> None:
        raise Killed

    run = tmp_path / "run"
    chosen = options(settings, **{"train.evaluate_every": 5, "train.save_every": 4})
    with monkeypatch.context() as patch:
        patch.setattr("hfdl.runs.session.write_report", die)
        with pytest.raises(Killed):
            hfdl.train("sentiment", chosen, output=run, listener=silent)
    assert (run / "metrics.json").is_file()
    assert not (run / "report.html").exists()
    assert len(list((run / "checkpoints").iterdir())) > 2
    (run / ".writing-report.html").write_text("half")
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert (run / "report.html").is_file()
    assert (run / "README.md").is_file()
    assert [path.name for path in (run / "checkpoints").iterdir()] == [f"step-{STEPS:06d}"]
    assert not (run / ".writing-report.html").exists()


def test_resume_refuses_another_recipe_and_other_data(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", options(settings), output=run, listener=StopAt(5))
    with pytest.raises(HfdlError, match=r"train\.learning_rate is 0\.001 in the run and 0\.5 now"):
        hfdl.train("sentiment", {"train.learning_rate": 0.5}, output=run, resume=True)
    source = Path(settings["data.train"])
    rows = source.read_text()
    source.write_text(rows + "what a good song,positive\n")
    with pytest.raises(HfdlError, match="the training data is not the data that the run was"):
        hfdl.train("sentiment", output=run, resume=True, listener=silent)
    source.write_text(rows)
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    with pytest.raises(HfdlError, match="there is no run to resume"):
        hfdl.train("sentiment", output=tmp_path / "nothing", resume=True)


def damages(file: Path) -> dict[str, bytes | None]:
    """Ways to damage a file: its new bytes, or None for its removal."""
    data = file.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0x10
    return {"flip": bytes(flipped), "truncate": data[: len(data) // 2], "delete": None}


def test_every_damage_of_the_newest_checkpoint_is_found_and_the_one_before_it_taken(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = options(settings, **{"train.save_every": 3})
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    original = tmp_path / "original"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=original, listener=StopAt(8))
    newest = sorted((original / "checkpoints").glob("step-*"))[-1]
    assert newest.name == "step-000008"
    files = sorted(path.name for path in newest.iterdir())
    assert files == [
        "manifest.json", "model.safetensors", "optimizer.safetensors", "random.safetensors",
        "recipe.yaml", "state.json",
    ]  # fmt: skip
    covered = 0
    for name in files:
        for kind, data in damages(newest / name).items():
            run = tmp_path / f"{name}-{kind}"
            subprocess.run(["cp", "-r", str(original), str(run)], check=True)
            target = run / "checkpoints" / newest.name / name
            if data is None:
                target.unlink()
            else:
                target.write_bytes(data)
            notes: list[str] = []

            def note(event: Event, notes: list[str] = notes) -> None:
                if isinstance(event, Noted):
                    notes.append(event.text)

            hfdl.train("sentiment", output=run, resume=True, listener=note)
            (found,) = [text for text in notes if "damaged" in text]
            assert "checkpoint step-000008 is damaged" in found
            assert_equal_bits(weights(run), weights(tmp_path / "straight"))
            covered += 1
    assert covered == 18


def test_a_full_disk_during_a_save_leaves_the_checkpoint_before_it(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.training import checkpoint

    chosen = options(settings, **{"train.save_every": 3, "train.keep_checkpoints": 1})
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    save_file, calls = checkpoint.save_file, 0

    def full(tensors: Any, path: Path, *rest: Any) -> None:
        nonlocal calls
        if "step-000009" in str(path):
            calls += 1
            if calls == 2:  # in the middle of the checkpoint: the weights stand already
                path.write_bytes(b"half")
                raise OSError(28, "No space left on device")
        save_file(tensors, path, *rest)

    run = tmp_path / "run"
    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        hfdl.train("sentiment", chosen, output=run, listener=silent)
    assert calls == 2
    assert [p.name for p in (run / "checkpoints").glob("*step*")] == ["step-000006"]
    monkeypatch.undo()
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert_equal_bits(weights(run), weights(tmp_path / "straight"))


def test_old_checkpoints_go_only_after_the_new_one_stands(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = options(settings, **{"train.save_every": 2, "train.keep_checkpoints": 2})
    run, counts = tmp_path / "run", []

    def count(event: Event) -> None:
        if isinstance(event, Checkpointed):
            names = sorted(p.name for p in (run / "checkpoints").glob("step-*"))
            counts.append(len(names))
            assert names[-1] == f"step-{event.step:06d}"

    hfdl.train("sentiment", chosen, output=run, listener=count)
    assert counts == [1] + [2] * 11
    assert [p.name for p in (run / "checkpoints").iterdir()] == [f"step-{STEPS:06d}"]


def command(settings: dict[str, Any], run: Path, *flags: str) -> list[str]:
    overrides = [f"{key}={value}" for key, value in settings.items()]
    return [
        sys.executable, "-m", "hfdl.cli", "train", "sentiment", *overrides, "--output", str(run),
        *flags,
    ]  # fmt: skip


def wait_for_updates(run: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until the log holds so many updates."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        log = run / "log.jsonl"
        if log.exists() and log.read_text().count('"update"') >= count:
            return
        time.sleep(0.005)
    raise AssertionError(f"no {count} updates: {process.communicate()}")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_a_real_process_saves_and_exits_with_its_code(
    signum: int, code: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.epochs": 40}
    run = tmp_path / "run"
    process = subprocess.Popen(
        command(chosen, run), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_updates(run, 20, process)
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    updates = [r for r in log_of(run) if r["event"] == "update"]
    assert 20 <= len(updates) < 560
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert_equal_bits(weights(run), weights(tmp_path / "straight"))


def lines_of_log(run: Path) -> int:
    """Of a log that another process writes; 0 where there is none."""
    log = run / "log.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.slow
def test_kill_minus_nine_at_random_times_loses_nothing(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.epochs": 80, "train.save_every": 1}
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    run, rng = tmp_path / "run", random.Random(0)
    for attempt in range(12):
        flags = ["--resume"] if (run / "recipe.yaml").exists() else []
        lines = lines_of_log(run)
        process = subprocess.Popen(
            command(chosen, run, *flags), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Every fourth time while it begins, which takes seconds; else well into the run.
        deadline = time.monotonic() + 120
        while attempt % 4 and process.poll() is None and lines_of_log(run) <= lines:
            assert time.monotonic() < deadline, f"attempt {attempt} does not begin"
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 1.2))
        process.kill()
        assert process.wait() == -signal.SIGKILL, f"attempt {attempt} ended by itself"
    assert 10 < lines_of_log(run) < 80 * 14  # it got on, and is not at its end
    hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert_equal_bits(weights(run), weights(tmp_path / "straight"))
