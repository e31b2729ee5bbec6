"""Files of data: CoNLL, csv, tsv, json and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fuzz.target import Target, must
from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentence import characters_of
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.entities.tags import read_entities, write_tags
from hfdl.data.layouts.examples import as_examples
from hfdl.data.readers.readers import read_bytes
from hfdl.data.readers.reading import Reading
from hfdl.data.readers.text_decoding import decode
from hfdl.data.table import Table
from hfdl.errors import HfdlError

_LINE_END = re.compile("\r\n|\r|\n")


def read_table(
    data: bytes, folder: Path, *, name: str, written: Callable[[Table], bytes], words: bool = False
) -> None:
    """A file; what was read is a table, is written, and reads the same again."""
    reading = Reading(asked=frozenset({"text", "label", "tokens", "tags"}), words=words)
    table = read_bytes(data, name, reading)
    _check_places(table, decode(data, name))
    as_task(table, "labels")
    as_task(table, "entities")
    is_conll = table.item_lines is not None
    separator = None if is_conll else _SEPARATORS.get(Path(name).suffix)
    again = read_bytes(
        written(table), "data.conll" if is_conll else name, Reading(separator=separator)
    )
    if any("left out" in note for note in again.notes):
        return  # a row that repeats the header, or a word that is a comment: it says so
    must(repr(again.columns) == repr(table.columns), "a table reads otherwise when written out")


def _check_places(table: Table, text: str) -> None:
    counts = {len(column) for column in table.columns.values()}
    must(counts == {len(table)} and len(table) > 0, "columns of unequal length, or none")
    if table.lines is None:
        return
    lines = len(_LINE_END.split(text))
    must(len(table.lines) == len(table) <= lines, "more rows than lines")
    must(all(1 <= line <= lines for line in table.lines), "a row on a line that there is not")
    for numbers in table.item_lines or ():
        must(all(1 <= line <= lines for line in numbers), "a word on a line that there is not")


def as_task(table: Table, rows: Any) -> None:
    """The table as a task reads it, which may refuse it."""
    config = DataConfig()
    try:
        examples = as_examples(table, config, rows)
        if rows == "labels":
            texts = examples.texts("text", "data.text")
            must(len(texts) == len(examples), "a row without its text")
            return
        sentences = read_sentences(examples, config, "train")
    except HfdlError:
        return
    for sentence in sentences.sentences:
        places = [0, *(edge for word in sentence.words for edge in word), len(sentence.text)]
        must(places == sorted(places), "words overlap, or lie outside the text")
        entities, illegal = read_entities(sentence.tags or (), sentences.scheme)
        must(not illegal, "illegal tags are left")
        again = write_tags(entities, len(sentence.words), sentences.scheme)
        must(tuple(again) == sentence.tags, "tags read otherwise when written out")
        if examples.item_lines is not None:
            spans = characters_of(entities, sentence.words)
            must(tuple(spans) == tuple(sentence.spans or ()), "spans are not those of the tags")


def as_csv(table: Table) -> bytes:
    """RFC 4180."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(table.columns)
    writer.writerows(zip(*table.columns.values(), strict=True))
    return text.getvalue().encode()


def as_tsv(table: Table) -> bytes:
    """Names, then values, with tabs between; what is CoNLL by its content stays that."""
    if table.item_lines is not None:
        return as_conll(table)
    rows = [list(table.columns), *zip(*table.columns.values(), strict=True)]
    if any(list(row) == [""] or re.search("[\t\r\n]", "".join(row)) for row in rows):
        raise HfdlError("a blank row, or what only quotes hold, as R writes them")
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def as_jsonl(table: Table) -> bytes:
    """An object a line."""
    rows = zip(*table.columns.values(), strict=True)
    return "\n".join(
        json.dumps(dict(zip(table.columns, row, strict=True))) for row in rows
    ).encode()


def as_json(table: Table) -> bytes:
    """A list of objects."""
    rows = zip(*table.columns.values(), strict=True)
    return json.dumps([dict(zip(table.columns, row, strict=True)) for row in rows]).encode()


def as_conll(table: Table) -> bytes:
    """The numbered columns, with tabs between."""
    columns = [column for name, column in table.columns.items() if name.isdigit()]
    blocks = []
    for sentence in zip(*columns, strict=True):
        blocks.append("".join("\t".join(word) + "\n" for word in zip(*sentence, strict=True)))
    # A word may begin with what would be a byte order mark at the beginning of the file.
    return ("\n" + "\n".join(blocks)).encode()


