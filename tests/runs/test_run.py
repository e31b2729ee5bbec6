"""A run from end to end: what it leaves, who can open it, and that it can be done again."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas
import pytest
import torch
from helpers.wording import assert_wording
from safetensors.torch import load_file
from sklearn import metrics as sk

import hfdl
from hfdl.config.load import load_recipe
from hfdl.errors import ConfigError, DataError, OutputError
from hfdl.runs import run as running
from hfdl.training.events import Evaluated, Event, Finished, Noted, Planned, Updated

# What docs and ARCHITECTURE promise, and nothing else.
LEFT = {
    "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "recipe.yaml",
    "metrics.json", "log.jsonl", "predictions.jsonl", "report.html", "README.md", "checkpoints",
}  # fmt: skip
CHECKPOINT = {
    "model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json",
    "manifest.json", "recipe.yaml",
}  # fmt: skip


def silent(event: Event) -> None:
    """A listener that says nothing."""


def quick(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The tiny recipe in three updates; ``data_test="x"`` overrides ``data.test``."""
    keys = {key.replace("_", ".", 1): value for key, value in more.items()}
    return {**settings, "train.steps": 3, **keys}


def records(run: Path, split: str | None = None) -> list[dict[str, Any]]:
    """The lines of predictions.jsonl, of one split if it is named."""
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [record for record in found if split in (None, record["split"])]


def metrics_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def same_weights(a: Path, b: Path) -> int:
    """Assert bitwise equal weights; how many tensors were compared."""
    one, other = (load_file(folder / "model.safetensors") for folder in (a, b))
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
    return len(one)


