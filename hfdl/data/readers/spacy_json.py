"""spaCy's training data: its json of version 2, and [text, {"entities": [...]}] pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.data.readers.reading import Reading
from hfdl.data.table import Table, columns_of_rows, counted
from hfdl.errors import DataError

_ANNOTATIONS = {"entities", "cats", "spans", "links", "heads", "deps", "tags", "words"}


def is_pair(value: Any) -> bool:
    """Whether it is ``[text, {"entities": [...]}]`` or ``[text, {"cats": {...}}]``."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    text, annotation = value
    return (
        isinstance(text, str)
        and isinstance(annotation, dict)
        and bool(annotation)
        and set(annotation) <= _ANNOTATIONS
    )


def rows_of_pairs(
    pairs: Sequence[Any], source: str, reading: Reading, lines: Sequence[int] | None = None
) -> Table:
    """A row a pair: its text, its entities as spans, its categories as the label.

    Args:
        pairs: as ``is_pair`` says; None is a text that nobody annotated, and left out.
        source: the file, for messages.
        reading: the names of the columns.
        lines: of the pairs, where each has one.
    """
    kept = [i for i, pair in enumerate(pairs) if pair is not None]
    rows: list[dict[str, Any]] = []
    for i in kept:
        text, annotation = pairs[i]
        row = {reading.text: text}
        if "entities" in annotation:
            row[reading.spans] = annotation["entities"]
        if "cats" in annotation:
            where = f"{source}, line {lines[i]}" if lines else f"{source}, row {i + 1}"
            row[reading.label] = _label(annotation["cats"], where)
        rows.append(row)
    table = Table(
        source, columns_of_rows(rows), lines=None if lines is None else [lines[i] for i in kept]
    )
    passed = len(pairs) - len(kept)
    return table.noted(f"{counted(passed, 'text')} without annotation left out" if passed else None)


def is_spacy(content: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows are the documents of spaCy's json: each has paragraphs of sentences."""
    if not all(isinstance(document.get("paragraphs"), list) for document in content):
        return False
    paragraphs = [paragraph for document in content for paragraph in document["paragraphs"]]
    return bool(paragraphs) and all(isinstance(p, dict) and "sentences" in p for p in paragraphs)


def rows_of_spacy(content: Sequence[Mapping[str, Any]], source: str, reading: Reading) -> Table:
    """Where the task reads words a row a sentence, with its words and their entity tags; else a
    row a paragraph, with its text and its categories.
    """
    rows: list[dict[str, Any]] = []
    for number, document in enumerate(content, start=1):
        where = f"{source}, row {number}"
        for paragraph in document["paragraphs"]:
            if reading.words:
                rows += [_sentence(sentence, where) for sentence in paragraph["sentences"]]
            else:
                rows.append(_paragraph(paragraph, where, reading))
    note = f"{counted(len(content), 'document')} of spaCy's json read, "
    return Table(source, columns_of_rows(rows)).noted(
        note + (f"{counted(len(rows), 'sentence' if reading.words else 'paragraph')}")
    )


def _sentence(sentence: Mapping[str, Any], where: str) -> dict[str, Any]:
    tokens = sentence.get("tokens", [])
    tags = [token.get("ner") for token in tokens]
    if "-" in tags or None in tags:
        word = tokens[[tag in ("-", None) for tag in tags].index(True)].get("orth")
        raise DataError(
            f"word {word!r} has no entity tag",
            where=where,
            rule="in spaCy's json '-' is a word that nobody annotated",
            remedy="annotate it (O: in no entity), or remove the sentence",
        )
    return {"tokens": [token.get("orth") for token in tokens], "tags": tags}


def _paragraph(paragraph: Mapping[str, Any], where: str, reading: Reading) -> dict[str, Any]:
    text = paragraph.get("raw")
    if text is None:
        words = [t.get("orth") for s in paragraph["sentences"] for t in s.get("tokens", [])]
        text = " ".join(words)
    cats = paragraph.get("cats")
    if isinstance(cats, list):
        cats = {cat.get("label"): cat.get("value") for cat in cats}
    return {reading.text: text, reading.label: _label(cats, where)}


def _label(cats: Any, where: str) -> Any:
    """The category that is 1; a list of them where several or none are; None without any."""
    if not cats:
        return None
    if not isinstance(cats, dict) or not all(value in (0, 1) for value in cats.values()):
        raise DataError(
            f"{cats!r} are no categories",
            where=where,
            rule="cats maps each category to 0 or 1",
            remedy="round them",
        )
    chosen = [name for name, value in cats.items() if value]
    return chosen[0] if len(chosen) == 1 else chosen
