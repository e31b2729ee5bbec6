"""What error messages tell a user to type is what hfdl takes: keys, values, commands, options.

The messages are those that the tests have recorded (tests/error_messages.txt). That the named
remedy also mends the fault is tested where each message is.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hfdl.cli.app import app
from hfdl.config.keys import field_at, value_field
from hfdl.config.load import load_recipe, recipe_names
from hfdl.config.overrides import parse_overrides

RECORDED = Path(__file__).parents[1] / "error_messages.txt"
_PAIR = re.compile(
    r"(?<![\w.'\[])'?((?:model|data|train|tune)(?:\.[a-z_]+)+=(?:\[[^\]]*\]|\{[^}]*\}|[^\s;,)']+))"
)
_COMMAND = re.compile(r"hfdl ((?:data check|recipes [a-z]+|[a-z]+)(?: [^.;,:)]*)?)")
_RUNS = {"run"}
"""Names of folders of runs in the recorded messages; a run's folder stands for its recipe."""
_PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|\.\.\.|<tmp>|\bN\b|\bX\b")


def remedies() -> list[str]:
    """The recorded messages, each once."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def quoted_by_the_user(line: str, pair: str) -> bool:
    """Whether a pair is what was given wrongly, not what is advised."""
    return line.startswith((f"override {pair}", f"{pair}:", f"error: override {pair}"))


PAIRS = sorted({
    pair.rstrip(".'")
    for line in remedies()
    for pair in _PAIR.findall(line)
    if not quoted_by_the_user(line, pair.rstrip(".'"))
})  # fmt: skip
# "hfdl trains with ...": hfdl as a subject, not as a command.
_VERBS = {"adds", "calls", "does", "has", "is", "makes", "needs", "trains"}
COMMANDS = sorted({
    found.strip()
    for line in remedies()
    for found in _COMMAND.findall(line)
    if found.split()[0] not in _VERBS
})  # fmt: skip


def test_how_many_there_are() -> None:
    assert len(PAIRS) >= 33
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("pair", PAIRS)
def test_a_key_is_known_and_its_value_is_taken(pair: str) -> None:
    key, _, value = pair.partition("=")
    path = key.split(".")
    assert field_at(path) is not None or value_field(path) is not None, key
    if _PLACEHOLDER.search(value):
        return
    load_recipe("sentiment", parse_overrides([pair]))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_and_its_options_exist(words: str) -> None:
    command: Any = get_command(app)
    rest = shlex.split(words.replace("'", ""))
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    assert not hasattr(command, "commands"), words
    known = {flag for parameter in command.params for flag in parameter.opts}
    for word in rest:
        assert not word.startswith("--") or word.partition("=")[0] in known, word
    named = [word for word in rest if not word.startswith("-")]
    if words.startswith("train ") and named and not _PLACEHOLDER.search(named[0]):
        assert named[0] in {*recipe_names(), *_RUNS} or "/" in named[0] or "." in named[0], words
