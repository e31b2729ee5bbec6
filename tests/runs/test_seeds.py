"""Several seeds of one recipe: each run is what it is alone, and the summary is of them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews
from safetensors.torch import load_file

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.errors import ConfigError, OutputError
from hfdl.training.events import Event


def silent(event: Event) -> None:
    """A listener that says nothing."""


pytestmark = pytest.mark.usefixtures("without_report")


@pytest.fixture
def quick(settings: dict[str, Any], csv_file: Any) -> dict[str, Any]:
    return {**settings, "train.steps": 6, "data.validation": str(csv_file("held-out.csv", 40))}


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def test_each_seed_is_the_run_that_it_is_alone(quick: dict[str, Any], tmp_path: Path) -> None:
    done = hfdl.train_seeds("sentiment", quick, seeds=2, output=tmp_path / "both", listener=silent)
    assert list(done.runs) == [0, 1]
    compared = 0
    for seed, run in done.runs.items():
        alone = hfdl.train(
            "sentiment", {**quick, "train.seed": seed}, output=tmp_path / f"alone-{seed}",
            listener=silent,
        )  # fmt: skip
        assert run.directory == tmp_path / "both" / f"seed-{seed}"
        assert run.metrics["validation"] == alone.metrics["validation"]
        mine, other = weights(run.directory), weights(alone.directory)
        assert all(torch.equal(mine[name], other[name]) for name in other)
        compared += len(other)
    assert compared > 60


def test_the_summary_is_mean_sd_and_an_interval_around_them(
    quick: dict[str, Any], tmp_path: Path
) -> None:
    done = hfdl.train_seeds("sentiment", quick, seeds=3, output=tmp_path / "out", listener=silent)
    values = [run.metrics["validation"]["accuracy"] for run in done.runs.values()]
    spread = done.spreads["validation"]["accuracy"]
    assert spread.values == values
    assert spread.mean == pytest.approx(statistics.fmean(values))
    assert spread.sd == pytest.approx(statistics.stdev(values))
    assert spread.low is not None
    assert spread.high is not None
    assert spread.low <= spread.mean <= spread.high
    assert done.spreads["validation"]["loss"].low is None  # it is not made of predictions
    written = json.loads((tmp_path / "out" / "seeds.json").read_text())
    assert written == json.loads(json.dumps(done.as_dict()))
    assert written["seeds"] == [0, 1, 2]
    assert written["validation"]["accuracy"]["values"] == values


def test_it_starts_at_the_recipes_seed_and_takes_data_in_memory(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    given = {**settings, "data.train": reviews(60), "train.steps": 2, "train.seed": 7}
    done = hfdl.train_seeds("sentiment", given, seeds=2, output=tmp_path / "out", listener=silent)
    assert list(done.runs) == [7, 8]
    assert done.spreads["validation"]["accuracy"].low is not None


def test_resume_leaves_what_is_finished_and_does_the_rest(
    quick: dict[str, Any], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    hfdl.train_seeds("sentiment", quick, seeds=1, output=output, listener=silent)
    before = (output / "seed-0" / "metrics.json").stat().st_mtime_ns
    done = hfdl.train_seeds(
        "sentiment", quick, seeds=2, output=output, resume=True, listener=silent
    )
    assert list(done.runs) == [0, 1]
    assert (output / "seed-0" / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda folder: folder / "notes.txt", "the output folder holds 'notes.txt'; runs of"),
        (lambda folder: folder / "recipe.yaml", "the output folder is that of a single run"),
        (lambda folder: folder / "seed-1" / "recipe.yaml", "the output folder is not empty"),
    ],
)
def test_a_folder_of_something_else_is_refused_before_the_first_seed(
    make: Any, text: str, quick: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    file = make(folder)
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(OutputError, match=text):
        hfdl.train_seeds("sentiment", quick, seeds=2, output=folder, listener=silent)
    assert file.read_text() == "mine"
    assert not (folder / "seed-0").exists()


def test_no_seeds_at_all_are_refused(quick: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 seeds"):
        hfdl.train_seeds("sentiment", quick, seeds=0, output=tmp_path / "out")


def test_the_command_prints_a_row_for_each_metric(
    quick: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [f"{key}={value}" for key, value in quick.items()]
    output = str(tmp_path / "out")
    assert run_command(["train", "sentiment", *words, "--seeds", "2", "--output", output]) == 0
    out = capfd.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.startswith("validation")]
    by_name = {row[1]: row for row in rows}
    written = json.loads((tmp_path / "out" / "seeds.json").read_text())
    accuracy = written["validation"]["accuracy"]
    assert by_name["accuracy"][2:4] == [f"{accuracy['mean']:.4f}", f"{accuracy['sd']:.4f}"]
    assert by_name["loss"][-1] == "-"
    assert f"saved in {output}" in out


def test_a_dry_run_of_several_seeds_is_refused(
    quick: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    words = [f"{key}={value}" for key, value in quick.items()]
    assert run_command(["train", "sentiment", *words, "--seeds", "2", "--dry-run"]) == 2
    assert "--dry-run plans one run" in capfd.readouterr().err


OWN = """
def wins(predictions, references):
    return sum(a == b for a, b in zip(predictions, references)) / len(references)


def positives(predictions, references):
    held = [a for a, b in zip(predictions, references) if b == "positive"]
    return {"found": held.count("positive") / len(held), "of_all": len(held) / len(references)}


def picky(predictions, references):
    if len(references) == 40 and references.count("positive") != 20:
        raise ValueError("these are not the rows of the file")
    return 0.5
"""


def test_own_metrics_have_mean_spread_and_interval(quick: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN, encoding="utf-8")
    metrics = [f"{tmp_path}/mine.py:{name}" for name in ("wins", "positives", "picky")]
    given = {**quick, "train.metrics": metrics}
    done = hfdl.train_seeds("sentiment", given, seeds=2, output=tmp_path / "out", listener=silent)
    spreads = done.spreads["validation"]
    # The same figure by another name has the same interval.
    assert spreads["wins"].as_dict() == spreads["accuracy"].as_dict()
    for name in ("wins", "found", "of_all"):
        low, high = spreads[name].low, spreads[name].high
        assert low is not None, name
        assert high is not None, name
        assert low <= spreads[name].mean <= high, name
        assert spreads[name].sd is not None
    assert (spreads["picky"].mean, spreads["picky"].low) == (0.5, None)  # not of drawn rows
    written = json.loads((tmp_path / "out" / "seeds.json").read_text())["validation"]
    assert written["found"]["interval"] == [spreads["found"].low, spreads["found"].high]
