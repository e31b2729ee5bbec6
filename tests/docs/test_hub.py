"""Every command of docs/hub.md, against a stand-in of the Hub, and the list that it shows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from helpers.hub.datasets_client import ask_data
from helpers.hub.server import Hub
from helpers.support import reviews, write_csv

from hfdl.cli.errors import run as run_command

PAGE = (Path(__file__).parents[2] / "docs" / "hub.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
SIZE = re.compile(r"[\d.]+ k?B")


def test_each_command_does_what_the_page_says(
    hub: Hub, trained: Path, tiny_bert: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    ask_data(hub, tmp_path / "datasets", monkeypatch)
    shutil.copytree(trained, tmp_path / "runs" / "sentiment")
    file = write_csv(tmp_path / "new.csv", reviews(40)).read_bytes()
    hub.store.put("ann/reviews", {"train.csv": file}, kind="dataset")
    card = b"---\nconfigs:\n- config_name: en\n  data_files: en.csv\n---\n"
    repo = hub.store.put("ann/languages", {"README.md": card, "en.csv": file}, kind="dataset")
    repo.tags["v1"] = repo.branches["main"]
    assert len(COMMANDS) == 11
    outputs = {}
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        if words[0] == "train":
            words += [f"model.name={tiny_bert}", "data.max_length=16"]
        assert run_command(words) == 0, (line, capsys.readouterr().err)
        outputs[line] = capsys.readouterr().out
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
    assert SIZE.sub("N", shown).split() == SIZE.sub("N", outputs[COMMANDS[0]]).split()
    models = {name: repo for (kind, name), repo in hub.store.repos.items() if kind == "model"}
    assert {name: repo.private for name, repo in models.items()} == {
        "ann/my-sentiment": True, "team/sentiment": False,
    }  # fmt: skip
    mine = models["ann/my-sentiment"]
    assert mine.tags["v1.0"] in mine.commits
    assert "report.html" in mine.files("with-report")
    assert "report.html" not in mine.files("main")
    assert models["team/sentiment"].messages[-1] == "First version"
    predicted = [out for line, out in outputs.items() if " predict " in line]
    assert predicted[0] == predicted[1] != ""
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    told: dict[str, Any] = {}
    exec(block, told)
    assert told["pushed"].commit == mine.branches["main"]
    assert capsys.readouterr().out.startswith("[] [('checkpoints/', ")  # it is all there
    assert b"license: apache-2.0" in mine.files("main")["README.md"].content
    assert told["pipe"]("A warm and funny film.")


def test_the_page_is_linked() -> None:
    index = (Path(__file__).parents[2] / "docs" / "index.md").read_text(encoding="utf-8")
    assert "(hub.md)" in index
