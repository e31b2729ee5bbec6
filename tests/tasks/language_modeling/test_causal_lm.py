"""The task ``causal_lm``: what it makes of texts, how it scores, and that it learns."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews
from helpers.wording import assert_wording
from torch.nn import functional as F

import hfdl
from hfdl.config.load import load_recipe
from hfdl.errors import HfdlError
from hfdl.tasks.language_modeling.spec import CAUSAL_LM
from hfdl.tasks.registry import task_for_training, task_of_model
from hfdl.training.evaluation import evaluate
from hfdl.training.events import Event, Noted, Sampled, Updated

SIZES = {
    "vocab_size": 300, "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 32,
    "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
}  # fmt: skip
CPU = torch.device("cpu")


def corpus(folder: Path, name: str, rows: int = 200, start: int = 0) -> Path:
    """A text file with a document a line; a blank line among them."""
    lines = [row["text"] for row in reviews(start + rows)[start:]]
    lines.insert(3, "")
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def options(folder: Path, **more: Any) -> dict[str, Any]:
    """Overrides of the recipe for a small model on the reviews."""
    return {
        "data.train": str(corpus(folder, "train.txt")),
        "data.validation": str(corpus(folder, "validation.txt", 30, start=7)),
        "data.separator": "\n", "data.max_length": 32, "model.config": SIZES,
        "train.epochs": 1, "train.steps": 120, "train.batch_size": 8,
        "train.learning_rate": 1e-2, "train.precision": "float32", "train.evaluate_every": 60,
        "train.samples": ["", "what a"], **more,
    }  # fmt: skip


def prepared(folder: Path, **more: Any) -> tuple[Any, Any, Any]:
    """A task for training, its splits and its model."""
    recipe = load_recipe("clm", options(folder, **more))
    task = task_for_training(recipe)
    splits = task.prepare(recipe.data)
    torch.manual_seed(0)
    model = task.build_model(recipe.model)
    with torch.no_grad():  # wide, so that what is foreseen depends on what was read
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    return task, splits, model


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A run from random weights, and its events."""
    folder = tmp_path_factory.mktemp("clm")
    events: list[Event] = []
    hfdl.train("clm", options(folder), output=folder / "run", listener=events.append)
    return folder / "run", events


def metrics_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text())


# ---- it learns -------------------------------------------------------------------------------


def test_a_small_model_learns_its_text(learned: tuple[Path, list[Event]]) -> None:
    run, events = learned
    losses = [event.loss for event in events if isinstance(event, Updated)]
    assert len(losses) == 120
    assert losses[0] > 5.0  # ln 300 is 5.7
    assert sum(losses[-10:]) / 10 < 1.5
    metrics = metrics_of(run)
    found = metrics["validation"]
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    # More context cannot hurt a model that has learned to use it: here it must help.
    assert 1.0 < found["strided_perplexity"] < found["perplexity"]
    assert metrics["best"]["metric"] == "loss"
    assert (metrics["vocabulary"], metrics["block"]) == (300, 32)


def test_samples_are_told_after_each_evaluation(learned: tuple[Path, list[Event]]) -> None:
    told = [event for event in learned[1] if isinstance(event, Sampled)]
    assert [event.step for event in told] == [60, 120]
    for event in told:
        assert [sample["prompt"] for sample in event.samples] == ["", "what a"]
        assert all(sample["text"] for sample in event.samples)
    assert told[0].samples != told[1].samples


def test_nothing_is_lost_and_it_is_said(learned: tuple[Path, list[Event]]) -> None:
    run, events = learned
    facts = [event.text for event in events if isinstance(event, Noted)]
    (fact,) = [fact for fact in facts if fact.startswith("train: ") and "block" in fact]
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    (held_out,) = [fact for fact in facts if fact.startswith("validation: ") and "block" in fact]
    tokens = sum(row["tokens"] for row in rows)
    assert held_out == (
        f"validation: {tokens + 1:,} tokens of 30 documents in {len(rows)} blocks of 32; lost 0"
    )
    assert "of 200 documents in" in fact
    assert "vocabulary: 300 pieces (bpe) learned from train" in facts
    texts = (run.parent / "validation.txt").read_text().split("\n")
    whole = "<|endoftext|>".join(text for text in texts if text) + "<|endoftext|>"
    # All of it but the first token, which nothing foresees.
    assert whole.endswith("".join(row["text"] for row in rows))
    assert len(whole) - sum(len(row["text"]) for row in rows) < 8


