"""The embedded data set ``hfdl://sentiment``: counts, balance, and no templates or near-twins."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest

SPLITS = {"train": 460, "validation": 100, "test": 100}  # the least each must hold
LABELS = ("positive", "negative")
FREQUENT = 15  # a word in fewer texts is content, and becomes a blank in a skeleton
NEGATION = re.compile(r"\b(?:not|never)\b|n't\b")
CONTRAST = re.compile(r"\b(?:but|yet|though|although)\b")


class Row(NamedTuple):
    text: str
    label: str
    domain: str
    split: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain(self.text)))


def plain(text: str) -> str:
    return text.casefold().replace("\u2019", "'")


def raw_lines(split: str) -> list[str]:
    folder = files("hfdl.data.samples") / "sentiment"
    content = (folder / f"{split}.jsonl").read_text(encoding="utf-8")
    assert content.endswith("\n")
    return content[:-1].split("\n")


def load() -> list[Row]:
    return [Row(split=split, **json.loads(line)) for split in SPLITS for line in raw_lines(split)]


ROWS = load()
WORDS = [row.words for row in ROWS]


def ngrams(items: tuple[str, ...] | str, n: int) -> set[tuple[str, ...] | str]:
    return {items[i : i + n] for i in range(len(items) - n + 1)}


def jaccards(sets: list[set]) -> Iterator[tuple[float, int, int]]:
    """The Jaccard index of every pair; 0 where either set is empty."""
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        shared = len(a & b)
        yield (shared / (len(a) + len(b) - shared) if shared else 0.0), i, j


def show(indices: Iterable[int]) -> str:
    return "\n".join(ROWS[i].text for i in indices)


def skeletons() -> list[tuple[str, ...]]:
    """The words of each text, with every word that is rare in the set replaced by a blank."""
    seen_in = Counter(word for words in WORDS for word in set(words))
    return [tuple(word if seen_in[word] >= FREQUENT else "_" for word in words) for words in WORDS]


def kept(skeleton: Iterable[str]) -> int:
    return sum(word != "_" for word in skeleton)


@pytest.mark.parametrize("split", SPLITS)
def test_each_line_is_a_json_object_of_three_clean_strings(split: str) -> None:
    for line in raw_lines(split):
        row = json.loads(line)
        assert list(row) == ["text", "label", "domain"], line
        assert all(isinstance(value, str) and value for value in row.values()), line
        assert row["text"] == " ".join(row["text"].split()), line
        assert row["label"] in LABELS, line
        assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", row["domain"]), line


def test_counts() -> None:
    found = Counter(row.split for row in ROWS)
    assert len(ROWS) >= 660
    assert all(found[split] >= least for split, least in SPLITS.items()), found


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_balanced(split: str) -> None:
    labels = [row.label for row in ROWS if row.split == split]
    assert 0.45 <= labels.count("positive") / len(labels) <= 0.55


def test_every_domain_has_both_labels_in_every_split() -> None:
    cells = Counter((row.domain, row.split, row.label) for row in ROWS)
    domains = {row.domain for row in ROWS}
    assert len(domains) >= 10
    assert len(cells) == len(domains) * len(SPLITS) * len(LABELS)
    for domain in domains:  # neither the domain nor the split tells the label
        for split in SPLITS:
            positive, negative = (cells[domain, split, label] for label in LABELS)
            assert min(positive, negative) >= 3
            assert 0.4 <= positive / (positive + negative) <= 0.6, (domain, split)


def test_lengths() -> None:
    lengths = [len(row.text.split()) for row in ROWS]
    assert min(lengths) == 3
    assert 35 <= max(lengths) <= 45
    for label in LABELS:  # short and long texts in both labels
        own = [n for n, row in zip(lengths, ROWS, strict=True) if row.label == label]
        assert sum(n <= 5 for n in own) >= 30
        assert sum(n >= 30 for n in own) >= 15


@pytest.mark.parametrize("split", [*SPLITS, "all"])
def test_length_does_not_tell_the_label(split: str) -> None:
    rows = [row for row in ROWS if split in (row.split, "all")]
    lengths = [len(row.text.split()) for row in rows]
    positive = [row.label == "positive" for row in rows]
    assert abs(np.corrcoef(lengths, positive)[0, 1]) < 0.15  # point-biserial


@pytest.mark.parametrize(("phenomenon", "least"), [(NEGATION, 8), (CONTRAST, 5)])
def test_negation_and_contrast_in_both_labels_of_every_split(
    phenomenon: re.Pattern[str], least: int
) -> None:
    found = Counter(
        (row.split, row.label) for row in ROWS if phenomenon.search(plain(row.text)) is not None
    )
    assert len(found) == len(SPLITS) * len(LABELS)
    assert min(found.values()) >= least, found


def test_texts_differ_by_more_than_case_and_punctuation() -> None:
    twins = [words for words, n in Counter(WORDS).items() if n > 1]
    assert not twins


@pytest.mark.parametrize(
    ("sets", "bound"),
    [
        pytest.param([ngrams(words, 3) for words in WORDS], 0.3, id="word-trigrams"),
        pytest.param([ngrams(" ".join(words), 5) for words in WORDS], 0.5, id="char-5-grams"),
    ],
)
def test_no_near_duplicates(sets: list[set], bound: float) -> None:
    assert all(sets), "a text too short to compare"
    checked, worst = 0, (0.0, 0, 0)
    for pair in jaccards(sets):
        checked += 1
        worst = max(worst, pair)
    every_pair = len(ROWS) * (len(ROWS) - 1) // 2
    assert checked == every_pair, f"{checked} pairs checked of {every_pair}"
    similarity, i, j = worst
    assert similarity < bound, f"{checked} pairs checked; nearest:\n{show((i, j))}"


def test_no_opening_is_a_habit() -> None:
    openings = Counter(words[:4] for words in WORDS if len(words) >= 4)
    assert max(openings.values()) <= 3, openings.most_common(3)


def test_no_phrase_is_a_habit() -> None:
    phrases = Counter(phrase for words in WORDS for phrase in ngrams(words, 5))
    assert max(phrases.values()) <= 3, phrases.most_common(3)


def test_no_slot_filling_inside_a_text() -> None:
    found: dict[object, set[int]] = defaultdict(set)
    for i, skeleton in enumerate(skeletons()):
        for length in range(6, len(skeleton) + 1):
            for window in ngrams(skeleton, length):
                if kept(window) >= 4:
                    found[window].add(i)
    window, texts = max(found.items(), key=lambda item: len(item[1]))
    assert len(texts) <= 3, f"{window}:\n{show(texts)}"


def test_no_whole_text_is_another_with_its_slots_filled_anew() -> None:
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, skeleton in enumerate(skeletons()):
        if len(skeleton) >= 6 and kept(skeleton) >= 2:
            found[skeleton].append(i)
    assert len(found) > len(ROWS) / 2
    texts = max(found.values(), key=len)
    assert len(texts) == 1, show(texts)


def test_the_card_states_the_licence_and_the_counts() -> None:
    card = (files("hfdl.data.samples") / "sentiment" / "README.md").read_text(encoding="utf-8")
    front = card.split("---\n")[1]
    assert card.startswith("---\n")
    assert "license: apache-2.0\n" in front
    for split in SPLITS:
        rows = [row for row in ROWS if row.split == split]
        counts = [sum(row.label == label for row in rows) for label in LABELS]
        assert f"| {split} | {len(rows)} | {counts[0]} | {counts[1]} |" in card
    for domain in {row.domain for row in ROWS}:
        assert f"| {domain} |" in card
