"""The folder of an exported graph names the run that it was made of where a run is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hfdl
from hfdl.cli import errors
from hfdl.config.load import load_recipe
from hfdl.config.yaml import dump_recipe
from hfdl.errors import ModelError
from hfdl.runs.ingredients import refuse_graph
from hfdl.runs.run import plan


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """What is known of such a folder before its graph is opened."""
    folder = tmp_path / "small"
    folder.mkdir()
    recipe = load_recipe("eras/bag-of-words")
    (folder / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    (folder / "model.onnx").touch()
    (folder / "export.json").write_text(json.dumps({"model": "runs/mine"}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["train", "--dry-run"],
        ["train", "--seeds", "2"],
        ["train", "--processes", "2"],
        ["tune", "search.train.batch_size=[8, 16]"],
    ],
)
def test_it_is_not_trained(
    graph: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    command, *options = words
    writes = [] if "--dry-run" in words else ["--output", str(output)]
    assert errors.run([command, str(graph), *options, *writes]) == 2
    said = capsys.readouterr().err
    assert "an exported graph (model.onnx), without the weights" in said
    assert "Name the model that it was exported from: runs/mine" in said
    assert not output.exists()


def test_its_recipe_named_as_a_file_is_a_recipe(graph: Path) -> None:
    planned = plan(graph / "recipe.yaml", {"train.epochs": 1}, listener=lambda event: None)
    assert planned.task == "text_classification"


def test_a_shipped_name_is_not_a_folder_of_that_name(
    graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(graph.parent)
    graph.rename("sentiment")
    refuse_graph("sentiment")  # as for recipes
    with pytest.raises(ModelError, match="exported graph"):
        hfdl.train(Path("./sentiment").absolute())
