"""With HF_HUB_OFFLINE=1 no command asks the network for anything, and each says why it cannot.

conftest.py sets it for this process and those that it starts.
"""

from __future__ import annotations

import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.no_network import no_network
from helpers.processes import finish, start
from helpers.support import reviews, write_csv
from huggingface_hub import HfApi, constants

from hfdl.cli.app import app
from hfdl.cli.errors import run as run_command

TRAINED_ON = ["data.train=DATA", "data.validation=DATA"]
LOCAL: dict[str, list[str]] = {
    "train": [
        "sentiment", "model.name=BERT", *TRAINED_ON, "data.max_length=16", "train.steps=1",
        "--output", "made",
    ],
    "evaluate": ["RUN", "data.test=DATA"],
    "predict": ["RUN", "a fine film"],
    "embed": ["BERT", "a fine film"],
    "report": ["RUN", "--output", "a.html"],
    "calibrate": ["RUN", "data.validation=DATA", "--output", "calibrated"],
    "export": ["RUN", "data.validation=DATA", "--output", "graph"],
    "diff": ["RUN", "RUN", "data.test=DATA"],
    "tune": [
        "eras/bag-of-words", *TRAINED_ON, "search.train.learning_rate=[0.001, 0.01]",
        "study.sampler=grid", "study.fresh_seeds=0", "train.epochs=1", "--output", "tuned",
    ],
    "compare": ["sentiment", "data.train=DATA", "--eras", "bag-of-words", "train.epochs=1"],
    "verify": ["BERT"],
    "attention": ["RUN", "a fine film", "--output", "b.html"],
    "push": ["RUN", "a-name", "--dry-run"],
    "info": [],
    "recipes list": [], "recipes show": ["sentiment"], "recipes check": ["sentiment"],
    "recipes copy": ["sentiment", "mine.yaml"], "recipes keys": [],
    "data check": ["DATA"],
}  # fmt: skip
"""Each command with a model and data of this machine."""
UNTIL_ENDED = ("serve", "demo")
"""Those that answer until they are ended run as processes."""

ID = "ann/none"
REMOTE: dict[str, list[str]] = {
    "train": ["sentiment", f"model.name={ID}", "--output", "made"],
    "train on": ["sentiment", "model.name=BERT", "data.max_length=16", f"data.train={ID}"],
    "evaluate": [ID, "data.test=DATA"],
    "predict": [f"{ID}@v1", "a fine film"],
    "embed": [ID, "a fine film"],
    "calibrate": [ID, "data.validation=DATA", "--output", "calibrated"],
    "export": [ID, "data.validation=DATA", "--output", "graph"],
    "diff": [ID, "RUN", "data.test=DATA"],
    "tune": ["sentiment", f"model.name={ID}", "search.train.learning_rate=[0.1, 0.2]"],
    "compare": ["sentiment", f"data.train={ID}", "--eras", "frozen"],
    "verify": [ID],
    "attention": [ID, "a fine film", "--output", "b.html"],
    "push": ["RUN", ID, "--yes"],
    "serve": [ID],
    "demo": [ID],
    "data check": [ID],
}
"""Each command that takes a Hub id, with one that was never downloaded."""
SPY = """
from helpers.no_network import no_network
from hfdl.cli import main
with no_network() as tried:
    try:
        main()
    finally:
        assert tried == [], tried
"""


def commands(group: Any = None, before: str = "") -> Iterator[str]:
    """Every command, by its words."""
    group = typer.main.get_command(app) if group is None else group
    for name, one in group.commands.items():
        words = f"{before}{name}"
        if hasattr(one, "commands"):
            yield from commands(one, f"{words} ")
        else:
            yield words


def test_every_command_is_among_the_cases() -> None:
    assert {*LOCAL, *UNTIL_ENDED} == set(commands())
    without_models = {"report", "info"} | {name for name in LOCAL if name.startswith("recipes")}
    assert {*REMOTE} - {"train on"} == set(commands()) - without_models
    assert len(set(commands())) == 22


def test_the_guard_sees_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with no_network() as tried:
        with pytest.raises(OSError, match="refused by the test"):
            socket.create_connection(("192.0.2.1", 80), timeout=1)
        with pytest.raises(Exception, match="refused by the test"):
            HfApi("http://huggingface.example").model_info("a/b", timeout=1)
    assert len(tried) >= 2


@pytest.fixture
def asked(trained: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command's words in an empty folder: exit code, what was tried and what is there."""
    monkeypatch.chdir(tmp_path)
    flipped = {"negative": "positive", "positive": "negative"}  # or there is nothing to calibrate
    rows = reviews(40)
    rows[:8] = [{**row, "label": flipped[row["label"]]} for row in rows[:8]]
    data = str(write_csv(tmp_path / "data.csv", rows))
    names = {"RUN": str(trained), "BERT": str(tiny_bert), "DATA": data}

    def words(command: str, given: list[str]) -> list[str]:
        filled = [re.sub("RUN|BERT|DATA", lambda found: names[found[0]], one) for one in given]
        return [*command.removesuffix(" on").split(), *filled]

    return words


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("command", LOCAL)
def test_local_models_need_no_network(
    command: str, asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with no_network() as tried:
        code = run_command(asked(command, LOCAL[command]))
    assert (code, tried) == (0, []), capsys.readouterr().err


@pytest.mark.parametrize("command", REMOTE)
def test_what_was_never_downloaded_is_refused(
    command: str, asked: Any, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    words = asked(command, REMOTE[command])
    with no_network() as tried:
        code = run_command(words)
    err = capsys.readouterr().err
    assert (code, tried) == (2, []), err
    assert "the Hub is not asked, because HF_HUB_OFFLINE is set" in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("command", UNTIL_ENDED)
def test_servers_need_no_network(command: str, trained: Path, tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[1])
    words = [sys.executable, "-P", "-c", SPY, command, str(trained), "--port", "0"]
    process = start(words, tmp_path, PYTHONPATH=tests)
    assert process.stdout is not None
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    assert code in (0, 130), err
    assert "refused by the test" not in err
