"""``hfdl data check`` of a language model's corpus, as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hfdl.cli import errors

Call = Callable[..., tuple[int, str, str]]
TEXT = "a superb movie\n\na good film\nthey say\n\nit was long\n"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def figures(out: str) -> dict[str, str]:
    """The row of train in the table of the corpus, by header."""
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("corpus"))
    headers = [part for part in lines[at].split("  ") if part.strip()]
    return dict(zip(map(str.strip, headers), lines[at + 1].split(), strict=True))


@pytest.mark.parametrize(("task", "kind"), [("mlm", "wordpiece"), ("clm", "bpe")])
def test_a_fresh_model_s_tokens_are_those_that_it_would_learn(
    call: Call, corpus: str, task: str, kind: str
) -> None:
    name = "hfdl://bert" if task == "mlm" else "hfdl://gpt2"
    code, out, err = call("data", "check", corpus, f"task={task}", f"model.name={name}")
    assert (code, err) == (0, "")
    found = figures(out)
    assert (found["documents"], found["characters"], found["longest"]) == ("4", "44", "14")
    assert float(found["characters a token"]) == pytest.approx(44 / int(found["tokens"]), abs=5e-3)
    assert f"pieces ({kind}) learned from train" in out


@pytest.mark.parametrize("recipe", ["mlm", "clm"])
def test_documents_are_cut_where_the_recipe_says(
    call: Call, corpus: str, tiny_bert: Path, recipe: str
) -> None:
    settings = [f"model.name={tiny_bert}", "model.tokenizer=null", f"data.train={corpus}"]
    code, out, _ = call("data", "check", recipe, *settings, "--json")
    assert code == 0
    report = json.loads(out)
    assert report["corpus"]["train"]["documents"] == 3  # paragraphs, as both recipes have them
    assert report["corpus"]["train"]["tokens"] > 8
    assert report["corpus"]["train"]["longest"] == len("a good film\nthey say")


def test_a_tokenizer_that_the_recipe_names(call: Call, corpus: str, tiny_bert: Path) -> None:
    settings = ["task=mlm", "model.name=hfdl://bert", f"model.tokenizer={tiny_bert}"]
    code, out, _ = call("data", "check", corpus, *settings)
    assert code == 0
    assert "learned from train" not in out
    assert int(figures(out)["tokens"]) >= 11
    code, out, _ = call("data", "check", corpus, *settings[:2], "model.tokenizer=no/where")
    assert code == 0
    assert "note: no token lengths: model 'no/where' is not on this machine" in out
    assert figures(out)["tokens"] == "-"


def test_a_corpus_without_a_text_is_a_problem(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "blank.txt"
    path.write_text("\n \n", encoding="utf-8")
    for task, model in (("mlm", "bert"), ("clm", "gpt2")):
        code, out, err = call(
            "data", "check", str(path), f"task={task}", f"model.name=hfdl://{model}"
        )
        assert code == 2, task
        assert "it holds no text" in err
        assert "problem: " in out
