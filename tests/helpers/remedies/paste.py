"""Make an error, type what its remedy says, and look whether it is gone."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hfdl.cli import errors as command_line
from hfdl.errors import HfdlError

from .census import sites
from .parse import Action, actions
from .place import Place


@dataclass(frozen=True)
class Command:
    """A command line of hfdl's."""

    words: tuple[str, ...]

    def run(self) -> None:
        command_line._invoke(list(self.words))

    def takes(self, action: Action) -> bool:
        """Whether it can be typed here: keywords belong to Python."""
        return not action.keywords

    def typed(self, action: Action, fill: Mapping[str, str], error: HfdlError) -> Command:
        words = list(self.words)
        if action.line:
            return Command(tuple(filled(w, fill) for w in shlex.split(action.line)[1:]))
        if action.instead and re.match(r"(--|[a-z]+\.)\w[\w.]*=", action.instead):
            option = action.instead.partition("=")[0]
            if option in words:
                del words[words.index(option) : words.index(option) + 2]
            words = [word for word in words if repr(word) not in error.problem]
            return Command((*words, filled(action.instead, fill)))
        if action.instead:
            if fault := _written_in_file(words, error):
                file, wrong = fault
                text = file.read_text(encoding="utf-8")
                file.write_text(_instead(text, wrong, action.instead), encoding="utf-8")
                return self
            wrong = _wrong(words, error)
            assert any(wrong in word for word in words), (wrong, words)
            right = filled(action.instead, fill)
            return Command(tuple(_instead(w, wrong, right) for w in words))
        if action.leave:
            words = _without(words, action.leave, error)
        for name, value in action.options:
            if value is None and name == "--output":  # "choose another --output"
                value = "DIR"
            if name in words:
                place = words.index(name)
                del words[place : place + (1 if value is None else 2)]
            words += [name] if value is None else [name, filled(value, fill)]
        return Command((*words, *(filled(key, fill) for key in action.keys)))


@dataclass(frozen=True)
class Call:
    """A call of Python's, whose arguments may be changed."""

    function: Callable[..., Any]
    keywords: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        self.function(**self.keywords)

    def takes(self, action: Action) -> bool:
        """Whether it can be typed here: options belong to the command line."""
        return not action.options

    def typed(self, action: Action, fill: Mapping[str, Any], error: HfdlError) -> Call:
        keywords = dict(self.keywords)
        if action.instead:
            wrong = _wrong(_texts(keywords), error)
            return replace(self, keywords=_put(keywords, wrong, action.instead))
        if action.leave:
            said = f"{error.where} {error.problem}"
            names = (
                [action.leave] if action.leave in keywords else [n for n in keywords if n in said]
            )
            assert len(names) == 1, (names, said)
            return replace(self, keywords={k: v for k, v in keywords.items() if k not in names})
        given = {n: fill.get(v, v) if isinstance(v, str) else v for n, v in action.keywords.items()}
        for key in action.keys:
            given |= {"overrides": {**keywords.get("overrides", {}), **_parsed(key, fill)}}
        return replace(self, keywords=keywords | given)


Attempt = Command | Call


@dataclass(frozen=True)
class Case:
    """An error that a user can make, and what stands for the words in capitals of its remedy.

    Args:
        at: names of the sites that give the remedy.
        make: the attempt that fails.
        fill: from a word in capitals to what a user would write there.
        ways: how many things the remedy tells to type.
        then: a part of the next error, where another fault is left that the first one hid; of
            several things to type, one for each.
        typing: types the remedy by itself, where it is none of the usual forms.
    """

    at: tuple[str, ...]
    make: Callable[[Place], Attempt]
    fill: Callable[[Place], Mapping[str, Any]] = lambda place: {}
    ways: int = 1
    then: str | tuple[str | None, ...] | None = None
    typing: Callable[[Place, Attempt, str], Attempt] | None = None

    def __str__(self) -> str:
        return self.at[0]


def case(at: str, make: Callable[[Place], Any], *, fill: Any = None, **rest: Any) -> Case:
    """A case in short: ``at`` by blanks, ``make`` giving words or an attempt, ``fill`` a map."""

    def attempt(place: Place) -> Attempt:
        made = make(place)
        return Command(tuple(map(str, made))) if isinstance(made, list | tuple) else made

    given = fill if callable(fill) else lambda place: fill or {}
    return Case(tuple(at.split(" ")), attempt, given, **rest)


def provoke(attempt: Attempt) -> tuple[HfdlError, set[str]] | None:
    """The error of an attempt and the sites that made its remedy; None where there was none."""
    with _watched() as made:
        try:
            attempt.run()
        except HfdlError as error:
            return error, made.get(id(error), set())
    return None


