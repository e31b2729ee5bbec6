"""Texts in bytes: binary columns of parquet, and ``b'...'`` as Python writes it."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from helpers.field_files.case import FieldFile

TEXTS = ["good", "café 王", "", "a\nb"]
BYTES = [text.encode() for text in TEXTS]
LABELS = ["x", "y", "x", "y"]
NOTE = "column 'text' holds bytes, read as UTF-8"
SHOWN = "column {!r} holds Python's b'...', read as the UTF-8 that it stands for"


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def csv_of(*texts: str) -> str:
    return "text,label\n" + "".join(f'"{text}",{"xy"[i % 2]}\n' for i, text in enumerate(texts))


IN_BYTES = (
    FieldFile(
        "binary", "a.parquet", parquet(text=BYTES, label=LABELS), {"text": TEXTS}, notes=[NOTE]
    ),
    FieldFile(
        "large binary with nulls",
        "a.parquet",
        parquet(text=pa.array([*BYTES, None], pa.large_binary()), label=[*LABELS, "x"]),
        {"text": [*TEXTS, None]},
        notes=[NOTE],
    ),
    FieldFile(
        "binary in a dictionary",
        "a.parquet",
        parquet(text=pa.array(BYTES).dictionary_encode(), label=LABELS),
        {"text": TEXTS},
        notes=[NOTE],
    ),
    FieldFile(
        "words in bytes",
        "a.parquet",
        parquet(tokens=[[b"Ann", b"left"]], tags=[[b"B-PER", b"O"]]),
        {"tokens": [["Ann", "left"]], "tags": [["B-PER", "O"]]},
        rows="entities",
        notes=[f"column {name!r} holds bytes, read as UTF-8" for name in ("tokens", "tags")],
    ),
    FieldFile(
        "an object of bytes",
        "a.parquet",
        parquet(text=[{"en": b"a", "n": 1}], label=["x"]),
        {"text.en": ["a"]},
        keys={"text": "text.en"},
        notes=[NOTE],
    ),
    FieldFile(
        "a byte order mark in bytes",
        "a.parquet",
        parquet(text=[b"\xef\xbb\xbfa"], label=["x"]),
        {"text": ["a"]},
        notes=[NOTE],
    ),
    FieldFile(
        "images beside texts",
        "a.parquet",
        parquet(text=["a"], image=[b"\x89PNG\xff\x00"], label=["x"]),
        {"text": ["a"], "image": [b"\x89PNG\xff\x00"]},
    ),
    FieldFile(
        "labels in bytes",
        "a.parquet",
        parquet(text=["a", "b"], label=[b"x", b"y"]),
        {"label": ["x", "y"]},
        notes=["column 'label' holds bytes, read as UTF-8"],
    ),
    FieldFile(
        "Python's bytes",
        "a.csv",
        csv_of("b'good'", "b'caf\\xc3\\xa9'", "", 'b""it\'s""'),
        {"text": ["good", "café", "", "it's"], "label": LABELS},
        notes=[SHOWN.format("text")],
    ),
    FieldFile(
        "Python's bytes as labels",
        "a.csv",
        "text,label\na,b'x'\nb,b'y'\n",
        {"label": ["x", "y"]},
        notes=[SHOWN.format("label")],
    ),
    FieldFile(
        "a text that begins as bytes do",
        "a.csv",
        csv_of("b'good'", "b'or not"),
        {"text": ["b'good'", "b'or not"]},
    ),
)
