"""Runs that tag words, from files to answers: every scheme, own code, words from a CoNLL file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import hfdl
from hfdl.cli import errors
from hfdl.config.load import load_recipe
from hfdl.errors import DataError
from hfdl.hf_models import HfModel
from hfdl.tasks.registry import task_for_model
from hfdl.tasks.token_classification.task import TokenClassification
from hfdl.training.events import Event, Planned
from hfdl.weights.pretrained import quiet_transformers

PEOPLE, PLACES = ["ann", "bob", "carl"], ["rome", "oslo", "lima"]


pytestmark = pytest.mark.usefixtures("without_report")


def words(i: int) -> list[tuple[str, str]]:
    """A person of one to three words, a place, and words between."""
    person = [(PEOPLE[i % 3], "B-PER"), *[("superb", "I-PER")] * (i % 3)]
    return [*person, ("movie", "O"), (PLACES[i % 2], "B-LOC"), ("a", "O"), (PLACES[2], "B-LOC")]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """24 sentences in BIO."""
    rows = ["\n".join(" ".join(pair) for pair in words(i)) for i in range(24)]
    path = tmp_path / "ner.conll"
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def train(tiny_bert: Path, source: Path, tmp_path: Path) -> Callable[..., Path]:
    """``train(epochs, **overrides)``: the folder of a run on those sentences."""

    def run(epochs: int = 12, listener: Any = lambda event: None, **overrides: Any) -> Path:
        chosen = {
            "model.name": str(tiny_bert), "data.train": str(source),
            "data.validation": str(source), "data.max_length": 32, "train.epochs": epochs,
            "train.batch_size": 8, "train.learning_rate": 5e-3, "train.precision": "float32",
            **{key.replace("__", "."): value for key, value in overrides.items()},
        }  # fmt: skip
        hfdl.train("ner", chosen, output=tmp_path / "run", listener=listener)
        return tmp_path / "run"

    return run


def measured(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


SCHEMES = {
    "BIOES": ["O", *(f"{p}-{t}" for t in ("LOC", "PER") for p in "BIES")],
    "BILOU": ["O", *(f"{p}-{t}" for t in ("LOC", "PER") for p in "BILU")],
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_model_learns_a_scheme_that_the_data_is_not_in(
    train: Callable[..., Path], source: Path, scheme: str
) -> None:
    run = train(data__scheme=scheme)
    opened = transformers.AutoConfig.from_pretrained(run)
    assert list(opened.id2label.values()) == SCHEMES[scheme]
    metrics = measured(run)
    assert metrics["scheme"] == scheme
    assert metrics["validation"]["f1"] > 0.9
    assert metrics["validation"]["PER/support"] == 24
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    third = json.loads(lines[2])
    letters = "BIE" if scheme == "BIOES" else "BIL"
    assert third["label"][:3] == [f"{letter}-PER" for letter in letters]
    assert {tag[0] for line in lines for tag in json.loads(line)["prediction"]} <= {
        "O", "B", "I", *scheme[2:]
    }  # fmt: skip
    # The file is in BIO still; the model's scheme is what it is read in.
    again = hfdl.evaluate(run, {"data.test": str(source)}, listener=lambda event: None)["test"]
    assert again["f1"] == metrics["validation"]["f1"]
    pipe = hfdl.pipeline(model=str(run), aggregation_strategy="viterbi")
    found = pipe("carl superb superb movie rome")
    assert [(e["entity_group"], e["word"]) for e in found] == [
        ("PER", "carl superb superb"), ("LOC", "rome"),
    ]  # fmt: skip


def test_own_code_learns_and_plain_transformers_opens_it(
    train: Callable[..., Path], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Any] = []
    build = TokenClassification.build_model
    monkeypatch.setattr(
        TokenClassification, "build_model",
        lambda self, *arguments: built.append(build(self, *arguments)) or built[-1],
    )  # fmt: skip
    events: list[Event] = []
    run = train(model__implementation="hfdl", listener=events.append)
    (model,) = built
    assert isinstance(model, HfModel)
    assert next(e for e in events if isinstance(e, Planned)).implementation == "hfdl"
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "bert"
    assert config["architectures"] == ["BertForTokenClassification"]
    with quiet_transformers():
        opened = transformers.AutoModelForTokenClassification.from_pretrained(run).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run)
    texts = [" ".join(word for word, _ in words(i)) for i in range(6)]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    real = inputs["attention_mask"].bool()
    assert not bool(real.all())
    with torch.no_grad():
        expected, found = opened(**inputs).logits, model.eval()(**inputs).logits
    assert float((expected - found)[real].abs().max()) < 1e-5
    metrics = measured(run)["validation"]
    assert metrics["f1"] > 0.9
    again = hfdl.evaluate(run, {"data.test": str(source)}, listener=lambda event: None)["test"]
    assert again["f1"] == metrics["f1"]


# ---- models from elsewhere ---------------------------------------------------------------------


def foreign(body: Path, folder: Path, names: list[str]) -> Path:
    """A tagger that hfdl did not train, whose labels are these."""
    with quiet_transformers():
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            body, num_labels=len(names), id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
        )  # fmt: skip
        model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(body).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "names",
    [["I-PER", "B-PER", "O", "I-LOC", "B-LOC"], SCHEMES["BIOES"], SCHEMES["BILOU"][::-1]],
    ids=["BIO", "BIOES", "BILOU"],
)
def test_a_foreign_model_is_evaluated_in_its_own_scheme_whatever_the_order_of_its_tags(
    tiny_bert: Path, source: Path, tmp_path: Path, names: list[str]
) -> None:
    folder = foreign(tiny_bert, tmp_path / "foreign", names)
    found = hfdl.evaluate(folder, {"data.test": str(source)}, listener=lambda event: None)["test"]
    assert found["PER/support"] == 24
    assert found["LOC/support"] == 48
    settings = {"data": None, "data.test": str(source), "data.max_length": 32}
    recipe = load_recipe("ner", settings)
    test = task_for_model(folder, recipe).prepare(recipe.data).test
    assert test is not None
    letters = {name[0] for name in names}
    last = next(iter({"E", "L"} & letters), "I")
    single = next(iter({"S", "U"} & letters), "B")
    third = ["B-PER", "I-PER", f"{last}-PER", "O", f"{single}-LOC", "O", f"{single}-LOC"]
    assert test.references()[2]["label"] == third


def test_a_type_that_the_model_does_not_know_is_told_with_its_line(
    tiny_bert: Path, source: Path, tmp_path: Path
) -> None:
    folder = foreign(tiny_bert, tmp_path / "foreign", ["O", "B-PER", "I-PER"])
    with pytest.raises(DataError, match=r"ner\.conll, line 3 .*unknown entity type 'LOC'"):
        hfdl.evaluate(folder, {"data.test": str(source)}, listener=lambda event: None)


# ---- words on the command line -----------------------------------------------------------------


def test_predict_reads_the_words_of_a_conll_file(
    train: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train()
    file = tmp_path / "new.conll"
    file.write_text("-DOCSTART-\n\nbob\nsuperb\nmovie\n\nrome\n", encoding="utf-8")
    assert errors.run(["predict", str(run), "--file", str(file)]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["text"] == "bob superb movie"
    assert first["tokens"] == ["bob", "superb", "movie"]
    (bob,) = first["entities"]
    assert (bob["entity_group"], bob["word"], bob["start"], bob["end"]) == (
        "PER", "bob superb", 0, 10,
    )  # fmt: skip
    assert [e["word"] for e in second["entities"]] == ["rome"]
    # The words of a jsonl file, and a text of it that is asked for by name.
    lines = tmp_path / "new.jsonl"
    lines.write_text(json.dumps({"tokens": ["movie", "bob"], "text": "in rome"}) + "\n")
    assert errors.run(["predict", str(run), "--file", str(lines)]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"] == ["movie", "bob"]
    assert errors.run(["predict", str(run), "--file", str(lines), "--column", "text"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["text"] == "in rome"
    assert "tokens" not in said


def test_words_are_refused_where_texts_are_read(
    trained: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = errors.run(["predict", str(trained), "--file", str(source)])
    assert (code, *capsys.readouterr()) == (
        2, "",
        "error: --file: text-classification reads texts, and this column holds lists of words; "
        "words are read by a model that tags them. Name a column of texts: --column NAME\n",
    )  # fmt: skip


def test_an_empty_sentence_of_a_file_has_no_answer_and_is_counted(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(tiny_bert, tmp_path / "foreign", ["O", "B-PER", "I-PER"])
    lines = tmp_path / "new.jsonl"
    lines.write_text('{"tokens": ["a"]}\n{"tokens": []}\n')
    code = errors.run(["predict", str(folder), "--file", str(lines)])
    out, err = capsys.readouterr()
    assert code == 0
    assert [json.loads(line)["entities"] is None for line in out.splitlines()] == [False, True]
    assert f"1 row has no text (first: {lines}, line 2); its answer is empty" in err
