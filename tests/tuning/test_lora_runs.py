"""Runs with adapters, over all tasks, in transformers' code and in hfdl's own."""

from __future__ import annotations

import copy
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tuned_tasks import MAKERS, Bodies, Run, make, weights
from safetensors.torch import load_file
from torch import nn

import hfdl
from hfdl.errors import ConfigError
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Event, Interrupted, Noted, Planned, Updated
from hfdl.tuning.lora import merge

IMPLEMENTATIONS = ["hf", "hfdl"]
CASES = [(task, code) for task in MAKERS for code in IMPLEMENTATIONS]
RANK = 4

# The fresh parameters of each task's head, under transformers' names: they are trained whole.
HEADS: dict[str, set[str]] = {
    "text_classification": {"classifier.weight", "classifier.bias"},
    "token_classification": {"classifier.weight", "classifier.bias"},
    "masked_lm": {
        "cls.predictions.bias", "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.dense.bias", "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.LayerNorm.bias",
    },
    "causal_lm": set(), "translation": set(),
}  # fmt: skip
# Linear layers of the body: of two layers of BERT six each (and a pooler, where sentences are
# judged), of GPT-2 four, of the encoder six and of the decoder ten.
ADAPTED = {
    "text_classification": 13, "token_classification": 12, "masked_lm": 12, "causal_lm": 8,
    "translation": 32,
}  # fmt: skip
# GPT-2 has one layer for queries, keys and values; in hfdl's code each gets its own adapter.
FUSED = {("causal_lm", "hfdl"): 3}


pytestmark = pytest.mark.usefixtures("without_report")


@pytest.fixture
def bodies(tiny_bert: Path, tiny_gpt2: Path) -> Bodies:
    return Bodies(tiny_bert, tiny_gpt2)


def chosen(task: str, folder: Path, bodies: Bodies, code: str, **more: Any) -> Run:
    return make(
        task, folder, bodies, code, train__steps=6, train__evaluate_every=3,
        train__learning_rate=0.02, tune__lora={"r": RANK, "dropout": 0.2}, **more,
    )  # fmt: skip


def test_all_tasks_are_covered() -> None:
    assert set(MAKERS) == set(HEADS) == set(ADAPTED) == set(TASKS)
    assert len(CASES) == 10


def farthest(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


def logits_of(model: Any, ids: torch.Tensor) -> torch.Tensor:
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, :4]
    with torch.no_grad():
        return model.eval()(**inputs).logits


def rank_of(difference: torch.Tensor) -> int:
    """Singular values that are more than rounding."""
    values = torch.linalg.svdvals(difference.double())
    return int((values > 1e-4 * values[0]).sum())


def check_saved(task: str, code: str, start: Path, end: Path) -> None:
    """Only the adapted layers and the head have other weights; those of low rank."""
    before, after = weights(start), weights(end)
    prefix = "" if before.keys() <= after.keys() else "bert."
    changed = 0
    for name, old in before.items():
        new = after.pop(prefix + name, None)
        if new is None:
            assert "pooler" in name  # a task that judges no whole text leaves it out
            continue
        if torch.equal(new, old.to(new.dtype)):
            continue
        assert old.dim() == 2, name
        assert rank_of(new - old) == RANK * FUSED.get((task, code), 1) ** ("c_attn" in name), name
        changed += 1
    assert changed == ADAPTED[task]
    assert set(after) == HEADS[task]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("task", "code"), CASES)
def test_a_run_trains_adapters_and_saves_a_plain_model(
    task: str, code: str, dtype: str, tmp_path: Path, bodies: Bodies,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    adapted: list[Any] = []

    def merging(model: nn.Module) -> int:
        adapted.append(copy.deepcopy(model))
        return merge(model)

    monkeypatch.setattr("hfdl.runs.session.merge", merging)
    run = chosen(task, tmp_path / "data", bodies, code, model__dtype=dtype)
    events: list[Event] = []
    run.train(tmp_path / "run", events.append)
    (model,) = adapted
    own = "hfdl" if code == "hfdl" else "transformers"
    assert type(model).__module__.startswith(f"{own}.")
    opened = run.open(tmp_path / "run", dtype)
    ids = torch.randint(5, 60, (3, 7), generator=torch.Generator().manual_seed(0))
    gap = farthest(logits_of(opened, ids), logits_of(model, ids))
    # transformers' own code casts the weights of attention to float32 here and there.
    assert gap < {"float32": 1e-5, "float64": 1e-10}[dtype]
    check_saved(task, code, run.start, tmp_path / "run")
    # What is trained are adapters, all of which have moved, and the head.
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    moved = [n for n, p in model.named_parameters() if ".lora_B." in n and bool(p.any())]
    assert len(moved) == sum(".lora_B." in name for name in trained)
    assert len(moved) == ADAPTED[task] + 4 * ((task, code) in FUSED)
    assert sum(".lora_" not in name for name in trained) == len(HEADS[task])
    notes = [event.text for event in events if isinstance(event, Noted)]
    planned = next(event for event in events if isinstance(event, Planned))
    assert planned.trainable == sum(p.numel() for p in model.parameters() if p.requires_grad)
    (fact,) = [note for note in notes if "adapter weights" in note]
    assert fact.startswith("trained: ")
    # What is measured is what was saved.
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    again = hfdl.evaluate(tmp_path / "run", listener=lambda event: None)
    assert again["validation"]["loss"] == pytest.approx(metrics["validation"]["loss"], abs=1e-5)


def stop_behind(step: int) -> Any:
    def listener(event: Event) -> None:
        if isinstance(event, Updated) and event.step == step:
            signal.raise_signal(signal.SIGTERM)

    return listener


@pytest.mark.parametrize(("task", "code"), CASES)
def test_a_run_with_adapters_resumes_to_the_bit(
    task: str, code: str, tmp_path: Path, bodies: Bodies
) -> None:
    run = chosen(task, tmp_path / "data", bodies, code, train__save_every=2)
    run.train(tmp_path / "straight")
    with pytest.raises(Interrupted):
        run.train(tmp_path / "stopped", stop_behind(5))
    kept = load_file(tmp_path / "stopped" / "checkpoints" / "step-000005" / "model.safetensors")
    adapters = [name for name in kept if "lora" in name]
    assert len(adapters) == 2 * (ADAPTED[task] + 4 * ((task, code) in FUSED))
    heads = [name for name in kept if "lora" not in name]
    own = [name for name in heads if name in HEADS[task] or name.startswith("core.head.")]
    assert sorted(heads) == sorted([*own, *(n for n in heads if n == "final_logits_bias")])  # BART
    assert len(own) == len(HEADS[task])
    hfdl.train(tmp_path / "stopped", output=tmp_path / "stopped", resume=True,
               listener=lambda event: None)  # fmt: skip
    ends = [weights(tmp_path / name) for name in ("straight", "stopped")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert len(ends[0]) > 20


def test_another_lora_is_not_resumed(tmp_path: Path, bodies: Bodies) -> None:
    run = chosen("text_classification", tmp_path / "data", bodies, "auto")
    with pytest.raises(Interrupted):
        run.train(tmp_path / "run", stop_behind(1))
    for change, said in (
        ({"tune.lora.r": 8}, "tune.lora.r is 4 in the run and 8 now"),
        ({"tune.lora": None}, "tune.lora.r is 4 in the run and None now"),
    ):
        with pytest.raises(ConfigError) as caught:
            hfdl.train(tmp_path / "run", change, output=tmp_path / "run", resume=True,
                       listener=lambda event: None)  # fmt: skip
        assert said in str(caught.value)
