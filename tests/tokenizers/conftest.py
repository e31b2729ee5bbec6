"""The corpora on which tokenizers are trained beside the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.tokenizer_library import HOSTILE

from hfdl.data.readers.embedded import read_embedded

CORPORA = ["prose", "ner", "hostile"]
REAL = [
    pytest.param(name, marks=pytest.mark.needs_shared) for name in ("shakespeare", "imdb", "german")
]


@pytest.fixture(params=[*CORPORA, *REAL])
def corpus(request: pytest.FixtureRequest, shared: Callable[[str], Path]) -> list[str]:
    """The texts of each corpus in turn, 100,000 characters at most."""
    texts = read_corpus(request.param, shared)
    total = 0
    for i, text in enumerate(texts):
        total += len(text)
        if total > 100_000:
            return texts[:i]
    return texts


def read_corpus(name: str, shared: Callable[[str], Path]) -> list[str]:
    if name == "prose":
        return list(read_embedded("prose")["train"].columns["text"])
    if name == "ner":
        return [" ".join(words) for words in read_embedded("ner")["train"].columns["tokens"]]
    if name == "hostile":
        return HOSTILE * 3
    path = {
        "shakespeare": "tinyshakespeare/input.txt", "imdb": "imdb_unsup_text/corpus.txt",
        "german": "multi30k_en_de/dev.tsv",
    }[name]  # fmt: skip
    with shared(f"data/{path}").open(encoding="utf-8", newline="") as file:
        lines = file.read(2_000_000).split("\n")
    return (
        [line.split("\t")[1] for line in lines[1:] if "\t" in line] if name == "german" else lines
    )
