"""Tags for words: from files to a trained model and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import hfdl
from hfdl.config.load import load_recipe
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.registry import task_for_training
from hfdl.tasks.token_classification.decoding import scores_of_words

PEOPLE, PLACES = ["ann", "bob", "carl"], ["rome", "oslo", "lima"]
LENGTHS = [3, 17, 1, 40, 8, 25]


def sentence(i: int, length: int = 6) -> dict[str, Any]:
    """A sentence of a person (of one or two words), a place, and words between."""
    tokens, tags = [PEOPLE[i % 3]], ["B-PER"]
    if i % 2:
        tokens, tags = [*tokens, "superb"], [*tags, "I-PER"]
    while len(tokens) < length:
        at = len(tokens) % 4 == 3
        tokens.append(PLACES[(i + len(tokens)) % 3] if at else "movie")
        tags.append("B-LOC" if at else "O")
    return {"tokens": tokens, "tags": tags}


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [sentence(i, LENGTHS[i % len(LENGTHS)]) for i in range(24)]
    return write_jsonl(tmp_path / "ner.jsonl", rows)


@pytest.fixture
def prepared(tiny_bert: Path, source: Path) -> Callable[..., Any]:
    """``prepared(**overrides)``: a task, its splits and its model in eval mode, wide awake."""

    def make(body: Path = tiny_bert, **overrides: Any) -> Any:
        settings = {
            "task": "ner", "model.name": str(body), "data.train": str(source),
            "data.validation": str(source), "data.max_length": 64,
            **{key.replace("__", "."): value for key, value in overrides.items()},
        }  # fmt: skip
        recipe = load_recipe("sentiment", {"data.long_text": None, **settings})
        task = task_for_training(recipe)
        splits = task.prepare(recipe.data)
        torch.manual_seed(0)
        model = task.build_model(recipe.model).eval()
        for name, parameter in model.named_parameters():
            if name.startswith(("classifier.", "score.")):
                torch.nn.init.normal_(parameter, std=0.5)
        return SimpleNamespace(task=task, splits=splits, model=model, recipe=recipe)

    return make


@pytest.fixture
def roomy_bert(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny BERT with room for 512 tokens."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    folder = tmp_path / "roomy"
    AutoTokenizer.from_pretrained(tiny_bert, model_max_length=512).save_pretrained(folder)
    config = AutoConfig.from_pretrained(tiny_bert, max_position_embeddings=512)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


class OneToken(torch.nn.Module):
    """A model whose output at a token depends on that token alone."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = torch.randn(1000, classes, generator=generator, dtype=torch.float64)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=self.table[input_ids])


def predictions(task: Any, model: torch.nn.Module, split: Any, size: int = 64) -> list[Any]:
    found = []
    with torch.inference_mode():
        for start in range(0, len(split), size):
            batch = split.batch(list(range(start, min(start + size, len(split)))))
            found += task.decode(model(**batch.inputs), batch)
    return found


@pytest.mark.parametrize("max_length", [4, 8, 13])
@pytest.mark.parametrize("stride", [0, 3, None])
def test_windows_say_what_the_whole_sentence_says_where_a_token_decides_alone(
    prepared: Callable[..., Any], roomy_bert: Path, max_length: int, stride: int | None
) -> None:
    whole = prepared(roomy_bert, data__max_length=512)
    cut = prepared(data__max_length=max_length, data__stride=stride)
    model = OneToken(len(whole.task.label_names))
    one, two = whole.splits.validation, cut.splits.validation
    assert sum(len(sentence.rows) for sentence in two.encoded) > len(two)
    assert max(two.batch(range(len(two))).inputs["attention_mask"].sum(1)) <= max_length
    assert predictions(cut.task, model, two) == predictions(whole.task, model, one)
    batch = two.batch(range(len(two)))
    assert batch.targets["words"].sum() == sum(len(s.words) for s in two.sentences)
    labels = batch.targets["labels"]
    assert (labels != -100).sum() == batch.targets["words"].sum()  # each word is labelled once
    at_words = labels[batch.targets["row"], batch.targets["position"]]
    names = [cut.task.label_names[i] for i in at_words]
    assert names == [tag for one in two.references() for tag in one["label"]]