def test_a_saved_run_evaluates_as_it_did(learned: tuple[Path, list[Event]]) -> None:
    run, _ = learned
    expected = metrics_of(run)["validation"]
    found = hfdl.evaluate(
        run, {"data.validation": str(run.parent / "validation.txt")}, listener=lambda event: None
    )
    assert found["validation"].keys() == expected.keys()
    assert found["validation"] == pytest.approx(expected, rel=1e-6)


def test_transformers_opens_the_run_and_finds_the_same_loss(
    learned: tuple[Path, list[Event]],
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel

    run, _ = learned
    model, tokenizer = (kind.from_pretrained(run) for kind in (AutoModelForCausalLM, AutoTokenizer))
    assert type(model) is GPT2LMHeadModel
    assert task_of_model(run) == "causal_lm"
    end = tokenizer.eos_token
    texts = [text for text in (run.parent / "validation.txt").read_text().split("\n") if text]
    ids = tokenizer("".join(text + end for text in texts), return_tensors="pt").input_ids
    nats, count = 0.0, 0
    for begin in range(0, ids.shape[1] - 1, 32):
        block = ids[:, begin : begin + 33]
        with torch.no_grad():  # transformers shifts its labels itself, so it is given one more
            logits = model.eval()(block[:, :-1]).logits[0]
        nats += float(F.cross_entropy(logits, block[0, 1:], reduction="sum"))
        count += block.shape[1] - 1
    found = metrics_of(run)["validation"]
    assert found["loss"] == pytest.approx(nats / count, rel=1e-5)
    size = sum(len(text.encode()) for text in texts)
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)


# ---- scores ----------------------------------------------------------------------------------


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_loss_and_accuracy_equal_transformers_own(implementation: str, tmp_path: Path) -> None:
    _, splits, model = prepared(
        tmp_path, **{"model.implementation": implementation, "model.dtype": "float64"}
    )
    task = _
    found = evaluate(task, model, splits.validation, CPU)
    store = splits.validation.store
    ids = torch.from_numpy(store.ids.astype("int64"))
    nats = right = 0.0
    for begin in range(0, len(ids) - 1, 32):
        block = ids[begin : begin + 33]
        with torch.no_grad():
            logits = model.eval()(input_ids=block[None, :-1]).logits[0].double()
        nats += float(F.cross_entropy(logits, block[1:], reduction="sum"))
        right += float((logits.argmax(-1) == block[1:]).sum())
    targets = len(ids) - 1
    assert sum(row["tokens"] for row in found.predictions) == targets
    assert found.metrics["loss"] == pytest.approx(nats / targets, rel=1e-9)
    assert found.metrics["perplexity"] == pytest.approx(math.exp(nats / targets), rel=1e-9)
    assert found.metrics["accuracy"] == pytest.approx(right / targets, rel=1e-12)
    assert {*found.metrics} == {*task.metric_names, "loss"}


@pytest.mark.parametrize("stride", [None, 0, 5, 31])
def test_strided_perplexity_equals_a_loop_over_tokens(stride: int | None, tmp_path: Path) -> None:
    task, splits, model = prepared(tmp_path, **{"data.stride": stride, "model.dtype": "float64"})
    split = splits.validation
    ids = torch.from_numpy(split.store.ids.astype("int64"))[:150]
    split.store = type(split.store)(**{**vars(split.store), "ids": split.store.ids[:150]})
    step = 32 - (16 if stride is None else stride)
    model.eval()
    nats = 0.0
    for target in range(1, len(ids)):
        # The first window that reads the token before the target: window w begins at w * step.
        window = max(0, math.ceil((target - 32) / step))
        context = ids[None, window * step : target]
        assert 1 <= context.shape[1] <= 32
        assert window == 0 or context.shape[1] > 32 - step
        with torch.no_grad():
            logits = model(input_ids=context).logits[0, -1]
        nats += float(F.cross_entropy(logits, ids[target]))
    found = task.measure(model, split, CPU)
    assert found == {"strided_perplexity": pytest.approx(math.exp(nats / 149), rel=1e-9)}


