"""The commands on a translation: what a person sees."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from hfdl.cli import errors
from hfdl.cli.printing.summary import print_summary

PAIRS = "en\tde\na man\tein Mann\ntwo men\tzwei Männer\n\tleer\na man\tder Mann\n"


@pytest.fixture
def call(capsys):
    """Runs a command in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def translator(monkeypatch) -> None:
    """Stands in for hfdl.pipelines.pipeline: answers in upper case."""

    class Translator:
        task = "translation"

        def __call__(self, texts: list[str]) -> list[dict[str, str]]:
            return [{"translation_text": text.upper()} for text in texts]

    module = SimpleNamespace(pipeline=lambda *arguments, **options: Translator())
    monkeypatch.setitem(sys.modules, "hfdl.pipelines", module)


@pytest.mark.usefixtures("translator")
def test_predict_on_a_terminal(call, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    long = "a dog runs " * 20
    code, out, err = call("predict", "m", "a man", "", long)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "a man -> A MAN",
        "(empty text) -> ",
        f"{long[:67]}... -> {long.upper()}",
    ]


@pytest.mark.usefixtures("translator")
def test_predict_as_json_lines(call, tmp_path) -> None:
    line = {"text": "ä", "translation_text": "Ä"}
    assert json.loads(call("predict", "m", "ä", "--json")[1]) == line
    file = tmp_path / "out.jsonl"
    assert call("predict", "m", "ä", "--output", str(file))[0] == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written == {"text": "ä", "prediction": "Ä"}


@pytest.mark.usefixtures("translator")
def test_top_k_is_refused_in_one_line(call) -> None:
    code, out, err = call("predict", "m", "a", "--top-k", "2")
    assert (code, out) == (2, "")
    assert err == (
        "error: --top-k chooses among labels, and a translation has none. See: "
        "hfdl predict --help\n"
    )


def test_data_check_of_a_recipe(call, tmp_path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(PAIRS, encoding="utf-8")
    settings = [f"data.train={file}", "model.config.vocab_size=259", "data.max_length=8"]
    code, out, err = call("data", "check", "translation", *settings)
    assert (code, err) == (0, "")
    lines = out.replace(str(file), "F").splitlines()
    assert lines == [
        "split  rows  empty  duplicates  format  source",
        "train  4     1      1           tsv     F",
        "",
        "tokens          min  median  95%  max  texts over 8  tokens over it",
        "train, sources  7    7       9    9    33.3%         4.3%",
        "train, targets  10   10      14   14   100.0%        29.4%",
        "",
        "note: vocabulary: 259 pieces learned from train",
        "",
        "warning: train, sources: 1 row with an empty text, left out; first: F, line 4",
        "warning: train, sources: 33.3% of the texts are longer than 8 tokens, and 4.3% of all "
        "tokens are cut off; raise data.max_length",
        "warning: train, targets: 100.0% of the texts are longer than 8 tokens, and 29.4% of all "
        "tokens are cut off; raise data.max_length",
        "warning: train: 1 row whose text occurs before; first: F, line 5 = F, line 2",
        "",
        "OK: no problems, 4 warnings",
    ]


def test_data_check_of_a_file_is_told_the_task(call, tmp_path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(PAIRS, encoding="utf-8")
    columns = ["data.text=en", "data.label=de", "task=translation"]
    code, out, _ = call("data", "check", str(file), *columns, "--json")
    assert code == 0
    report = json.loads(out)
    assert report["problem_type"] is None
    assert report["splits"]["train"]["labels"] == {}
    assert report["targets"]["train"]["rows"] == 3
    code, out, err = call("data", "check", str(file), "task=translation")
    assert code == 2
    assert "note: no token lengths: " in out
    assert "no column 'text' for data.text" in err
    assert call("data", "check", str(file), "task=translatoin") == (
        2, "", "error: task: unknown task 'translatoin'. Did you mean 'translation'?\n"
    )  # fmt: skip


def test_data_check_without_train_learns_no_vocabulary(call, tmp_path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(PAIRS, encoding="utf-8")
    code, out, _ = call("data", "check", "translation", f"data.test={file}")
    assert code == 0
    assert "note: no token lengths: the tokenizer is learned from data.train" in out


def test_the_end_of_a_run_shows_translations_side_by_side(tmp_path, capsys) -> None:
    rows: list[dict[str, Any]] = [
        {"split": split, "text": f"{split} {i}", "label": "l " * 60, "prediction": "p"}
        for split in ("validation", "test")
        for i in range(5)
    ]
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print_summary(tmp_path, {"task": "translation", "test": {"bleu": 1.5}})
    out = capsys.readouterr().out
    blocks = out.split("\n\n")
    assert blocks[0] == "\nsplit  bleu\ntest   1.5000"
    assert [block.splitlines() for block in blocks[1:-1]] == [
        [f"source      test {i}", f"reference   {'l ' * 33}l...", "prediction  p"] for i in range(3)
    ]
    assert blocks[-1].startswith("saved in ")
    assert "wrong" not in out


def test_the_end_of_a_run_without_predictions_shows_none(tmp_path, capsys) -> None:
    print_summary(tmp_path, {"task": "translation"})
    assert "source" not in capsys.readouterr().out
