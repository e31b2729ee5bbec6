"""Masked language models: what they read, what they are asked, and that the loss is torch's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.support import reviews
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM, AutoTokenizer

import hfdl
from hfdl.config.load import load_recipe
from hfdl.data.arrays import FileArray
from hfdl.data.corpus.masking import Masking
from hfdl.data.corpus.token_store import TokenStore
from hfdl.data.encode import read_template
from hfdl.errors import HfdlError
from hfdl.tasks.language_modeling import masked_split as masked_lm_windows
from hfdl.tasks.language_modeling.masked_lm import MaskedLM
from hfdl.tasks.language_modeling.masked_split import (
    MaskedSplit,
    MaskingConfig,
    count_maskable,
    windows_of,
)
from hfdl.tasks.token_scores import token_scores


def write_texts(path: Path, number: int = 60) -> Path:
    """A document a line: short ones, long ones, an empty line, an unknown character."""
    lines = [row["text"] * (1 + 5 * (i % 7 == 0)) for i, row in enumerate(reviews(number))]
    path.write_text("\n".join([*lines[:3], "", "😀 good", *lines[3:]]) + "\n", encoding="utf-8")
    return path


def task_for(tiny_bert: Path, folder: Path, **more: Any) -> tuple[MaskedLM, Any]:
    """A prepared task on a small corpus."""
    settings = {
        "task": "mlm", "model.name": str(tiny_bert), "data.max_length": 32,
        "data.train": str(write_texts(folder / "corpus.txt")), **more,
    }  # fmt: skip
    recipe = load_recipe("sentiment", settings)
    task = MaskedLM.for_training(recipe)
    return task, task.prepare(recipe.data)


def store_of(sizes: list[int], top: int = 60) -> TokenStore:
    """Documents of random ids."""
    ids = np.random.default_rng(0).integers(5, top, sum(sizes)).astype(np.uint16)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return TokenStore(ids, starts, 7, "d", lambda document: f"document {document + 1}")


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 12))
def test_every_token_stands_in_one_window_and_none_crosses_documents(
    sizes: list[int], room: int
) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    windows = windows_of(starts, room)
    read = [i for b, e in zip(windows.begins, windows.ends, strict=True) for i in range(b, e)]
    assert read == list(range(sum(sizes)))
    lengths = windows.ends - windows.begins
    assert ((lengths > 0) & (lengths <= room)).all()
    assert (windows.begins >= starts[windows.documents]).all()
    assert (windows.ends <= starts[windows.documents + 1]).all()
    assert len(windows.begins) == sum(-(-size // room) for size in sizes)


def split_of(
    tiny_bert: Path, store: TokenStore, *, whole_words: bool = False, training: bool = False
) -> MaskedSplit:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    special = np.zeros(len(tokenizer), dtype=bool)
    special[tokenizer.all_special_ids] = True
    rule = Masking(0.15, tokenizer.mask_token_id, np.flatnonzero(~special))
    template = read_template(tokenizer, pair=False)
    masking = MaskingConfig(tokenizer, template, rule, whole_words, special, length=12, seed=5)
    return MaskedSplit("train", store, masking, training=training)


def test_a_batch_holds_the_windows_and_where_it_was_masked(tiny_bert: Path) -> None:
    store = store_of([25, 3, 0, 10])
    split = split_of(tiny_bert, store)
    assert split.lengths.tolist() == [12, 12, 7, 5, 12]
    batch = split.batch([2, 0, 3])
    ids = batch.inputs["input_ids"].clone()
    assert ids.shape == (3, 12)
    assert batch.tokens == 7 + 12 + 5
    assert batch.inputs["attention_mask"].sum(1).tolist() == [7, 12, 5]
    ids.flatten()[batch.inputs["positions"]] = batch.inputs["targets"]
    rows = [store.ids[20:25], store.ids[0:10], store.ids[25:28]]
    expected = [[2, *row.tolist(), 3] for row in rows]
    assert [row[: len(e)] for row, e in zip(ids.tolist(), expected, strict=True)] == expected
    assert batch.targets["rows"].tolist() == [0, 1, 1, 2]
    assert split.where(3) == "document 2"
    assert split.describe(3)["text"] == split.masking.tokenizer.decode(store.ids[25:28].tolist())


def test_masks_change_with_the_epoch_in_training_alone(tiny_bert: Path) -> None:
    split = split_of(tiny_bert, store_of([100]))
    every = list(range(len(split)))

    def places(**when: int) -> list[int]:
        return split.batch(every, **when).inputs["positions"].tolist()

    fixed = [places(seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert all(found == fixed[0] for found in fixed)
    split = split_of(tiny_bert, store_of([100]), training=True)
    moving = {tuple(places(seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1, 2)}
    assert len(moving) == 6
    assert tuple(fixed[0]) == tuple(places(seed=5, epoch=0))
    alone = [split.batch([i], seed=1, epoch=2).inputs["input_ids"][0].tolist() for i in every]
    assert alone == split.batch(every, seed=1, epoch=2).inputs["input_ids"].tolist()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 4), st.integers(1, 5))
def test_askable_tokens_are_counted_window_by_window(
    sizes: list[int], room: int, at_once: int
) -> None:
    ids = np.random.default_rng(sum(sizes)).integers(0, 6, sum(sizes)).astype(np.uint16)
    special = np.array([True, False, True, False, False, True])
    windows = windows_of(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), room)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masked_lm_windows, "AT_ONCE", at_once)
        found = count_maskable(ids, windows, special)
    expected = [
        sum(not special[token] for token in ids[begin:end])
        for begin, end in zip(windows.begins, windows.ends, strict=True)
    ]
    assert found.tolist() == expected


def test_windows_of_which_nothing_can_be_asked_are_left_out_and_counted(tiny_bert: Path) -> None:
    store = store_of([10, 20, 4])
    whole = split_of(tiny_bert, store)
    assert whole.facts()[0] == (
        "train: 34 tokens of 3 documents in 4 windows of at most 12; lost 0"
    )
    store.ids[10:20] = 1  # [UNK]
    split = split_of(tiny_bert, store)
    assert [split.where(i) for i in range(len(split))] == [f"document {n}" for n in (1, 2, 3)]
    assert split.batch([1]).inputs["input_ids"][0, 0] == 2
    assert [split._ids(i) for i in range(3)] == [
        store.ids[begin:end].tolist() for begin, end in ((0, 10), (20, 30), (30, 34))
    ]
    assert split.facts()[0] == (
        "train: 24 of 34 tokens of 3 documents in 3 windows of at most 12; lost 10, in 1 window "
        "of special or unknown tokens alone, of which nothing can be asked"
    )
    store.ids[:11] = 1
    store.ids[30:] = 1
    (fact, _) = split_of(tiny_bert, store).facts()
    assert fact == (
        "train: 10 of 34 tokens of 3 documents in 1 window of at most 12; lost 24, in 3 windows "
        "of special or unknown tokens alone, of which nothing can be asked"
    )
    (fact, _) = split_of(tiny_bert, store_of([1])).facts()
    assert fact == "train: 1 token of 1 document in 1 window of at most 12; lost 0"


def test_the_train_split_of_a_run_is_masked_anew_and_no_other(
    tiny_bert: Path, tmp_path: Path
) -> None:
    task, splits = task_for(tiny_bert, tmp_path)
    evaluated = MaskedLM.of_parts(tiny_bert, task.config, task.tokenizer, task.recipe)
    again = evaluated.prepare(task.recipe.data)
    assert "train" not in again.named()
    first, second, held, other = (
        split.batch([0, 1, 2], seed=0, epoch=epoch).inputs["positions"].tolist()
        for split, epoch in ((splits.train, 1), (splits.train, 2), (splits.validation, 1),
                             (again.validation, 2))
    )  # fmt: skip
    assert first != second
    assert held == other


def test_label_smoothing_reaches_the_loss(tiny_bert: Path, tmp_path: Path) -> None:
    task, splits = task_for(
        tiny_bert, tmp_path, **{"tune.label_smoothing": 0.2, "model.dtype": "float64"}
    )
    torch.manual_seed(0)
    task.config.hidden_dropout_prob = task.config.attention_probs_dropout_prob = 0.0
    model: Any = task.build_model(task.recipe.model)
    batch = splits.train.batch([0, 1, 2], seed=0, epoch=0)
    plain = {key: batch.inputs[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        picked = model.eval()(**plain).logits.flatten(0, 1)[batch.inputs["positions"]]
        found = task.loss(model.train()(**batch.inputs), batch).total
    options = {"reduction": "sum", "label_smoothing": 0.2}
    expected = F.cross_entropy(picked, batch.inputs["targets"], **options)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_windows_are_looked_at_together_not_one_by_one(tiny_bert: Path) -> None:
    store = store_of([70] * 2000)
    seen: list[int] = []

    class Watched(np.ndarray):
        def __getitem__(self, key: Any) -> Any:
            seen.append(1)
            return super().__getitem__(key)

    object.__setattr__(store, "ids", store.ids.view(Watched))
    assert len(split_of(tiny_bert, store)) == 14_000
    assert 1 <= len(seen) <= 2


def test_rows_are_padded_on_the_right_whatever_the_tokenizer_says(tiny_bert: Path) -> None:
    store = store_of([10, 3])
    split = split_of(tiny_bert, store)
    split.masking.tokenizer.padding_side = "left"
    inputs = split.batch([0, 1]).inputs
    assert inputs["attention_mask"].tolist() == [[1] * 12, [1] * 5 + [0] * 7]
    assert inputs["input_ids"][1, 5:].tolist() == [0] * 7


@pytest.mark.parametrize("whole_words", [False, True])
def test_streamed_texts_are_read_and_masked_as_those_in_memory(
    whole_words: bool, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))
    more = {
        "data.validation": str(write_texts(tmp_path / "held-out.txt", 20)),
        "data.whole_words": whole_words, "data.max_length": 16,
    }  # fmt: skip
    (_, held), (_, streamed), (_, again) = (
        task_for(tiny_bert, tmp_path, **more, **{"data.streaming": streaming})
        for streaming in (False, True, True)
    )
    assert [*(tmp_path / "cache").rglob("ids.bin")]
    assert isinstance(streamed.train.store.ids, FileArray)
    assert not isinstance(held.train.store.ids, FileArray)
    batches = 0
    for name, split in held.named().items():
        for other in (streamed.named()[name], again.named()[name]):
            assert other.lengths.tolist() == split.lengths.tolist()
            assert other.references() == split.references()
            for first in range(0, len(split), 7):
                examples = list(range(first, min(first + 7, len(split))))
                expected = split.batch(examples, seed=4, epoch=first)
                found = other.batch(examples, seed=4, epoch=first)
                assert found.inputs.keys() == expected.inputs.keys()
                for key, value in expected.inputs.items():
                    assert torch.equal(found.inputs[key], value)
                batches += 1
    assert batches > 30
    said = [fact for fact in streamed.facts if " token ids in " not in fact]
    assert [fact for fact in held.facts if fact in said] == said
    assert len(said) >= 3


@pytest.mark.parametrize("whole_words", [False, True])
def test_special_tokens_are_neither_asked_for_nor_put_in(
    whole_words: bool, tiny_bert: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "unknown.txt"
    corpus.write_text("😀 good 😀 very long film 😀\n" * 200, encoding="utf-8")
    task, splits = task_for(
        tiny_bert, tmp_path,
        **{"data.train": str(corpus), "data.mask_share": 0.9, "data.whole_words": whole_words},
    )  # fmt: skip
    special = torch.tensor(task.tokenizer.all_special_ids)
    assert len(special) == 5
    replaced = 0
    for epoch in range(4):
        batch = splits.train.batch(list(range(len(splits.train))), seed=0, epoch=epoch)
        targets, positions = batch.inputs["targets"], batch.inputs["positions"]
        assert not torch.isin(targets, special).any()
        assert len(targets) == 4 * len(splits.train)  # round(0.9 * 4)
        given = batch.inputs["input_ids"].flatten()[positions]
        others = given[given != task.tokenizer.mask_token_id]
        assert not torch.isin(others, special).any()
        replaced += int((others != targets[given != task.tokenizer.mask_token_id]).sum())
        places = positions % batch.inputs["input_ids"].shape[1]
        assert places.unique().tolist() == [2, 4, 5, 6]
    assert replaced > 200


def test_whole_words_are_asked_for_whole(tiny_bert: Path, tmp_path: Path) -> None:
    _, splits = task_for(tiny_bert, tmp_path, **{"data.whole_words": True, "data.mask_share": 0.3})
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    several = 0
    for i in range(len(splits.train)):
        batch = splits.train.batch([i], seed=0, epoch=0)
        ids = batch.inputs["input_ids"][0].clone()
        positions = batch.inputs["positions"]
        ids[positions] = batch.inputs["targets"]
        pieces = tokenizer.convert_ids_to_tokens(ids.tolist())
        chosen = set(positions.tolist())
        for place in chosen:
            if pieces[place].startswith("##"):
                assert place - 1 in chosen or pieces[place - 1] == "[CLS]"
                several += 1
            if place + 1 < len(pieces) and pieces[place + 1].startswith("##"):
                assert place + 1 in chosen
    assert several > 5


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_loss_and_gradients_are_those_of_torch_on_the_full_logits(
    implementation: str, tiny_bert: Path, tmp_path: Path
) -> None:
    task, splits = task_for(
        tiny_bert, tmp_path,
        **{"model.dtype": "float64", "model.implementation": implementation},
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = task.build_model(task.recipe.model).eval()
    batch = splits.train.batch(list(range(9)), seed=1, epoch=1)
    plain = {k: v for k, v in batch.inputs.items() if k not in ("positions", "targets")}
    logits = model(**plain).logits
    labels = torch.full(plain["input_ids"].shape, -100)
    labels.flatten()[batch.inputs["positions"]] = batch.inputs["targets"]
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    expected.backward()
    truth = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    seen: list[int] = []
    head = next(
        m for n, m in model.named_modules() if n.endswith(("predictions.transform", "head"))
    )
    head.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[:-1].numel()))
    loss = task.loss(model(**batch.inputs), batch)
    loss.total.backward()
    assert seen == [len(batch.inputs["positions"])]  # the head saw the chosen places alone
    assert seen[0] < plain["input_ids"].numel() / 4
    assert int(loss.count) == int((labels != -100).sum()) == seen[0]
    torch.testing.assert_close(loss.total, expected, rtol=1e-12, atol=0)
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == truth.keys()
    assert len(found) > 35
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, truth[name], rtol=1e-9, atol=1e-12)


def test_predictions_say_how_well_each_window_was_foreseen(tiny_bert: Path, tmp_path: Path) -> None:
    task, splits = task_for(tiny_bert, tmp_path)
    model: Any = task.build_model(task.recipe.model).eval()
    split = splits.validation
    batch = split.batch(list(range(len(split))))
    with torch.no_grad():
        predictions = task.decode(model(**batch.inputs), batch)
        plain = {k: batch.inputs[k] for k in ("input_ids", "attention_mask")}
        logits = model(**plain).logits
    picked = logits.flatten(0, 1)[batch.inputs["positions"]].double()
    losses = F.cross_entropy(picked, batch.inputs["targets"], reduction="none")
    rows = batch.targets["rows"]
    for i, said in enumerate(predictions):
        assert said["tokens"] == int((rows == i).sum())
        assert said["loss"] == pytest.approx(float(losses[rows == i].mean()), rel=1e-5)
        assert len(said["words"]) == min(said["tokens"], 20)
        first = int(batch.inputs["targets"][rows == i][0])
        assert said["words"][0]["target"] == task.tokenizer.decode([first])
    scores = task.metrics(predictions, split.references())
    assert list(scores) == task.metric_names
    assert scores["perplexity"] == pytest.approx(float(losses.mean().exp()), rel=1e-5)
    right = (picked.argmax(-1) == batch.inputs["targets"]).double().mean()
    assert scores["accuracy"] == pytest.approx(float(right))


def test_each_token_weighs_the_same_in_the_figures_of_a_corpus() -> None:
    scores = token_scores([
        {"loss": 1.0, "accuracy": 1.0, "tokens": 1}, {"loss": 2.0, "accuracy": 0.5, "tokens": 4},
    ])  # fmt: skip
    assert scores == {"perplexity": pytest.approx(np.exp(9 / 5)), "accuracy": 3 / 5}


def test_a_corpus_without_predictions_has_perplexity_one() -> None:
    assert token_scores([]) == {"perplexity": 1.0, "accuracy": 0.0}


def test_a_run_learns_and_opens_in_transformers_and_in_the_pipeline(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hfdl.runs.session.write_report", lambda folder: None)
    monkeypatch.setattr("hfdl.runs.session.write_model_card", lambda folder: None)
    said: list[str] = []
    output = tmp_path / "run"
    hfdl.train(
        "sentiment",
        {
            "task": "mlm", "model.name": str(tiny_bert), "data.max_length": 32,
            "data.train": str(write_texts(tmp_path / "corpus.txt")), "train.epochs": 6,
            "train.batch_size": 8, "train.learning_rate": 3e-3, "train.precision": "float32",
        },
        output=output, listener=lambda event: said.append(str(event)),
    )  # fmt: skip
    assert "lost 0" in " ".join(said)
    assert "the masks are fixed" in " ".join(said)
    assert "cls.predictions" in " ".join(said)  # that its head was fresh
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    losses = [line["metrics"]["loss"] for line in log if line["event"] == "evaluation"]
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 0.5
    assert losses[-1] < 3.5  # chance among 96 words: 4.56
    assert json.loads((output / "metrics.json").read_text())["mask_token"] == "[MASK]"
    model, info = AutoModelForMaskedLM.from_pretrained(output, output_loading_info=True)
    assert not info["missing_keys"]
    assert type(model).__name__ == "BertForMaskedLM"
    assert len(load_file(output / "model.safetensors")) > 35
    (answers,) = hfdl.pipeline(model=output)(["a [MASK] minute"])
    assert len(answers) == 5


def test_a_fresh_model_is_trained_on_pieces_that_it_learns(tmp_path: Path) -> None:
    sizes = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 40, "vocab_size": 120,
    }  # fmt: skip
    trained = 0
    for name, kind, mask in (
        ("hfdl://bert", None, "[MASK]"), ("hfdl://roberta", "bpe", "<mask>"),
    ):  # fmt: skip
        folder = tmp_path / name.removeprefix("hfdl://")
        folder.mkdir()
        pieces = {**sizes, "vocab_size": 300}
        task, splits = task_for(
            Path("unused"), folder,
            **{"model.name": name, "model.config": pieces, "model.tokenizer": kind},
        )  # fmt: skip
        model: Any = task.build_model(task.recipe.model)
        batch = splits.train.batch([0, 1, 2], seed=0, epoch=0)
        loss = task.loss(model(**batch.inputs), batch)
        loss.total.backward()
        assert float(loss.total.detach() / loss.count) == pytest.approx(
            np.log(len(task.tokenizer)), rel=0.1
        )
        assert task.tokenizer.mask_token_id is not None
        assert task.facts()["mask_token"] == mask
        trained += 1
    assert trained == 2


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"data.max_length": 65}, ["data.max_length", "more than the model takes", "64"]),
        ({"data.max_length": 3}, ["data.max_length", "no room", "at least 4"]),
        ({"model.name": "hfdl://gpt2", "model.config": {}}, ["hfdl://gpt2", "a masked LM"]),
        ({"tune.class_weights": "balanced"}, ["tune.class_weights", "no labels"]),
        ({"model.tokenizer": "bpe"}, ["model.tokenizer", "tokenizer of its own"]),
    ],
)
def test_what_cannot_be_trained_is_refused(
    settings: dict[str, Any], parts: list[str], tiny_bert: Path, tmp_path: Path
) -> None:
    with pytest.raises(HfdlError) as error:
        task_for(tiny_bert, tmp_path, **settings)
    for part in parts:
        assert part in str(error.value)


def test_a_tokenizer_without_a_mask_is_refused(tiny_gpt2: Path, tmp_path: Path) -> None:
    with pytest.raises(HfdlError) as error:
        task_for(tiny_gpt2, tmp_path)
    assert "no mask token" in str(error.value)
    assert "task=causal_lm" in str(error.value)


def test_a_split_of_which_nothing_can_be_asked_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("😀\n😀 😀\n", encoding="utf-8")
    with pytest.raises(HfdlError, match=r"nothing.txt: validation has no token that can be masked"):
        task_for(tiny_bert, tmp_path, **{"data.validation": str(nothing)})
