"""The task against transformers, torch and scikit-learn: losses, labels, windows, padding."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.wording import assert_wording
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from hfdl.config.load import load_recipe, take_objects
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.registry import task_for_model, task_for_training
from hfdl.tasks.text_classification.decoding import METRIC_NAMES, answer_metrics
from hfdl.tasks.text_classification.loss import binary_losses
from hfdl.training.evaluation import evaluate

Rows = list[dict[str, Any]]
WORDS = ["good", "film", "bad", "book", "the", "was", "long", "hotel", "a", "song"]


def words(n: int, start: int = 0) -> str:
    """A text of exactly n tokens of the tiny BERT."""
    return " ".join(WORDS[(start + i * i) % len(WORDS)] for i in range(n))


def prepared(body: Path, train: Any, **overrides: Any) -> tuple[Any, Any, Any]:
    """Task, splits and recipe; ``data_label="x"`` overrides ``data.label``."""
    keys = {key.replace("_", ".", 1): value for key, value in overrides.items()}
    given = {"model.name": str(body), "data.train": train, "data.max_length": 64, **keys}
    plain, memory = take_objects(given)
    recipe = load_recipe("sentiment", plain)
    task = task_for_training(recipe, memory)
    return task, task.prepare(recipe.data), recipe


def mean_loss(task: Any, model: Any, split: Any) -> torch.Tensor:
    """The task's loss of a whole split in one batch, divided as the loop does."""
    batch = split.batch(list(range(len(split))), seed=0, epoch=0)
    loss = task.loss(model(**batch.inputs), batch, training=split.name == "train")
    return loss.total / loss.count


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same_gradients(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert len(ours) > 30  # two layers, embeddings, pooler and head
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-4, atol=1e-6)


THREE = ["good", "bad", "fine"]


def three_classes(n: int = 12) -> Rows:
    return [{"text": words(2 + 3 * i % 11, i), "label": THREE[(i + i // 4) % 3]} for i in range(n)]


# ---- losses ----------------------------------------------------------------------------------


def loss_cases() -> dict[str, tuple[Rows, dict[str, Any], Callable[[Rows], torch.Tensor]]]:
    """Rows, overrides, and the labels as transformers wants them, by case."""
    pair_rows = [{**row, "second": words(1 + i % 5, 7)} for i, row in enumerate(three_classes())]
    multi_rows = [
        {"text": row["text"], "label": [t for j, t in enumerate("abcd") if (i >> j) & 1]}
        for i, row in enumerate(three_classes())
    ]
    number_rows = [
        {"text": row["text"], "label": (i - 4.5) / 3} for i, row in enumerate(three_classes())
    ]

    def single(rows: Rows) -> torch.Tensor:
        names = sorted({row["label"] for row in rows})
        return torch.tensor([names.index(row["label"]) for row in rows])

    def several(rows: Rows) -> torch.Tensor:
        return torch.tensor([[float(name in row["label"]) for name in "abcd"] for row in rows])

    def number(rows: Rows) -> torch.Tensor:
        return torch.tensor([row["label"] for row in rows])

    return {
        "single": (three_classes(), {}, single),
        "pair": (pair_rows, {"data_text_pair": "second"}, single),
        "multi": (multi_rows, {}, several),
        "regression": (number_rows, {}, number),
    }


@pytest.mark.parametrize("case", ["single", "pair", "multi", "regression"])
def test_loss_and_gradients_equal_those_of_the_transformers_head(
    tiny_bert: Path, case: str, decide: Any
):
    rows, overrides, labels_of = loss_cases()[case]
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, **overrides)
    model = decide(task.build_model(recipe.model))
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    second = [[row["second"] for row in rows]] if "data_text_pair" in overrides else []
    inputs = tokenizer([row["text"] for row in rows], *second, padding=True, return_tensors="pt")
    reference = model(**inputs, labels=labels_of(rows)).loss
    ours = mean_loss(task, model, splits.train)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-6)
    assert reference.item() > 0.05
    theirs = gradients(model, model(**inputs, labels=labels_of(rows)).loss)
    assert_same_gradients(gradients(model, mean_loss(task, model, splits.train)), theirs)


def test_every_problem_type_is_compared_with_transformers():
    assert sorted(loss_cases()) == ["multi", "pair", "regression", "single"]


def test_a_loss_is_a_sum_and_the_number_of_texts(tiny_bert: Path, decide: Any):
    rows = three_classes()
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows)
    model = decide(task.build_model(recipe.model))
    whole = splits.train.batch(range(12))
    loss = task.loss(model(**whole.inputs), whole)
    assert float(loss.count) == 12.0
    parts = [splits.train.batch(part) for part in ([0, 5, 11], [1], [2, 3, 4, 6, 7, 8, 9, 10])]
    sums = [task.loss(model(**part.inputs), part) for part in parts]
    assert [float(part.count) for part in sums] == [3.0, 1.0, 8.0]
    total = sum(part.total.item() for part in sums)
    assert total == pytest.approx(loss.total.item(), rel=1e-6)


# ---- class weights ---------------------------------------------------------------------------


def skewed(n: int = 20) -> Rows:
    """Labels a, b, c at 14 : 4 : 2."""
    names = ["a"] * 14 + ["b"] * 4 + ["c"] * 2
    return [{"text": words(2 + i % 7, i), "label": names[i]} for i in range(n)]


def test_weights_by_name_equal_torch_cross_entropy(tiny_bert: Path, decide: Any):
    rows = skewed()
    asked = {"c": 5.0, "a": 0.25}  # b is left out: 1
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, tune_class_weights=asked)
    model = decide(task.build_model(recipe.model))
    batch = splits.train.batch(range(20))
    logits = model(**batch.inputs).logits
    labels = torch.tensor(["abc".index(row["label"]) for row in rows])
    reference = F.cross_entropy(logits, labels, weight=torch.tensor([0.25, 1.0, 5.0]))
    ours = mean_loss(task, model, splits.train)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-6)
    assert abs(reference - F.cross_entropy(logits, labels)).item() > 0.01
    count = task.loss(model(**batch.inputs), batch, training=True).count
    assert float(count) == pytest.approx(14 * 0.25 + 4 * 1.0 + 2 * 5.0)


