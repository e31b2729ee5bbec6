"""Taggers, masked language models and encoders as graphs, through hfdl's pipelines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hfdl
from hfdl.cli import errors
from hfdl.errors import ModelError

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason="the extra onnx is not installed")

LONG = "carl superb was in rome and the long train to the hotel , they say , " * 9
TEXTS = ["x", "carl", "carl superb was in rome", "the train , they say , was long .", LONG]


def quiet(event: Any) -> None:
    del event


def flat(answer: Any) -> tuple[list[Any], list[float]]:
    """Everything of an answer that is no score, and its scores."""
    if isinstance(answer, dict):
        rest = [(key, value) for key, value in sorted(answer.items()) if key != "score"]
        return [rest], [answer["score"]]
    parts = [flat(one) for one in answer]
    return [len(parts), *(p[0] for p in parts)], [score for p in parts for score in p[1]]


def assert_alike(graph: Any, run: Any, texts: list[Any], **options: Any) -> None:
    """The same structure with the same scores, for texts alone and in batches."""
    own, scores = flat(run(texts, **options))
    for size in (None, 1, 3):
        found, others = flat(graph(texts, batch_size=size, **options))
        assert found == own
        assert others == pytest.approx(scores, abs=2e-6)


@pytest.fixture(scope="module")
def tagger(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on tagged sentences, and its graph."""
    folder = tmp_path_factory.mktemp("tagger")
    sentences = [
        f"{name} B-PER\nwas O\nin O\n{place} B-LOC"
        for name, place in (("good", "film"), ("great", "book"), ("bad", "hotel")) * 6
    ]
    (folder / "ner.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    settings = {
        "model.name": str(tiny_bert), "data.train": str(folder / "ner.conll"),
        "data.validation": str(folder / "ner.conll"), "data.max_length": 32, "train.epochs": 6,
        "train.batch_size": 8, "train.learning_rate": 5e-3, "train.precision": "float32",
    }  # fmt: skip
    hfdl.train("ner", settings, output=folder / "run", listener=quiet, report=False)
    hfdl.export(folder / "run", output=folder / "graph", listener=quiet)
    return folder / "run", folder / "graph"


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max", "viterbi"])
def test_a_tagger(tagger: tuple[Path, Path], strategy: str) -> None:
    run, graph = (hfdl.pipeline(model=each) for each in tagger)
    texts = ["good was in film", "x", "bad was in hotel " * 40]
    assert len(run.tokenizer(texts[-1])["input_ids"]) > 3 * 32  # several windows
    assert_alike(graph, run, texts, aggregation_strategy=strategy)
    assert run(texts[0], aggregation_strategy=strategy)


def test_a_taggers_figures(tagger: tuple[Path, Path]) -> None:
    run, graph = (hfdl.evaluate(each, listener=quiet)["validation"] for each in tagger)
    assert graph == pytest.approx(run, abs=1e-5)
    assert run["f1"] > 0.5


@pytest.fixture(scope="module")
def masked(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A random masked language model, its graph, and what both are measured on."""
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("masked")
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig.from_pretrained(tiny_bert, initializer_range=0.2))
    model.save_pretrained(folder / "model")
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder / "model")
    data = folder / "texts.txt"
    data.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    settings = {"data.validation": str(data)}
    hfdl.export(folder / "model", settings, output=folder / "graph", listener=quiet)
    hfdl.export(folder / "model", settings, output=folder / "int8", int8=True, listener=quiet)
    return folder / "model", folder / "graph", str(data)


def test_words_at_masks(masked: tuple[Path, Path, str]) -> None:
    run, graph = (hfdl.pipeline(model=each) for each in masked[:2])
    texts = ["what a [MASK] film", "[MASK]", "the [MASK] was [MASK] .", f"{LONG} [MASK] {LONG}"]
    assert len(run.tokenizer(texts[-1])["input_ids"]) > 64
    for options in ({}, {"top_k": 3}, {"targets": ["good", "bad"]}, {"joint": True, "top_k": 2}):
        assert_alike(graph, run, texts, **options)


def test_a_masked_models_figures(masked: tuple[Path, Path, str]) -> None:
    model, graph, data = masked
    own, found = (
        hfdl.evaluate(each, {"data.validation": data}, listener=quiet)["validation"]
        for each in (model, graph)
    )
    assert found == pytest.approx(own, rel=1e-5)
    facts = json.loads((graph.parent / "int8" / "export.json").read_text(encoding="utf-8"))
    assert facts["precision"] == "int8"
    assert facts["check"]["float32"]["equal"] == facts["check"]["float32"]["answers"]
    (line,) = facts["costs"]
    assert line.startswith("int8 on validation: ")
    assert f"(float32 {own['perplexity']:.4f}" in line


@pytest.fixture(scope="module")
def vectors(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An encoder with files of sentence-transformers, and its graph."""
    import shutil

    folder = tmp_path_factory.mktemp("vectors")
    shutil.copytree(tiny_bert, folder / "model")
    kinds = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{kinds}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kinds}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kinds}.Normalize"},
    ]
    (folder / "model" / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "model" / "sentence_bert_config.json").write_text('{"max_seq_length": 24}')
    (folder / "model" / "1_Pooling").mkdir()
    (folder / "model" / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_max_tokens": true}'
    )
    hfdl.export(folder / "model", output=folder / "graph", listener=quiet)
    return folder / "model", folder / "graph"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_vectors_of_texts(vectors: tuple[Path, Path]) -> None:
    model, graph = (hfdl.pipeline("sentence-similarity", model=each) for each in vectors)
    assert hfdl.pipeline(model=vectors[1]).task == "sentence-similarity"
    assert model.max_length == graph.max_length == 24
    own = model.encode(TEXTS)
    assert np.linalg.norm(own, axis=1) == pytest.approx(1)
    for size in (None, 1, 3):
        assert np.abs(graph.encode(TEXTS, batch_size=size) - own).max() < 2e-6
    tokens = [hfdl.pipeline("feature-extraction", model=each)("x good")[0] for each in vectors]
    assert np.abs(np.array(tokens[0]) - np.array(tokens[1])).max() < 2e-5


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_body_of_a_classifier(
    trained: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "body")
    words = ["export", str(trained), "--task", "feature-extraction", "--output", output, "--json"]
    assert errors.run(words) == 0
    assert json.loads(capsys.readouterr().out)["directory"] == output
    run, graph = (hfdl.pipeline("feature-extraction", model=each) for each in (trained, output))
    assert np.abs(run.encode(TEXTS) - graph.encode(TEXTS)).max() < 2e-6
    with pytest.raises(ModelError, match="answers with last_hidden_state"):
        hfdl.pipeline(model=output)
    with pytest.raises(ModelError, match="answers with logits") as told:
        hfdl.pipeline("feature-extraction", model=exported)
    assert "--task feature-extraction" in str(told.value)


def test_tasks_that_are_not_exported(tiny_gpt2: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="are not exported"):
        hfdl.export(tiny_gpt2, output=tmp_path / "graph", listener=quiet)
    assert not any(tmp_path.iterdir())
