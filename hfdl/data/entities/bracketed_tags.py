"""Tags in brackets, as CoNLL-2012 (OntoNotes) and CoNLL-2005 write them: ``(GPE*  *)  (PERSON)``.

``(GPE`` opens an entity, ``)`` closes it, and a word that does neither has a star alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hfdl.data.entities.tags import OUTSIDE

_TAG = re.compile(r"(\(([^()*\s]+))?\*?(\))?")
_OUTSIDE = ("*", "-", "_", OUTSIDE)


def are_bracketed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all tags have this form, and one opens an entity and stars stand among them."""
    tags = {tag for row in rows for tag in row}
    brackets = tags - set(_OUTSIDE)
    opens = any(tag.startswith("(") and tag.endswith(("*", ")")) for tag in brackets)
    return opens and all(map(_TAG.fullmatch, brackets))


def from_brackets(tags: Sequence[str]) -> list[str]:
    """The tags of a sentence in BIO.

    Args:
        tags: in brackets, see ``are_bracketed``.

    Raises:
        ValueError: an entity within another, one that does not end, or an end without a start; the
            message says which.
    """
    found: list[str] = []
    label: str | None = None
    for position, tag in enumerate(tags):
        match = _TAG.fullmatch(tag) if tag not in _OUTSIDE else None
        name, closes = (match[2], match[3]) if match else (None, None)
        if name and label:
            raise ValueError(f"tag {tag!r} (word {position + 1}) opens an entity within {label!r}")
        if closes and not name and not label:
            raise ValueError(f"tag {tag!r} (word {position + 1}) closes what was not opened")
        found.append(f"B-{name}" if name else f"I-{label}" if label else OUTSIDE)
        label = None if closes else name or label
    if label:
        raise ValueError(f"{label!r} is opened and not closed in its sentence")
    return found