def test_balanced_weights_equal_those_of_scikit_learn(tiny_bert: Path, decide: Any):
    rows = skewed()
    task, splits, recipe = prepared(
        tiny_bert, rows, data_validation=rows, tune_class_weights="balanced"
    )
    model = decide(task.build_model(recipe.model))
    labels = np.array(["abc".index(row["label"]) for row in rows])
    weights = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    logits = model(**splits.train.batch(range(20)).inputs).logits
    reference = F.cross_entropy(
        logits, torch.from_numpy(labels), weight=torch.tensor(weights, dtype=torch.float32)
    )
    assert mean_loss(task, model, splits.train).item() == pytest.approx(reference.item(), abs=1e-6)
    # Each label weighs the same in sum: a third of all.
    sums = []
    for part in (range(14), range(14, 18), range(18, 20)):
        batch = splits.train.batch(list(part))
        sums.append(float(task.loss(model(**batch.inputs), batch, training=True).count))
    assert sums == pytest.approx([20 / 3] * 3)


def test_balanced_weights_count_the_training_rows_that_are_left_after_validation(
    tiny_bert: Path, decide: Any
):
    rows = skewed()
    task, splits, recipe = prepared(
        tiny_bert, rows, data_validation_share=0.25, tune_class_weights="balanced"
    )
    answers = list(splits.train.references())
    assert len(answers) == 15
    weights = compute_class_weight("balanced", classes=np.array(list("abc")), y=np.array(answers))
    model = decide(task.build_model(recipe.model))
    batch = splits.train.batch(range(15))
    labels = torch.tensor(["abc".index(name) for name in answers])
    reference = F.cross_entropy(
        model(**batch.inputs).logits, labels, weight=torch.tensor(weights, dtype=torch.float32)
    )
    assert mean_loss(task, model, splits.train).item() == pytest.approx(reference.item(), abs=1e-6)


@pytest.mark.parametrize("asked", ["balanced", {"x": 3.0}])
def test_multi_label_weights_equal_torch_pos_weight(tiny_bert: Path, asked: Any, decide: Any):
    rows = [
        {"text": words(3 + i % 4, i), "label": [t for t in "xyz" if i % (2 + "xyz".index(t)) == 0]}
        for i in range(12)
    ]
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, tune_class_weights=asked)
    model = decide(task.build_model(recipe.model))
    targets = torch.tensor([[float(t in row["label"]) for t in "xyz"] for row in rows])
    positives = targets.sum(0)
    assert positives.tolist() == [6.0, 4.0, 3.0]
    weight = (12 - positives) / positives if asked == "balanced" else torch.tensor([3.0, 1.0, 1.0])
    logits = model(**splits.train.batch(range(12)).inputs).logits
    reference = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)
    assert mean_loss(task, model, splits.train).item() == pytest.approx(reference.item(), abs=1e-6)


