"""The task ``translation``: what it makes of data, how it scores, and that it learns."""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from helpers.wording import assert_wording
from torch.nn import functional as F

import hfdl
from hfdl.cli import errors
from hfdl.config.load import load_recipe
from hfdl.data.train_tokenizer import learn_bpe
from hfdl.errors import DataError, HfdlError, MissingExtraError, ModelError
from hfdl.tasks.registry import task_for_training, task_of_model
from hfdl.training.evaluation import evaluate
from hfdl.training.events import Event, Noted, Updated

SIZES = {
    "vocab_size": 269, "hidden_size": 64, "encoder_layers": 1, "decoder_layers": 1,
    "num_attention_heads": 4, "intermediate_size": 128, "dropout": 0.0, "norm_order": "post",
}  # fmt: skip


def digits(n: int, seed: int = 0) -> list[dict[str, str]]:
    """Rows of one to three digits and their reversal."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        said = [rng.choice("0123456789") for _ in range(rng.randint(1, 3))]
        rows.append({"source": " ".join(said), "target": " ".join(reversed(said))})
    return rows


def options(**more: Any) -> dict[str, Any]:
    """Overrides of the recipe for a small model on the digits."""
    return {
        "data.train": digits(1000), "data.validation": digits(30, seed=1),
        "data.text": "source", "data.label": "target", "model.config": SIZES,
        "train.steps": 400, "train.batch_size": 32, "train.learning_rate": 3e-3,
        "train.precision": "float32", "train.evaluate_every": 200,
        # Three digits have no four in a row, so their BLEU is 0, however right they are.
        "train.best_metric": "chrf", **more,
    }  # fmt: skip


def prepared(tmp_path: Path, rows: list[dict[str, str]], **more: Any) -> tuple[Any, Any, Any]:
    """A task for training, its splits and its model, from a file of rows."""
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {**options(), "data.train": str(file), "data.validation": str(file), **more}
    recipe = load_recipe("translation", settings)
    task = task_for_training(recipe)
    splits = task.prepare(recipe.data)
    torch.manual_seed(0)
    return task, splits, task.build_model(recipe.model)


@pytest.fixture(scope="module")
def reversed_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A run that learned to reverse digits, and its events."""
    folder = tmp_path_factory.mktemp("reverse")
    test = folder / "test.jsonl"
    test.write_text("".join(json.dumps(row) + "\n" for row in digits(40, seed=2)))
    events: list[Event] = []
    settings = options(**{"data.test": str(test)})
    hfdl.train("translation", settings, output=folder / "run", listener=events.append)
    return folder / "run", events


def records(run: Path, split: str) -> list[dict[str, Any]]:
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == split]


# ---- it learns -------------------------------------------------------------------------------


def test_a_small_model_learns_to_reverse_digits(reversed_run: tuple[Path, list[Event]]) -> None:
    run, events = reversed_run
    losses = [event.loss for event in events if isinstance(event, Updated)]
    assert len(losses) == 400
    assert losses[0] > 4.0  # ln 269 is 5.6
    assert sum(losses[-20:]) / 20 < 0.2
    rows = records(run, "test")
    exact = sum(row["prediction"] == row["label"] for row in rows)
    assert len(rows) == 40
    assert exact >= 36


def test_the_metrics_of_a_run_are_those_of_its_predictions(
    reversed_run: tuple[Path, list[Event]],
) -> None:
    run, _ = reversed_run
    metrics = json.loads((run / "metrics.json").read_text())
    rows = records(run, "test")
    written, right = [r["prediction"] for r in rows], [r["label"] for r in rows]
    assert metrics["test"]["bleu"] == sacrebleu.corpus_bleu(written, [right]).score
    assert metrics["test"]["chrf"] == sacrebleu.corpus_chrf(written, [right]).score
    assert metrics["test"]["perplexity"] == pytest.approx(math.exp(metrics["test"]["loss"]))
    assert metrics["best"]["metric"] == "chrf"
    assert metrics["vocabulary"] == 269
    assert metrics["signatures"]["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp")


