"""``hfdl.compare``: the same task in every era, in one table; what stands there is used again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.config.load import load_recipe, recipe_names
from hfdl.errors import ConfigError, OutputError
from hfdl.hf_models.own_architectures import OWN
from hfdl.report.comparison import machine_text
from hfdl.runs.compare import COMPARISONS
from hfdl.training.events import Event, Noted, Updated

ERAS = ["bag-of-words", "word-average"]


def silent(event: Event) -> None:
    """A listener that says nothing."""


pytestmark = pytest.mark.usefixtures("without_report")


@pytest.fixture
def quick(csv_file: Any) -> dict[str, Any]:
    return {
        "data.train": str(csv_file("train.csv", 40)), "data.test": str(csv_file("test.csv", 20)),
        "train.steps": 12, "train.batch_size": 8,
    }  # fmt: skip


def test_every_era_is_a_shipped_recipe_of_one_task() -> None:
    assert {name: len(eras) for name, eras in COMPARISONS.items()} == {"sentiment": 9, "ner": 2}
    for eras in COMPARISONS.values():
        assert {era.recipe for era in eras} <= {*recipe_names()}
        recipes = [load_recipe(era.recipe) for era in eras]
        assert len({recipe.task for recipe in recipes}) == 1
        assert len({json.dumps(recipe.data.model_dump()) for recipe in recipes}) == 1
        assert len({era.name for era in eras}) == len(eras)
        for era, recipe in zip(eras, recipes, strict=True):
            small = OWN.get(recipe.model.name.removeprefix("hfdl://"))
            assert era.takes_vectors == (small is not None and small.has_vectors)
    shipped = {name for name in recipe_names() if name.startswith("eras/")}
    assert shipped == {e.recipe for e in COMPARISONS["sentiment"] if e.recipe != "sentiment"}
    assert len(shipped) == 8


def test_each_row_is_the_run_that_it_is_alone(quick: dict[str, Any], tmp_path: Path) -> None:
    said: list[str] = []
    done = hfdl.compare(
        "sentiment", quick, eras=ERAS, seeds=2, output=tmp_path / "both",
        listener=lambda event: said.append(event.text) if isinstance(event, Noted) else None,
    )  # fmt: skip
    assert [row.era for row in done.rows] == ERAS
    assert [text for text in said if text.startswith("era ")] == [
        "era 1 of 2: Bag of words (eras/bag-of-words)",
        "era 2 of 2: Mean of word vectors (eras/word-average)",
    ]
    for row in done.rows:
        assert row.metric == "accuracy"
        assert sorted(row.scores) == ["test", "validation"]
        assert len(row.runs) == 2
        alone = hfdl.train(
            f"eras/{row.era}", {**quick, "train.seed": 1}, output=tmp_path / row.era,
            listener=silent,
        )  # fmt: skip
        assert row.scores["test"][1] == alone.metrics["test"]["accuracy"]
        assert row.mean("test") == pytest.approx(sum(row.scores["test"]) / 2)
        weights = alone.directory / "model.safetensors"
        assert row.trained == row.parameters
        assert weights.stat().st_size == pytest.approx(4 * row.parameters, abs=2000)
        assert row.seconds > 0
        assert row.samples_per_second > 0
    table = json.loads((tmp_path / "both" / "table.json").read_text(encoding="utf-8"))
    assert table == json.loads(json.dumps(done.as_dict()))
    assert table["seeds"] == [0, 1]
    assert table["examples"]["test"] == 20
    assert table["examples"]["train"] + table["examples"]["validation"] == 40
    assert table["machine"]["torch"] == torch.__version__
    assert [row["precision"] for row in table["rows"]] == ["float32", "float32"]
    assert table["machine"]["precision"] == "float32"
    both = {**table["machine"], "precision": "float32, bf16"}
    assert ", float32 and bf16, torch " in machine_text(both)
    assert table["rows"][1]["runs"] == ["word-average/seed-0", "word-average/seed-1"]
    page = (tmp_path / "both" / "compare.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "mathdefault" not in page
    assert "Examples: train 36, validation 4, test 20. " in page
    assert f"torch {torch.__version__}" in page
    for row in done.rows:
        assert page.count(row.title) >= 3  # in both charts and in the table
    assert "http" not in page.replace("http://www.w3.org", "")


def test_what_stands_there_is_used_and_what_was_cut_off_goes_on(
    quick: dict[str, Any], tmp_path: Path
) -> None:
    output = tmp_path / "runs"
    first = hfdl.compare("sentiment", quick, eras=ERAS[:1], output=output, listener=silent)
    updates: list[Updated] = []

    def listen(event: Event) -> None:
        if isinstance(event, Updated):
            updates.append(event)

    second = hfdl.compare("sentiment", quick, eras=ERAS, output=output, listener=listen)
    assert second.rows[0] == first.rows[0]
    assert len(updates) == 12  # those of the new era alone
    with pytest.raises(ConfigError, match=r"train\.steps is 12 in the run and 5 now"):
        hfdl.compare("sentiment", {**quick, "train.steps": 5}, eras=ERAS, output=output)


def test_vectors_go_to_those_that_have_them(quick: dict[str, Any], tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 3\ngood 1 2 3\nbad 4 5 6\n", encoding="utf-8")
    done = hfdl.compare(
        "sentiment", {**quick, "model.vectors": str(vectors)}, eras=ERAS, output=tmp_path / "runs",
        listener=silent,
    )  # fmt: skip
    widths = [
        json.loads((done.directory / row.runs[0] / "config.json").read_text()) for row in done.rows
    ]
    assert [config.get("embedding_size") for config in widths] == [None, 3]


def test_data_may_be_objects(tmp_path: Path) -> None:
    done = hfdl.compare(
        "sentiment", {"data.train": reviews(40), "train.steps": 2}, eras=["bag-of-words"],
        output=tmp_path / "runs", listener=silent,
    )  # fmt: skip
    assert [*done.rows[0].scores] == ["validation"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "sentimnet"},
         "no comparison 'sentimnet'; there are: sentiment, ner. Did you mean 'sentiment'?"),
        ({"eras": ["ltsm"]},
         "eras: no era 'ltsm'; sentiment has: bag-of-words, word-average, rnn, lstm, gru, "
         "text-cnn, encoder, frozen, fine-tuned. Did you mean 'lstm'?"),
        ({"eras": []}, "eras: no era; sentiment has: bag-of-words,"),
        ({"seeds": 0}, "seeds: 0 seeds; at least one run is needed. Give 3"),
        ({"overrides": {"model.name": "x"}},
         "model.name: each era has its own; eras are given the same data and the same "
         "time, not the same model. Copy an era's recipe and train it by itself: hfdl recipes copy "
         "eras/bag-of-words"),
        ({"overrides": {"tune": None}}, "tune: each era has its own"),
        ({"overrides": {"tune": {"freeze": "body"}}}, "tune.freeze: each era has its own"),
        ({"overrides": {"model.vectors": "v.txt"}, "eras": ["bag-of-words"]},
         "model.vectors: none of the eras has vectors of words. Leave it out"),
        ({"overrides": {"train.epocs": 1}}, "Did you mean 'train.epochs'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_the_first_run(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options = {"eras": ERAS, "output": tmp_path / "runs", "listener": silent, **arguments}
    with pytest.raises(ConfigError) as error:
        hfdl.compare(**options)
    assert message in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_the_folder_of_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(OutputError, match="the output folder is that of a single run"):
        hfdl.compare("sentiment", eras=["bag-of-words"], output=tmp_path, listener=silent)


def test_the_command_prints_the_table(
    quick: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"{key}={value}" for key, value in quick.items()]
    command = ["compare", "sentiment", *words, "--eras", "bag-of-words, word-average",
               "--output", str(tmp_path / "runs")]  # fmt: skip
    assert run_command(command) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].split("  ")[0] == "era"
    for name in ("validation accuracy", "test accuracy", "parameters", "seconds", "examples/s"):
        assert name in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ERAS
    assert lines[-1] == f"saved in {tmp_path / 'runs'}: table.json, compare.html"
    assert run_command([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["era"] for row in found["rows"]] == ERAS