def test_class_weights_belong_to_training_and_leave_the_held_out_loss_alone(
    tiny_bert: Path, decide: Any
):
    """So the losses of two runs compare, and ``hfdl evaluate`` needs no training data for them."""
    rows = skewed()
    asked = {"a": 0.1, "c": 9.0}
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, tune_class_weights=asked)
    model = decide(task.build_model(recipe.model))
    labels = torch.tensor(["abc".index(row["label"]) for row in rows])
    logits = model(**splits.validation.batch(range(20)).inputs).logits
    found = evaluate(task, model, splits.validation, torch.device("cpu"))
    assert found.metrics["loss"] == pytest.approx(F.cross_entropy(logits, labels).item(), abs=1e-6)
    assert mean_loss(task, model, splits.train).item() == pytest.approx(
        F.cross_entropy(logits, labels, weight=torch.tensor([0.1, 1.0, 9.0])).item(), rel=1e-6
    )


def test_a_weight_for_an_unknown_label_is_refused(tiny_bert: Path):
    with pytest.raises(ConfigError) as caught:
        prepared(
            tiny_bert,
            three_classes(),
            data_validation=three_classes(),
            tune_class_weights={"Good": 2.0},
        )
    assert_wording(caught.value)


def test_a_regression_has_no_classes_to_weigh(tiny_bert: Path):
    rows = [{"text": words(3), "label": i / 4} for i in range(6)]
    with pytest.raises(ConfigError) as caught:
        prepared(tiny_bert, rows, data_validation=rows, tune_class_weights="balanced")
    assert_wording(caught.value)


# ---- focal loss and label smoothing ----------------------------------------------------------


def expected_single(logits: torch.Tensor, labels: torch.Tensor, case: str) -> torch.Tensor:
    """The mean loss of each case from torch's own parts."""
    if case == "smoothed":
        return F.cross_entropy(logits, labels, label_smoothing=0.2)
    if case == "smoothed and weighted":
        weight = torch.tensor([0.5, 3.0, 1.0], dtype=logits.dtype)  # bad, fine, good
        return F.cross_entropy(logits, labels, weight=weight, label_smoothing=0.2)
    p = logits.softmax(-1)[torch.arange(len(labels)), labels]
    return (-((1 - p) ** (2.0 if case == "focal" else 0.7)) * p.log()).mean()


@pytest.mark.parametrize(
    ("case", "tune"),
    [
        ("smoothed", {"tune_label_smoothing": 0.2}),
        ("smoothed and weighted", {
            "tune_label_smoothing": 0.2, "tune_class_weights": {"bad": 0.5, "fine": 3.0},
        }),
        ("focal", {"tune_loss": "focal"}),
        ("focal, gamma 0.7", {"tune_loss": "focal", "tune_focal_gamma": 0.7}),
    ],
)  # fmt: skip
def test_the_loss_that_is_trained_on_and_the_plain_one_that_is_held_out(
    tiny_bert: Path, decide: Any, case: str, tune: dict[str, Any]
):
    rows = three_classes()
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, **tune)
    model = decide(task.build_model(recipe.model)).double()
    logits = model(**splits.train.batch(range(12)).inputs).logits
    labels = torch.tensor([sorted(THREE).index(row["label"]) for row in rows])
    expected, plain = expected_single(logits, labels, case), F.cross_entropy(logits, labels)
    assert abs(expected - plain).item() > 0.01
    ours = mean_loss(task, model, splits.train)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-12)
    assert_same_gradients(gradients(model, ours), gradients(model, expected))
    held_out = evaluate(task, model, splits.validation, torch.device("cpu")).metrics["loss"]
    assert held_out == pytest.approx(plain.item(), rel=1e-12)


def several_labels() -> Rows:
    return [
        {"text": words(3 + i % 4, i), "label": [t for t in "xyz" if i % (2 + "xyz".index(t)) == 0]}
        for i in range(12)
    ]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("smoothing", "gamma"), [(0.2, 0.0), (0.0, 2.0), (0.2, 1.5)])