@pytest.mark.parametrize("max_length", [8, 64])
def test_predictions_do_not_depend_on_what_they_are_batched_with(
    prepared: Callable[..., Any], max_length: int
) -> None:
    made = prepared(data__max_length=max_length)
    split = made.splits.validation
    model = made.model.double()
    alone, together = (predictions(made.task, model, split, size) for size in (1, 64))
    assert [p["prediction"] for p in alone] == [p["prediction"] for p in together]
    for a, b in zip(alone, together, strict=True):
        scores = [e["score"] for e in b["entities"]]
        assert [e["score"] for e in a["entities"]] == pytest.approx(scores, abs=1e-12)
    assert sum(len(p["entities"]) for p in alone) > 10


def test_the_loss_is_torch_s_over_the_first_pieces(prepared: Callable[..., Any]) -> None:
    made = prepared(data__max_length=12)
    split = made.splits.validation
    batch = split.batch([0, 1, 3])
    outputs = made.model(**batch.inputs)
    logits, labels = outputs.logits.flatten(0, 1), batch.targets["labels"].flatten()
    loss = made.task.loss(outputs, batch)
    assert int(loss.count) == sum(len(split.sentences[i].words) for i in (0, 1, 3))
    torch.testing.assert_close(loss.total, F.cross_entropy(logits, labels, reduction="sum"))


def test_weights_smoothing_and_focus_are_for_training_alone(
    prepared: Callable[..., Any],
) -> None:
    weights = {"PER": 3.0, "B-PER": 2.0, "O": 0.5}
    made = prepared(tune__class_weights=weights, tune__label_smoothing=0.1)
    names = made.task.label_names
    assert names == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    vector = torch.tensor([0.5, 1.0, 1.0, 2.0, 3.0])
    train, held = (s.batch([0, 1, 4]) for s in (made.splits.train, made.splits.validation))
    outputs = made.model(**train.inputs)
    logits, labels = outputs.logits.flatten(0, 1), train.targets["labels"].flatten()
    trained, plain = made.task.loss(outputs, train, training=True), made.task.loss(outputs, held)
    expected = F.cross_entropy(logits, labels, weight=vector, label_smoothing=0.1)
    torch.testing.assert_close(trained.total / trained.count, expected)
    torch.testing.assert_close(plain.total / plain.count, F.cross_entropy(logits, labels))


@pytest.mark.parametrize("weights", [None, {"PER": 3.0, "O": 0.5}])
def test_focal_loss_is_for_training_alone(
    prepared: Callable[..., Any], weights: dict[str, float] | None
) -> None:
    made = prepared(tune__loss="focal", tune__focal_gamma=1.5, tune__class_weights=weights)
    vector = torch.ones(5) if weights is None else torch.tensor([0.5, 1.0, 1.0, 3.0, 3.0])
    train, held = (s.batch([0, 1, 4]) for s in (made.splits.train, made.splits.validation))
    outputs = made.model(**train.inputs)
    labels = train.targets["labels"].flatten()
    logits, labels = outputs.logits.flatten(0, 1)[labels != -100], labels[labels != -100]
    chance = logits.softmax(-1)[torch.arange(len(labels)), labels]
    expected = (vector[labels] * (1 - chance) ** 1.5 * -chance.log()).sum()  # Lin et al., eq. 5
    trained, plain = made.task.loss(outputs, train, training=True), made.task.loss(outputs, held)
    torch.testing.assert_close(trained.total, expected)
    torch.testing.assert_close(trained.count, vector[labels].sum())
    torch.testing.assert_close(plain.total, F.cross_entropy(logits, labels, reduction="sum"))
    cross_entropy = (vector[labels] * -chance.log()).sum()
    assert float(trained.total.detach()) < 0.99 * float(cross_entropy.detach())


@pytest.fixture
def tiny_xlnet(tiny_bert: Path, tmp_path: Path) -> Path:
    """A random XLNet, whose rows are padded on the left, with the tiny BERT's tokenizer."""
    from helpers.tiny_models import tiny_model
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    tiny_model("xlnet", vocab_size=len(tokenizer)).save_pretrained(tmp_path / "xlnet")
    tokenizer.save_pretrained(tmp_path / "xlnet")
    return tmp_path / "xlnet"


