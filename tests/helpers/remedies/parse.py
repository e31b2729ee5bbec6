"""What a remedy tells a user to type, read out of its text."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

_KEY = r"(?:task|(?:data|train|tune|model|study|search)(?:\.\w+)+)"
_SHELL = r"(?:pip|python|iconv|gunzip|bunzip2|unxz|unzip|tar|unset|hfdl) "
_LINE = re.compile(rf"(?:^|: |with |and |or |See )({_SHELL}.+)$")
_IN_QUOTES = re.compile(rf"'({_SHELL}[^']+)'")
_MEANT = re.compile(r"(?:[Dd]id you mean|[Hh]ere it is) ('[^']*'|[^?]+)(?=\?|$)")
_INSTEAD = re.compile(r"for instance ('[^']*')$")
_CHOICES = re.compile(
    r"[Cc]hoose (?:one of|from|among|one of these): (.+?)(?=, and \d+ more|, or [a-z]+ |\. |; |$)"
)
_VALUE = r"'[^']*'|[A-Z]+\b|\d+|[./][^\s;,]*|[\w-]+\.\w+|[\w-]+\b(?=$|,)"
_OPTION = re.compile(rf"(?<![\w-])(--[a-z][a-z-]*)(?:[ =]((?!to\b|and\b)(?:{_VALUE})))?")
_KEYWORD = re.compile(r"(?<![\w.\]-])([a-z_]+)=(?=[^=\s])")
_IN_PLACE = re.compile(r"(?:in place of|without) (--[a-z-]+)")
_LEAVE = re.compile(r"(?:[Ll]eave|[Rr]emove) ([\w.]+)(?: out)?(?:$|[,.;:])")


@dataclass
class Action:
    """One thing to type, of those that a remedy offers.

    Args:
        said: the words that it was read from.
        keys: overrides, as a shell hands them on.
        options: of the command, with their values if any.
        keywords: arguments of a Python call.
        line: a whole command line.
        instead: what takes the place of the wrong word.
        leave: what is left out; ``it`` is what the error is about.
    """

    said: str
    keys: list[str] = field(default_factory=list)
    options: list[tuple[str, str | None]] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    line: str | None = None
    instead: str | None = None
    leave: str | None = None

    def __bool__(self) -> bool:
        return bool(
            self.keys or self.options or self.keywords or self.line or self.instead or self.leave
        )


def actions(remedy: str) -> list[Action]:
    """The things that can be typed, one after another; plain advice gives none."""
    found = []
    if line := _LINE.search(remedy):
        found.append(Action(line[0], line=line[1].strip()))
        remedy = remedy[: line.start()]
    if choices := _CHOICES.search(remedy):
        first = re.split(r",? or |, ", choices[1])[0]
        found.append(Action(choices[0], instead=first.strip("'").rstrip("?")))
        remedy = remedy[: choices.start()] + remedy[choices.end() :]
    return [action for part in _alternatives(remedy) if (action := _read(part))] + found


def _read(part: str) -> Action:
    action = Action(part)
    if line := _IN_QUOTES.search(part):
        action.line = line[1]
        return action
    if instead := _MEANT.search(part):
        [action.instead] = shlex.split(instead[1])
        return action
    rest = part
    while pair := re.search(rf"(?<![\w.'])'?{_KEY}=", rest):
        word, rest = _first_word(rest[pair.start() :])
        action.keys.append(word)
    if not action.keys and (instead := _INSTEAD.search(part)):
        [action.instead] = shlex.split(instead[1])
        return action
    if dropped := _IN_PLACE.search(part):
        action.leave, part = dropped[1], part[: dropped.start()]
    for name, value in _OPTION.findall(part):
        action.options.append((name, shlex.split(value)[0] if value else None))
    if not action.keys and not action.options:
        action.keywords = _keywords(part)
    if not action and (leave := _LEAVE.search(part)):
        action.leave = leave[1]
    return action


def _alternatives(text: str) -> list[str]:
    """Split at ``;``, at ``or`` and at commas without ``and``, outside of quotes and brackets."""
    cut, depth, quote = [0], 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and not text[place - 1 : place].isalnum():
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif not depth and (
            character == ";"
            or text.startswith(" or ", place)
            or (
                character == ","
                and not text.startswith(", and ", place)
                and text[place + 1 :][:1] == " "
            )
            or (character == "?" and text[place + 1 :][:1] == " ")
        ):
            cut.append(place + (character == "?"))
    return [text[a:b].strip(" ,;") for a, b in zip(cut, [*cut[1:], len(text)], strict=True)]


def _first_word(text: str) -> tuple[str, str]:
    """The first word as a shell reads it, without what ends a clause, and the rest."""
    for end in [*(m.start() for m in re.finditer(r"\s", text)), len(text)]:
        word = text[:end]
        try:
            [shell] = shlex.split(word)
        except ValueError:  # a quote is open
            continue
        return (shell if word[-1] in "'\"" else shell.rstrip(".,;:)")), text[end:]
    raise AssertionError(f"no word of a shell: {text!r}")


def _keywords(text: str) -> dict[str, Any]:
    """``name=value`` as Python has them; a word in capitals stands for a value and stays a text."""
    found = {}
    for match in _KEYWORD.finditer(text):
        rest = text[match.end() :]
        for end in range(len(rest), 0, -1):
            try:
                node = ast.parse(rest[:end], mode="eval").body
            except (SyntaxError, ValueError):
                continue
            found[match[1]] = node.id if isinstance(node, ast.Name) else _literal(node)
            break
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
