"""The errors that hfdl raises for its user's input.

Each error is built from four parts:

* ``problem``: what is wrong, with the offending value in it;
* ``where``: the file, line, key or label that the user can go and look at;
* ``rule``: what would have been right;
* ``remedy``: what to type or change.

The command line prints ``error: `` and the message on one line and exits with ``exit_code``.
"""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hfdl.distribution import requirements


class HfdlError(ValueError):
    """Base class: the user's input, configuration, data or environment is wrong.

    It is a ``ValueError``, so that code written for transformers or torch catches it.

    ``str(error)`` is one line, ``where: problem; rule. remedy``.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        rule: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.where = where
        self.rule = rule
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        if self.rule:
            text = f"{text}; {self.rule}"
        if self.remedy:
            text = f"{text}. {self.remedy[0].upper()}{self.remedy[1:]}"
        return " ".join(text.split())


class ConfigError(HfdlError):
    """A recipe, an override or an argument is wrong."""


class DataError(HfdlError):
    """A data file, split, row, column or label is wrong."""


class ModelError(HfdlError):
    """A model cannot be found, opened or used for the task."""


class NotFiniteError(ModelError):
    """A model's answer to a text is no number.

    Args:
        row: of the text among those of a call, or of a batch, from 0.
        text: what the model read, where that is known.
        rows: of the batch.
        place: where the text is, if not at a row.
    """

    _shown = 60  # characters of the text

    def __init__(self, row: int, text: str = "", *, rows: int = 1, place: str = "") -> None:
        self.row, self.text, self.rows = row, text, rows
        line = " ".join(text.split())
        more = "..." if len(line) > self._shown else ""
        place = place or f"text {row + 1}"
        super().__init__(
            "the model's answer is not a finite number",
            where=place + (f" ({line[: self._shown]!r}{more})" if line else ""),
            rule="its weights, or what they give for this text, are not finite",
            remedy="train the model again with a lower learning rate, or use another one",
        )


class ShapeError(HfdlError):
    """A tensor or a size passed to `hfdl.nn` does not fit."""


class OutputError(HfdlError):
    """The output folder cannot be used."""


class CheckpointError(HfdlError):
    """A checkpoint is damaged, absent or belongs to another run."""


class TrainingError(HfdlError):
    """Training stopped itself, for instance before a non-finite update."""


class HubError(HfdlError):
    """A folder, a name or an option does not suit the Hugging Face Hub."""


class HubAnswerError(HubError):
    """The Hugging Face Hub refuses, or cannot be reached.

    Args:
        status: of its answer, such as 404; None: it did not answer.
    """

    def __init__(self, problem: str, *, status: int | None = None, **parts: str | None) -> None:
        self.status = status
        super().__init__(problem, **parts)


class OwnCodeError(HfdlError):
    """Code of the user's own did what it must not."""


class MissingExtraError(HfdlError, ImportError):
    """An optional package is needed and not installed; an ``ImportError`` too.

    Args:
        package: the import name that is missing.
        feature: what it is needed for, in words.
        extra: hfdl's extra that asks for it; None where the package is installed by its own name.
            The remedy names the packages themselves, so that it works however hfdl was installed.
    """

    def __init__(self, package: str, *, feature: str, extra: str | None = None) -> None:
        self.package = package
        self.extra = extra
        needed = (requirements(extra) if extra else None) or [package]
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed",
            remedy=f"install it with: pip install {shlex.join(needed)}",
        )


def import_extra(package: str, *, feature: str, extra: str | None = None) -> ModuleType:
    """An optional package, imported; the arguments are those of the error.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingExtraError(package.partition(".")[0], feature=feature, extra=extra) from error


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that ``name`` was most likely meant to be, or None where none is close."""
    by_folded = {choice.casefold(): choice for choice in choices}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest choice if one is close, else those there are.

    Of many choices it names those that are most alike, and says how many more there are.
    """
    choices = list(choices)
    if close := nearest(name, choices):
        return f"did you mean {close!r}?"
    return (
        f"choose one of: {listed(choices, near=name)}"
        if choices
        else "there is none to choose from"
    )


MOST = 10
"""Names that a message lists, of as many as there may be."""


def listed(names: Iterable[object], *, near: str | None = None, most: int = MOST) -> str:
    """Names as a list for a message: all of a few; of many some, and how many more there are.

    Args:
        names: of columns, labels, keys; none gives ``none``.
        near: the name that was looked for. Those most like it are listed; default: the first.
        most: how many are listed.
    """
    texts = [str(name) for name in names]
    if not texts:
        return "none"
    if len(texts) <= most + 2:  # "and 1 more" would be as long
        return ", ".join(texts)
    chosen = texts[:most]
    if near is not None:
        likest = sorted(texts, key=lambda text: -_likeness(near, text))[:most]
        chosen = [text for text in texts if text in likest]
    return f"{', '.join(chosen)}, and {len(texts) - len(chosen):,} more"


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()


def shell_word(text: str) -> str:
    """A word of a command that a message prints, as bash and zsh take it when it is pasted.

    What cannot be seen, and blanks that a line of a message would lose, become escapes.
    """
    if text.isprintable() and text == " ".join(text.split()):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def shell_path(path: str | Path) -> str:
    """A file or folder as an argument of a command of hfdl's: no option, and nobody's home."""
    text = str(path)
    if text.startswith("-"):
        text = f"./{text}"
    elif text.startswith("~"):
        text = str(Path(text).absolute())
    return shell_word(text)


def to_resume(folder: str | Path) -> str:
    """The command that goes on with the run in a folder, to be printed and pasted.

    As many processes as saved its last checkpoint: with another number dropout would be another.
    """
    line = f"hfdl train {shell_path(folder)} --output {shell_path(folder)} --resume"
    processes = _processes_of(Path(folder))
    return f"{line} --processes {processes}" if processes > 1 else line


def _processes_of(run: Path) -> int:
    """How many trained together, as the newest readable checkpoint of a run has it; else one."""
    states = run.glob("checkpoints/step-*/state.json")
    for path in sorted(states, key=lambda path: (len(path.parent.name), str(path)), reverse=True):
        try:
            found = json.loads(path.read_text(encoding="utf-8")).get("processes")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        return found if isinstance(found, int) else 1
    return 1


def _escaped(character: str) -> str:
    if character in "'\\":
        return "\\" + character
    if character.isprintable() and character != " ":
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
