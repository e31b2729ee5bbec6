"""Nothing that a command prints is wider than the terminal: its help, and what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.support import reviews, write_csv
from helpers.terminal import on_terminal
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.runs.texts import cells


def commands(group: Any = None, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group of commands, by its words."""
    group = typer.main.get_command(app) if group is None else group
    inner = getattr(group, "commands", {})
    return [
        before,
        *(words for name, one in inner.items() for words in commands(one, (*before, name))),
    ]


COMMANDS = commands()
SMALL_SEARCH = (
    "search.train.learning_rate=[0.001, 0.0123456789]",
    "study.sampler=grid", "study.fresh_seeds=2", "train.epochs=1", "--output", "tuned",
)  # fmt: skip
ANSWERS: dict[tuple[str, ...], list[str]] = {
    (): [],
    ("evaluate",): ["RUN", "data.test=DATA"],
    ("predict",): ["RUN", "and so on " * 40, "--top-k", "2"],
    ("embed",): ["RUN", "and so on " * 40],
    ("report",): ["RUN", "--output", "a.html"],
    ("compare",): [
        "sentiment",
        "data.train=DATA",
        "--eras",
        "bag-of-words,word-average",
    ],
    ("verify",): ["RUN"],
    ("attention",): ["RUN", "and so on " * 4, "--output", "a.html"],
    ("calibrate",): ["RUN", "data.validation=DATA", "--output", "calibrated"],
    ("export",): ["RUN", "data.validation=DATA", "--int8", "--output", "graph"],
    ("diff",): ["RUN", "RUN", "data.test=DATA"],
    ("tune",): ["eras/bag-of-words", "data.train=DATA", "data.validation=DATA", *SMALL_SEARCH],
    ("push",): ["RUN", "a-name", "--dry-run"],
    ("info",): [],
    ("recipes",): [],
    ("recipes", "list"): [],
    ("recipes", "show"): ["sentiment"],
    ("recipes", "copy"): ["sentiment"],
    ("recipes", "check"): ["sentiment"],
    ("recipes", "keys"): [],
    ("data",): [],
    ("data", "check"): ["DATA"],
}
"""What each command is asked."""
ELSEWHERE = {("train",), ("serve",), ("demo",)}
"""Training has a test of its own (test_on_a_terminal); the others answer until they are ended."""
WIDE = [("info",), ("recipes", "list"), ("recipes", "keys"), ("evaluate",)]
"""Those that use a wider terminal."""
COPIED = ("use it:", "saved")
"""What begins so is copied whole."""


def test_every_command_is_among_the_cases() -> None:
    assert set(ANSWERS) == set(COMMANDS) - ELSEWHERE
    assert len(COMMANDS) == 25


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("words", COMMANDS)
def test_help_fits(words: tuple[str, ...], width: int) -> None:
    shown = CliRunner(env={"COLUMNS": str(width)}).invoke(
        app, [*words, "--help"], terminal_width=width
    )
    assert shown.exit_code == 0
    assert [line for line in shown.output.splitlines() if cells(line) > width] == []


def test_what_a_command_does_is_said_whole() -> None:
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["--help"], terminal_width=80)
    summaries = shown.output.split("Commands:")[1].splitlines()
    assert len([line for line in summaries if line.strip()]) == 18
    assert [line for line in summaries if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("words", "width"),
    [*((words, 80) for words in ANSWERS), *((words, 160) for words in WIDE)],
)
def test_answers_fit(words: tuple[str, ...], width: int, trained: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']} {'and so on ' * 20}"} for row in reviews(60)]
    for row, other in zip(rows[::6], rows[1::6], strict=True):  # or there is nothing to calibrate
        row["label"], other["label"] = other["label"], row["label"]
    data = str(write_csv(tmp_path / "data.csv", rows))
    asked = [one.replace("RUN", str(trained)).replace("DATA", data) for one in ANSWERS[words]]
    shown = on_terminal(*words, *asked, width=width, cwd=tmp_path)
    assert shown.code == 0, shown.raw
    wide = [line for line in shown.lines if cells(line) > width]
    assert [line for line in wide if not line.startswith(COPIED)] == []


@pytest.mark.parametrize("width", [80, 160])
def test_entities_and_many_labels_are_folded(width: int, monkeypatch: Any, capsys: Any) -> None:
    from hfdl.cli.predicting import answers
    from hfdl.cli.printing import text as printing

    for module in (printing, answers):
        monkeypatch.setattr(module, "terminal_width", lambda: width)
    text = "Ann Smith " * 60
    found = [{"start": i, "end": i + 9, "entity_group": "person"} for i in range(0, 590, 10)]
    labels = [{"label": f"label {i}", "score": 0.5} for i in range(40)]
    answers.print_answers([(text, {"entities": found}), (text, labels)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cells, lines)) <= width
    assert "".join(lines).count("[Ann Smith: person]") + "".join(lines).count("Ann Smith") >= 59
    written = "one line of words " * 40
    answers.print_answers([("a", {"generated_text": written})])
    assert capsys.readouterr().out == written + "\n"