@pytest.mark.parametrize("max_length", [8, 64])
def test_a_model_that_is_padded_on_the_left_reads_the_same_words(
    prepared: Callable[..., Any], tiny_xlnet: Path, max_length: int
) -> None:
    made = prepared(tiny_xlnet, data__max_length=max_length)
    split, model = made.splits.validation, made.model.double()
    batch = split.batch(range(len(split)))
    assert not bool(batch.inputs["attention_mask"][:, 0].all())
    assert bool(batch.inputs["attention_mask"][:, -1].all())
    at_words = batch.targets["labels"][batch.targets["row"], batch.targets["position"]]
    names = [made.task.label_names[i] for i in at_words]
    assert names == [tag for one in split.references() for tag in one["label"]]
    alone, together = (predictions(made.task, model, split, size) for size in (1, 64))
    assert [p["prediction"] for p in alone] == [p["prediction"] for p in together]
    scores = [[e["score"] for p in found for e in p["entities"]] for found in (alone, together)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)
    assert len(scores[0]) > 10


def test_sentences_in_which_nothing_is_named_are_refused(
    prepared: Callable[..., Any], tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "none.jsonl", [{"tokens": ["a"], "tags": ["O"]}] * 9)
    with pytest.raises(DataError, match=r"none\.jsonl: no entities: every word of train has the"):
        prepared(data__train=str(source))


def test_the_tags_of_a_model_may_be_listed(prepared: Callable[..., Any]) -> None:
    tags = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    made = prepared(data__labels=tags)
    assert sorted(made.task.label_names) == sorted(tags)  # ORG too, which the data does not have
    renamed = prepared(data__labels={"B-PER": "B-person", "I-PER": "I-person", "B-LOC": "O"})
    assert renamed.task.label_names == ["O", "B-person", "I-person"]


def test_balanced_weights_are_scikit_learn_s_over_train(prepared: Callable[..., Any]) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    made = prepared(tune__class_weights="balanced")
    train, names = made.splits.train, made.task.label_names
    tags = [tag for one in train.references() for tag in one["label"]]
    present = sorted(set(tags), key=names.index)
    expected = compute_class_weight("balanced", classes=np.array(present), y=tags)
    found = {n: float(w) for n, w in zip(names, made.task.class_weights, strict=True)}
    share = len(present) / len(names)  # n / (C n_tag): C counts I-LOC too, which never occurs
    assert [found[n] for n in present] == pytest.approx(list(expected * share), rel=1e-6)
    assert found["I-LOC"] == 0.0


def test_an_unknown_name_in_the_weights_is_refused(prepared: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"no tag or type 'PERS'.*PER.*Did you mean 'PER'\?"):
        prepared(tune__class_weights={"PERS": 2.0})


def test_all_pieces_of_a_word_are_labelled_where_that_is_asked(
    prepared: Callable[..., Any],
) -> None:
    made = prepared(data__label_pieces="all")
    split = made.splits.train
    encoded, names = split.encoded[1], made.task.label_names
    tags = split.sentences[1].tags
    expected = [
        tags[word] if piece == encoded.aligned.firsts[word] else tags[word].replace("B-", "I-")
        for piece, word in enumerate(encoded.aligned.words)
    ]
    assert [names[i] for i in split.labels_of(1)] == expected
    assert len(expected) > len(tags)
    assert "I-LOC" in expected
    batch = split.batch([1])
    assert int(batch.targets["words"].sum()) == len(tags)  # read off the first piece alone


def test_entities_are_in_characters_and_their_score_is_a_mean(
    prepared: Callable[..., Any],
) -> None:
    made = prepared()
    split = made.splits.validation
    batch = split.batch(list(range(len(split))))
    outputs = made.model(**batch.inputs)
    scores = scores_of_words(outputs.logits, batch.targets)
    checked = 0
    for i, said in enumerate(made.task.decode(outputs, batch)):
        one = split.sentences[i]
        assert len(said["prediction"]) == len(one.words)
        json.dumps(said)
        for entity in said["entities"]:
            assert entity["text"] == one.text[entity["start"] : entity["end"]]
            inside = [
                np.exp(scores[i][w, made.task.label_names.index(said["prediction"][w])])
                for w, (start, end) in enumerate(one.words)
                if entity["start"] <= start and end <= entity["end"]
            ]
            assert entity["score"] == pytest.approx(np.mean(inside), abs=1e-12)
            checked += 1
    assert checked > 10
    assert split.describe(1)["label"] == list(split.sentences[1].tags)
    assert split.describe(1)["tokens"][:2] == ["bob", "superb"]
    # No key of both: what is said of an example would take the place of what is true.
    assert not set(split.describe(1)) & set(made.task.decode(outputs, batch)[1])