def python(code: str, *arguments: str, **environment: str) -> str:
    """Run a program in a process of its own; its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# ---- what is left ------------------------------------------------------------------------------


def test_a_run_leaves_exactly_what_is_promised(trained: Path):
    assert {entry.name for entry in trained.iterdir()} == LEFT
    assert [entry.name for entry in (trained / "checkpoints").iterdir()] == ["step-000056"]
    kept = trained / "checkpoints" / "step-000056"
    assert {entry.name for entry in kept.iterdir()} == CHECKPOINT


def test_nothing_that_is_left_is_a_pickle(trained: Path):
    files = [path for path in trained.rglob("*") if path.is_file()]
    assert len(files) == len(LEFT) - 1 + len(CHECKPOINT)
    allowed = {".safetensors", ".json", ".jsonl", ".yaml", ".html", ".md"}
    assert {path.suffix for path in files} == allowed
    for path in files:
        head = path.read_bytes()[:2]
        # A pickle of protocol 2 or later begins 80 02..05; a zip (torch.save) with PK.
        assert head[:1] != b"\x80", path
        assert head != b"PK", path


def test_metrics_json_says_what_it_promises(trained: Path):
    found = metrics_of(trained)
    assert set(found) == {
        "task", "problem_type", "labels", "best", "train", "validation", "test", "runtime",
        "environment",
    }  # fmt: skip
    assert found["task"] == "text_classification"
    assert found["problem_type"] == "single_label_classification"
    assert found["labels"] == ["negative", "positive"]
    assert set(found["runtime"]) == {
        "seconds", "steps", "samples_per_second", "tokens_per_second", "peak_memory_bytes",
    }  # fmt: skip
    assert found["runtime"]["steps"] == 56  # 108 of 120 rows in batches of 8, four times
    assert found["runtime"]["peak_memory_bytes"] > 10**7
    names = {"accuracy", "f1", "precision", "recall", "matthews_correlation", "loss"}
    assert set(found["validation"]) == set(found["test"]) == names
    assert set(found["train"]) == {"loss"}
    assert found["best"]["metric"] == "accuracy"
    assert found["best"]["value"] == found["validation"]["accuracy"]
    assert found["best"]["epoch"] == found["best"]["step"] / 14
    assert {"python", "torch", "transformers", "device", "precision", "processes"} <= set(
        found["environment"]
    )


def test_figures_equal_those_of_scikit_learn(trained: Path):
    compared = 0
    for split, size in (("validation", 12), ("test", 30)):
        rows = records(trained, split)
        assert [row["index"] for row in rows] == list(range(size))
        truth = [row["label"] for row in rows]
        guess = [row["prediction"] for row in rows]
        average = {"average": "macro", "zero_division": 0}
        probabilities = [[row["scores"][name] for name in ("negative", "positive")] for row in rows]
        expected = {
            "accuracy": sk.accuracy_score(truth, guess),
            "f1": sk.f1_score(truth, guess, **average),
            "precision": sk.precision_score(truth, guess, **average),
            "recall": sk.recall_score(truth, guess, **average),
            "matthews_correlation": sk.matthews_corrcoef(truth, guess),
            "loss": sk.log_loss(truth, probabilities, labels=["negative", "positive"]),
        }
        found = metrics_of(trained)[split]
        assert found == pytest.approx(expected, abs=1e-6)
        compared += len(found)
    assert compared == 12


def test_predictions_say_where_each_text_stands(trained: Path):
    held = records(trained, "validation")
    test = records(trained, "test")
    assert [row["where"] for row in test] == [
        f"{trained.parent / 'test.csv'}, line {line}" for line in range(2, 32)
    ]
    lines = (trained.parent / "train.csv").read_text().splitlines()
    for row in held:
        number = int(row["where"].rpartition(" ")[2])
        assert row["text"].strip('"') in lines[number - 1]
        assert lines[number - 1].endswith(f",{row['label']}")
    assert all(row["score"] == max(row["scores"].values()) for row in held + test)
    assert all(row["scores"][row["prediction"]] == row["score"] for row in held + test)


def test_the_log_tells_the_run(trained: Path):
    lines = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    updates = [line for line in lines if line["event"] == "update"]
    assert [line["step"] for line in updates] == list(range(1, 57))
    mean = sum(u["loss"] * u["examples"] for u in updates) / sum(u["examples"] for u in updates)
    assert metrics_of(trained)["train"]["loss"] == pytest.approx(mean, rel=1e-9)
    assert [line["step"] for line in lines if line["event"] == "evaluation"] == [14, 28, 42, 56]
    assert lines[-1]["event"] == "end"
    assert lines[-1]["reason"] == "completed"


PLAIN = """
import sys
sys.modules["hfdl"] = None   # an import of it would raise
import json, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder = sys.argv[1]
model = AutoModelForSequenceClassification.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
answers = []
for line in open(folder + "/predictions.jsonl", encoding="utf-8"):
    text = json.loads(line)["text"]
    inputs = tokenizer(text, truncation=True, max_length=32, return_tensors="pt")
    with torch.no_grad():
        scores = model(**inputs).logits[0].double().softmax(-1).tolist()
    answers.append({model.config.id2label[i]: score for i, score in enumerate(scores)})
