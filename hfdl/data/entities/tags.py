"""Converting entities to tags of words and back: BIO, BIOES and BILOU.

B begins an entity, I continues it, E (BILOU: L) ends it, S (BILOU: U) is an entity of one word, and
O is outside. In BIO an entity ends where no tag continues it. Ramshaw and Marcus (1995,
https://arxiv.org/abs/cmp-lg/9505040) wrote IOB1, where B is only between two adjacent entities of
one type; Ratinov and Roth (2009, section 3.2) compare BIO with BILOU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SCHEMES = ("BIO", "BIOES", "BILOU")
"""The schemes that tags are written in."""

OUTSIDE = "O"

_PREFIXES = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIES", "BILOU": "BILU"}
_PLAIN = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}  # one letter a meaning


class Entity(NamedTuple):
    """Words ``start:end`` of a sentence (end exclusive), and their entity type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Illegal:
    """A tag that its scheme does not allow at its position.

    Args:
        position: the word that has it; for an entity that is still open at the end of the sentence,
            the number of words.
        previous: the tag before it; None at the start of a sentence.
        tag: the tag itself; the empty string for the sentence's end.
    """

    position: int
    previous: str | None
    tag: str


def split_tag(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag: ``B-creative-work`` is ``("B", "creative-work")``.

    ``O`` is ``("O", "")``; a tag without a prefix is all type, ``("", tag)``.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if tag[:1] in _PLAIN and tag[1:2] == "-":
        return tag[0], tag[2:]
    return "", tag


def detect_scheme(sentences: Iterable[Sequence[str]]) -> str:
    """The scheme that tags are written in.

    Returns:
        ``BIOES`` or ``BILOU`` by their letters; ``IO`` for types without prefixes; ``IOB1`` where
        I begins entities and B stands between two of one type alone; else ``BIO``.

    Raises:
        ValueError: the tags belong to several schemes; the message names two that contradict each
            other.
    """
    first: dict[str, str] = {}  # a tag of each prefix, for the message
    opens_with_i, needless_b = False, False
    for tags in sentences:
        before, label_before = OUTSIDE, ""
        for tag in tags:
            prefix, label = split_tag(tag)
            if (prefix and prefix != OUTSIDE and not label) or (not prefix and label in _PLAIN):
                raise ValueError(f"tag {tag!r} names no type")
            first.setdefault(prefix, tag)
            touches = before != OUTSIDE and label == label_before
            opens_with_i |= prefix == "I" and not touches
            needless_b |= prefix == "B" and not touches
            before, label_before = prefix, label
    first.pop(OUTSIDE, None)
    return _scheme_of(first, "IOB1" if opens_with_i and not needless_b else "BIO")


def _scheme_of(first: dict[str, str], two_letters: str) -> str:
    closing, unit = [[first[p] for p in pair if p in first] for pair in ("ES", "LU")]
    bare = [tag for prefix, tag in first.items() if not prefix]
    marked = [tag for prefix, tag in first.items() if prefix]
    for one, other in ((bare, marked), (closing, unit)):
        if one and other:
            raise ValueError(f"tags {one[0]!r} and {other[0]!r} belong to different schemes")
    if bare:
        return "IO"
    return "BIOES" if closing else "BILOU" if unit else two_letters


def read_entities(tags: Sequence[str], scheme: str) -> tuple[list[Entity], list[Illegal]]:
    """The entities of a sentence, read as conlleval and seqeval's default read them.

    A tag that cannot follow the one before begins an entity; an entity that no tag closes ends
    with the last word that continues it. So the scheme only decides which tags are illegal.

    Args:
        tags: one a word.
        scheme: what ``detect_scheme`` returns.

    Returns:
        entities in their order, and the illegal tags.
    """
    entities: list[Entity] = []
    illegal: list[Illegal] = []
    start, before, label_before = 0, OUTSIDE, ""
    for position, tag in enumerate([*tags, OUTSIDE]):
        prefix, label = _meaning(tag)
        at_end = position == len(tags)
        if not _may_follow(scheme, before, label_before, prefix, label):
            previous = tags[position - 1] if position else None
            illegal.append(Illegal(position, previous, "" if at_end else tag))
        goes_on = before in "BI" and prefix in "IE" and label == label_before
        if not goes_on:
            if before != OUTSIDE:
                entities.append(Entity(start, position, label_before))
            start = position
        before, label_before = prefix, label
    return entities, illegal


def _meaning(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag with E for L, S for U, and I where there is no prefix."""
    prefix, label = split_tag(tag)
    return (prefix if prefix == OUTSIDE else _PLAIN.get(prefix, "I")), label


def _may_follow(scheme: str, before: str, label_before: str, prefix: str, label: str) -> bool:
    """Whether a tag may follow another, both as ``_meaning`` gives them; O at both ends."""
    same = label == label_before
    if scheme == "IO":
        return True
    if scheme == "IOB1":
        return prefix != "B" or (before != OUTSIDE and same)
    if scheme == "BIO":
        return prefix != "I" or (before in "BI" and same)
    if before in "BI":  # open, so it goes on or ends
        return prefix in "IE" and same
    return prefix not in "IE"


def write_tags(entities: Iterable[Entity], length: int, scheme: str) -> list[str]:
    """One tag a word.

    Args:
        entities: in any order.
        length: number of words.
        scheme: one of ``SCHEMES``.

    Raises:
        ValueError: an entity that is empty, outside the sentence or over another one.
    """
    begin, inside, *closed = _PREFIXES[scheme]
    end, single = closed or (inside, begin)
    tags = [OUTSIDE] * length
    for entity in entities:
        first, last = entity.start, entity.end - 1
        if not 0 <= first <= last < length:
            raise ValueError(f"{entity} is not within {length} words")
        if any(tag != OUTSIDE for tag in tags[first : last + 1]):
            raise ValueError(f"{entity} overlaps another entity")
        letters = [begin, *(inside * (last - first - 1)), end] if last > first else [single]
        tags[first : last + 1] = [f"{letter}-{entity.label}" for letter in letters]
    return tags


def tag_names(types: Iterable[str], scheme: str) -> list[str]:
    """All tags of a scheme: ``O`` first, then type by type, sorted: ``B-X``, ``I-X``, ..."""
    return [OUTSIDE, *(f"{p}-{label}" for label in sorted(set(types)) for p in _PREFIXES[scheme])]


def shown_scheme(names: Iterable[str]) -> str:
    """The scheme that the names of a model's tags show: BIOES for BILOU too, BIO for IOB1 too."""
    letters = {split_tag(name)[0] for name in names}
    return "BIOES" if letters & set("ESLU") else "BIO" if letters & set("BI") else "IO"


def legal_transitions(
    names: Sequence[str], scheme: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which tags may begin a sentence, follow each other, and end it.

    Without ``scheme`` the names show it: with E, S, L or U entities are closed; without any prefix
    everything is allowed. A model may have only the I tag of a type; that I may begin an entity.

    Args:
        names: C tags.
        scheme: ``IOB1``, which no names show.

    Returns:
        booleans of shape (C,), (C, C) with the earlier tag first, and (C,).
    """
    scheme = scheme or shown_scheme(names)
    meanings = [_meaning(name) for name in names]
    begun = {label for prefix, label in meanings if prefix in "BS"}

    def may(before: tuple[str, str], after: tuple[str, str]) -> bool:
        if scheme == "BIO" and after[1] not in begun:
            return True
        return _may_follow(scheme, *before, *after)

    outside = (OUTSIDE, "")
    start = np.array([may(outside, tag) for tag in meanings], dtype=bool)  # (C,)
    between = [[may(before, after) for after in meanings] for before in meanings]
    end = np.array([may(tag, outside) for tag in meanings], dtype=bool)  # (C,)
    return start, np.array(between, dtype=bool).reshape(len(names), len(names)), end


# ---- Messages about illegal tags -----------------------------------------------------------------


def spot_of(one: Illegal) -> str:
    """``'I-PER' after 'O'``."""
    if not one.tag:
        return f"{one.previous!r} at the end"
    return f"{one.tag!r} {'at the start' if one.previous is None else f'after {one.previous!r}'}"


def refusal_of(one: Illegal) -> str:
    """``tag 'I-PER' cannot follow 'O'``."""
    if not one.tag:
        return f"tag {one.previous!r} cannot end a sentence"
    verb = "begin a sentence" if one.previous is None else f"follow {one.previous!r}"
    return f"tag {one.tag!r} cannot {verb}"


def repair_words(number: int, first: str, scheme: str) -> str:
    """How the illegal tags of a scheme were read; ``first`` is the first of them."""
    tags, verb = ("tag", "was") if number == 1 else ("tags", "were")
    if scheme == "BIO":
        return (
            f"{number:,} {tags} could not follow the one before and {verb} read as the start of an "
            f"entity; first: {first}"
        )
    return (
        f"{number:,} {tags} could not stand there and {verb} read as conlleval reads them; "
        f"first: {first}"
    )
