"""Names of data sets: ``ID``, and behind it ``@REVISION``, ``:CONFIG`` and ``#SPLIT``."""

from __future__ import annotations

import re
from dataclasses import dataclass

HUB_DATA = re.compile(
    r"(?P<id>[A-Za-z0-9][\w.-]*(/[\w.-]+)?)(@(?P<revision>[\w.-]+(/[\w.-]+)*))?"
    r"(:(?P<config>[\w.-]+))?(#(?P<split>[\w.]+(\[[\w.%:-]*\])?(\+[\w.]+(\[[\w.%:-]*\])?)*))?",
    re.ASCII,
)
"""What it looks like (use ``fullmatch``). The split is in datasets' words: ``train[:10%]+test``."""


@dataclass(frozen=True)
class DataName:
    """A data set of the Hub, and what of it: the arguments of ``datasets.load_dataset``."""

    id: str
    config: str | None = None
    revision: str | None = None
    split: str | None = None

    @classmethod
    def of(cls, text: str) -> DataName | None:
        """Take a name apart; None: it is none."""
        match = HUB_DATA.fullmatch(text)
        if match is None:
            return None
        return cls(match["id"], match["config"], match["revision"], match["split"])

    def __str__(self) -> str:
        marks = (("@", self.revision), (":", self.config), ("#", self.split))
        return self.id + "".join(mark + part for mark, part in marks if part)


def names_a_split(text: str) -> bool:
    """Whether a name has a split behind it, whose brackets are no pattern of files."""
    match = HUB_DATA.fullmatch(text)
    return match is not None and match["split"] is not None
