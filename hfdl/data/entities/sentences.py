"""Sentences with tagged words, from token and tag columns or from character spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentence import Sentence, characters_of
from hfdl.data.entities.sentence_set import SentenceSet, place_of_word
from hfdl.data.entities.spans import over_words, shown, spans_of
from hfdl.data.entities.tag_columns import read_tags, scheme_of
from hfdl.data.entities.tag_spelling import AmbiguousTagError, read_spelling
from hfdl.data.entities.tags import (
    OUTSIDE,
    Illegal,
    read_entities,
    refusal_of,
    repair_words,
    split_tag,
    spot_of,
    write_tags,
)
from hfdl.data.entities.token_columns import values_of, words_of
from hfdl.data.entities.type_doubts import doubts, given_names
from hfdl.data.entities.type_names import (
    Rename,
    TypeNames,
    unknown_to_model,
    unknown_to_training,
)
from hfdl.data.entities.words import split_words
from hfdl.data.table import Table
from hfdl.errors import DataError, listed

_ILLEGAL_PLACES = 5


def read_sentences(
    table: Table,
    config: DataConfig,
    split: str,
    *,
    scheme: str | None = None,
    types: Sequence[str] | None = None,
    splitter: Callable[[str], list[tuple[int, int]]] = split_words,
    rename: Rename | None = None,
) -> SentenceSet:
    """The sentences of a split, with tags in one scheme.

    Columns ``data.tokens`` and ``data.tags`` are read where the former exists, else the spans in
    ``data.spans`` on ``data.text``. The scheme of the file is detected.

    Args:
        table: the split.
        config: the recipe's data section.
        split: its name, for ``facts``.
        scheme: the scheme to write the tags in. None: ``data.scheme``, and if that is ``auto`` the
            scheme of the file, BIO for IOB1 and for tags without prefixes.
        types: the entity types of the model. None: those of ``data.labels`` where it is a list of
            tags, else those of the split.
        splitter: how raw text is split into words, where spans are given.
        rename: what the saved model whose ``types`` they are calls a type of the data.

    Raises:
        DataError: no such columns; words and tags of unequal number, or no text; a sentence
            without words; spans that overlap, are empty or lie outside the text; tags of several
            schemes; a type that is not among ``types``; with ``data.illegal_tags=error`` a tag
            that cannot follow the one before it. The message gives the line.
    """
    if config.tokens in table.columns:
        tagged = _from_tags(table, config, split, scheme, types or (), rename)
    elif config.spans in table.columns:
        tagged = _from_spans(table, config, split, scheme, splitter, rename)
    else:
        raise _no_columns(table, config)
    if rename is None:
        values = values_of(table, config) if config.tokens in table.columns else ()
        lines = doubts(tagged.types, tagged.read_tags, given_names(config, values))
        tagged.facts += [f"{split}: {line}" for line in lines]
    listed = _listed_types(config) if types is None else None
    allowed = listed or (tagged.types if types is None else list(types))
    missing = sorted(set(tagged.types) - set(allowed))
    tags = [*(config.labels or ()), *(f"{letter}-{name}" for name in missing for letter in "BI")]
    remedy = "add sentences of that type to data.train"
    if listed:
        remedy = f"list it: {as_override('data.labels', tags)}"
    _refuse_unknown(tagged, allowed, None if rename else remedy, config)
    tagged.types = allowed
    return tagged


def refuse_no_entities(train: SentenceSet) -> None:
    """Refuse to train on sentences without entities.

    Raises:
        DataError: every tag is O.
    """
    if not any(tag != OUTSIDE for one in train.sentences for tag in one.tags or ()):
        raise DataError(
            "no entities: every word of train has the tag O",
            where=train.table.source,
            rule="a model learns to name what is named in train",
            remedy="give sentences with entities, or name the column of the tags: data.tags=COLUMN",
        )


def _listed_types(config: DataConfig) -> list[str]:
    """The types of the tags in ``data.labels``; none where it is no list."""
    tags = config.labels if isinstance(config.labels, list) else []
    try:
        names = read_spelling(tags)
    except AmbiguousTagError:
        names = {}
    return sorted({split_tag(names.get(tag, tag))[1] for tag in tags} - {""})


def _from_tags(
    table: Table,
    config: DataConfig,
    split: str,
    scheme: str | None,
    known: Sequence[str],
    rename: Rename | None,
) -> SentenceSet:
    words, (tags, facts) = words_of(table, config), read_tags(table, config, split, known)
    for row, (some, others) in enumerate(zip(words, tags, strict=True)):
        _refuse_ragged(table.where(row), some, others)
    file_scheme = scheme_of(table, config, tags)
    scheme = scheme or _scheme(config, file_scheme)
    counts = Counter(tag for some in tags for tag in some)
    tagged = SentenceSet(table, [], scheme, [], facts=facts, read_tags=counts)
    names = TypeNames.of(config, rename, values_of(table, config))
    types: set[str] = set()
    for row, (some, others) in enumerate(zip(words, tags, strict=True)):
        entities, illegal = read_entities(others, file_scheme)
        for one in illegal:
            _note(tagged, row, one, some, file_scheme, config)
        entities = names.entities(entities)
        types.update(entity.label for entity in entities)
        text, spans = join_words(some)
        written = write_tags(entities, len(some), scheme)
        named = characters_of(entities, spans)
        tagged.sentences.append(Sentence(text, tuple(spans), tuple(written), tuple(named)))
    tagged.types = sorted(types)
    if tagged.repaired:
        repairs = repair_words(tagged.repaired, tagged.illegal[0], file_scheme)
        tagged.facts.append(f"{split}: {repairs}")
    return tagged


def join_words(words: Sequence[str], delimiter: str = " ") -> tuple[str, list[tuple[int, int]]]:
    """The text of some words, and the characters of it, (start, end), that each word stands at."""
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + len(delimiter)
    return delimiter.join(words), spans


def _from_spans(
    table: Table,
    config: DataConfig,
    split: str,
    scheme: str | None,
    splitter: Callable[[str], list[tuple[int, int]]],
    rename: Rename | None,
) -> SentenceSet:
    texts = table.column(config.text, "data.text")
    rows = table.column(config.spans, "data.spans")
    tagged = SentenceSet(table, [], scheme or _scheme(config, "BIO"), [])
    names, within = TypeNames.of(config, rename), list[str]()
    for row, (text, value) in enumerate(zip(texts, rows, strict=True)):
        where = table.where(row)
        if not isinstance(text, str) or not text.strip():
            raise DataError(
                "no words" if isinstance(text, str) else f"{text!r} is not a text",
                where=where,
                rule=f"column {config.text!r} holds the text that the spans point into",
                remedy="remove the row",
            )
        spans, words = names.spans(spans_of(value, text, where)), splitter(text)
        entities, inside = over_words(spans, words)
        within += [f"{where}, span {shown(span, text)}" for span in inside]
        tags = write_tags(entities, len(words), tagged.scheme)
        tagged.sentences.append(Sentence(text, tuple(words), tuple(tags), tuple(spans)))
    named = [span for sentence in tagged.sentences for span in sentence.spans or ()]
    tagged.types = sorted({span.label for span in named})
    if within:
        tagged.facts.append(
            f"{split}: {len(within):,} of {len(named):,} entities begin or end within a word: "
            f"trained on as the whole word, missed where F1 is measured; first: {within[0]}"
        )
    return tagged


def _scheme(config: DataConfig, file_scheme: str) -> str:
    if config.scheme != "auto":
        return config.scheme
    return "BIO" if file_scheme in ("IO", "IOB1") else file_scheme


def _refuse_ragged(where: str, words: Sequence[str], tags: Sequence[str]) -> None:
    if len(words) != len(tags):
        raise DataError(
            f"{_count(words, 'word')} and {_count(tags, 'tag')}",
            where=where,
            rule="each word has one tag",
            remedy="correct the row or remove it",
        )


def _count(items: Sequence[str], name: str) -> str:
    return f"{len(items):,} {name}{'' if len(items) == 1 else 's'}"


def _note(
    tagged: SentenceSet,
    row: int,
    one: Illegal,
    words: Sequence[str],
    scheme: str,
    config: DataConfig,
) -> None:
    """Count an illegal tag, or refuse it."""
    place = place_of_word(tagged.table, row, min(one.position, len(words) - 1), words)
    if config.illegal_tags == "error":
        raise DataError(
            refusal_of(one),
            where=place,
            rule=f"the tags are {scheme}",
            remedy="correct it, or data.illegal_tags=repair reads it as conlleval does",
        )
    tagged.repaired += 1
    if len(tagged.illegal) < _ILLEGAL_PLACES:
        tagged.illegal.append(f"{place}: {spot_of(one)}")


def _refuse_unknown(
    tagged: SentenceSet, types: Sequence[str], remedy: str | None, config: DataConfig
) -> None:
    if set(tagged.types) <= set(types):
        return
    for row in range(len(tagged.sentences)):
        for entity in tagged.spans(row):
            if entity.label not in types:
                where = tagged.where_span(row, entity)
                if remedy is None:
                    raise unknown_to_model(entity.label, tagged.types, types, where)
                raise unknown_to_training(entity.label, types, where, remedy, config)


def _no_columns(table: Table, config: DataConfig) -> DataError:
    return DataError(
        f"no column {config.tokens!r} for data.tokens and none {config.spans!r} for data.spans",
        where=table.source,
        rule=f"the columns are: {listed(table.columns)}",
        remedy=table.advised(
            "set data.tokens=COLUMN and data.tags=COLUMN, or data.spans=COLUMN",
            "data.tokens",
            "data.tags",
        ),
    )