modules = [name for name in sys.modules if name.split(".")[0] == "hfdl"]
print(json.dumps([answers, repr(model.dtype), modules]))
"""


def test_plain_transformers_opens_the_folder_and_gives_the_same_scores(trained: Path):
    answers, dtype, modules = json.loads(python(PLAIN, str(trained)).splitlines()[-1])
    assert modules == ["hfdl"]  # the None that bars it
    assert dtype == "torch.float32"
    rows = records(trained)
    assert len(answers) == len(rows) == 42
    for answer, row in zip(answers, rows, strict=True):
        assert answer == pytest.approx(row["scores"], abs=1e-6)


def test_the_pipeline_of_a_run_gives_the_scores_of_its_predictions(settings: Any, tmp_path: Path):
    run = hfdl.train("sentiment", quick(settings), output=tmp_path / "run", listener=silent)
    assert run.directory == tmp_path / "run"
    assert run.metrics == metrics_of(run.directory)
    assert run.recipe == load_recipe(run.directory / "recipe.yaml")
    rows = records(run.directory, "validation")
    assert len(rows) == 12
    answers = run.pipeline(top_k=None)([row["text"] for row in rows])
    for answer, row in zip(answers, rows, strict=True):
        found = {one["label"]: one["score"] for one in answer}
        assert found == pytest.approx(row["scores"], abs=1e-6)
    assert run.pipeline(batch_size=1).batch_size == 1


# ---- the same run again ------------------------------------------------------------------------


def test_recipe_yaml_replays_to_the_same_weights(settings: Any, tmp_path: Path):
    first = hfdl.train("sentiment", quick(settings), output=tmp_path / "a", listener=silent)
    for name, recipe in (("b", tmp_path / "a" / "recipe.yaml"), ("c", str(tmp_path / "a"))):
        again = hfdl.train(recipe, output=tmp_path / name, listener=silent)
        assert again.recipe == first.recipe
        assert same_weights(tmp_path / "a", tmp_path / name) == 41
        assert records(tmp_path / "a") == records(tmp_path / name)
        for part in ("train", "validation", "best"):
            assert again.metrics[part] == first.metrics[part]
    other = quick(settings, train_seed=1)
    hfdl.train("sentiment", other, output=tmp_path / "d", listener=silent)
    with pytest.raises(AssertionError):
        same_weights(tmp_path / "a", tmp_path / "d")


def test_a_run_does_not_depend_on_the_random_state_it_finds(settings: Any, tmp_path: Path):
    for seed, name in ((1, "a"), (2, "b")):
        torch.manual_seed(seed)
        hfdl.train("sentiment", quick(settings), output=tmp_path / name, listener=silent)
    assert same_weights(tmp_path / "a", tmp_path / "b") == 41


def rows_of(file: Path) -> list[dict[str, str]]:
    return pandas.read_csv(file).to_dict("records")


SOURCES: dict[str, Callable[[Path], Any]] = {
    "Path": lambda file: file,
    "Dataset": lambda file: datasets.Dataset.from_list(rows_of(file)),
    "DatasetDict": lambda file: datasets.DatasetDict(
        {"train": datasets.Dataset.from_list(rows_of(file))}
    ),
    "DataFrame": pandas.read_csv,
    "list of dicts": rows_of,
    "dict of lists": lambda file: pandas.read_csv(file).to_dict("list"),
    "dict of splits": lambda file: {"train": rows_of(file)},
}


def test_data_of_every_kind_gives_the_same_run(settings: Any, reviews_csv: Path, tmp_path: Path):
    hfdl.train("sentiment", quick(settings), output=tmp_path / "file", listener=silent)
    compared = 0
    for kind, read in SOURCES.items():
        output = tmp_path / kind
        overrides = quick(settings, data_train=read(reviews_csv))
        run = hfdl.train("sentiment", overrides, output=output, listener=silent)
        assert same_weights(tmp_path / "file", output) == 41, kind
        assert run.metrics["validation"] == metrics_of(tmp_path / "file")["validation"], kind
        compared += 1
    assert compared == 7


def test_a_data_set_of_splits_brings_its_own_validation_and_test(
    settings: Any, reviews_csv: Path, tmp_path: Path
):
    rows = rows_of(reviews_csv)
    splits = {"train": rows[:80], "validation": rows[80:100], "test": rows[100:]}
    data = datasets.DatasetDict({k: datasets.Dataset.from_list(v) for k, v in splits.items()})
    overrides = quick(settings, data_train=data)
    hfdl.train("sentiment", overrides, output=tmp_path / "run", listener=silent)
    found = {split: [row["text"] for row in records(tmp_path / "run", split)] for split in splits}
    assert found == {
        "train": [],
        "validation": [row["text"] for row in rows[80:100]],
        "test": [row["text"] for row in rows[100:]],
    }


def test_a_run_on_data_in_memory_says_that_it_cannot_be_redone_without_it(
    settings: Any, reviews_csv: Path, tmp_path: Path
):
    overrides = quick(settings, data_train=rows_of(reviews_csv))
    run = hfdl.train("sentiment", overrides, output=tmp_path / "run", listener=silent)
    message = (
        "memory://train: the data was an object in memory; a recipe cannot hold it. "
        "Give it again from Python, or name a file: data.{}=FILE"
    )
    with pytest.raises(DataError) as caught:
        hfdl.train(run.directory, output=tmp_path / "again", listener=silent)
    assert str(caught.value) == message.format("train")
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(run.directory, listener=silent)
    assert str(caught.value) == message.format("validation")
    assert not (tmp_path / "again").exists()
    again = {"data.train": rows_of(reviews_csv)}
    hfdl.train(run.directory, again, output=tmp_path / "again", listener=silent)
    assert same_weights(run.directory, tmp_path / "again") == 41
    found = hfdl.evaluate(run.directory, again, listener=silent)
    assert found["validation"] == pytest.approx(run.metrics["validation"], abs=1e-6)


def test_nested_and_dotted_overrides_mean_the_same(settings: Any, tmp_path: Path):
    nested: dict[str, Any] = {}
    for key, value in quick(settings).items():
        section, name = key.split(".")
        nested.setdefault(section, {})[name] = value
    a = hfdl.train("sentiment", quick(settings), output=tmp_path / "a", listener=silent)
    b = hfdl.train("sentiment", nested, output=tmp_path / "b", listener=silent)
    assert a.recipe == b.recipe
    assert a.recipe.train.steps == 3
    assert same_weights(tmp_path / "a", tmp_path / "b") == 41


def test_the_listener_hears_the_whole_run(settings: Any, tmp_path: Path):
    heard: list[Event] = []
    run = hfdl.train("sentiment", quick(settings), output=tmp_path / "run", listener=heard.append)
    kinds = [type(event) for event in heard]
    assert kinds.count(Planned) == 1
    assert kinds.count(Updated) == 3
    assert kinds.count(Evaluated) == 1
    assert kinds[-1] is Finished
    facts = [event.text for event in heard if isinstance(event, Noted)]
    assert facts[0] == (
        f"validation: 12 of 120 rows held out from {settings['data.train']} (stratified, seed 0), "
        "because no validation split was given"
    )
    assert "train: lost 0 of 841 tokens (every text fits 32)" in facts
    logged = [json.loads(line) for line in (run.directory / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in logged] == [event.kind for event in heard]


# ---- evaluate ----------------------------------------------------------------------------------


def test_evaluate_gives_the_metrics_of_the_run_on_all_its_held_out_splits(trained: Path):
    found = hfdl.evaluate(trained, listener=silent)
    assert set(found) == {"validation", "test"}
    for split, metrics in found.items():
        assert metrics == pytest.approx(metrics_of(trained)[split], abs=1e-6)


@pytest.mark.parametrize(
    "more",
    [
        {"tune_class_weights": "balanced"},
        {"tune_class_weights": {"negative": 7.0}, "data_max_length": 8, "data_long_text": "window"},
        {"data_max_length": 8, "data_long_text": "head_tail", "data_max_samples": 40},
        {"train_precision": "bf16"},
        {"train_seed": 11, "data_validation_share": 0.3},
    ],
)
def test_evaluate_agrees_with_the_run_however_it_was_trained(
    settings: Any, tmp_path: Path, csv_file: Any, more: dict[str, Any]
):
    test = str(csv_file("test.csv", 30))
    overrides = quick(settings, data_test=test, **more)
    run = hfdl.train("sentiment", overrides, output=tmp_path / "run", listener=silent)
    found = hfdl.evaluate(run.directory, listener=silent)
    assert set(found) == {"validation", "test"}
    for split, metrics in found.items():
        assert metrics == pytest.approx(run.metrics[split], abs=1e-6)


def test_evaluate_on_a_file_looks_at_that_file_alone(trained: Path, csv_file: Any):
    rows = [
        {"text": "what a good film", "label": "positive"},
        {"text": "what a bad film", "label": "positive"},
        {"text": "what a dreadful song", "label": "negative"},
    ]
    found = hfdl.evaluate(trained, {"data.test": csv_file("mine.csv", rows)}, listener=silent)
    assert set(found) == {"test"}
    answers = hfdl.pipeline("sentiment", model=trained, top_k=None)([row["text"] for row in rows])
    guess = [answer[0]["label"] for answer in answers]
    truth = [row["label"] for row in rows]
    right = [
        next(one["score"] for one in answer if one["label"] == label)
        for answer, label in zip(answers, truth, strict=True)
    ]
    assert found["test"]["accuracy"] == sk.accuracy_score(truth, guess)
    assert found["test"]["f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    loss = -sum(math.log(score) for score in right) / 3
    assert found["test"]["loss"] == pytest.approx(loss, abs=1e-6)


def test_evaluate_takes_objects_and_other_columns(trained: Path):
    rows = [{"review": "what a good film", "verdict": "positive"}] * 3
    overrides = {"data": {"validation": rows, "text": "review", "label": "verdict"}}
    found = hfdl.evaluate(trained, overrides, listener=silent)
    assert set(found) == {"validation"}
    guess = hfdl.pipeline("sentiment", model=trained)("what a good film")[0]["label"]
    assert found["validation"]["accuracy"] == float(guess == "positive")


def test_evaluate_reads_a_folder_that_hfdl_did_not_train(
    tiny_bert: Path, make_classifier: Any, csv_file: Any
):
    names = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    folder = make_classifier(tiny_bert, num_labels=2, **names)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rows = [
        {"text": text, "label": label}
        for text, label in (("a film", "yes"), ("bad book", "no"), ("the song was long", "no"))
    ]
    found = hfdl.evaluate(folder, {"data.test": csv_file("t.csv", rows)}, listener=silent)["test"]
    import transformers

    answers = transformers.pipeline("text-classification", model=str(folder), top_k=None)(
        [row["text"] for row in rows]
    )
    truth = [row["label"] for row in rows]
    guess = [answer[0]["label"] for answer in answers]
    assert found["accuracy"] == sk.accuracy_score(truth, guess)
    right = [
        next(one["score"] for one in answer if one["label"] == label)
        for answer, label in zip(answers, truth, strict=True)
    ]
    loss = -sum(math.log(score) for score in right) / 3
    assert found["loss"] == pytest.approx(loss, abs=1e-6)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_evaluate_without_data_says_what_is_missing(tiny_bert: Path, make_classifier: Any):
    folder = make_classifier(tiny_bert, num_labels=2)
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(folder, listener=silent)
    assert_wording(caught.value)


def test_evaluate_refuses_a_label_that_the_model_does_not_have(trained: Path, csv_file: Any):
    file = csv_file("t.csv", [{"text": "a film", "label": "neutral"}])
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(trained, {"data.test": str(file)}, listener=silent)
    assert_wording(caught.value)


# ---- plan --------------------------------------------------------------------------------------


def test_a_plan_writes_nothing_and_says_what_would_run(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    monkeypatch.chdir(workplace)
    before = sorted(path for path in tmp_path.rglob("*"))
    heard: list[Event] = []
    overrides = {**settings, "data.test": settings["data.train"], "train.micro_batch_size": 4}
    plan = running.plan("sentiment", overrides, listener=heard.append)
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert plan.task == "text_classification"
    assert plan.model == settings["model.name"]
    assert plan.labels == ["negative", "positive"]
    assert plan.examples == {"train": 108, "validation": 12, "test": 120}
    assert (plan.epochs, plan.steps) == (2.0, 28)
    assert (plan.batch_size, plan.micro_batch_size) == (8, 4)
    assert plan.parameters == plan.trainable == 23458
    assert (plan.precision, plan.device, plan.processes) == ("float32", "cpu", 1)
    # 841 tokens of text, and [CLS] and [SEP] around each of 108, twice.
    assert plan.tokens == 2 * (841 + 2 * 108)
    assert plan.seconds is not None
    assert 0 < plan.seconds < 600
    assert plan.memory_bytes is not None
    assert plan.memory_bytes > 10**7
    assert heard[-1] is plan
    assert {type(event) for event in heard[:-1]} == {Noted}


def test_a_plan_promises_the_steps_that_the_run_makes(settings: Any, tmp_path: Path):
    overrides = {**settings, "train.epochs": 0.5}
    plan = running.plan("sentiment", overrides, listener=silent)
    run = hfdl.train("sentiment", overrides, output=tmp_path / "run", listener=silent)
    assert plan.steps == run.metrics["runtime"]["steps"] == 7


# ---- safety ------------------------------------------------------------------------------------

GUARDED = """
import json, socket, sys
watching = False
events = []

