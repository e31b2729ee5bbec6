"""Tagging and language models on the command line: what a person and a program see."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from hfdl.cli import errors
from hfdl.cli.printing.summary import print_summary


@pytest.fixture
def call(capsys):
    """Runs a command in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def stand_in(monkeypatch):
    """Puts a pipeline of a task in the place of the model's; gives the calls that it got."""

    def put(task: str, answer: Any) -> list[tuple[Any, dict[str, Any]]]:
        calls: list[tuple[Any, dict[str, Any]]] = []

        def pipe(inputs: Any, **options: Any) -> Any:
            calls.append((inputs, options))
            return answer(inputs) if isinstance(inputs, str) else [answer(one) for one in inputs]

        pipe.task = task  # type: ignore[attr-defined]
        module = SimpleNamespace(pipeline=lambda *arguments, **options: pipe)
        monkeypatch.setitem(sys.modules, "hfdl.pipelines", module)
        return calls

    return put


def on_terminal(monkeypatch) -> None:
    """From here on stdout is one."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


def names(text: str) -> list[dict[str, Any]]:
    """Every capitalised word is a person."""
    found, place = [], 0
    for word in text.split():
        start = text.index(word, place)
        place = start + len(word)
        if word[0].isupper():
            found.append({"entity_group": "PER", "score": 0.5, "word": word, "start": start,
                          "end": place})  # fmt: skip
    return found


def test_entities_are_a_json_line_a_text(call, stand_in) -> None:
    calls = stand_in("token-classification", names)
    code, out, _ = call("predict", "m", "Änne saw Bob", "nobody")
    assert code == 0
    ann = {"entity_group": "PER", "score": 0.5, "word": "Änne", "start": 0, "end": 4}
    bob = {"entity_group": "PER", "score": 0.5, "word": "Bob", "start": 9, "end": 12}
    assert [json.loads(line) for line in out.splitlines()] == [
        {"text": "Änne saw Bob", "entities": [ann, bob]},
        {"text": "nobody", "entities": []},
    ]
    assert calls == [(["Änne saw Bob", "nobody"], {"aggregation_strategy": "viterbi"})]


def test_entities_on_a_terminal_stand_in_their_text(call, stand_in, monkeypatch) -> None:
    on_terminal(monkeypatch)
    stand_in("token-classification", names)
    out = call("predict", "m", "Ann \n saw\x1b[31m Bob", "", "long " * 30)[1]
    assert out.splitlines() == [
        "[Ann: PER] saw\\x1b[31m [Bob: PER]",
        "(no entity)  ",
        f"(no entity)  {'long ' * 12}long...",  # 80 columns
    ]


def test_top_k_is_refused_where_it_means_nothing(call, stand_in) -> None:
    for task, reason in {
        "translation": "a translation has none",
        "text-generation": "a text that is written has none",
        "token-classification": "here each word gets the one that fits its neighbours",
    }.items():
        calls = stand_in(task, names)
        code, _, err = call("predict", "m", "a", "--top-k", "2")
        assert code == 2
        assert f"--top-k chooses among labels, and {reason}" in " ".join(err.split())
        assert calls == []


def fill(text: str) -> list[Any]:
    said = [{"score": 0.75, "token": 5, "token_str": " day", "sequence": "a day"},
            {"score": 0.125, "token": 6, "token_str": "night", "sequence": "a night"}]  # fmt: skip
    return said if text.count("[MASK]") == 1 else [said, said[:1]]


def test_filled_masks_are_json_lines(call, stand_in) -> None:
    calls = stand_in("fill-mask", fill)
    out = call("predict", "m", "a [MASK]", "--top-k", "2")[1]
    assert json.loads(out) == {"text": "a [MASK]", "predictions": fill("a [MASK]")}
    # A list of one would come back without its list.
    assert calls == [("a [MASK]", {"top_k": 2})]
    out = call("predict", "m", "a [MASK]", "b [MASK]")[1]
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["a [MASK]", "b [MASK]"]


def test_filled_masks_on_a_terminal(call, stand_in, monkeypatch) -> None:
    on_terminal(monkeypatch)
    stand_in("fill-mask", fill)
    out = call("predict", "m", "a [MASK]", "a [MASK] [MASK]")[1]
    assert out.splitlines() == [
        "day 0.7500  night 0.1250  a [MASK]",
        "[day 0.7500  night 0.1250]  [day 0.7500]  a [MASK] [MASK]",
    ]


def test_written_texts_are_json_lines(call, stand_in) -> None:
    stand_in("text-generation", lambda text: [{"generated_text": f"{text} and\nso on"}])
    out = call("predict", "m", "Once")[1]
    assert json.loads(out) == {"text": "Once", "generated_text": "Once and\nso on"}


def test_written_texts_keep_their_lines_on_a_terminal(call, stand_in, monkeypatch) -> None:
    on_terminal(monkeypatch)
    stand_in("text-generation", lambda text: [{"generated_text": f"{text} and\n\x1b[1mso"}])
    assert call("predict", "m", "Once")[1] == "Once and\n\\x1b[1mso\n"


def tagged(text: str, label: str, prediction: str, split: str = "test") -> str:
    row = {"split": split, "text": text, "tokens": text.split(), "label": label.split(),
           "prediction": prediction.split()}  # fmt: skip
    return json.dumps(row) + "\n"


def test_the_end_of_a_run_shows_entities_and_a_mistake(tmp_path, capsys) -> None:
    lines = [
        tagged("old Ann", "O B-PER", "O B-PER", split="validation"),
        tagged("no name", "O O", "O O"),
        tagged("Li Wei in Rome", "B-PER I-PER O B-LOC", "O B-PER O B-LOC"),
        *[tagged(f"Bob {i}", "B-PER O", "B-PER O") for i in range(5)],
    ]
    (tmp_path / "predictions.jsonl").write_text("".join(lines))
    print_summary(tmp_path, {"task": "token_classification", "test": {"f1": 0.5, "PER/f1": 1.0}})
    blocks = capsys.readouterr().out.split("\n\n")
    assert [block.splitlines() for block in blocks[:-1]] == [
        ["", "split  f1", "test   0.5000"],
        ["text        Bob 0", "entities    Bob (PER)", "prediction  Bob (PER)"],
        ["text        Bob 1", "entities    Bob (PER)", "prediction  Bob (PER)"],
        ["text        Li Wei in Rome", "entities    Li Wei (PER), Rome (LOC)",
         "prediction  Wei (PER), Rome (LOC)"],
    ]  # fmt: skip
    assert blocks[-1].startswith("saved in ")


def test_the_end_of_a_run_shows_what_was_last_written(tmp_path, capsys) -> None:
    events = [
        {"event": "samples", "step": step,
         "samples": [{"prompt": "The king", "text": f"{word}\nmore"}]}
        for step, word in ((1, "early"), (2, "late"))
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    print_summary(tmp_path, {"task": "causal_lm", "validation": {"perplexity": 3.5}})
    out = capsys.readouterr().out
    assert "\n\nprompt  The king\ntext    late more\n\nsaved in " in out
    assert "early" not in out


def test_the_end_of_a_run_shows_masked_tokens(tmp_path, capsys) -> None:
    pairs = [{"target": "king", "prediction": "queen"}]
    row = {"split": "validation", "text": "the king", "prediction": pairs}
    (tmp_path / "predictions.jsonl").write_text(json.dumps(row) + "\n")
    print_summary(tmp_path, {"task": "masked_lm", "validation": {"perplexity": 3.5}})
    assert "\n\nmasked  prediction\nking    queen\n\nsaved in " in capsys.readouterr().out


def test_the_end_of_a_run_without_files_shows_no_examples(tmp_path, capsys) -> None:
    for task in ("token_classification", "causal_lm", "masked_lm"):
        print_summary(tmp_path, {"task": task})
        out = capsys.readouterr().out
        assert out.startswith("\n\nsaved in ")
