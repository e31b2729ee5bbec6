"""The embedded data sets ``hfdl://ner`` and ``hfdl://prose``: counts, form, nothing twice."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import pytest

TYPES = ("PER", "ORG", "LOC", "MISC")
# Sentences, words, and entities by type: as the data card says.
NER = {
    "train": (320, 2998, {"PER": 102, "ORG": 120, "LOC": 159, "MISC": 70}),
    "validation": (80, 753, {"PER": 28, "ORG": 30, "LOC": 41, "MISC": 18}),
    "test": (80, 732, {"PER": 34, "ORG": 32, "LOC": 37, "MISC": 13}),
}
# Paragraphs, words, bytes.
PROSE = {
    "train": (113, 10535, 52612), "validation": (11, 985, 5026), "test": (11, 943, 4785),
}  # fmt: skip


def text_of(name: str, file: str) -> str:
    return (files("hfdl.data.samples") / name / file).read_text(encoding="utf-8")


def sentences(split: str) -> list[list[tuple[str, str]]]:
    """Words with their tags, read by hand."""
    blocks = text_of("ner", f"{split}.conll").removesuffix("\n").split("\n\n")
    return [[(p[0], p[1]) for line in block.split("\n") if (p := line.split("\t"))]
            for block in blocks]  # fmt: skip


@pytest.mark.parametrize("split", NER)
def test_ner_holds_what_its_card_says(split: str) -> None:
    count, words, entities = NER[split]
    found = sentences(split)
    tags = Counter(tag for sentence in found for _, tag in sentence)
    assert (len(found), sum(tags.values())) == (count, words)
    assert {kind: tags[f"B-{kind}"] for kind in TYPES} == entities
    assert set(tags) <= {"O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI")}


def test_ner_has_over_400_sentences_and_none_twice() -> None:
    all_of_them = [" ".join(w for w, _ in s) for split in NER for s in sentences(split)]
    assert len(all_of_them) == 480
    assert len(set(all_of_them)) == 480


def test_ner_tags_follow_each_other_legally() -> None:
    steps = 0
    for split in NER:
        for sentence in sentences(split):
            before = "O"
            for word, tag in sentence:
                assert word == word.strip() != ""
                if tag.startswith("I-"):
                    assert before[2:] == tag[2:], (split, sentence)
                before, steps = tag, steps + 1
    assert steps == 4483


@pytest.mark.parametrize("split", PROSE)
def test_prose_holds_what_its_card_says(split: str) -> None:
    text = text_of("prose", f"{split}.txt")
    paragraphs = text.strip().split("\n\n")
    assert (len(paragraphs), len(text.split()), len(text.encode())) == PROSE[split]
    assert all(paragraph == paragraph.strip() != "" for paragraph in paragraphs)
    assert all("\n" not in paragraph for paragraph in paragraphs)


def test_prose_is_over_60_kilobytes_and_says_nothing_twice() -> None:
    texts = [text_of("prose", f"{split}.txt") for split in PROSE]
    assert sum(len(text.encode()) for text in texts) > 60 * 1024 - 1
    paragraphs = [paragraph for text in texts for paragraph in text.strip().split("\n\n")]
    assert len(set(paragraphs)) == len(paragraphs) == 135