def hook(event, arguments):
    if not watching:
        return
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        if event == "socket.connect" and arguments[0].family == socket.AF_UNIX:
            return
        events.append(event)
        raise RuntimeError("network")
    if event == "pickle.find_class":
        events.append(event)
        raise RuntimeError("pickle")

sys.addaudithook(hook)
import torch, pickle, pathlib, transformers, accelerate, datasets  # they may do as they like
import hfdl, hfdl.runs.run

def refuse(*arguments, **keywords):
    events.append("load")
    raise RuntimeError("pickle")

class Refused(pickle.Unpickler):  # a class, for torch derives from it when it is imported
    __init__ = refuse

kept = pickle.loads, pickle.dumps(pathlib.Path("a"))
pickle.load = pickle.loads = torch.load = refuse
pickle.Unpickler = Refused
watching = True

# The guards guard.
for attempt in (
    lambda: kept[0](kept[1]),
    lambda: pickle.loads(kept[1]),
    lambda: pickle.Unpickler(None),
    lambda: torch.load("x"),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.socket().connect(("127.0.0.1", 9)),
):
    try:
        attempt()
    except RuntimeError:
        continue
    raise SystemExit("a guard is asleep")
assert len(events) == 6, events
events.clear()

overrides, output = json.loads(sys.argv[1]), sys.argv[2]
quiet = lambda event: None
run = hfdl.train("sentiment", overrides, output=output, listener=quiet)
hfdl.train("sentiment", overrides, output=output, resume=True, listener=quiet)
found = hfdl.evaluate(output, listener=quiet)
answers = hfdl.pipeline("sentiment", model=output)(["a good film", "bad"])
hfdl.runs.run.plan("sentiment", overrides, listener=quiet)
assert len(answers) == 2 and set(found) == {"validation"}
print(json.dumps(events))
"""


def test_no_pickle_is_read_and_no_network_touched(settings: Any, tmp_path: Path):
    """In a process that may go online: nothing tries to."""
    arguments = json.dumps(quick(settings)), str(tmp_path / "run")
    out = python(GUARDED, *arguments, HF_HUB_OFFLINE="0", HF_HOME=str(tmp_path / "home"))
    assert json.loads(out.splitlines()[-1]) == []


def test_the_guards_hold_in_this_process_too(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import pickle
    import socket

    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise AssertionError("a pickle was read or the network touched")

    for module, name in (
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (pickle, "_Unpickler"),
        (torch, "load"),
        (socket, "create_connection"),
        (socket, "getaddrinfo"),
        (socket.socket, "connect"),
    ):
        monkeypatch.setattr(module, name, refuse)
    hfdl.train("sentiment", quick(settings), output=tmp_path / "run", listener=silent)
    assert set(hfdl.evaluate(tmp_path / "run", listener=silent)) == {"validation"}
    assert len(hfdl.pipeline("sentiment", model=tmp_path / "run")(["a film", "b"])) == 2


# ---- the output folder -------------------------------------------------------------------------


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_with_files_in_it_is_refused(settings: Any, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError) as caught:
        hfdl.train("sentiment", quick(settings), output=tmp_path / "out", listener=silent)
    assert_wording(caught.value)
    with pytest.raises(OutputError) as caught:
        hfdl.train(
            "sentiment", quick(settings), output=tmp_path / "out", overwrite=True, listener=silent
        )
    assert_wording(caught.value)
    assert bytes_of(tmp_path / "out") == {"thesis.txt": b"years of work"}


def test_an_empty_folder_is_used(settings: Any, tmp_path: Path):
    (tmp_path / "out").mkdir()
    hfdl.train("sentiment", quick(settings), output=tmp_path / "out", listener=silent)
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == LEFT


def test_overwrite_replaces_a_run_whole(settings: Any, tmp_path: Path):
    output = tmp_path / "run"
    first = quick(settings, train_save_every=1, train_steps=5)
    hfdl.train("sentiment", first, output=output, listener=silent)
    old = bytes_of(output)
    assert any("step-000005" in name for name in old)
    (output / "notes.txt").write_text("mine")
    (output / "sub").mkdir()
    with pytest.raises(OutputError) as caught:
        hfdl.train("sentiment", quick(settings), output=output, listener=silent)
    assert_wording(caught.value)
    assert bytes_of(output) == {**old, "notes.txt": b"mine"}
    run = hfdl.train("sentiment", quick(settings), output=output, overwrite=True, listener=silent)
    assert {entry.name for entry in output.iterdir()} == LEFT
    assert [entry.name for entry in (output / "checkpoints").iterdir()] == ["step-000003"]
    assert run.metrics["runtime"]["steps"] == 3
    fresh = tmp_path / "fresh"
    hfdl.train("sentiment", quick(settings), output=fresh, listener=silent)
    assert same_weights(output, fresh) == 41


INPUTS = [
    *((key, "{run}") for key in ("model.name", "model.tokenizer")),
    *((f"data.{split}", "{run}/mine.csv") for split in ("train", "validation", "test")),
    ("data.train", "{run}/*.csv"),
    ("data.train", ["{run}/mine.csv"]),
    ("train.metrics", ["{run}/mine.py:score"]),
]


@pytest.mark.parametrize("by_link", [False, True])
@pytest.mark.parametrize(("key", "named"), INPUTS)
def test_overwrite_never_removes_what_the_new_run_reads(
    settings: Any, tiny_bert: Path, tmp_path: Path, key: str, named: Any, by_link: bool
):
    output = tmp_path / "run"
    shutil.copytree(tiny_bert, output)
    (output / "recipe.yaml").write_text("task: x")
    (output / "mine.csv").write_bytes((tmp_path / "reviews.csv").read_bytes())
    (output / "mine.py").write_text("def score(predictions, references):\n    return 0.5\n")
    (tmp_path / "link").symlink_to(output)
    place = str(tmp_path / "link" if by_link else output)
    several = isinstance(named, list)
    value = [x.format(run=place) for x in named] if several else named.format(run=place)
    before = bytes_of(output)
    with pytest.raises(OutputError, match=rf"{key} is in this folder"):
        hfdl.train("sentiment", {**quick(settings), key: value}, output=output, overwrite=True,
                   listener=silent)  # fmt: skip
    assert bytes_of(output) == before


def test_an_output_that_is_a_link_to_nothing_is_refused(settings: Any, tmp_path: Path):
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    for output in (tmp_path / "out", tmp_path / "out" / "run"):
        with pytest.raises(OutputError):
            hfdl.train("sentiment", quick(settings), output=output, listener=silent)
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"data_train": "absent.csv"}, DataError),
        ({"data_label": "verdict"}, DataError),
        ({"train_schedule": "zigzag"}, ConfigError),
        ({"train_precision": "fp16"}, ConfigError),
        ({"train_best_metric": "beauty"}, ConfigError),
        ({"train_lr": 1}, ConfigError),
        ({"data_max_length": 1000}, ConfigError),
        ({"tune_class_weights": {"meh": 1.0}}, ConfigError),
    ],
)
def test_a_failed_start_leaves_the_old_run_untouched(
    settings: Any, tmp_path: Path, more: dict[str, Any], error: type[Exception]
):
    output = tmp_path / "run"
    output.mkdir()
    for name, content in (("recipe.yaml", "task: x"), ("model.safetensors", "weights")):
        (output / name).write_text(content)
    (output / "checkpoints").mkdir()
    (output / "checkpoints" / "state.json").write_text("{}")
    before = bytes_of(output)
    assert len(before) == 3
    with pytest.raises(error):
        hfdl.train(
            "sentiment", quick(settings, **more), output=output, overwrite=True, listener=silent
        )
    assert bytes_of(output) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["reviews.csv", "run"]
