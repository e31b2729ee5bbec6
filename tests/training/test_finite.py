"""A number that is not finite stops what it is in: it is no result, no best, no answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from helpers.wording import assert_wording
from safetensors.torch import load_file, save_file

import hfdl
from hfdl.cli import errors
from hfdl.errors import HfdlError, ModelError, NotFiniteError, TrainingError
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Event

pytestmark = pytest.mark.usefixtures("without_report")

GPT = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 64}
BOTH = {
    "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "text_classification": {},
    "token_classification": {"task": "token_classification", "data.train": "hfdl://ner",
                             "data.max_samples": 80},
    "masked_lm": {"task": "masked_lm"},
    "causal_lm": {"task": "causal_lm", "model.name": "hfdl://gpt2", "model.config": GPT,
                  "model.tokenizer": "characters"},
    "translation": {"task": "translation", "model.name": "hfdl://transformer",
                    "model.config": BOTH},
}  # fmt: skip


def silent(event: Event) -> None:
    """A listener that says nothing."""


def strict(file: Path) -> list[Any]:
    """The values of JSON lines, by RFC 8259."""

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} in {file}")

    return [json.loads(line, parse_constant=refuse) for line in file.read_text().splitlines()]


def test_every_task_is_here() -> None:
    assert set(SETTINGS) == set(TASKS)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Callable[[str], Path]:
    """``models("causal_lm")``: a finished run whose every weight is NaN."""
    made: dict[str, Path] = {}

    def make(task: str) -> Path:
        if task not in made:
            folder = tmp_path_factory.mktemp(task)
            data = folder / "reviews.csv"
            write_csv(data, reviews(60))
            chosen = {
                "model.name": str(tiny_bert), "data.train": str(data), "data.max_length": 32,
                "train.steps": 1, "train.batch_size": 8, "train.precision": "float32",
                **SETTINGS[task],
            }  # fmt: skip
            run = folder / "run"
            hfdl.train("sentiment", chosen, output=run, listener=silent)
            weights = load_file(run / "model.safetensors")
            broken = {n: torch.full_like(w, torch.nan) if w.is_floating_point() else w
                      for n, w in weights.items()}  # fmt: skip
            save_file(broken, run / "model.safetensors", {"format": "pt"})
            made[task] = run
        return made[task]

    return make


@pytest.mark.parametrize("task", SETTINGS)
def test_a_rate_that_destroys_the_weights_ends_the_run(
    task: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {
        **settings, **SETTINGS[task], "train.learning_rate": 1e30, "train.warmup": 0,
        "train.steps": 1,
    }  # fmt: skip
    run = tmp_path / "run"
    stop, done = None, None
    try:
        done = hfdl.train("sentiment", chosen, output=run, listener=silent)
    except TrainingError as error:
        stop = str(error)
    if done is None:
        assert "is not finite" in str(stop)
        assert "learning rate" in str(stop) or "train.learning_rate=" in str(stop)
        assert not (run / "metrics.json").exists()
        assert not list((run / "checkpoints").glob("best-*"))
    else:  # a model whose layers put everything back to scale: then all of it is a number
        assert torch.tensor(done.metrics["validation"]["loss"]).isfinite()
        for name in ("metrics.json", "predictions.jsonl"):
            text = (run / name).read_text()
            assert "NaN" not in text
            assert "Infinity" not in text
    assert len(strict(run / "log.jsonl")) > 3


def test_nan_in_a_row_that_training_does_not_read_is_found(
    settings: dict[str, Any], tiny_bert: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_bert, model)
    weights = load_file(model / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    vocabulary = json.loads((model / "tokenizer.json").read_text())["model"]["vocab"]
    weights[name][vocabulary["x"]] = torch.nan
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    held_out = tmp_path / "test.csv"
    held_out.write_text("text,label\na good film,positive\na bad x,negative\n")
    chosen = {**settings, "model.name": str(model), "data.validation": str(held_out),
              "train.steps": 2}  # fmt: skip
    with pytest.raises(TrainingError) as caught:
        hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=silent)
    assert_wording(caught.value)
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_nan_that_a_run_meets_at_its_end_leaves_no_result(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.runs import session

    saved = session.Session._finish

    def destroyed(self: Any) -> Any:
        with torch.no_grad():
            next(self.loop.state.plain_model.parameters()).fill_(torch.nan)
        self.loop.load_best = lambda: None
        return saved(self)

    monkeypatch.setattr(session.Session, "_finish", destroyed)
    with pytest.raises(TrainingError, match="the loss on validation is not finite"):
        hfdl.train("sentiment", {**settings, "train.steps": 2}, output=tmp_path / "run",
                   listener=silent)  # fmt: skip
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("task", SETTINGS)
def test_a_model_of_nan_is_refused_by_evaluate_and_predict(
    task: str, models: Callable[[str], Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = models(task)
    with pytest.raises(HfdlError, match="is not finite"):
        hfdl.evaluate(run, listener=silent)
    texts = ["a [MASK] film"] * 2 if task == "masked_lm" else ["a good film", "a bad book"]
    with pytest.raises(NotFiniteError) as caught:
        hfdl.pipeline(None, model=run)(texts)
    assert "the model's answer is not a finite number" in str(caught.value)
    out = tmp_path / "answers.jsonl"
    code = errors.run(["predict", str(run), texts[0], "--output", str(out)])
    stderr = capsys.readouterr().err
    assert (code, stderr.count("error:")) == (2, 1)
    assert "text 1 (" in stderr or "input 1" in stderr
    assert texts[0].split()[-1] in stderr or task == "masked_lm"
    assert list(tmp_path.iterdir()) == []


def test_predict_names_the_row_and_its_text(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    weights = load_file(run / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    vocabulary = json.loads((run / "tokenizer.json").read_text())["model"]["vocab"]
    weights[name][vocabulary["x"]] = torch.nan
    save_file(weights, run / "model.safetensors", {"format": "pt"})
    file = tmp_path / "texts.txt"
    file.write_text("a good film\n" * 299 + "a bad x\n" + "a book\n" * 5)
    code = errors.run(["predict", str(run), "--file", str(file), "--output", str(tmp_path / "o")])
    assert code == 2
    assert "text 300 ('a bad x'): the model's answer is not a finite number" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "o").exists()


def test_nan_is_never_the_best(settings: dict[str, Any], tmp_path: Path) -> None:
    from hfdl.training.loop import Loop

    values = iter([float("nan"), 0.5, float("nan"), float("inf"), 0.4, 0.6])
    note_best, seen = Loop._note_best, list[bool]()

    def pretend(self: Any, metrics: dict[str, float]) -> bool:
        seen.append(note_best(self, {**metrics, "accuracy": next(values)}))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_note_best", pretend)
        chosen = {**settings, "train.steps": 6, "train.evaluate_every": 1,
                  "train.best_metric": "accuracy"}  # fmt: skip
        run = hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=silent)
    assert seen == [False, True, False, False, False, True]
    assert run.metrics["best"]["step"] == 6


def test_verify_refuses_weights_that_are_no_numbers(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_bert, model)
    weights = load_file(model / "model.safetensors")
    next(iter(weights.values())).view(-1)[3] = torch.nan
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as caught:
        hfdl.verify(str(model))
    assert_wording(caught.value)
    assert errors.run(["verify", str(model)]) == 2
    captured = capsys.readouterr()
    assert "equal:" not in captured.out + captured.err
