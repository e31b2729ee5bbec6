"""Tags as people write them: ``B_PER``, ``B PER``, ``b-per``, ``PER-B``, ``M-PER``, ``o``, ``0``.

Whether ``B_cell`` is a tag of cells or a type with a B in its name only the other tags can tell:
where ``I_cell`` stands beside it, it is a tag. So all tags of a file are read together. What could
be either is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping

from hfdl.data.alike import meaning
from hfdl.data.entities.tags import OUTSIDE, split_tag

_SEPARATORS = r"(?:\s*[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d_.:/|]\s*|\s+)"
_PREFIXED = re.compile(rf"(\w){_SEPARATORS}(.*)", re.DOTALL)
_SUFFIXED = re.compile(rf"(.*?){_SEPARATORS}(\w)", re.DOTALL)
_JOINED = re.compile(r"([BI])(\w{2,})")  # BPER
_LOOK_ALIKE = str.maketrans("ОοΟВΒІΙЕΕЅМΜ", "OoOBBIIEESMM")  # Cyrillic and Greek
_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in range(0xFF21, 0xFF5B)})
_SCHEMES = [set("BI"), set("BIES"), set("BILU"), set("BMES"), set("BMEW"), set("BIEW")]
_LETTERS = frozenset("BIESLUMW")
_PLAIN = {"M": "I", "W": "S"}

Parts = tuple[str, str]
"""The letter and the type of a tag."""


class AmbiguousTagError(ValueError):
    """Tags that may be meant in two ways.

    Args:
        message: which, in words.
        tag: the first of them.
        names: what they would be called if they are tags.
    """

    def __init__(self, message: str, tag: str, names: Mapping[str, str]) -> None:
        super().__init__(message)
        self.tag, self.names = tag, dict(names)


def read_spelling(tags: Iterable[str], types: Collection[str] = ()) -> dict[str, str]:
    """The usual spelling of each tag that is written in another way.

    Args:
        tags: all tags of a file.
        types: types that there are for certain, such as those that a model knows.

    Returns:
        ``O`` and ``B-PER``-like names by what is written; empty where nothing is to be read
        otherwise. A tag that lacks its type, ``B-``, is left to ``detect_scheme`` to refuse.

    Raises:
        AmbiguousTagError: a tag is a letter and a type, or a type, and nothing shows which; or
            tags are letters without types, or numbers.
    """
    written = sorted(set(tags))
    outside = _outside(written)
    others = [tag for tag in written if tag not in outside]
    names = dict.fromkeys(outside, OUTSIDE)
    if all(split_tag(tag)[0] and split_tag(tag)[1] for tag in others):
        names |= {tag: tag.strip() for tag in others}
    else:
        try:
            names |= _named(others, types, is_lower="o" in outside)
        except AmbiguousTagError as error:
            error.names |= {tag: OUTSIDE for tag in outside if tag != OUTSIDE}
            raise
    return {tag: name for tag, name in names.items() if tag != name}


def twins(types: Iterable[str]) -> list[list[str]]:
    """Types that are probably one: alike on a screen, or but for a letter before or after.

    The letter is a scheme's, behind or before a separator; without one, as in ``BPER`` and
    ``IPER``, it is B in one name and I in the other.
    """
    groups: dict[tuple[str, Hashable], list[str]] = {}
    for name in sorted(set(types)):
        groups.setdefault(("look", meaning(name)), []).append(name)
        for order, split in (("prefix", _prefixed), ("suffix", _suffixed)):
            if (parts := split(name)) and parts[1]:
                groups.setdefault((order, parts[1]), []).append(name)
        if joined := _JOINED.fullmatch(name):
            groups.setdefault(("joined", joined[2]), []).append(name)
    found: list[list[str]] = []
    for same in groups.values():
        if len(same) > 1 and not any(set(same) <= set(others) for others in found):
            found.append(same)
    return found


def _outside(written: Collection[str]) -> list[str]:
    found = [tag for tag in written if _letters(tag).strip() in ("O", "o")]
    numbers = [tag for tag in written if tag.strip().isdigit()]
    if len(numbers) < len(written) and {tag.strip() for tag in numbers} == {"0"}:
        return found + numbers  # a zero for the letter, as no other tag is a number
    if numbers and len(numbers) + len(found) == len(written) and len(written) > 1:
        raise AmbiguousTagError(f"tags are numbers: {', '.join(numbers[:4])}", numbers[0], {})
    return found


def _named(others: Collection[str], types: Collection[str], *, is_lower: bool) -> dict[str, str]:
    """Names of tags that are not all in the usual spelling; none where they are types."""
    if others and all(_letter(tag) for tag in others):
        names = {tag: f"{_letter(tag)}-NAME" for tag in others}
        raise AmbiguousTagError(f"tag {min(others)!r} names no type", min(others), names)
    for split in (_prefixed, _suffixed):
        read = {tag: parts for tag in others if (parts := split(tag))}
        if len(read) < len(others) or not _is_scheme({letter for letter, _ in read.values()}):
            continue
        names = {tag: f"{_PLAIN.get(one, one)}-{label}" for tag, (one, label) in read.items()}
        if is_lower or _is_shown(read) or _are_known(read, types):
            return names
        if split is _prefixed:
            tag = next(iter(read))
            message = f"{tag!r} may be a tag of {read[tag][1]!r}, or a type of that name"
            raise AmbiguousTagError(message, tag, names)
    return {}


def _is_scheme(letters: set[str]) -> bool:
    return bool(letters & {"B", "I"}) and any(letters <= scheme for scheme in _SCHEMES)


def _is_shown(read: Mapping[str, Parts]) -> bool:
    """Whether a type has two letters, or a tag is in the usual spelling."""
    if any(split_tag(tag)[0] for tag in read):
        return True
    labels = [label for _, label in {(letter, label) for letter, label in read.values()}]
    return len(labels) > len(set(labels))


def _are_known(read: Mapping[str, Parts], types: Collection[str]) -> bool:
    """Whether the types are known otherwise, or one is missing, which is refused elsewhere."""
    labels = {label for _, label in read.values()}
    return labels <= set(types) or "" in labels


def _prefixed(tag: str) -> Parts | None:
    return _parts(_PREFIXED, tag, lambda found: (found[1], found[2]))


def _suffixed(tag: str) -> Parts | None:
    return _parts(_SUFFIXED, tag, lambda found: (found[2], found[1]))


def _parts(
    pattern: re.Pattern[str], tag: str, order: Callable[[re.Match[str]], Parts]
) -> Parts | None:
    found = pattern.fullmatch(tag.strip())
    if found is None:
        return None
    letter, label = order(found)
    letter = _letter(letter)
    return (letter, label) if letter else None


def _letter(text: str) -> str:
    """The letter of a scheme that a text is; empty where it is none."""
    letter = _letters(text).strip().upper()
    return letter if letter in _LETTERS else ""


def _letters(text: str) -> str:
    """A single letter in ASCII, if it looks like one."""
    bare = text.strip()
    return bare.translate(_FULL_WIDTH).translate(_LOOK_ALIKE) if len(bare) == 1 else text