_SEPARATORS = {".csv": ",", ".tsv": "\t"}
CSV = (
    b'text,label\n"a ""good"" one, really",pos\r\nbad,neg\n\nfine,pos\n',
    "\ufefftext;label\né;1\nä;2\n".encode(), b"id,text,label,\n1,a,b,\n2,c,d,\n",
    "text,label\nx,1\ny,2\n".encode("utf-16"), b'text|label\n"a\nb"|1\n',
    b"text,start,end,label\nParis is,0,5,LOC\n", b"'text','label'\n'a','b'\n",
    b"text,label\nb'a\\xc3',\"['x', 'y']\"\n",
)  # fmt: skip
TSV = (
    b'text\tlabel\n"a\tpos\nbad\tneg\n', b'"text"\t"label"\n"a"\t"pos"\n',
    b"a\tB-X\n\nb\tO\nc\tO\n", b"tokens\ttags\n['a', 'b']\t['O', 'B-X']\n",
)  # fmt: skip
CONLL = (
    b"-DOCSTART- -X- O\n\nEU B-ORG\nrejects O\nGerman B-MISC\ncall O\n\nPeter I-PER\n",
    b"# id = 1\n1\tParis\tB-LOC\n2\tis\tO\n\n1\tBonn\tU-LOC\n", b"a\tO\nb\tB-X\nc\tL-X\n",
    b"1-2\tdu\t_\n1\tde\tO\n2\tle\tO\n1.1\tx\tO\n\n", b"a X (PER*\nb Y *)\nc Z *\n",
    "EU\xa0x S-ORG\n  \nb E-ORG\n".encode(), b"word ORG\nx O\ny O\nz O\n",
)  # fmt: skip
JSONL = (
    b'{"text": "a", "label": 1}\n{"text": "b", "label": null}\n\n{"text": "c"}\n',
    b'{"tokens": ["a", "b"], "tags": ["O", "B-X"]}\n{"tokens": ["c"], "tags": ["O"]}\n',
    b'{"text": "Paris is", "spans": [{"start": 0, "end": 5, "label": "LOC"}], "answer": "accept"}',
    b'["Paris is", {"entities": [[0, 5, "LOC"]]}]\n', b'{"text": "\\ud83d\\ude00", "label": 1.5}\n',
    b'{"text": "a", "label": ["x", "y"], "meta": {"a": {"b": 1}}}\n',
)  # fmt: skip
JSON = (
    b'[{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]\n',
    b'{"text": ["a", "b"], "label": [1, 2]}', b'{"text": {"0": "a", "1": "b"}}',
    b'{"data": [{"text": "a"}]}', b'{"columns": ["text"], "index": [0], "data": [["a"]]}',
    b'[{"id": 1, "data": {"text": "Paris is"}, "annotations": [{"result": [{"type": "labels", '
    b'"from_name": "label", "to_name": "text", "value": {"start": 0, "end": 5, "text": "Paris", '
    b'"labels": ["LOC"]}}]}]}]',
    b'[["Paris is", {"entities": [[0, 5, "LOC"]]}]]',
    b'{"schema": {"fields": [{"name": "text"}]}, "data": [{"text": "a"}]}',
    b'[{"id": 1, "data": {"text": "a"}, "annotations": [{"result": [{"type": "choices", '
    b'"value": {"choices": ["pos"]}}]}]}]',
)  # fmt: skip
TAGS = (b"O", b"B-X", b"I-X", b"E-X", b"S-X", b"L-X", b"U-X", b"X-B", b"b_x", b"-DOCSTART-", b"# ")
NAMES = (b"text", b"label", b"tokens", b"tags", b"spans", b"start", b"end", b"entities", b"answer",
         b"data", b"annotations", b"result", b"value", b"index", b"token", b"meta")  # fmt: skip

TARGETS = (
    Target("csv", "csv", partial(read_table, name="data.csv", written=as_csv), CSV, NAMES),
    Target("tsv", "tsv", partial(read_table, name="data.tsv", written=as_tsv, words=True),
           TSV, (*NAMES, *TAGS)),
    Target("conll", "CoNLL", partial(read_table, name="data.conll", written=as_conll), CONLL, TAGS),
    Target("jsonl", "JSON lines", partial(read_table, name="data.jsonl", written=as_jsonl),
           JSONL, (*NAMES, *TAGS), is_json=True),
    Target("json", "json", partial(read_table, name="data.json", written=as_json),
           JSON, NAMES, is_json=True),
)  # fmt: skip
