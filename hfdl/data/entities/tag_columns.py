"""The tags of a table: in the usual spelling, of one scheme, with a line on what looks wrong."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

from hfdl.config.schema import DataConfig
from hfdl.data.entities.bracketed_tags import are_bracketed, from_brackets
from hfdl.data.entities.tag_spelling import AmbiguousTagError, read_spelling
from hfdl.data.entities.tags import OUTSIDE, detect_scheme, split_tag
from hfdl.data.entities.token_columns import numbered_tags, tags_of, values_of
from hfdl.data.entities.type_doubts import given_names, named
from hfdl.data.table import Table
from hfdl.errors import DataError

_SHOWN = 4
"""Spellings that a line gives as examples."""


def read_tags(
    table: Table, config: DataConfig, split: str, types: Collection[str] = ()
) -> tuple[list[list[str]], list[str]]:
    """The tags of each row, and lines for a person.

    Tags that ``data.labels`` maps are what it says; the others are read in the spellings of
    ``hfdl.data.entities.tag_spelling``, or in brackets.

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
    said = _said(table, config)
    plain = {tag for tag in said if all(split_tag(tag))}
    try:
        found = read_spelling({tag for tags in rows for tag in tags} - said | plain, types)
    except AmbiguousTagError as error:
        raise _ambiguous(error, rows, table, config) from None
    names = {tag: name for tag, name in found.items() if tag not in said}
    if any(tag.strip() != name for tag, name in names.items()):
        facts.append(f"{split}: {_read_as(names)}")
    return [[names.get(tag, tag) for tag in tags] for tags in rows], facts


def _said(table: Table, config: DataConfig) -> set[str]:
    """The tags that ``data.labels`` gives to values of the file: they are read as they are."""
    listed = config.labels if isinstance(config.labels, dict) else {}
    return {str(listed[value]) for value in values_of(table, config) & set(listed)}


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
        remedy=f"correct them, {_outside_remedy(tags, config)}or name the column of the tags: "
        "data.tags=COLUMN",
    )


def _outside_remedy(rows: Sequence[Sequence[str]], config: DataConfig) -> str:
    """What to set if the one tag that is no letter and type is the name of what is outside."""
    tags = {tag for tags in rows for tag in tags}
    bare = [tag for tag in tags if not split_tag(tag)[0]]
    if OUTSIDE in tags or len(bare) != 1:
        return ""
    given = given_names(config)
    return f"or if {bare[0]!r} is of words outside, {named({bare[0]: OUTSIDE}, given)}, "


def _conflict(tags: Sequence[Sequence[str]]) -> str | None:
    """Which tags belong to different schemes, if any do."""
    try:
        detect_scheme(tags)
    except ValueError as error:
        return str(error)
    return None


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
    given = given_names(config)
    if not error.names:
        remedy = f"name the numbers from 0 on, for instance {numbered_tags(table, config)}"
    else:
        types = {tag: name if name == OUTSIDE else tag for tag, name in error.names.items()}
        remedy = f"if they are tags, {named(error.names, given)}; if types, {named(types, given)}"
        if "names no type" in str(error):
            remedy = f"name it: {named(error.names, given)}"
    return DataError(
        f"{error} (column {config.tags!r})",
        where=table.where(row),
        rule="a tag is O, or a letter, a hyphen and a type: B-PER",
        remedy=remedy,
    )
