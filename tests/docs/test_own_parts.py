"""The worked example of parts of one's own, by the command line; and their faults in one line."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.support import reviews, write_csv

from hfdl.cli import errors
from hfdl.cli.errors import OWN_CODE

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example's files beside some reviews."""
    for name in ("own_parts.py", "own_parts.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    write_csv(tmp_path / "reviews.csv", reviews(60))
    return tmp_path


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def in_a_process_of_its_own(folder: Path, *words: str) -> Done:
    """As typed into a shell: trained thus, so that what reads the run has not seen the training."""
    command = [sys.executable, "-m", "hfdl.cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def hfdl(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """The command line in the example's folder, in this process: seconds less for each command."""
    monkeypatch.chdir(folder)

    def run(*words: str) -> Done:
        capsys.readouterr()
        code = errors.run(words)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


def test_the_example_runs(folder: Path, tiny_bert: Path, hfdl: Callable[..., Done]) -> None:
    done = in_a_process_of_its_own(
        folder, "train", "own_parts.yaml", f"model.name={tiny_bert}", "data.max_length=32",
        "train.batch_size=8", "train.steps=20", "train.precision=float32", "--output", "runs/near",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = folder / "runs" / "near"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best"]["metric"] == "cost"
    assert {"cost", "own_matthews_correlation", "accuracy"} <= set(metrics["validation"])
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    costs = [{("positive", "negative"): 5, ("negative", "positive"): 1}.get(
        (row["prediction"], row["label"]), 0) for row in rows]  # fmt: skip
    assert metrics["validation"]["cost"] == pytest.approx(sum(costs) / len(costs))
    assert metrics["validation"]["own_matthews_correlation"] == pytest.approx(
        metrics["validation"]["matthews_correlation"]
    )
    assert len((folder / "losses.txt").read_text().splitlines()) == 2
    assert f"attention: {folder}/own_parts.py:near" in (run / "recipe.yaml").read_text()
    assert "near of own\\_parts.py" in (run / "README.md").read_text()
    again = hfdl("evaluate", "runs/near", "--json")
    found = json.loads(again.stdout)["validation"]
    assert found == pytest.approx(metrics["validation"], rel=1e-5)
    usual = hfdl("evaluate", "runs/near", "model.attention=sdpa", "--json")
    assert json.loads(usual.stdout)["validation"]["loss"] != pytest.approx(found["loss"], rel=1e-6)
    said = hfdl("predict", "runs/near", "what a charming film")
    assert said.returncode == 0, said.stderr
    checked = hfdl("verify", "runs/near", "--dtype", "float32", "--variant", "right")
    assert checked.returncode == 1
    assert "of trained, right" in checked.stdout


def test_the_example_of_a_model_runs(
    folder: Path, tiny_bert: Path, hfdl: Callable[..., Done]
) -> None:
    """The commands of the page, on a tiny model."""
    shutil.copy(EXAMPLES / "own_model.py", folder)
    page = (EXAMPLES.parent / "own-parts.md").read_text(encoding="utf-8")
    section = page.split("## Model: ")[1].split("\n## ")[0]
    commands = [line for line in section.splitlines() if line.startswith("hfdl ")]
    assert len(commands) == 4
    small = ["train.steps=4", "train.batch_size=8", "data.max_length=32", "train.precision=float32"]
    for number, command in enumerate(commands):
        words = shlex.split(command)[1:]
        if words[0] == "train":
            own = any(word.startswith("model.name=") for word in words)
            words += [*small, *([] if own else [f"model.name={tiny_bert}"])]
        done = hfdl(*words) if number else in_a_process_of_its_own(folder, *words)
        assert done.returncode == 0, (command, done.stderr)
    config = json.loads((folder / "runs" / "mean" / "config.json").read_text())
    assert (config["architectures"], config["head_width"]) == (["MeanBert"], 64)
    assert "MeanBert of own\\_model.py" in (folder / "runs" / "mean" / "README.md").read_text()


FAULTS = {
    "model.attention": ("near", "def near(q, k, v, mask, *, dropout=0.0):\n    return q @ qq"),
    "train.metrics": ("cost", "def cost(predictions, references):\n    return 1 / 0"),
    "train.callbacks": ("Losses", "def Losses(event):\n    return event.nothing"),
    "train.optimizer": (
        "Lion",
        "from torch.optim import SGD\nclass Lion(SGD):\n    def step(self): self.no()",
    ),
}


@pytest.mark.parametrize("key", FAULTS)
def test_a_fault_of_ones_own_part_is_told_with_its_line(
    key: str, folder: Path, tiny_bert: Path, hfdl: Callable[..., Done]
) -> None:
    name, text = FAULTS[key]
    (folder / "mine.py").write_text(f"# mine\n{text}\n", encoding="utf-8")
    value = f"mine.py:{name}"
    value = f"[{value}]" if key in ("train.metrics", "train.callbacks") else value
    done = hfdl(
        "train", "sentiment", f"model.name={tiny_bert}", "data.train=reviews.csv",
        "data.max_length=32", "train.steps=2", f"{key}={value}", "--output", "run",
    )  # fmt: skip
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    line = 1 + len(text.splitlines())
    assert last.startswith(f"error: {folder}/mine.py, line {line}: ")
    assert last.endswith(OWN_CODE)
    if key in ("model.attention", "train.metrics"):
        assert not (folder / "run").exists()