def test_only_positions_with_targets_reach_the_head(tmp_path: Path) -> None:
    task, splits, model = prepared(tmp_path)
    rows: list[int] = []
    model.get_output_embeddings().register_forward_hook(
        lambda module, args, output: rows.append(args[0].numel() // args[0].shape[-1])
    )
    windows = task._windows(splits.validation)
    task.measure(model, splits.validation, CPU)
    assert model.scores_in_chunks
    read = int(windows.lengths.sum())
    assert sum(rows) < 0.7 * read  # half of what is read is context


def test_documents_read_apart_are_scored_as_if_alone(tmp_path: Path) -> None:
    found, alone = {}, []
    for implementation in ("hf", "hfdl"):
        task, splits, model = prepared(
            tmp_path, **{
                "data.document_mask": True, "model.dtype": "float64",
                "model.implementation": implementation,
            },
        )  # fmt: skip
        store = splits.validation.store
        blocks = splits.validation.blocks
        splits.validation.blocks = replace(blocks, tokens=blocks.length + 1)  # one alone
        splits.validation.lengths = splits.validation.lengths[:1]
        found[implementation] = evaluate(task, model, splits.validation, CPU).predictions[0]
        if implementation == "hf":
            for start, end in zip(store.starts, store.starts[1:], strict=False):
                ids = torch.from_numpy(store.ids[start : min(end, 33)].astype("int64"))
                if len(ids) > 1:
                    with torch.no_grad():
                        logits = model.eval()(input_ids=ids[None, :-1]).logits[0]
                    alone += F.cross_entropy(logits, ids[1:], reduction="none").tolist()
    assert any("each document is read alone" in fact for fact in splits.facts)
    assert found["hf"]["tokens"] == len(alone) < 32
    assert found["hf"]["loss"] == pytest.approx(sum(alone) / len(alone), rel=1e-9)
    costly = {name: one.pop("costly") for name, one in found.items()}
    assert [one["target"] for one in costly["hfdl"]] == [one["target"] for one in costly["hf"]]
    losses = [[one["loss"] for one in costly[name]] for name in ("hfdl", "hf")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert found["hfdl"] == pytest.approx(found["hf"], rel=1e-9)


@pytest.mark.parametrize("document_mask", [False, True])
@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_a_saved_run_is_evaluated_as_it_was(
    implementation: str, document_mask: bool, without_report: None, tmp_path: Path
) -> None:
    more = {
        "data.document_mask": document_mask, "model.implementation": implementation,
        "train.steps": 4, "train.evaluate_every": 4, "train.samples": [],
    }  # fmt: skip
    hfdl.train("clm", options(tmp_path, **more), output=tmp_path / "run", listener=lambda e: None)
    saved = metrics_of(tmp_path / "run")["validation"]
    found = hfdl.evaluate(tmp_path / "run", listener=lambda e: None)["validation"]
    assert {"perplexity", "accuracy", "bits_per_byte", "loss"} <= found.keys()
    assert found == pytest.approx({key: saved[key] for key in found}, rel=1e-5)


# ---- where it begins ---------------------------------------------------------------------------


def test_a_pretrained_model_is_trained_further(tiny_gpt2: Path, tmp_path: Path) -> None:
    settings = options(tmp_path, **{
        "model.name": str(tiny_gpt2), "model.config": None, "model.tokenizer": None,
        "train.steps": 3, "train.evaluate_every": 3,
    })  # fmt: skip
    for implementation in ("hf", "hfdl"):
        output = tmp_path / implementation
        run = hfdl.train(
            "clm", {**settings, "model.implementation": implementation}, output=output,
            listener=lambda event: None,
        )  # fmt: skip
        assert run.metrics["validation"]["loss"] > 0
        old, new = (json.loads((r / "tokenizer.json").read_text()) for r in (tiny_gpt2, output))
        assert old["model"]["vocab"] == new["model"]["vocab"]


def test_characters_are_learned_whole(tmp_path: Path) -> None:
    text = "héllo\tworld 😀\n" * 40 + "world"
    (tmp_path / "one.txt").write_text(text, encoding="utf-8")
    task, splits, _ = prepared(tmp_path, **{
        "data.train": str(tmp_path / "one.txt"), "data.validation": None, "data.separator": None,
        "model.tokenizer": "characters", "model.config": {**SIZES, "vocab_size": 300},
    })  # fmt: skip
    whole = task.tokenizer.decode(
        [*splits.train.store.ids, *splits.validation.store.ids], skip_special_tokens=True
    )
    assert whole == text
    assert len(splits.validation.store.ids) == pytest.approx(len(text) / 10, abs=20)
    assert splits.train.store.bytes + splits.validation.store.bytes == len(text.encode())


def test_the_length_of_a_block_is_the_models_where_none_is_given(tmp_path: Path) -> None:
    _, splits, _ = prepared(tmp_path, **{"data.max_length": None})
    assert set(splits.train.lengths[:-1]) == {32}


# ---- mistakes --------------------------------------------------------------------------------

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "too long": (
        {"data.max_length": 33},
        "data.max_length: 33 tokens are more than the model takes; the model's limit is 32. Set "
        "data.max_length=32",
    ),
    "a stride as long as the model's limit": (
        {"data.max_length": None, "data.stride": 32},
        "data.stride: windows of 32 tokens cannot share 32; each needs a token that the one before "
        "it has not. Set data.stride=31",
    ),
    "an encoder": (
        {"model.name": "hfdl://bert"},
        "model.name: no architecture 'hfdl://bert' for a causal LM; there are: hfdl://lstm, "
        "hfdl://gru, hfdl://rnn, hfdl://decoder, hfdl://gpt2, hfdl://llama, hfdl://mistral, "
        "hfdl://qwen2, hfdl://qwen3. Choose one of these",
    ),
    "class weights": (
        {"tune.class_weights": "balanced"},
        "tune.class_weights: a language model has no labels to weigh; class weights belong to "
        "labels. Set tune.class_weights=null",
    ),
    "an unknown metric": (
        {"train.best_metric": "perplexty"},
        "train.best_metric: the task has no metric 'perplexty'. Did you mean 'perplexity'?",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line_and_nothing_is_written(mistake: str, tmp_path: Path) -> None:
    changed, message = MISTAKES[mistake]
    with pytest.raises(HfdlError) as caught:
        hfdl.train("clm", options(tmp_path, **changed), output=tmp_path / "run")
    assert str(caught.value) == message
    assert not (tmp_path / "run").exists()


def test_another_tokenizer_for_a_saved_model_is_refused(tiny_gpt2: Path, tmp_path: Path) -> None:
    settings = options(tmp_path, **{"model.name": str(tiny_gpt2), "model.config": None})
    with pytest.raises(HfdlError) as caught:
        hfdl.train("clm", {**settings, "model.tokenizer": "bpe"}, output=tmp_path / "run")
    assert_wording(caught.value)


def test_bits_per_byte_is_better_when_smaller() -> None:
    assert {"perplexity", "bits_per_byte"} <= CAUSAL_LM.smaller_is_better


@pytest.mark.parametrize("streaming", [False, True])
def test_a_streamed_corpus_gives_the_same_tokens(
    streaming: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))
    _, splits, _ = prepared(tmp_path, **{"data.streaming": streaming})
    _, plain, _ = prepared(tmp_path)
    assert (tmp_path / "cache").exists() == streaming
    for name in ("train", "validation"):
        found, expected = (getattr(made, name) for made in (splits, plain))
        assert found.references() == expected.references()
        one, other = (split.batch([0, len(split) - 1]) for split in (found, expected))
        assert {*one.inputs} == {*other.inputs}
        assert all(torch.equal(one.inputs[key], other.inputs[key]) for key in one.inputs)


def test_a_text_of_which_nothing_can_be_foreseen_is_refused(tmp_path: Path) -> None:
    task, splits, _ = prepared(tmp_path)
    store = splits.validation.store
    one = type(store)(**{**vars(store), "ids": store.ids[:1], "starts": store.starts[:1]})
    with pytest.raises(HfdlError) as caught:
        task._blocks("validation", one, [])
    assert_wording(caught.value)


def test_objects_in_memory_are_not_streamed(tmp_path: Path) -> None:
    changed = {"data.train": [{"text": "a b"}], "data.streaming": True}
    with pytest.raises(HfdlError, match=r"^memory://train: .*cannot be streamed"):
        hfdl.train("clm", options(tmp_path, **changed), output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
