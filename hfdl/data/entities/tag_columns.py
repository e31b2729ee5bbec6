"""The tags of a table: in the usual spelling, of one scheme, with a line on what looks wrong."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.entities.bracketed_tags import are_bracketed, from_brackets
from hfdl.data.entities.tag_spelling import AmbiguousTagError, read_spelling, twins
from hfdl.data.entities.tags import OUTSIDE, detect_scheme, split_tag
from hfdl.data.entities.token_columns import numbered_tags, tags_of, values_of
from hfdl.data.table import Table
from hfdl.errors import DataError

_SHOWN = 4
"""Spellings that a line gives as examples."""


def read_tags(
    table: Table, config: DataConfig, split: str, types: Collection[str] = ()
) -> tuple[list[list[str]], list[str]]:
    """The tags of each row, and lines for a person.

    Where ``data.labels`` is a map of tags, they are what it says; else they are read in the
    spellings of ``hfdl.data.entities.tag_spelling``, or in brackets.

    Args:
        table: the split.
        config: the recipe's data section.
        split: its name, for the lines.
        types: the types that a model knows, if any.

    Raises:
        DataError: a tag without a name, or one that may be meant in two ways.
    """
    rows = tags_of(table, config)
    facts = []
    if are_bracketed(rows):
        rows = _without_brackets(rows, table, config)
        facts.append(f"{split}: tags in brackets, '(PER*  *)', are read as B-PER I-PER")
    listed = config.labels if isinstance(config.labels, dict) else {}
    if not values_of(table, config) & set(listed):
        try:
            names = read_spelling((tag for tags in rows for tag in tags), types)
        except AmbiguousTagError as error:
            raise _ambiguous(error, rows, table, config) from None
        if any(tag.strip() != name for tag, name in names.items()):
            facts.append(f"{split}: {_read_as(names)}")
        rows = [[names.get(tag, tag) for tag in tags] for tags in rows]
    return rows, facts + [f"{split}: {line}" for line in _doubts(rows)]


def _without_brackets(
    rows: Sequence[Sequence[str]], table: Table, config: DataConfig
) -> list[list[str]]:
    read = []
    for row, tags in enumerate(rows):
        try:
            read.append(from_brackets(tags))
        except ValueError as error:
            raise DataError(
                f"{error} (column {config.tags!r})",
                where=table.where(row),
                rule="tags in brackets open and close entities, one at a time, in each sentence",
                remedy="correct them, or write the tags as BIO",
            ) from None
    return read


def scheme_of(table: Table, config: DataConfig, tags: Sequence[Sequence[str]]) -> str:
    """The scheme of all sentences.

    Raises:
        DataError: it names the first sentence that contradicts those before it.
    """
    if _conflict(tags) is None:
        return detect_scheme(tags)
    row = bisect_left(range(len(tags)), True, key=lambda i: _conflict(tags[: i + 1]) is not None)
    problem = _conflict(tags[: row + 1]) or ""  # of the tags up to there
    raise DataError(
        f"{problem} (column {config.tags!r})",
        where=table.where(row),
        rule="tags are BIO, IOB1, BIOES, BILOU, or types without a prefix, and of one kind",
        remedy=f"correct them, {_outside_remedy(tags)}or name the column of the tags: "
        "data.tags=COLUMN",
    )


def _outside_remedy(rows: Sequence[Sequence[str]]) -> str:
    """What to set if the one tag that is no letter and type is the name of what is outside."""
    tags = {tag for tags in rows for tag in tags}
    bare = [tag for tag in tags if not split_tag(tag)[0]]
    if OUTSIDE in tags or len(bare) != 1:
        return ""
    return f"or if {bare[0]!r} is of words outside, {_named({bare[0]: OUTSIDE})}, "


def _conflict(tags: Sequence[Sequence[str]]) -> str | None:
    """Which tags belong to different schemes, if any do."""
    try:
        detect_scheme(tags)
    except ValueError as error:
        return str(error)
    return None


def _doubts(rows: Sequence[Sequence[str]]) -> list[str]:
    counts = Counter(tag for tags in rows for tag in tags)
    doubts = [
        f"types {one!r} and {other!r} are two types; if they are one: "
        f"{_named(_as_one(counts, one, other))}"
        for one, other in twins({split_tag(tag)[1] for tag in counts} - {""})
    ]
    if counts and OUTSIDE not in counts:
        tag, number = counts.most_common(1)[0]
        doubts.append(
            f"no word has the tag {OUTSIDE}, so every word is in an entity; the most frequent tag "
            f"is {tag!r} ({number:,} of {counts.total():,} words); if it is for words outside: "
            f"{_named({tag: OUTSIDE})}"
        )
    return doubts


def _as_one(counts: Counter[str], one: str, other: str) -> dict[str, str]:
    """The tags of the rarer of two types by those of the other; prefixes stay."""
    totals = Counter[str]()
    for tag, number in counts.items():
        totals[split_tag(tag)[1]] += number
    kept, given_up = (one, other) if totals[one] >= totals[other] else (other, one)
    tags = sorted(tag for tag in counts if split_tag(tag)[1] == given_up)
    return {tag: f"{tag.removesuffix(given_up)}{kept}" for tag in tags}


def _read_as(names: dict[str, str]) -> str:
    pairs = [f"{tag!r} as {name}" for tag, name in names.items()][:_SHOWN]
    more = len(names) - len(pairs)
    return f"tags are read as if spelled otherwise: {', '.join(pairs)}" + (
        f" and {more} more" if more else ""
    )


def _ambiguous(
    error: AmbiguousTagError, rows: Sequence[Sequence[str]], table: Table, config: DataConfig
) -> DataError:
    row = next(i for i, tags in enumerate(rows) if error.tag in tags)
    if not error.names:
        remedy = f"name the numbers from 0 on, for instance {numbered_tags(table, config)}"
    else:
        types = {tag: name if name == OUTSIDE else tag for tag, name in error.names.items()}
        remedy = f"if they are tags, {_named(error.names)}; if types, {_named(types)}"
        if "names no type" in str(error):
            remedy = f"name it: {_named(error.names)}"
    return DataError(
        f"{error} (column {config.tags!r})",
        where=table.where(row),
        rule="a tag is O, or a letter, a hyphen and a type: B-PER",
        remedy=remedy,
    )


def _named(names: Mapping[str, str]) -> str:
    return as_override("data.labels", names)
