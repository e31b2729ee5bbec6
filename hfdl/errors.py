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
from collections.abc import Iterable


class HfdlError(Exception):
    """Base class: the user's input, configuration, data or environment is wrong.

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


class ShapeError(HfdlError, ValueError):
    """A tensor or a size passed to `hfdl.nn` does not fit.

    It is a ``ValueError`` too, because `hfdl.nn` is used on its own, and its callers catch that.
    """


class OutputError(HfdlError):
    """The output folder cannot be used."""


class CheckpointError(HfdlError):
    """A checkpoint is damaged, absent or belongs to another run."""


class TrainingError(HfdlError):
    """Training stopped itself, for instance before a non-finite update."""


class MissingExtraError(HfdlError):
    """An optional package is needed and not installed.

    Args:
        package: the import name that is missing.
        feature: what it is needed for, in words.
        extra: hfdl's extra that installs it; None where the package is installed by its own name.
    """

    def __init__(self, package: str, *, feature: str, extra: str | None = None) -> None:
        self.package = package
        self.extra = extra
        install = f"hfdl[{extra}]" if extra else package
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed",
            remedy=f"install it with: pip install '{install}'",
        )


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that ``name`` was most likely meant to be, or None where none is close."""
    by_folded = {choice.casefold(): choice for choice in choices}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest choice if one is close, else all of them."""
    choices = list(choices)
    if close := nearest(name, choices):
        return f"did you mean {close!r}?"
    return f"choose one of: {', '.join(choices)}" if choices else "there is none to choose from"