def test_no_tag_follows_one_that_it_cannot_follow(prepared: Callable[..., Any]) -> None:
    made = prepared()
    greedy_breaks = 0
    names = made.task.label_names
    split = made.splits.validation
    batch = split.batch(list(range(len(split))))
    outputs = made.model(**batch.inputs)
    for scores, said in zip(
        scores_of_words(outputs.logits, batch.targets),
        made.task.decode(outputs, batch),
        strict=True,
    ):
        assert not breaks(said["prediction"])
        greedy_breaks += breaks([names[i] for i in scores.argmax(1)])
    assert greedy_breaks > 3


def breaks(tags: list[str]) -> bool:
    pairs = zip(["O", *tags], tags, strict=False)
    return any(b.startswith("I-") and a[2:] != b[2:] for a, b in pairs)


def test_what_becomes_of_long_sentences_is_said(
    prepared: Callable[..., Any], roomy_bert: Path
) -> None:
    words = 4 * sum(LENGTHS)
    facts = prepared(data__max_length=16).splits.facts
    (fact,) = [f for f in facts if f.startswith("train: lost")]
    assert fact.startswith(f"train: lost 0 of {words} words; ")
    assert " of 24 sentences read in " in fact
    short = prepared(roomy_bert, data__max_length=512)
    assert f"train: lost 0 of {words} words (every sentence fits 512)" in short.splits.facts
    cut = prepared(data__max_length=16, data__long_text="truncate")
    split = cut.splits.validation
    lost = sum(one.lost for one in split.encoded)
    assert lost > 20
    assert any(f"validation: lost {lost} of " in f and "truncate" in f for f in cut.splits.facts)
    said = predictions(cut.task, cut.model, split)
    assert [len(p["prediction"]) for p in said] == [len(s.words) for s in split.sentences]
    for one, p in zip(split.encoded, said, strict=True):
        assert p["prediction"][len(one.owners) - one.lost :] == ["O"] * one.lost


def test_refusals(prepared: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"ner\.jsonl, line 2: the sentence has \d+ tokens"):
        prepared(data__max_length=24, data__long_text="error")
    with pytest.raises(ConfigError, match="head_tail would cut words out"):
        prepared(data__long_text="head_tail")
    with pytest.raises(ConfigError, match=r"data\.max_length: 65 tokens .* limit is 64"):
        prepared(data__max_length=65)
    with pytest.raises(ConfigError, match=r"data\.max_length: 3 leaves no room for a sentence"):
        prepared(data__max_length=3)


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "🎉", "ann was in rome\r\n", "x" * 300])
@pytest.mark.parametrize("body", ["tiny_bert", "tiny_gpt2"])
def test_awkward_texts_are_answered(
    prepared: Callable[..., Any], request: pytest.FixtureRequest, text: str, body: str
) -> None:
    made = prepared(request.getfixturevalue(body))
    split = made.task.encode([text, "ann superb"])
    said = predictions(made.task, made.model, split)
    assert [len(p["prediction"]) for p in said] == [len(s.words) for s in split.sentences]
    (other,) = predictions(made.task, made.model, made.task.encode(["ann superb"]))
    assert said[1]["prediction"] == other["prediction"]


def test_trained_saved_opened_and_evaluated(tiny_bert: Path, source: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification

    run = tmp_path / "run"
    hfdl.train(
        "sentiment",
        {
            "task": "ner", "model.name": str(tiny_bert), "data.train": str(source),
            "data.validation": str(source), "data.max_length": 32, "data.long_text": None,
            "train.epochs": 25, "train.batch_size": 8, "train.learning_rate": 5e-3,
            "train.precision": "float32",
        },
        output=run, listener=lambda event: None,
    )  # fmt: skip
    (metrics,) = hfdl.evaluate(run, {"data.test": str(source)}, listener=lambda e: None).values()
    assert metrics["f1"] > 0.9
    assert metrics["PER/support"] == 24
    opened = AutoModelForTokenClassification.from_pretrained(run)
    assert opened.config.id2label == dict(enumerate(["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]))