def test_questions_of_yes_and_no_are_smoothed_and_focal_too(
    tiny_bert: Path, decide: Any, smoothing: float, gamma: float, weighted: bool
):
    rows = several_labels()
    tune: dict[str, Any] = {"tune_label_smoothing": smoothing}
    if gamma:
        tune |= {"tune_loss": "focal", "tune_focal_gamma": gamma}
    if weighted:
        tune |= {"tune_class_weights": {"y": 3.0}}
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=rows, **tune)
    model = decide(task.build_model(recipe.model)).double()
    logits = model(**splits.train.batch(range(12)).inputs).logits
    targets = torch.tensor([[float(t in row["label"]) for t in "xyz"] for row in rows]).double()
    p, y = logits.sigmoid(), targets * (1 - smoothing) + smoothing / 2
    w = torch.tensor([1.0, 3.0 if weighted else 1.0, 1.0]).double()
    expected = -(w * y * (1 - p) ** gamma * p.log() + (1 - y) * p**gamma * (1 - p).log()).mean()
    ours = mean_loss(task, model, splits.train)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-10)
    assert_same_gradients(gradients(model, ours), gradients(model, expected))
    plain = F.binary_cross_entropy_with_logits(logits, targets)
    assert abs(plain - expected).item() > 0.01
    held_out = evaluate(task, model, splits.validation, torch.device("cpu")).metrics["loss"]
    assert held_out == pytest.approx(plain.item(), rel=1e-10)


def test_a_focal_loss_of_certain_answers_is_finite():
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    losses = binary_losses(logits, targets, None, 0.0, 2.0)
    assert losses.tolist() == [[0.0, 0.0], [200.0, 200.0]]
    losses.sum().backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, 0.0], [-1.0, 1.0]]


@pytest.mark.parametrize(("key", "value"), [("tune_loss", "focal"), ("tune_label_smoothing", 0.1)])
def test_a_regression_has_no_classes_to_foresee(tiny_bert: Path, key: str, value: Any):
    rows = [{"text": words(4, i), "label": i / 3} for i in range(8)]
    with pytest.raises(ConfigError) as caught:
        prepared(tiny_bert, rows, data_validation=rows, **{key: value})
    assert_wording(caught.value)


# ---- windows ---------------------------------------------------------------------------------


@pytest.fixture
def windowed(tiny_bert: Path, decide: Any) -> tuple[Any, Any, Any, list[list[list[int]]]]:
    """A text of 25 tokens and one of 4, read in windows of 12; and their rows by hand."""
    rows = [{"text": words(25, 1), "label": "long"}, {"text": words(4, 2), "label": "short"}]
    task, splits, recipe = prepared(
        tiny_bert,
        rows,
        data_validation=rows,
        data_max_length=12,
        data_long_text="window",
        data_stride=4,
    )
    model = decide(task.build_model(recipe.model))
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    ids = [tokenizer(row["text"], add_special_tokens=False)["input_ids"] for row in rows]
    assert [len(one) for one in ids] == [25, 4]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    # Ten tokens fit; neighbours share four; the last window ends where the text ends.
    cuts = [[(0, 10), (6, 16), (12, 22), (15, 25)], [(0, 4)]]
    by_hand = [
        [[cls, *one[a:b], sep] for a, b in spans] for one, spans in zip(ids, cuts, strict=True)
    ]
    return task, splits, model, by_hand