def check(place: Place, case: Case) -> None:
    """Each thing that the remedy of an error tells to type is typed, and the error is gone."""
    attempt = case.make(place)
    fault = provoke(attempt)
    assert fault, "there was no error"
    error, at = fault
    assert set(case.at) <= at, (str(error), at)
    remedy = error.remedy or ""
    assert str(error).endswith(" ".join(remedy.split())[1:])
    if case.typing:
        _check_gone(case.then, error, case.typing(place, attempt, remedy))
        return
    ways = [action for action in actions(remedy) if attempt.takes(action)]
    assert len(ways) == case.ways, (remedy, ways)
    for number in range(case.ways):
        again = place.fresh(number)
        attempt = case.make(again)
        fault = provoke(attempt)
        assert fault, "the error does not come again"
        offered = actions(fault[0].remedy or "")
        action = [each for each in offered if attempt.takes(each)][number]
        fill = {"DIR": str(again.folder / "another run"), **case.fill(again)}
        then = case.then[number] if isinstance(case.then, tuple) else case.then
        _check_gone(then, fault[0], attempt.typed(action, fill, fault[0]))


def _check_gone(then: Any, error: HfdlError, attempt: Attempt) -> None:
    left = provoke(attempt)
    if left is None:
        assert then is None, "there was no further error"
        return
    assert then, f"{error}\n  typed: {attempt}\n  gives: {left[0]}"
    assert then in str(left[0])
    assert left[0].problem != error.problem


@contextmanager
def _watched() -> Iterator[dict[int, set[str]]]:
    """While it is open, each error that is made is noted with the sites on the stack."""
    made: dict[int, set[str]] = {}
    kept: list[HfdlError] = []  # an id must not be given twice
    by_file: dict[str, list[Any]] = {}
    for site in sites():
        by_file.setdefault(site.file, []).append(site)
    plain = HfdlError.__init__

    def noting(self: HfdlError, *args: Any, **rest: Any) -> None:
        plain(self, *args, **rest)
        kept.append(self)
        frame, found = sys._getframe(1), set()
        while frame:
            here = frame.f_lineno
            near = by_file.get(frame.f_code.co_filename, ())
            found |= {s.name for s in near if s.lines[0] <= here <= s.lines[1]}
            frame = frame.f_back
        made[id(self)] = found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HfdlError, "__init__", noting)
        yield made


def filled(word: str, fill: Mapping[str, Any]) -> str:
    """A word with its capitals replaced."""
    for capitals, value in fill.items():
        word = re.sub(rf"\b{capitals}\b", lambda _, v=value: str(v), word)
    return word


def _parsed(key: str, fill: Mapping[str, Any]) -> dict[str, Any]:
    from hfdl.config.overrides import parse_overrides

    return parse_overrides([filled(key, fill)])


def _wrong(words: list[str], error: HfdlError) -> str:
    """What an error quotes, or names, of the words that were given."""
    quoted = re.findall(r"'([^']{2,})'|(?<= cannot be )(\S+)$", error.problem)
    quoted = [one or other for one, other in quoted]
    named = [*error.problem.replace(";", " ").split(), error.where or ""]
    all_words, place = " ".join(words), [(error.where or "").partition(", line ")[0]]
    for texts, among in (
        (quoted, all_words),
        (place, all_words),
        (named, words),
        (named, all_words),
    ):
        if found := next((text for text in texts if text and text in among), None):
            return found
    raise AssertionError(f"{error} quotes none of {words}")


def _written_in_file(words: list[str], error: HfdlError) -> tuple[Path, str] | None:
    """The file of a command, and what an error quotes of it, where the command does not hold it."""
    for text in re.findall(r"'([^']{2,})'", error.problem):
        if any(text in word for word in words):
            return None
        for word in words:
            file = Path(word.rpartition("=")[2])
            if file.is_file() and file.suffix != ".parquet" and text in file.read_text("utf-8"):
                return file, text
    return None


def _instead(word: str, wrong: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda _: right, word)


def _without(words: list[str], name: str, error: HfdlError) -> list[str]:
    name = (error.where or "").rpartition(": ")[0] or (error.where or "") if name == "it" else name
    if name.startswith("--"):
        place = words.index(name)
        has_value = len(words) > place + 1 and not words[place + 1].startswith("--")
        return words[:place] + words[place + 1 + has_value :]
    name = name.removeprefix("override ").partition("=")[0]
    kept = [w for w in words if not w.startswith((f"{name}=", f"{name}."))]
    assert kept != words, (name, words)
    return kept


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [t for k, v in value.items() for t in [str(k), *_texts(v)]]
    return [t for v in value for t in _texts(v)] if isinstance(value, list | tuple) else []


def _put(value: Any, wrong: str, right: str) -> Any:
    if isinstance(value, Mapping):
        return {_put(k, wrong, right): _put(v, wrong, right) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_put(v, wrong, right) for v in value)
    return right if value == wrong else value
