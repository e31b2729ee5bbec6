"""Data sets of the Hub, through datasets and the real client, from a stand-in."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.hub.datasets_client import ask_data
from helpers.hub.server import OTHER_TOKEN, Hub
from helpers.support import reviews
from huggingface_hub import constants

import hfdl
from hfdl.config.schema import DataConfig
from hfdl.data.readers.sources import load_splits, read_source
from hfdl.errors import DataError

CSV = b"text,label\n" + b"".join(f"text {n},{n % 2}\n".encode() for n in range(20))
CARD = b"""---
configs:
- config_name: en
  data_files: [{split: train, path: en/a.parquet}, {split: odd, path: en/b.parquet}]
- config_name: de
  data_files: [{split: train, path: de/a.parquet}]
---
"""


def parquet(*texts: str) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": [*texts], "label": ["a"] * len(texts)}), stream)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def sets(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``ann/reviews`` in csv, ``ann/two`` of two configurations, and a cache of their own."""
    ask_data(hub, tmp_path / "datasets", monkeypatch)
    files = {"train.csv": CSV, "test.csv": b"".join(CSV.splitlines(True)[:5])}
    repo = hub.store.put("ann/reviews", files, kind="dataset", private=True)
    repo.tags["v1"] = repo.branches["main"]
    hub.store.put("ann/two", {
        "README.md": CARD, "en/a.parquet": parquet("one", "two", "three"),
        "en/b.parquet": parquet("odd"), "de/a.parquet": parquet("eins"),
    }, kind="dataset")  # fmt: skip
    hub.store.put("ann/empty", {"README.md": b"nothing"}, kind="dataset")
    hub.store.put("ann/script", {"script.py": b"raise SystemExit", "a.csv": CSV}, kind="dataset")


def texts(source: str) -> dict[str, list[Any]]:
    return {split: table.columns["text"] for split, table in read_source(source).items()}


def test_splits_configurations_and_revisions() -> None:
    assert {s: len(t) for s, t in texts("ann/reviews").items()} == {"train": 20, "test": 4}
    assert texts("ann/reviews@v1") == texts("ann/reviews")
    assert texts("ann/two:de") == {"train": ["eins"]}
    assert texts("ann/two:en") == {"train": ["one", "two", "three"]}


@pytest.mark.parametrize("split", ["train[:3]", "train[50%:]", "test+train[:1]", "test"])
def test_a_split_is_what_datasets_makes_of_it(split: str) -> None:
    expected = datasets.load_dataset("ann/reviews", split=split)["text"]
    assert texts(f"ann/reviews#{split}") == {"train": [*expected]}
    assert texts(f"ann/reviews@v1#{split}") == {"train": [*expected]}


def test_splits_by_key() -> None:
    found = load_splits(DataConfig(train="ann/two:en#train[:2]", validation="ann/two:en#odd"))
    assert {name: table.columns["text"] for name, table in found.items()} == {
        "train": ["one", "two"], "validation": ["odd"],
    }  # fmt: skip


ERRORS = {
    "ann/two": "they are: en, de. Name one, for instance 'ann/two:en'",
    "ann/two:dd": "it has no configuration 'dd'; it has en, de. Name one: data.train=ann/two:en",
    "ann/two:en#od": "it has no split 'od'; it has train, odd. Name one: "
    "'data.train=ann/two:en#odd'",
    "ann/script": "the Hub data set is made by a script; code of a repository is never run. Read "
    "the Hub's own copy in parquet, if it has made one: "
    "data.train=ann/script@refs/convert/parquet",
    "ann/none": "the Hub has no data set of that id, or it is private",
    "ann/reviews@v9": "ann/reviews@v9: cannot be read from the Hub: it has no such revision; a "
    "revision is a branch, a tag or a commit. See them at ",
    "ann/empty": "ann/empty: the Hub data set has no data files",
    "https://huggingface.co/datasets/ann/reviews": "Name it ann/reviews",
    "datasets/ann/reviews": "an address of the Hub; a data set there is named by its id",
    "hf://datasets/ann/reviews/train.csv": "Name it ann/reviews",
}


@pytest.mark.parametrize("source", ERRORS)
def test_what_there_is_instead(source: str) -> None:
    with pytest.raises(DataError) as caught:
        read_source(source)
    assert ERRORS[source] in str(caught.value)


def test_private_and_gated_sets(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", OTHER_TOKEN)
    with pytest.raises(DataError, match="or it is private"):
        read_source("ann/reviews")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(DataError, match="that this token opens"):
        read_source("ann/reviews")
    hub.store.create("dataset", "ben/gated", private=False, gated=True)
    with pytest.raises(DataError, match=r"gated data set.*datasets/ben/gated, then: hf auth"):
        read_source("ben/gated")


FAULTS = {
    "a fault": ("datasets", 500, "the Hub has a fault of its own (500)"),
    "too many": ("datasets", 429, "the Hub has had too many requests (429)"),
    "forbidden": ("datasets", 403, "the token may not read it (403)"),
    "cut": (".", None, "the Hub cannot be reached, and the set was not downloaded before"),
    "a fault of storage": ("resolve.*csv", 503, "the Hub has a fault of its own (503)"),
    "cut in the file": ("resolve.*csv", None, "cannot be reached (RemoteProtocolError)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_hub_that_fails(name: str, hub: Hub) -> None:
    pattern, status, expected = FAULTS[name]
    hub.fail(pattern, status)
    with pytest.raises(DataError) as caught:
        read_source("ann/reviews")
    assert expected in str(caught.value)
    assert "Couldn't find" not in str(caught.value)
    assert pattern != "datasets" or len(hub.asked) == 1  # and not for 23 seconds
    hub.faults.clear()
    assert len(texts("ann/reviews")["train"]) == 20
    hub.fail(pattern, status)
    assert len(texts("ann/reviews")["train"]) == 20  # it was downloaded before


def test_once_read_it_needs_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = texts("ann/reviews")
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    assert texts("ann/reviews") == before
    assert hub.asked == []


@pytest.mark.usefixtures("without_report")
def test_trained_on(hub: Hub, tiny_bert: Path, tmp_path: Path) -> None:
    rows = "".join(
        f"{row['text']},{row['label']}\n" for row in reviews(60) if "," not in row["text"]
    )
    hub.store.put("ann/films", {"train.csv": f"text,label\n{rows}".encode()}, kind="dataset")
    settings = {"model.name": str(tiny_bert), "train.steps": 2, "data.max_length": 16}
    run = hfdl.train(
        "sentiment", {**settings, "data.train": "ann/films#train[:30]"}, output=tmp_path / "run",
        listener=lambda event: None,
    )  # fmt: skip
    assert run.recipe.data.train == "ann/films#train[:30]"
    from hfdl.report import metadata, read_run

    assert metadata.hub_dataset(read_run(run.directory)) == "ann/films"
