"""Tags that cannot stand where they do, in words."""

from __future__ import annotations

from hfdl.data.entities.tags import Illegal


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


def repair_words(number: int, first: str, given: str) -> str:
    """What became of so many illegal tags of a scheme, of which ``first`` is the first."""
    tags, verb = ("tag", "was") if number == 1 else ("tags", "were")
    if given == "BIO":
        return (
            f"{number:,} {tags} could not follow the one before and {verb} read as the start of an "
            f"entity; first: {first}"
        )
    return (
        f"{number:,} {tags} could not stand there and {verb} read as conlleval reads them; "
        f"first: {first}"
    )
