"""hfdl calibrate: what it refuses, what a kill leaves, copies, and what the folder says."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.support import reviews
from helpers.wording import assert_wording
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.errors import HfdlError, OutputError
from hfdl.training.files import sha256_of


def noisy(n: int, every: int = 4) -> list[dict[str, Any]]:
    rows = reviews(n)
    for row in rows[every - 1 :: every]:
        row["label"] = "negative" if row["label"] == "positive" else "positive"
    return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    folder = tmp_path_factory.mktemp("calibrated")
    (folder / "a.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in noisy(80)), encoding="utf-8"
    )
    settings = {
        "model.name": str(tiny_bert), "data.train": str(folder / "a.jsonl"),
        "data.validation": str(folder / "a.jsonl"), "data.max_length": 32, "train.epochs": 2,
        "train.batch_size": 8, "train.learning_rate": 2e-3, "train.precision": "float32",
    }  # fmt: skip
    quiet: Any = lambda event: None  # noqa: E731
    return hfdl.train("sentiment", settings, output=folder / "run", listener=quiet).directory


@pytest.fixture
def copy(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, tmp_path / "run")
    return Path("run")


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file()}


def calibrate(folder: Path, *arguments: Any, **options: Any) -> Any:
    return hfdl.calibrate(folder, *arguments, listener=lambda event: None, **options)


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, [*map(str, words)])


def test_without_saving_nothing_changes(copy: Path) -> None:
    before = digests(copy)
    found = calibrate(copy, save=False)
    assert found.directory is None
    assert digests(copy) == before
    assert command("calibrate", copy, "--dry-run").exit_code == 0
    assert digests(copy) == before


def test_a_folder_that_is_not_made_ends_a_script(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is gained --output leaves no folder, and the exit code says so."""
    monkeypatch.setattr("hfdl.calibration.result.Calibration.verdict", "worse")
    before = digests(copy)
    in_place = command("calibrate", copy)
    assert in_place.exit_code == 0
    assert in_place.stdout.endswith("nothing was written: the run stays as it is\n")
    for more in ([], ["--json"]):
        result = command("calibrate", copy, "--output", "new", *more)
        assert result.exit_code == 1
        assert not Path("new").exists()
        last = "nothing was written: new was not made (exit code 1)\n"
        assert more or result.stdout.endswith(last)
    assert json.loads(result.stdout)["directory"] is None
    assert command("calibrate", copy, "--output", "new", "--dry-run").exit_code == 0
    assert digests(copy) == before


def test_what_the_folder_says(copy: Path) -> None:
    result = command("calibrate", copy)
    assert result.exit_code == 0, result.output
    saved = json.loads((copy / "calibration.json").read_text(encoding="utf-8"))
    assert f"T = {saved['temperature']:.4g}" in (copy / "report.html").read_text(encoding="utf-8")
    assert f"temperature {saved['temperature']:.4f}" in result.stdout
    assert "--undo" in result.stdout
    metrics = json.loads((copy / "metrics.json").read_text(encoding="utf-8"))
    nll = saved["splits"]["validation"]["figures"]["nll"]
    assert metrics["validation"]["loss"] <= nll["before"] + 1e-9
    resumed = hfdl.train(copy, output=copy, resume=True, listener=lambda event: None)
    assert resumed.metrics == metrics
    assert "This model is calibrated" in (copy / "report.html").read_text(encoding="utf-8")
    assert command("calibrate", copy, "--undo").exit_code == 0
    assert "This model is calibrated" not in (copy / "report.html").read_text(encoding="utf-8")


def test_a_copy_leaves_the_run_alone(copy: Path) -> None:
    before = digests(copy)
    found = calibrate(copy, output="new")
    assert digests(copy) == before
    assert found.directory == Path("new")
    assert not Path("new/checkpoints").exists()
    assert calibrate(Path("new")).to_dict() == found.to_dict()
    hfdl.uncalibrate("new")
    assert sha256_of(Path("new/model.safetensors")) == before["model.safetensors"]
    with pytest.raises(OutputError):
        calibrate(copy, output="new")


