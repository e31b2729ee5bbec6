"""A classifier as a graph answers as the run does, through pipelines, predict and evaluate."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews
from helpers.wording import assert_wording
from torch import nn

import hfdl
from hfdl.cli import errors
from hfdl.errors import ConfigError, MissingExtraError, ModelError, OutputError
from hfdl.exporting.int8 import integer_products
from hfdl.nn.linear import is_plain_linear

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason="the extra onnx is not installed")

TIGHT = 2e-6
TEXTS = [
    "x", "", "what a good film", "a dreadful meal, they say, and long", "the song was long " * 9,
    "what a charming book from the first minute to the very last one " * 30,
]  # fmt: skip


def by_label(answers: Any) -> list[dict[str, float]]:
    return [{each["label"]: each["score"] for each in answer} for answer in answers]


def assert_alike(graph: Any, run: Any, texts: list[Any], **options: Any) -> None:
    """Every score of every text, alone and in batches of several."""
    own = by_label(run(texts, top_k=None, **options))
    for size in (None, 1, 3):
        found = by_label(graph(texts, top_k=None, batch_size=size, **options))
        for one, other in zip(found, own, strict=True):
            assert one == pytest.approx(other, abs=TIGHT)


def test_it_answers_as_the_run(exported: Path, trained: Path) -> None:
    run = hfdl.pipeline(model=trained)
    for name in (exported, str(exported), exported / "model.onnx"):
        graph = hfdl.pipeline(model=name)
        assert_alike(graph, run, TEXTS)
        assert graph("what a good film")[0]["label"] == run("what a good film")[0]["label"]
    assert type(graph.model).__name__ == "GraphModel"
    assert not list(graph.model.parameters())  # no weights of torch's had a part in it


def test_long_texts_are_read_in_windows(exported: Path, trained: Path) -> None:
    graph, run = (hfdl.pipeline(model=model, long_text="window") for model in (exported, trained))
    assert len(run.tokenizer(TEXTS[-1])["input_ids"]) > 3 * 32
    assert_alike(graph, run, TEXTS)
    cut = run(TEXTS[-1], long_text="truncate", top_k=None)
    assert cut != run(TEXTS[-1], top_k=None)


def test_pairs_have_their_types(
    make_classifier: Callable[..., Path], tiny_bert: Path, csv_file: Any, tmp_path: Path
) -> None:
    model = make_classifier(tiny_bert, num_labels=3)
    rows = [
        {"text": row["text"], "text_pair": "it is " + row["text"], "label": f"LABEL_{i % 3}"}
        for i, row in enumerate(reviews(12))
    ]
    data = {"data.validation": str(csv_file("pairs.csv", rows)), "data.text_pair": "text_pair"}
    hfdl.export(model, data, output=tmp_path / "graph", listener=lambda event: None)
    graph, run = (hfdl.pipeline(model=each) for each in (tmp_path / "graph", model))
    pairs = [{key: row[key] for key in ("text", "text_pair")} for row in rows]
    assert_alike(graph, run, pairs)
    alone = run({"text": rows[0]["text"]}, top_k=None)
    assert alone != run(pairs[0], top_k=None)


def test_several_labels_and_numbers(
    make_classifier: Callable[..., Path], tiny_bert: Path, csv_file: Any, tmp_path: Path
) -> None:
    several = make_classifier(tiny_bert, num_labels=3, problem_type="multi_label_classification")
    rows = [{"text": row["text"], "label": "LABEL_0, LABEL_2"} for row in reviews(6)]
    data = {"data.validation": str(csv_file("several.csv", rows)), "data.label_separator": ", "}
    hfdl.export(several, data, output=tmp_path / "several", listener=lambda event: None)
    number = make_classifier(tiny_bert, num_labels=1, problem_type="regression")
    rows = [{"text": row["text"], "label": 0.5} for row in reviews(6)]
    data = {"data.validation": str(csv_file("number.csv", rows))}
    hfdl.export(number, data, output=tmp_path / "number", listener=lambda event: None)
    for model, name in ((several, "several"), (number, "number")):
        graph, run = (hfdl.pipeline(model=each) for each in (tmp_path / name, model))
        assert_alike(graph, run, TEXTS)


def test_evaluation_gives_the_runs_figures(exported: Path, trained: Path) -> None:
    graph, run = (
        hfdl.evaluate(model, listener=lambda event: None) for model in (exported, trained)
    )
    assert graph.keys() == run.keys() == {"validation", "test"}
    for split in graph:
        assert graph[split] == pytest.approx(run[split], abs=1e-5)


def test_the_folder(exported: Path) -> None:
    facts = json.loads((exported / "export.json").read_text(encoding="utf-8"))
    check = facts["check"]["float32"]
    assert check["equal"] == check["answers"] == check["examples"] > 0
    assert check["largest"] < check["bound"] == 1e-4
    assert facts["precision"] == "float32"
    names = {path.name for path in exported.iterdir()}
    assert {"model.onnx", "config.json", "tokenizer.json", "recipe.yaml", "manifest.json"} <= names
    assert not list(exported.glob("*.safetensors"))


class Broken(nn.Module):
    """A model whose graph answers a little otherwise."""

    def __init__(self, model: Any, by: float) -> None:
        super().__init__()
        self.model, self.by = model, by

    def forward(self, **inputs: Any) -> tuple[torch.Tensor]:
        logits = self.model(**inputs)[0]
        return (logits + self.by * torch.arange(logits.shape[-1]),)


@pytest.mark.parametrize("by", [0.01, torch.nan])
def test_a_wrong_graph_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float
) -> None:
    from hfdl.exporting import export as module

    own = module.write_graph
    monkeypatch.setattr(module, "write_graph", lambda model, *rest: own(Broken(model, by), *rest))
    with pytest.raises(ModelError, match="the graph answers otherwise") as told:
        hfdl.export(trained, output=tmp_path / "graph", listener=lambda event: None)
    assert "nothing was written" in str(told.value)
    assert not any(tmp_path.iterdir())


def test_a_model_that_is_no_graph(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from transformers import BertForSequenceClassification

    own = BertForSequenceClassification.forward

    def forward(self: Any, *args: Any, **keywords: Any) -> Any:
        if int(keywords["input_ids"].sum()) > 10**6:  # the way depends on the values
            return None
        return own(self, *args, **keywords)

    monkeypatch.setattr(BertForSequenceClassification, "forward", forward)
    with pytest.raises(ModelError, match="torch cannot write it as one graph"):
        hfdl.export(trained, output=tmp_path / "graph", listener=lambda event: None)
    assert not any(tmp_path.iterdir())
    assert "aten" not in capfd.readouterr().err  # torch would print the graph so far


def test_recurrent_models_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    hfdl.train("eras/gru", {"train.steps": 1}, output=run, listener=lambda event: None)
    with pytest.raises(ModelError, match="recurrent models are not exported"):
        hfdl.export(run, output=tmp_path / "graph", listener=lambda event: None)
    assert not (tmp_path / "graph").exists()


def test_refusals(exported: Path, trained: Path, tmp_path: Path) -> None:
    for attempt in (lambda: hfdl.calibrate(exported), lambda: hfdl.push(exported, "ann/name")):
        with pytest.raises(ModelError, match="without the weights") as told:
            attempt()
        assert str(trained) in str(told.value)
    (tmp_path / "other.onnx").write_bytes(b"")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(b"")
    for attempt in (
        lambda: hfdl.pipeline(model=tmp_path / "other.onnx"),
        lambda: hfdl.export(trained, output=tmp_path / "there"),
        lambda: hfdl.export(trained, format="gguf"),
        lambda: hfdl.export(trained, task="fill-mask", output=tmp_path / "graph"),
    ):
        with pytest.raises((ModelError, OutputError, ConfigError)) as refused:
            attempt()
        assert_wording(refused.value)


def test_without_the_packages(
    exported: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match="hfdl export needs the package 'onnxscript'"):
        hfdl.export(trained, output=tmp_path / "graph")
    assert hfdl.pipeline(model=exported)("x")  # running a graph needs onnxruntime alone
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="a model in ONNX needs the package"):
        hfdl.pipeline(model=exported)


def test_a_damaged_graph(exported: Path, tmp_path: Path) -> None:
    import shutil

    damaged = tmp_path / "damaged"
    shutil.copytree(exported, damaged)
    (damaged / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="onnxruntime cannot open it"):
        hfdl.pipeline(model=damaged)


def linear_layers(run: Path) -> int:
    model = hfdl.pipeline(model=run).model
    return sum(is_plain_linear(each) for each in model.modules())


def test_the_commands(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert errors.run(["export", str(trained), "--int8", "--output", "small"]) == 0
    told = capsys.readouterr().out
    assert "answers equal, scores within" in told
    assert "int8: " in told
    assert "int8 on validation: accuracy" in told
    assert integer_products(Path("small/model.onnx")) == linear_layers(trained)
    assert errors.run(["predict", "small", "what a good film"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["label"] in ("positive", "negative")
    assert errors.run(["evaluate", "small", "--precision", "int8"]) == 2
    assert "a graph has the precision" in capsys.readouterr().err
    assert errors.run(["export", str(trained), "--format", "gguf"]) == 2
