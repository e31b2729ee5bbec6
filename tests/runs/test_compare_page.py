"""The page of a comparison: a row of guessing, and links to the reports of its runs."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import hfdl

ERAS, SEEDS = ["bag-of-words", "word-average"], 2


class Links(HTMLParser):
    """The links of a page, and the cells of its table by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


@pytest.mark.parametrize("place", ["eras", "with space & #1"])
def test_the_page_has_guessing_and_links_that_lead_to_reports(
    place: str, csv_file: Any, tmp_path: Path
) -> None:
    train, test = csv_file("train.csv", 40), csv_file("test.csv", 21)
    quick = {"data.train": str(train), "data.test": str(test), "train.steps": 4,
             "train.batch_size": 8}  # fmt: skip
    output = tmp_path / place
    hfdl.compare("sentiment", quick, eras=ERAS, seeds=SEEDS, output=output, listener=lambda e: None)
    page = Links((output / "compare.html").read_text(encoding="utf-8"))

    assert len(page.links) == len(set(page.links)) == len(ERAS) * SEEDS
    for link in page.links:
        report = output / unquote(link)
        assert report.name == "report.html"
        assert re.search(r"<h1\b", report.read_text(encoding="utf-8")), link

    with test.open(encoding="utf-8", newline="") as file:
        labels = Counter(row["label"] for row in csv.DictReader(file))
    share = max(labels.values()) / labels.total()
    heading, guess, *others = page.rows
    assert guess[0] == "Guessing"
    assert len(others) == len(ERAS)
    assert guess[heading.index("Accuracy, test")] == f"{100 * share:.1f}%"
    assert {len(row) for row in page.rows} == {len(heading)}
    found = json.loads((output / "table.json").read_text(encoding="utf-8"))
    for cells, era in zip(others, found["rows"], strict=True):
        mean, sd = (100 * era[key]["test"] for key in ("mean", "sd"))
        assert cells[heading.index("Accuracy, test")] == f"{mean:.1f}% ± {sd:.1f}%"