def test_on_data_that_are_given(copy: Path) -> None:
    rows = noisy(60)
    found = calibrate(copy, {"data.validation": rows})
    assert found.splits["validation"].examples == 60
    assert len((copy / "predictions.jsonl").read_text(encoding="utf-8").splitlines()) == 80


def test_a_run_of_an_object_is_calibrated_on_a_file_of_the_same_rows(copy: Path) -> None:
    """Its own figures are written anew, and so need the rows that they are of."""
    recipe = yaml.safe_load((copy / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["data"] |= {"train": "memory://train", "validation": None}
    (copy / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    before = digests(copy)
    first = refused(copy)
    assert str(first.remedy).endswith(" name a file: data.validation=FILE")
    for name, rows in {"other": noisy(60), "same": noisy(80)}.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        Path(f"{name}.jsonl").write_text(text, encoding="utf-8")
    other = refused(copy, {"data.validation": "other.jsonl"})
    assert "these are other rows" in str(other)
    assert str(other.remedy) == (
        "name a file of the rows that it was measured on: data.validation=FILE"
    )
    assert {k: v for k, v in digests(copy).items() if k != ".lock"} == before
    assert calibrate(copy, {"data.validation": "same.jsonl"}).splits["validation"].examples == 80


def refused(folder: Any, *arguments: Any, **options: Any) -> HfdlError:
    with pytest.raises(HfdlError) as error:
        calibrate(folder, *arguments, **options)
    return error.value


def test_refusals(copy: Path, tiny_gpt2: Path, tiny_bert: Path, make_classifier: Any) -> None:
    assert_wording(refused(copy, {"train.epochs": 2}))
    lines = (copy / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    right = [{"text": row["text"], "label": row["prediction"]} for row in rows]
    assert_wording(refused(copy, {"data.validation": right}))
    other = {"positive": "negative", "negative": "positive"}
    assert_wording(
        refused(copy, {"data.validation": [{**row, "label": other[row["label"]]} for row in right]})
    )
    shutil.copytree(tiny_gpt2, "writer")
    assert_wording(refused("writer", {"data.validation": "a.txt"}, output="new"))
    shutil.copytree(make_classifier(tiny_bert), "model")
    assert_wording(refused("model", {"data.validation": "a.csv"}))
    shutil.copytree(make_classifier(tiny_bert, num_labels=1, problem_type="regression"), "numbers")
    assert_wording(
        refused("numbers", {"data.validation": [{"text": "a", "label": 1.5}]}, output="new")
    )
    with pytest.raises(OutputError) as error:
        hfdl.uncalibrate(copy)
    assert_wording(error.value)
    weights = {k: v.bfloat16() for k, v in load_file(copy / "model.safetensors").items()}
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert_wording(refused(copy))
    (copy / "metrics.json").unlink()
    assert_wording(refused(copy))


def test_weights_that_were_changed_since_are_refused(copy: Path) -> None:
    calibrate(copy)
    weights = load_file(copy / "model.safetensors")
    save_file({k: v + 1 for k, v in weights.items()}, copy / "model.safetensors")
    assert_wording(refused(copy))
    shutil.rmtree(copy / "uncalibrated")
    (copy / "calibration.json").unlink()


def test_what_was_kept_and_is_damaged_is_refused(copy: Path) -> None:
    calibrate(copy)
    (copy / "uncalibrated" / "journal.json").write_text("{}", encoding="utf-8")
    assert_wording(refused(copy))
    shutil.rmtree(copy / "uncalibrated")
    calibrate(copy)  # from what it is now


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_killed_while_writing_it_can_be_taken_back(copy: Path, delay: float) -> None:
    before = digests(copy)
    code = (
        "import sys, hfdl, hfdl.calibration.calibrate as c\n"
        "write = c.exchange\n"
        "def told(*a): print('now', flush=True); write(*a)\n"
        "c.exchange = told\n"
        "hfdl.calibrate(sys.argv[1], listener=lambda e: None)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(copy)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = calibrate(copy)
    assert json.loads((copy / "calibration.json").read_text(encoding="utf-8")) == found.to_dict()
    hfdl.uncalibrate(copy)
    after = digests(copy)
    pages = {"report.html", "README.md", ".lock"}
    assert {k: v for k, v in after.items() if k not in pages} == {
        k: v for k, v in before.items() if k not in pages
    }
