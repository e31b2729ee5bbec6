"""The commands that pages show, and a folder in which they can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("bash", "console", "sh")


@dataclass(frozen=True)
class PageCommand:
    """One line of a block: where it stands, its words, and what the page prints below it."""

    page: str
    line: int
    words: tuple[str, ...]
    shown: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.page}:{shlex.join(self.words)[:70]}"


def pages() -> list[Path]:
    """README and every page of docs/ that is written by hand, tutorials (which run) left out."""
    written = sorted((ROOT / "docs").glob("*.md"))
    return [ROOT / "README.md", *written]


def commands(page: Path) -> Iterator[PageCommand]:
    """Every command of a page, continued lines joined, comments left out.

    In a console block a command follows ``$``; the lines below it are what it prints.
    """
    name = page.relative_to(ROOT).as_posix()
    for start, language, lines in _blocks(page.read_text(encoding="utf-8")):
        for number, text, shown in _joined(lines, is_console=language == "console"):
            for part in re.split(r" && ", text):
                if words := shlex.split(part, comments=True):
                    yield PageCommand(name, start + number, tuple(words), tuple(shown))


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    opened: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```") and opened is None:
            opened = (number + 1, line[3:].strip(), [])
        elif line.startswith("```") and opened is not None:
            if opened[1] in SHELLS:
                yield opened
            opened = None
        elif opened is not None:
            opened[2].append(line)


def _joined(lines: list[str], *, is_console: bool) -> Iterator[tuple[int, str, list[str]]]:
    """Line number in the block, the command, and the lines below it of a console."""
    waiting: list[tuple[int, str, list[str]]] = []
    continues = False
    for number, line in enumerate(lines):
        if continues:
            at, text, shown = waiting[-1]
            waiting[-1] = (at, text.rstrip("\\ ") + " " + line.strip(), shown)
        elif not is_console or line.startswith("$ "):
            waiting.append((number, line.removeprefix("$ "), []))
        elif waiting:
            waiting[-1][2].append(line)
        continues = line.endswith("\\")
    yield from waiting


def replaced(words: tuple[str, ...], names: Mapping[str, str]) -> list[str]:
    """Words with names of models and placeholders exchanged, also behind a ``key=``."""
    return [_replace(word, names) for word in words]


def _replace(word: str, names: Mapping[str, str]) -> str:
    key, equals, value = word.rpartition("=")
    return f"{key}{equals}{names[value]}" if value in names else word