def test_a_saved_run_evaluates_as_it_did(reversed_run: tuple[Path, list[Event]]) -> None:
    run, _ = reversed_run
    expected = json.loads((run / "metrics.json").read_text())["test"]
    test = str(run.parent / "test.jsonl")
    found = hfdl.evaluate(run, {"data.test": test}, listener=lambda event: None)
    assert found.keys() == {"test"}
    assert found["test"] == pytest.approx(expected, rel=1e-6)


def test_the_command_line_translates_with_a_run(
    reversed_run: tuple[Path, list[Event]], capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = reversed_run
    rows = records(run, "test")[:3]
    assert errors.run(["predict", str(run), *(row["text"] for row in rows)]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answers == [{"text": row["text"], "translation_text": row["prediction"]} for row in rows]


def test_transformers_opens_the_run_and_generates_the_same(
    reversed_run: tuple[Path, list[Event]],
) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    run, _ = reversed_run
    tokenizer = AutoTokenizer.from_pretrained(run)
    model = AutoModelForSeq2SeqLM.from_pretrained(run)
    rows = records(run, "test")
    batch = tokenizer([row["text"] for row in rows], return_tensors="pt", padding=True)
    ids = model.generate(**batch, max_new_tokens=30, do_sample=False)
    texts = [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
    assert texts == [row["prediction"] for row in rows]
    assert task_of_model(run) == "translation"


def test_a_run_can_be_trained_further_with_its_own_vocabulary(
    reversed_run: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    run, _ = reversed_run
    losses: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Updated):
            losses.append(event.loss)

    settings = options(**{
        "model.name": str(run), "model.config": None, "train.steps": 2, "train.evaluate_every": 2,
        "data.train": digits(64, seed=3), "train.learning_rate": 1e-5,
    })  # fmt: skip
    hfdl.train("translation", settings, output=tmp_path / "more", listener=note)
    assert losses[0] < 0.5  # no fresh weights
    old, new = (json.loads((r / "tokenizer.json").read_text()) for r in (run, tmp_path / "more"))
    assert old["model"]["vocab"] == new["model"]["vocab"]


# ---- data ------------------------------------------------------------------------------------

ROWS = [
    {"source": "a man sleeps", "target": "ein Mann schläft"},
    {"source": "two", "target": "zwei"},
    {"source": "a dog", "target": "ein Hund, der läuft und läuft"},
]


def test_a_batch_is_sources_and_targets_shifted_right(tmp_path: Path) -> None:
    task, splits, _ = prepared(tmp_path, ROWS)
    batch = splits.train.batch([0, 1, 2])
    encode = lambda text: task.tokenizer(text)["input_ids"]  # noqa: E731
    sources = [encode(row["source"]) for row in ROWS]
    targets = [encode(row["target"]) for row in ROWS]
    assert len({len(ids) for ids in targets}) == 3
    labels, read = batch.targets["labels"], batch.inputs["decoder_input_ids"]
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        assert target[-1] == task.tokenizer.eos_token_id
        n = len(target)
        assert batch.inputs["input_ids"][row, : len(source)].tolist() == source
        assert batch.inputs["attention_mask"][row].sum() == len(source)
        assert labels[row].tolist() == target + [-100] * (labels.shape[1] - n)
        assert read[row].tolist()[:n] == [task.tokenizer.bos_token_id, *target[:-1]]
        assert set(read[row].tolist()[n + 1 :]) <= {task.tokenizer.pad_token_id}
    assert (read >= 0).all()
    assert splits.train.lengths.tolist() == [
        len(a) + len(b) for a, b in zip(sources, targets, strict=True)
    ]
    assert batch.tokens == splits.train.lengths.sum()
    assert splits.train.references() == [row["target"] for row in ROWS]
    assert splits.train.describe(1) == {
        "where": f"{tmp_path}/pairs.jsonl, line 2", "text": "two", "label": "zwei",
    }  # fmt: skip


def test_validation_is_held_out_of_train_and_of_the_vocabulary(tmp_path: Path) -> None:
    rows = [{"source": f"s {'q' * 5} {i}", "target": f"t {i}"} for i in range(50)]
    _, splits, _ = prepared(tmp_path, rows, **{"data.validation": None})
    texts = [{*split.texts} for split in (splits.train, splits.validation)]
    assert [len(part) for part in texts] == [45, 5]
    assert texts[0] | texts[1] == {row["source"] for row in rows}
    assert splits.facts[0] == (
        f"validation: 5 of 50 rows held out from {tmp_path}/pairs.jsonl (seed 0), because no "
        "validation split was given"
    )
    _, fewer, _ = prepared(tmp_path, rows, **{"data.max_samples": 7})
    assert [len(split) for split in fewer.named().values()] == [7, 7]


def test_long_texts_are_cut_and_said_so_or_refused(tmp_path: Path) -> None:
    _, splits, _ = prepared(tmp_path, ROWS, **{"data.max_length": 5})
    batch = splits.train.batch([0, 1, 2])
    assert batch.inputs["input_ids"].shape[1] == batch.targets["labels"].shape[1] == 5
    assert any("train, targets: lost" in fact for fact in splits.facts)
    with pytest.raises(DataError, match=r"pairs\.jsonl, line 1: the text has \d+ tokens"):
        prepared(tmp_path, ROWS, **{"data.max_length": 5, "data.long_text": "error"})


# ---- scores ----------------------------------------------------------------------------------


def test_loss_and_words_foreseen_equal_torch(tmp_path: Path) -> None:
    task, splits, model = prepared(tmp_path, ROWS, **{"model.dtype": "float64"})
    batch = splits.train.batch([2, 0, 1])
    with torch.no_grad():
        outputs = model.eval()(**batch.inputs)
    labels = batch.targets["labels"]
    loss = task.loss(outputs, batch)
    assert outputs.logits.dtype == torch.float64
    expected = F.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten())
    assert float(loss.total / loss.count) == pytest.approx(float(expected), rel=1e-12)
    assert int(loss.count) == int((labels != -100).sum())
    said = task.decode(outputs, batch)
    for row, prediction in enumerate(said):
        n = int((labels[row] != -100).sum())
        logits, right = outputs.logits[row, :n], labels[row, :n]
        assert prediction["tokens"] == n
        assert prediction["loss"] == pytest.approx(float(F.cross_entropy(logits, right)), rel=1e-12)
        assert prediction["accuracy"] == float((logits.argmax(-1) == right).double().mean())


@pytest.mark.parametrize(
    "tune", [{"tune.label_smoothing": 0.1}, {"tune.loss": "focal", "tune.focal_gamma": 1.0}]
)
def test_the_loss_that_is_trained_on_is_smoothed_or_focal(
    tmp_path: Path, tune: dict[str, Any]
) -> None:
    task, splits, model = prepared(tmp_path, digits(6), **tune)
    model.double().eval()
    batch = splits.train.batch(range(6))
    outputs = model(**batch.inputs)
    labels = batch.targets["labels"]
    keep = labels != -100
    logits, right = outputs.logits[keep], labels[keep]
    plain = F.cross_entropy(logits, right)
    if "tune.label_smoothing" in tune:
        expected = F.cross_entropy(logits, right, label_smoothing=0.1)
    else:
        p = logits.softmax(-1).gather(1, right[:, None])[:, 0]
        expected = (-(1 - p) * p.log()).mean()
    loss = task.loss(outputs, batch, training=True)
    assert float(loss.total / loss.count) == pytest.approx(float(expected), rel=1e-12)
    assert abs(float(expected - plain)) > 1e-3
    held_out = task.loss(outputs, splits.validation.batch(range(6)))
    assert float(held_out.total / held_out.count) == pytest.approx(float(plain), rel=1e-12)


def test_a_translation_has_no_labels_to_weigh(tmp_path: Path) -> None:
    with pytest.raises(HfdlError) as caught:
        prepared(tmp_path, digits(6), **{"tune.class_weights": "balanced"})
    assert_wording(caught.value)


def test_metrics_weigh_words_not_texts() -> None:
    task = task_for_training(load_recipe("translation", {"model.config": SIZES}))
    said = [
        {"loss": 1.0, "accuracy": 0.5, "tokens": 6, "prediction": "a b"},
        {"loss": 4.0, "accuracy": 0.0, "tokens": 2, "prediction": "c"},
    ]
    found = task.metrics(said, ["a b", "d"])
    assert found["accuracy"] == 0.375
    assert found["perplexity"] == pytest.approx(math.exp(14 / 8))
    assert list(found) == task.metric_names


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_equals_transformers_on_padded_batches(tmp_path: Path, beams: int) -> None:
    sizes = {**SIZES, "tie_word_embeddings": False}  # a tied one, untrained, says what it read
    task, splits, model = prepared(tmp_path, ROWS, **{"model.config": sizes})
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():  # wide, so that no two logits lie near each other
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    batch = splits.train.batch([0, 1, 2])
    source, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    expected = model.generate(
        source, attention_mask=mask, max_new_tokens=2 * source.shape[1] + 10, num_beams=beams,
        do_sample=False,
    )  # fmt: skip
    # Each text has a limit by its own source: twice as many tokens, and ten more.
    rows = [ids[: 11 + 2 * int(n)] for ids, n in zip(expected, mask.sum(1), strict=True)]
    assert len(rows[1]) < len(expected[1])
    texts = task.tokenizer.batch_decode(rows, skip_special_tokens=True)
    written = task.generate(model, batch, num_beams=beams)
    assert [row["prediction"] for row in written] == [text.strip() for text in texts]
    assert len({*texts}) > 1


def test_evaluation_asks_a_task_that_generates_for_its_own_answers(tmp_path: Path) -> None:
    task, splits, model = prepared(tmp_path, ROWS)
    model.train()
    modes: list[bool] = []
    generate = task.generate

    def spy(given: Any, batch: Any) -> Any:
        modes.append(given.training)
        return generate(given, batch)

    task.generate = spy
    found = evaluate(task, model, splits.validation, torch.device("cpu"))
    assert modes == [False]
    assert model.training
    assert [{*row} for row in found.predictions] == [
        {"loss", "accuracy", "tokens", "prediction"}
    ] * 3
    assert {*found.metrics} == {*task.metric_names, "loss"}


# ---- other models of transformers --------------------------------------------------------------


def test_a_pretrained_model_of_transformers_is_trained_too(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path / "t5"
    tokenizer = learn_bpe([row[key] for row in digits(50) for key in row], 280)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        pad_token_id=0, eos_token_id=2, decoder_start_token_id=0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    settings = options(**{
        "model.name": str(folder), "model.config": None, "train.steps": 3,
        "train.evaluate_every": 3,
    })  # fmt: skip
    with pytest.raises(ModelError):  # there is no T5 in hfdl's own code
        hfdl.train(
            "translation", {**settings, "model.implementation": "hfdl"}, output=tmp_path / "no"
        )
    run = hfdl.train("translation", settings, output=tmp_path / "run", listener=lambda e: None)
    assert run.metrics["validation"]["loss"] > 0
    assert isinstance(
        T5ForConditionalGeneration.from_pretrained(run.directory), T5ForConditionalGeneration
    )


# ---- mistakes --------------------------------------------------------------------------------

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no data": (
        {"data.train": None, "data.validation": None},
        "data.train: there is nothing to train on; no translations come with hfdl: it names a file "
        "of yours with a column of sources ('source', data.text) and one of targets ('target', "
        "data.label). Set data.train=FILE",
    ),
    "two target columns": (
        {"data.label": ["target", "source"]},
        "data.label: 2 target columns; a source is translated into one target. Name one column",
    ),
    "windows": (
        {"data.long_text": "window"},
        "data.long_text: a translation cannot be put together from 'window'; a text that is too "
        "long is shortened or refused. Set data.long_text=truncate or data.long_text=error",
    ),
    "unknown architecture": (
        {"model.name": "hfdl://transformr"},
        "model.name: no architecture 'hfdl://transformr' for a translation; there are: "
        "hfdl://transformer. Did you mean 'hfdl://transformer'?",
    ),
    "no class of transformers": (
        {"model.implementation": "hf"},
        "model.implementation: transformers has no class of its own for hfdl://transformer; hf "
        "asks for transformers' own code. Set model.implementation=auto",
    ),
    "a tokenizer": (
        {"model.tokenizer": "bpe"},
        "model.tokenizer: hfdl://transformer learns its own vocabulary; one vocabulary serves "
        "sources and targets. Set model.tokenizer=null; model.config.vocab_size is the number "
        "of its pieces",
    ),
    "word vectors": (
        {"model.vectors": "vectors.txt"},
        "model.vectors: hfdl://transformer has no vectors of whole words to fill; no model of this "
        "task has them. Set model.vectors=null",
    ),
    "unknown size": (
        {"model.config": {"hiden_size": 8}},
        "model.config.hiden_size: hfdl://transformer has no size 'hiden_size'. Did you mean "
        "'hidden_size'?",
    ),
    "no number": (
        {"model.config": {**SIZES, "encoder_layers": 0}},
        "model.config.encoder_layers: it cannot be 0; it is a whole number, 1 or more, 6 by "
        "default. Correct or remove it",
    ),
    "no probability": (
        {"model.config": {**SIZES, "dropout": "much"}},
        "model.config.dropout: it cannot be 'much'; it is from 0 to below 1, 0.1 by default. "
        "Correct or remove it",
    ),
    "a small vocabulary": (
        {"model.config": {**SIZES, "vocab_size": 100}},
        "model.config.vocab_size: 100 pieces are too few; every byte and special token is one: "
        "259 at least. Raise it",
    ),
    "heads that do not divide the width": (
        {"model.config": {**SIZES, "num_attention_heads": 5}},
        "model.config: a width of 64 and 5 heads; the heads must divide the width. Correct or "
        "remove it",
    ),
    "an unknown order of norms": (
        {"model.config": {**SIZES, "norm_order": "prae"}},
        "model.config: unknown norm_order 'prae'; the norm stands behind the residual (post) or "
        "before the sub-layer (pre). Did you mean 'pre'?",
    ),
    "an unknown metric": (
        {"train.best_metric": "blue"},
        "train.best_metric: the task has no metric 'blue'. Did you mean 'bleu'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line_and_nothing_is_written(mistake: str, tmp_path: Path) -> None:
    changed, message = MISTAKES[mistake]
    with pytest.raises(HfdlError) as caught:
        hfdl.train("translation", options(**changed), output=tmp_path / "run")
    assert str(caught.value) == message
    assert not (tmp_path / "run").exists()


def test_a_model_without_a_decoder_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    settings = options(**{"model.name": str(tiny_bert), "model.config": None})
    with pytest.raises(ModelError, match=r"bert is no encoder-decoder model that says what target"):
        hfdl.train("translation", settings, output=tmp_path / "run")


def test_without_sacrebleu_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError) as caught:
        hfdl.train("translation", options(), output=tmp_path / "run")
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_says_where_its_vocabulary_came_from(
    reversed_run: tuple[Path, list[Event]],
) -> None:
    notes = [event.text for event in reversed_run[1] if isinstance(event, Noted)]
    assert "vocabulary: 269 pieces learned from train" in notes
