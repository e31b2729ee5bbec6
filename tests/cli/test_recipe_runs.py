"""``hfdl train`` and ``hfdl predict``: tagging and both kinds of language model, with no terminal.

The runs come from processes of their own, as a shell starts them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hfdl.cli import errors
from hfdl.config.load import recipe_names

QUICK = ["train.steps=2", "train.batch_size=4", "train.precision=float32", "data.max_samples=8",
         "data.max_length=32"]  # fmt: skip
SMALL = ["model.config.n_layer=1", "model.config.n_head=2", "model.config.n_embd=16",
         "model.config.n_positions=32", "model.config.vocab_size=300"]  # fmt: skip
TASKS = {"ner": "token_classification", "mlm": "masked_lm", "clm": "causal_lm"}
METRICS = {"ner": "f1", "mlm": "perplexity", "clm": "strided_perplexity"}


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def say(*commands: list[str], stdin: str = "") -> list[Said]:
    """Run commands side by side, each in a process of its own, with pipes all around."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "hfdl.cli", *words], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )
        for words in commands
    ]  # fmt: skip
    found = [process.communicate(stdin, timeout=300) for process in started]
    return [Said(one.returncode, *texts) for one, texts in zip(started, found, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def command(tiny_bert: Path) -> Callable[[str, Path], list[str]]:
    """``command(name, output)``: the words that train a recipe on a tiny model."""

    def words(name: str, output: Path) -> list[str]:
        model = SMALL if name == "clm" else [f"model.name={tiny_bert}"]
        if name == "ner":
            model.append("train.learning_rate=1e-6")  # random tags: a name is found in any text
        return ["train", name, *QUICK, *model, "--output", str(output)]

    return words


@pytest.fixture(scope="module")
def piped(folder: Path, command: Callable[[str, Path], list[str]]) -> dict[str, Said]:
    """What each recipe prints; its run lies in ``folder / name``."""
    found = say(*(command(name, folder / name) for name in TASKS))
    return dict(zip(TASKS, found, strict=True))


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command in this process."""

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        code = errors.run(arguments)
        return Said(code, *capfd.readouterr())

    return run


def assert_progress(lines: str, name: str, output: Path) -> None:
    """The run is told on stderr in plain lines, and nothing else is."""
    assert "\x1b" not in lines
    assert "\r" not in lines
    for noise in ("warning", "Traceback", "%|", "it/s]"):
        assert noise not in lines
    found = lines.splitlines()
    assert f"task        {TASKS[name]}" in found
    assert "updates     2 of 4 examples" in found
    lost = [line for line in found if "; lost 0" in line or ": lost 0 of" in line]
    assert [line.partition(":")[0] for line in lost] == ["train", "validation", "test"]
    assert sum(" step 2  validation  " in line for line in found) == 1
    assert f"checkpoint after update 2: {output / 'checkpoints' / 'step-000002'}" in found
    assert found[-1].startswith("completed after 2 updates in ")


@pytest.mark.parametrize("name", TASKS)
def test_train_in_a_pipe(name: str, piped: dict[str, Said], folder: Path) -> None:
    code, out, err = piped[name]
    assert code == 0, err
    output = folder / name
    assert_progress(err, name, output)
    blocks = out.strip("\n").split("\n\n")
    first = blocks[0].splitlines()
    table, below = [line.split() for line in first[:3]], first[3:]
    assert [row[0] for row in table] == ["split", "validation", "test"]
    # The F1 of entities has an interval, a perplexity none.
    assert [line.partition(": ")[0] for line in below] == ["95 % interval of f1"] * (name == "ner")
    assert len(blocks) >= 3  # an example at least
    hint = "... [MASK] ..." if name == "mlm" else "..."
    assert blocks[-1] == f'saved in {output}\nuse it:   hfdl predict {output} "{hint}"'
    # The table shows the figures of the file.
    metrics = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    at = table[0].index(METRICS[name])
    for row in table[1:]:
        assert row[at] == f"{metrics[row[0]][METRICS[name]]:.4f}"


@pytest.mark.parametrize("name", TASKS)
def test_train_with_json(
    name: str,
    piped: dict[str, Said],
    folder: Path,
    tmp_path: Path,
    command: Callable[[str, Path], list[str]],
    call: Callable[..., Said],
) -> None:
    output = tmp_path / "run"
    code, out, err = call(*command(name, output), "--json")
    assert code == 0, err
    assert_progress(err, name, output)
    answer = json.loads(out)
    assert set(answer) == {"directory", "metrics"}
    assert answer["directory"] == str(output)
    metrics = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert answer["metrics"] == metrics
    # Neither how a run is printed nor in which process it runs changes it.
    assert piped[name].code == 0
    other = json.loads((folder / name / "metrics.json").read_text(encoding="utf-8"))
    for part in ("train", "validation", "test"):
        assert metrics[part] == pytest.approx(other[part], rel=1e-6), part


def lines_of(said: Said, *texts: str | None) -> list[Any]:
    """The answers to the texts, a JSON line each."""
    assert (said.code, said.err) == (0, "")
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [one["text"] for one in found] == list(texts)
    return found


@pytest.mark.usefixtures("piped")
def test_predict_marks_names_in_lines_from_a_pipe(folder: Path) -> None:
    [said] = say(["predict", str(folder / "ner")], stdin="what a good film\n\n")
    blank = "note: 1 line has no text (first: stdin, line 2); its answer is empty\n"
    first, empty = lines_of(
        said._replace(err=said.err.removesuffix(blank)), "what a good film", None
    )
    assert said.err.endswith(blank)
    assert set(first) == {"text", "entities"}
    assert first["entities"]  # weights that have hardly learned find some
    for entity in first["entities"]:
        assert set(entity) == {"entity_group", "score", "word", "start", "end"}
        assert entity["word"] == first["text"][entity["start"] : entity["end"]]
        assert entity["entity_group"] in ("LOC", "MISC", "ORG", "PER")
    assert empty == {"text": None, "entities": None}


def likeliest(candidates: Iterable[dict[str, Any]]) -> list[float]:
    """The scores of the candidates for a mask, best first."""
    scores = [one["score"] for one in candidates]
    assert scores == sorted(scores, reverse=True)
    return scores


@pytest.mark.usefixtures("piped")
def test_predict_fills_masks(folder: Path, call: Callable[..., Said]) -> None:
    texts = ["a [MASK] film", "[MASK] [MASK]"]
    one, two = lines_of(call("predict", str(folder / "mlm"), *texts), *texts)
    assert len(likeliest(one["predictions"])) == 5
    for found in one["predictions"]:
        assert set(found) == {"score", "token", "token_str", "sequence"}
        assert found["sequence"].startswith("a ")
        assert found["sequence"].endswith(" film")
    assert [len(likeliest(candidates)) for candidates in two["predictions"]] == [5, 5]


@pytest.mark.usefixtures("piped")
def test_predict_goes_on_writing(folder: Path, call: Callable[..., Said]) -> None:
    texts = ["The", "In"]
    for answer in lines_of(call("predict", str(folder / "clm"), *texts), *texts):
        assert set(answer) == {"text", "generated_text"}
        assert answer["generated_text"].startswith(answer["text"])
        assert len(answer["generated_text"]) > len(answer["text"])


def test_recipes_list_shows_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(["recipes", "list"]) == 0
    rows = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in rows] == recipe_names()
    assert len(rows) == 19
    assert all(command.startswith(f"hfdl train {name}") for name, command in rows)
    assert errors.run(["recipes", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [[one["name"], one["header"][0]] for one in found] == rows
