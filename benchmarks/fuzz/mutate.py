"""Mutations of an input: of its bytes, and of a JSON document's values."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

WORDS = (
    b"", b"\0", b"\n", b"\r", b"\r\n", b"\n\n", b"\t", b" ", b",", b";", b"|", b":", b"'", b'"',
    b'""', b"\\", b"#", b"-", b"[", b"]", b"{", b"}", b"[]", b"{}", b"null", b"true", b"~", b"nan",
    b".inf", b"-0", b"1e999", b"9" * 30, b"9" * 5000, b"\xff", b"\xff\xfe", b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80", b"e\xcc\x81", b"\xe2\x80\xa8", b"\xc2\x85", b"\xc2\xa0", b"\\ud800",
    b"\\u0000", b"../", b"/etc/passwd", b"__class__", b"[" * 3000, b"{\"a\":" * 3000,
)  # fmt: skip
"""What is put in anywhere."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e308, 10**30, 2**63, "", "a", "\0", "\ud800", "1",
    "é", "../x", [], {}, [[]], [None], [{}], {"": None}, {"a": 1}, ["a", 1], "x" * 300,
    [0] * 50, float("nan"), float("inf"),
)  # fmt: skip
"""What a JSON value is replaced with."""

MOST = 20_000
"""Bytes of an input."""


def mutated(data: bytes, draw: random.Random, words: Sequence[bytes] = ()) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        data = _changed(data, draw, words)
    return data[:MOST]


def _changed(data: bytes, draw: random.Random, words: Sequence[bytes]) -> bytes:
    start = draw.randint(0, len(data))
    end = min(len(data), start + draw.choice((0, 1, 1, 2, 8, 40)))
    match draw.randrange(6):
        case 0:  # taken out
            return data[:start] + data[end:]
        case 1:  # said again
            return data[:end] + data[start:end] * draw.choice((1, 1, 50)) + data[end:]
        case 2:  # another byte
            return data[:start] + bytes([draw.randrange(256)]) + data[start + 1 :]
        case 3:  # moved
            to = draw.randint(0, len(data))
            rest = data[:start] + data[end:]
            return rest[:to] + data[start:end] + rest[to:]
        case 4:  # cut off
            return data[:start] if draw.random() < 0.3 else data[start:] or data
        case _:
            word = draw.choice((*words, *WORDS) if not words or draw.random() < 0.5 else words)
            return data[:start] + word + data[draw.choice((start, end)) :]


def mutated_json(data: bytes, draw: random.Random, words: Sequence[bytes] = ()) -> bytes | None:
    """A JSON document with one or two of its values changed; None where it is none."""
    try:
        value = json.loads(data)
        places = list(_places(value))
        for _ in range(draw.choice((1, 1, 2))):
            value = _with_other(value, draw, places, words)
        made = json.dumps(value, ensure_ascii=draw.random() < 0.5).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None
    return made if len(made) <= MOST else None


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))


def _with_other(value: Any, draw: random.Random, places: list[Any], words: Sequence[bytes]) -> Any:
    path = draw.choice(places)
    if not path:
        return copy.deepcopy(draw.choice(VALUES)) if draw.random() < 0.1 else value
    value = copy.deepcopy(value)
    inner = value
    try:
        for key in path[:-1]:
            inner = inner[key]
        known = inner[path[-1]]
    except (KeyError, IndexError, TypeError):  # an earlier change took it away
        return value
    if not isinstance(inner, dict | list):
        return value
    texts = [word.decode("utf-8", "replace") for word in words]
    match draw.randrange(5):
        case 0:
            del inner[path[-1]]
        case 1 if isinstance(inner, dict):
            inner[draw.choice((*texts, "", "a", "\0", "format"))] = known
        case 2 if isinstance(inner, list):
            inner.insert(0, copy.deepcopy(known))
        case 3 if isinstance(known, int | float):
            inner[path[-1]] = draw.choice((-known, known + 1, known - 1, float(known), str(known)))
        case _:
            inner[path[-1]] = copy.deepcopy(draw.choice((*texts, *VALUES)))
    return value
