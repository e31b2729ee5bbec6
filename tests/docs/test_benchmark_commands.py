"""Every benchmark that README and the pages name takes the arguments that stand there.

The parser alone is asked, in blocks and inside sentences; nothing is measured.
"""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from helpers.page_commands import ROOT, pages

LINE = re.compile(r"python (?:-m benchmarks|benchmarks/\w+\.py)\b[^`\n]*")


class ParsedError(Exception):
    """The arguments are taken; what would follow is the measurement."""


def named() -> list[tuple[str, str]]:
    """Page and command, in backticks (also across the end of a line) or in a block."""
    found: dict[tuple[str, str], None] = {}
    for page in pages():
        text = page.read_text(encoding="utf-8")
        sentences = re.sub(r"(?ms)^```.*?^```", "", text)
        blocks = "\n".join(re.findall(r"(?ms)^```\w*\n(.*?)^```", text))
        inline = (" ".join(one.split()) for one in re.findall(r"`([^`]+)`", sentences))
        for line in (*inline, *blocks.splitlines()):
            if command := LINE.search(line):
                found[page.relative_to(ROOT).as_posix(), command[0].strip()] = None
    return list(found)


COMMANDS = named()


def parsed(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the program as far as its arguments."""
    words = shlex.split(command, comments=True)[1:]
    parse_args = argparse.ArgumentParser.parse_args

    def parse(self: argparse.ArgumentParser, *given: object) -> None:
        parse_args(self, *given)  # type: ignore[arg-type]
        raise ParsedError

    monkeypatch.syspath_prepend(str(ROOT))
    if words[0] == "-m":
        from benchmarks import __main__ as benchmarks

        if words[2] not in ("scale", "kills", "fuzz"):
            benchmarks.parse(words[2:])  # names of programs are checked behind the parser
            return
        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(ParsedError):
            benchmarks.main(words[2:])
        return
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(ParsedError):
        runpy.run_path(str(ROOT / words[0]), run_name="__main__")


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_arguments_are_taken(page: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed(command, monkeypatch)


def test_all_are_found() -> None:
    """As many as a search for the words alone finds: none is hidden in a form not looked at."""
    said = sum(
        len(set(re.findall(r"python\s+(?:-m\s+benchmarks|benchmarks/\w+\.py)[^`\n]*", text)))
        for text in (page.read_text(encoding="utf-8") for page in pages())
    )
    assert len(COMMANDS) == said >= 18


@pytest.mark.parametrize(
    "command",
    [
        "python -m benchmarks int8",
        "python -m benchmarks no-program --full",
        "python -m benchmarks scale nothing",
        "python benchmarks/search_samplers.py",
        "python benchmarks/report_pictures.py docs/_static more",
    ],
)
def test_a_wrong_one_is_noticed(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(command, monkeypatch)
    assert ended.value.code == 2


def test_what_needs_the_extra_test_says_so() -> None:
    """A program that imports a package of the extra alone is named beside that extra."""
    for page, command in COMMANDS:
        script = command.split()[1]
        if not script.startswith("benchmarks/"):
            continue
        code = (ROOT / script).read_text(encoding="utf-8")
        if not re.search(r"(?m)^\s*(from|import) (sklearn|playwright|scipy)\b", code):
            continue
        text = Path(ROOT / page).read_text(encoding="utf-8")
        before = text[: text.index(command)][-400:]
        assert "extra `test`" in before, (page, command)