def alone(model: Any, row: list[int]) -> torch.Tensor:
    """Logits of one row by itself, without padding; shape (C,)."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([row])).logits[0]


def test_a_long_text_is_read_in_the_windows_written_by_hand(windowed: Any):
    _, splits, _, by_hand = windowed
    assert [text.rows for text in splits.train.encoded] == by_hand
    assert splits.train.lengths.tolist() == [48, 6]


def test_scores_of_a_long_text_are_the_mean_over_its_windows(windowed: Any):
    task, splits, model, by_hand = windowed
    batch = splits.train.batch([0, 1])
    with torch.no_grad():
        outputs = model(**batch.inputs)
    functions = {"softmax": lambda x: x.softmax(-1), "sigmoid": torch.sigmoid, "none": lambda x: x}
    for name, function in functions.items():
        expected = torch.stack(
            [
                torch.stack([function(alone(model, row).double()) for row in rows]).mean(0)
                for rows in by_hand
            ]
        )
        torch.testing.assert_close(
            task.scores(outputs, batch, name), expected, rtol=0, atol=1e-6, msg=name
        )
    probabilities = task.decode(outputs, batch)[0]["scores"]
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-12)
    mean = torch.stack([alone(model, row).double().softmax(-1) for row in by_hand[0]]).mean(0)
    assert list(probabilities.values()) == pytest.approx(mean.tolist(), abs=1e-6)
    spread = torch.stack([alone(model, row).softmax(-1) for row in by_hand[0]]).std(0)
    assert float(spread.min()) > 1e-3  # else the mean would be any one of them


def test_a_long_text_weighs_one_text_in_the_loss(windowed: Any):
    task, splits, model, by_hand = windowed
    losses = [
        torch.stack([F.cross_entropy(alone(model, row), torch.tensor(label)) for row in rows])
        for label, rows in enumerate(by_hand)
    ]
    batch = splits.train.batch([1, 0])
    loss = task.loss(model(**batch.inputs), batch)
    assert float(loss.count) == pytest.approx(2.0)
    expected = float(losses[0].mean() + losses[1].mean())
    assert float(loss.total.detach()) == pytest.approx(expected, abs=1e-6)


def test_a_long_text_weighs_its_label_once_in_a_weighted_loss(tiny_bert: Path, decide: Any):
    rows = [{"text": words(25, 1), "label": "long"}, {"text": words(4, 2), "label": "short"}]
    task, splits, recipe = prepared(
        tiny_bert,
        rows,
        data_validation=rows,
        data_max_length=12,
        data_long_text="window",
        tune_class_weights={"long": 3.0, "short": 0.5},
    )
    model = decide(task.build_model(recipe.model))
    batch = splits.train.batch([0, 1])
    assert batch.targets["windows"].tolist() == [4, 1]
    loss = task.loss(model(**batch.inputs), batch, training=True)
    assert float(loss.count) == pytest.approx(3.5)
    losses = [
        [float(F.cross_entropy(alone(model, row), torch.tensor(label))) for row in text.rows]
        for label, text in enumerate(splits.train.encoded)
    ]
    expected = 3.0 * np.mean(losses[0]) + 0.5 * np.mean(losses[1])
    assert float(loss.total.detach()) == pytest.approx(expected, abs=1e-5)


# ---- labels ----------------------------------------------------------------------------------


def saved_config(task: Any, recipe: Any, folder: Path) -> Any:
    task.build_model(recipe.model).save_pretrained(folder)
    return json.loads((folder / "config.json").read_text())


def test_the_label_set_is_that_of_training_and_is_saved_by_name(tiny_bert: Path, tmp_path: Path):
    rows = three_classes()
    held_out = [{"text": "a film", "label": "fine"}]
    task, splits, recipe = prepared(tiny_bert, rows, data_validation=held_out)
    assert task.label_names == ["bad", "fine", "good"]
    assert list(splits.validation.references()) == ["fine"]
    assert splits.validation.targets.tolist() == [1]
    config = saved_config(task, recipe, tmp_path)
    assert config["id2label"] == {"0": "bad", "1": "fine", "2": "good"}
    assert config["label2id"] == {"bad": 0, "fine": 1, "good": 2}
    assert config["problem_type"] == "single_label_classification"
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert (loaded.num_labels, loaded.id2label) == (3, {0: "bad", 1: "fine", 2: "good"})


def test_a_label_that_only_validation_has_is_refused(tiny_bert: Path, csv_file: Any):
    train = csv_file("train.csv", three_classes())
    held_out = [*three_classes(3), *[{"text": "x", "label": "superb"}] * 2]
    validation = csv_file("held.csv", held_out)
    with pytest.raises(DataError) as caught:
        prepared(tiny_bert, str(train), data_validation=str(validation))
    assert_wording(caught.value)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 2, 0, 2], ["0", "2", "10"]),
        ([1.0, 0.0, 1.0, 0.0], ["0", "1"]),
        ([True, False, True, False], ["False", "True"]),
        (["10", "9", "-1", "9"], ["-1", "9", "10"]),
        (["b", "a", "10", "9"], ["10", "9", "a", "b"]),
        (["é", "e", "Z", "e"], ["Z", "e", "é"]),
    ],
)
def test_labels_of_any_kind_become_sorted_names(tiny_bert: Path, values: list[Any], names: list):
    rows = [{"text": "a film", "label": value} for value in values]
    task, splits, _ = prepared(tiny_bert, rows, data_validation=rows)
    assert task.problem_type == "single_label_classification"
    assert task.label_names == names
    assert [names[i] for i in splits.train.targets] == list(splits.train.references())
    assert sorted(Counter(splits.train.targets.tolist()).values()) == sorted(
        Counter(map(str, values)).values()
    )


def test_a_given_list_of_labels_fixes_their_order_and_may_hold_more(
    tiny_bert: Path, tmp_path: Path
):
    given = ["good", "superb", "fine", "bad"]
    task, splits, recipe = prepared(
        tiny_bert, three_classes(), data_validation=three_classes(), data_labels=given
    )
    assert task.label_names == given
    assert splits.train.targets.tolist() == [given.index(row["label"]) for row in three_classes()]
    config = saved_config(task, recipe, tmp_path)
    assert config["id2label"] == {"0": "good", "1": "superb", "2": "fine", "3": "bad"}


def test_a_given_map_names_the_values_of_the_file(tiny_bert: Path, tmp_path: Path):
    rows = [{"text": "a film", "label": value} for value in (1, 0, 2, 1)]
    task, splits, recipe = prepared(
        tiny_bert, rows, data_validation=rows, data_labels={"0": "no", "1": "yes", "2": "no"}
    )
    assert task.label_names == ["no", "yes"]
    assert list(splits.train.references()) == ["yes", "no", "no", "yes"]
    assert splits.train.targets.tolist() == [1, 0, 0, 1]
    assert saved_config(task, recipe, tmp_path)["label2id"] == {"no": 0, "yes": 1}


def test_a_label_that_the_given_list_lacks_is_refused(tiny_bert: Path, csv_file: Any):
    train = csv_file("train.csv", three_classes())
    with pytest.raises(DataError) as caught:
        prepared(tiny_bert, str(train), data_labels=["good", "bad"])
    first = next(i for i, row in enumerate(three_classes()) if row["label"] == "fine")
    count = sum(row["label"] == "fine" for row in three_classes())
    assert str(caught.value).startswith(
        f"{train}, line {first + 2}: train has the label 'fine' ({count} row"
    )
    assert str(caught.value).endswith(
        "which data.labels does not list; the known labels are: good, bad. "
        "Fix the row, or list it with 'data.labels=[good, bad, fine]'"
    )


def test_several_columns_of_0_and_1_are_several_labels(
    tiny_bert: Path, csv_file: Any, tmp_path: Path
):
    rows = [
        {"text": "a film", "sport": 1, "art": 0, "war": 0},
        {"text": "a book", "sport": 0, "art": 0, "war": 0},
        {"text": "a song", "sport": "True", "art": "1.0", "war": "false"},
    ]
    source = str(csv_file("many.csv", rows))
    task, splits, recipe = prepared(
        tiny_bert, source, data_validation=source, data_label=["sport", "art", "war"]
    )
    assert task.label_names == ["sport", "art", "war"]  # war is 0 in every row and stays
    assert splits.train.targets.tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert list(splits.train.references()) == [["sport"], [], ["sport", "art"]]
    assert saved_config(task, recipe, tmp_path)["problem_type"] == "multi_label_classification"


def test_a_separator_splits_a_cell_into_labels(tiny_bert: Path, csv_file: Any):
    rows = [
        {"text": "a film", "label": "sport; music"},
        {"text": "a book", "label": ""},
        {"text": "a song", "label": "music;music;art;"},
    ]
    source = str(csv_file("many.csv", rows))
    task, splits, _ = prepared(tiny_bert, source, data_validation=source, data_label_separator=";")
    assert task.problem_type == "multi_label_classification"
    assert task.label_names == ["art", "music", "sport"]
    assert splits.train.targets.tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize("as_file", [True, False])
def test_numbers_with_a_fraction_are_a_regression(
    tiny_bert: Path, csv_file: Any, tmp_path: Path, as_file: bool
):
    rows = [{"text": "a film", "label": value} for value in (1, 2.5, -3.25, 4)]
    source = str(csv_file("numbers.csv", rows)) if as_file else rows
    task, splits, recipe = prepared(tiny_bert, source, data_validation=source)
    assert task.problem_type == "regression"
    assert splits.train.targets.dtype == np.float32
    assert splits.train.targets.tolist() == [1.0, 2.5, -3.25, 4.0]
    config = saved_config(task, recipe, tmp_path)
    assert config["problem_type"] == "regression"
    assert AutoConfig.from_pretrained(tmp_path).num_labels == 1


def test_whole_numbers_are_a_regression_where_the_recipe_says_so(tiny_bert: Path):
    rows = [{"text": "a film", "label": value} for value in (1, 2, 5)]
    task, splits, _ = prepared(
        tiny_bert, rows, data_validation=rows, data_problem_type="regression"
    )
    assert task.label_names == ["label"]
    assert splits.train.targets.tolist() == [1.0, 2.0, 5.0]


# ---- splits ----------------------------------------------------------------------------------


def test_a_validation_split_is_held_out_stratified_and_said_so(tiny_bert: Path, csv_file: Any):
    rows = [{"text": words(3, i), "label": "a" if i % 4 else "b"} for i in range(80)]
    source = csv_file("train.csv", rows)
    _, splits, _ = prepared(tiny_bert, str(source), data_validation_share=0.2, train_seed=5)
    assert Counter(splits.validation.references()) == {"a": 12, "b": 4}
    assert Counter(splits.train.references()) == {"a": 48, "b": 16}
    places = {split.describe(i)["where"] for split in (splits.train, splits.validation)
              for i in range(len(split))}  # fmt: skip
    assert places == {f"{source}, line {line}" for line in range(2, 82)}
    assert splits.facts[0] == (
        f"validation: 16 of 80 rows held out from {source} (stratified, seed 5), because no "
        "validation split was given"
    )


def test_max_samples_keeps_the_proportions_and_is_said(tiny_bert: Path, csv_file: Any):
    rows = [{"text": words(3, i), "label": "a" if i % 4 else "b"} for i in range(80)]
    source = str(csv_file("train.csv", rows))
    _, splits, _ = prepared(
        tiny_bert, source, data_validation=rows[:12], data_test=rows[:7], data_max_samples=8
    )
    assert {name: len(split) for name, split in splits.named().items()} == {
        "train": 8,
        "validation": 8,
        "test": 7,
    }
    assert Counter(splits.train.references()) == {"a": 6, "b": 2}
    assert splits.facts[:2] == [
        "train: 8 of 80 rows (max_samples)",
        "validation: 8 of 12 rows (max_samples)",
    ]


# ---- long texts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "lost", "way"),
    [
        ("truncate", "lost 50 of 75 tokens (66.7 %)", ""),
        ("head_tail", "lost 50 of 75 tokens (66.7 %)", ""),
        # Ten tokens fit and two are shared: 30 need windows at 0, 8, 16, 20, and 40 at 0, 8, 16,
        # 24, 30.
        ("window", "lost 0 of 75 tokens (0.0 %)", ", read in 9 windows"),
    ],
)
def test_how_much_of_the_text_was_lost_is_said(tiny_bert: Path, policy: str, lost: str, way: str):
    rows = [{"text": words(n), "label": name} for n, name in ((5, "a"), (30, "b"), (40, "a"))]
    _, splits, _ = prepared(
        tiny_bert,
        rows,
        data_validation=rows[:1],
        data_max_length=12,
        data_long_text=policy,
        data_stride=2,
    )
    assert splits.facts == [
        f"train: {lost}; 2 of 3 texts are longer than 12 tokens{way} (data.long_text={policy})",
        "validation: lost 0 of 5 tokens (every text fits 12)",
        "validation: `b` is not measured, for no row has it; macro averages leave out a label that "
        "is neither true nor predicted",
    ]


def test_truncation_and_head_tail_keep_what_they_say(tiny_bert: Path):
    rows = [{"text": words(30), "label": "a"}, {"text": words(3), "label": "b"}]
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    ids = tokenizer(rows[0]["text"], add_special_tokens=False)["input_ids"]
    cut = tokenizer(rows[0]["text"], truncation=True, max_length=12)["input_ids"]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    expected = {"truncate": [cut], "head_tail": [[cls, *ids[:2], *ids[-8:], sep]]}
    for policy, wanted in expected.items():
        _, splits, _ = prepared(
            tiny_bert, rows, data_validation=rows, data_max_length=12, data_long_text=policy
        )
        assert splits.train.encoded[0].rows == wanted, policy


def test_a_long_text_can_be_refused(tiny_bert: Path, csv_file: Any):
    rows = [{"text": words(3), "label": "a"}, {"text": words(11), "label": "b"}]
    source = csv_file("train.csv", rows)
    with pytest.raises(DataError) as caught:
        prepared(
            tiny_bert,
            str(source),
            data_validation=str(source),
            data_max_length=12,
            data_long_text="error",
        )
    assert_wording(caught.value)


def test_a_text_of_exactly_the_longest_length_is_not_long(tiny_bert: Path):
    rows = [{"text": words(10), "label": "a"}, {"text": words(9), "label": "b"}]
    _, splits, _ = prepared(
        tiny_bert, rows, data_validation=rows, data_max_length=12, data_long_text="error"
    )
    assert splits.train.lengths.tolist() == [12, 11]


def test_a_length_above_the_limit_of_the_model_is_refused(tiny_bert: Path):
    with pytest.raises(ConfigError) as caught:
        prepared(tiny_bert, three_classes(), data_max_length=65)
    assert_wording(caught.value)


def test_a_length_without_room_for_a_text_is_refused(tiny_bert: Path):
    with pytest.raises(ConfigError) as caught:
        prepared(tiny_bert, three_classes(), data_max_length=3)
    assert_wording(caught.value)


def test_the_default_length_is_the_limit_of_the_model(tiny_bert: Path):
    rows = [{"text": words(200), "label": "a"}, {"text": words(3), "label": "b"}]
    _, splits, _ = prepared(tiny_bert, rows, data_validation=rows, data_max_length=None)
    assert splits.train.lengths.tolist() == [64, 5]


# ---- models ----------------------------------------------------------------------------------


AWKWARD = [
    "what a good film",
    "",
    "bad",
    words(28),
    "was\r\nlong  !",
    "é́ 🎬 na\u0308ive",
    "a",
]


def one_by_one(task: Any, model: Any, texts: list[str]) -> list[list[float]]:
    """Scores of each text in a batch of its own."""
    scores = []
    for text in texts:
        batch = task.encode([text], None).batch([0])
        with torch.no_grad():
            scores.append(task.scores(model(**batch.inputs), batch)[0].tolist())
    return scores


def test_predictions_do_not_depend_on_the_other_texts_of_a_batch(
    tiny_bert: Path, make_classifier: Any
):
    folder = make_classifier(tiny_bert, num_labels=3)
    task = task_for_model(folder, load_recipe("sentiment", {"data.max_length": 32}))
    model = task.load_model()
    split = task.encode(AWKWARD, None)
    batch = split.batch(range(len(AWKWARD)))
    assert batch.inputs["input_ids"].shape == (7, 30)
    with torch.no_grad():
        together = task.scores(model(**batch.inputs), batch)
    np.testing.assert_allclose(together.numpy(), one_by_one(task, model, AWKWARD), atol=1e-5)
    assert float(together.std(0).min()) > 1e-4  # the texts do differ


@pytest.mark.parametrize("side", ["right", "left"])
def test_gpt2_classifies_alike_alone_and_in_a_batch(
    tiny_gpt2: Path, make_classifier: Any, side: str
):
    folder = make_classifier(tiny_gpt2, num_labels=3, pad_token_id=0)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": side}))
    assert AutoTokenizer.from_pretrained(folder).padding_side == side
    task = task_for_model(folder, load_recipe("sentiment", {"data.max_length": 64}))
    model = task.load_model()
    texts = [text for text in AWKWARD if text]
    batch = task.encode(texts, None).batch(range(len(texts)))
    with torch.no_grad():
        together = task.scores(model(**batch.inputs), batch)
    np.testing.assert_allclose(together.numpy(), one_by_one(task, model, texts), atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    reference = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = [reference(**tokenizer(t, return_tensors="pt")).logits[0] for t in texts]
    expected = torch.stack(logits).double().softmax(-1).numpy()
    np.testing.assert_allclose(together.numpy(), expected, atol=1e-5)
    assert float(together.std(0).min()) > 1e-4


def test_gpt2_gets_its_end_token_to_pad_with(tiny_gpt2: Path, tmp_path: Path, decide: Any):
    assert AutoTokenizer.from_pretrained(tiny_gpt2).pad_token_id is None
    task, splits, recipe = prepared(
        tiny_gpt2, three_classes(), data_validation=three_classes(), data_max_length=64
    )
    assert task.padding.pad_id == 0
    model = decide(task.build_model(recipe.model))
    assert model.config.pad_token_id == 0
    model.save_pretrained(tmp_path)
    task.save(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).pad_token == "<|endoftext|>"
    assert AutoConfig.from_pretrained(tmp_path).pad_token_id == 0
    assert splits.train.batch([0, 1]).inputs["input_ids"].dtype == torch.int64


def test_gpt2_can_read_an_empty_text(tiny_gpt2: Path, make_classifier: Any):
    """It adds no special tokens: nothing would be left to look at, alone or in a batch."""
    folder = make_classifier(tiny_gpt2, num_labels=3, pad_token_id=0)
    task = task_for_model(folder, load_recipe("sentiment", {"data.max_length": 64}))
    model = task.load_model()
    texts = ["", "what a good film"]
    batch = task.encode(texts, None).batch([0, 1])
    with torch.no_grad():
        together = task.scores(model(**batch.inputs), batch)
    np.testing.assert_allclose(together.numpy(), one_by_one(task, model, texts), atol=1e-5)


def test_sizes_of_its_own_make_a_fresh_model(tiny_bert: Path):
    task, _, recipe = prepared(
        tiny_bert, three_classes(), data_validation=three_classes(), model_config={
            "num_hidden_layers": 1, "hidden_size": 16,
        },
    )  # fmt: skip
    model = task.build_model(recipe.model)
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (1, 16)
    assert len(task.new_parameters) == len(list(model.parameters()))


@pytest.mark.parametrize("problem_type", list(METRIC_NAMES))
def test_the_names_of_the_metrics_are_those_that_are_given(problem_type: str) -> None:
    answer = {"single_label_classification": "a", "multi_label_classification": ["a"]}
    answers = [answer.get(problem_type, 0.5)]
    found = answer_metrics([{"prediction": answers[0]}], answers, ["a", "b"], problem_type)
    assert list(found) == METRIC_NAMES[problem_type]
