"""Folders of datasets and the Hub: save_to_disk, shards, configurations."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from helpers.wording import assert_wording

from hfdl.config.schema import DataConfig
from hfdl.data.readers.sources import load_splits, read_source
from hfdl.errors import DataError

ROWS = {"text": ["a", "b", "c"], "label": [0, 1, 0]}
FEATURES = datasets.Features(
    {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
)
SET = datasets.Dataset.from_dict(ROWS, features=FEATURES)


def splits(path: Path) -> dict[str, list[str]]:
    return {name: list(table.columns["text"]) for name, table in read_source(str(path)).items()}


def test_a_saved_data_set_is_train(tmp_path: Path) -> None:
    SET.save_to_disk(str(tmp_path / "set"))
    table = read_source(str(tmp_path / "set"))["train"]
    assert dict(table.columns) == ROWS
    assert table.label_names == {"label": ["neg", "pos"]}


def test_a_saved_dict_has_its_splits(tmp_path: Path) -> None:
    parts = {"train": SET, "validation_matched": SET.select([1]), "extra": SET}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    tables = read_source(str(tmp_path / "set"))
    assert {name: len(table) for name, table in tables.items()} == {"train": 3, "validation": 1}
    assert tables["train"].notes == ("splits that are not read: extra",)
    assert splits(tmp_path / "set" / "train") == {"train": ["a", "b", "c"]}


def test_words_of_a_saved_data_set_have_named_tags(tmp_path: Path) -> None:
    names = datasets.ClassLabel(names=["O", "B-PER"])
    features = datasets.Features(
        {"tokens": datasets.List(datasets.Value("string")), "ner_tags": datasets.List(names)}
    )
    rows = {"tokens": [["Ann", "sees"]], "ner_tags": [[1, 0]]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "set"))
    config = DataConfig(train=str(tmp_path / "set"), tags="ner_tags")
    table = load_splits(config, rows="entities")["train"]
    assert table.label_names == {"ner_tags": ["O", "B-PER"]}


def clone(folder: Path) -> Path:
    """A repository of the Hub as git clones it."""
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    SET.select([0]).to_parquet(str(folder / "data/train-00000-of-00002.parquet"))
    SET.select([1, 2]).to_parquet(str(folder / "data/train-00001-of-00002.parquet"))
    SET.to_parquet(str(folder / "data/test-00000-of-00001.parquet"))
    return folder


def test_a_cloned_repository(tmp_path: Path) -> None:
    folder = clone(tmp_path / "set")
    expected = {"train": ["a", "b", "c"], "test": ["a", "b", "c"]}
    assert splits(folder) == splits(folder / "data") == expected
    assert read_source(str(folder))["train"].label_names == {"label": ["neg", "pos"]}


def test_shards_with_a_checksum_in_their_names(tmp_path: Path) -> None:
    folder = clone(tmp_path / "set")
    for number, shard in enumerate(sorted((folder / "data").iterdir())):
        shard.rename(shard.with_stem(f"{shard.stem}-a3f28a0a5b1c2d3{number}"))
    assert splits(folder) == {"train": ["a", "b", "c"], "test": ["a", "b", "c"]}
    next((folder / "data").glob("train-00000*")).unlink()
    with pytest.raises(DataError, match="shard 0 of 2 is not there"):
        read_source(str(folder))


def test_a_shard_that_is_absent(tmp_path: Path) -> None:
    folder = clone(tmp_path / "set")
    (folder / "data/train-00000-of-00002.parquet").unlink()
    with pytest.raises(DataError) as caught:
        read_source(str(folder))
    assert_wording(caught.value)


def test_shards_whose_labels_have_other_names(tmp_path: Path) -> None:
    folder = clone(tmp_path / "set")
    renamed = SET.cast_column("label", datasets.ClassLabel(names=["bad", "good"]))
    renamed.to_parquet(str(folder / "data/train-00001-of-00002.parquet"))
    with pytest.raises(DataError) as caught:
        read_source(str(folder))
    assert_wording(caught.value)


def test_configurations_are_named(tmp_path: Path) -> None:
    for name in ("cola", "sst2"):
        (tmp_path / "glue" / name).mkdir(parents=True)
        SET.to_parquet(str(tmp_path / "glue" / name / "train-00000-of-00001.parquet"))
    with pytest.raises(DataError) as caught:
        read_source(str(tmp_path / "glue"))
    assert str(caught.value.remedy).endswith(f"'{tmp_path}/glue/cola'")
    assert splits(tmp_path / "glue" / "cola") == {"train": ["a", "b", "c"]}


def test_a_folder_of_files_a_split(tmp_path: Path) -> None:
    for split, rows in (("train", [0]), ("test", [2])):
        (tmp_path / "default" / split).mkdir(parents=True)
        for number in (2, 10):
            part = tmp_path / "default" / split / f"{number}.parquet"
            SET.select(rows if number == 2 else [1]).to_parquet(str(part))
    assert splits(tmp_path) == {"train": ["a", "b"], "test": ["c", "b"]}


def test_folders_of_mnli(tmp_path: Path) -> None:
    for name in ("train", "dev_matched", "dev_mismatched"):
        (tmp_path / f"{name}.tsv").write_text(f"text\tlabel\n{name}\tx\n")
    assert splits(tmp_path) == {"train": ["train"], "validation": ["dev_matched"]}


def test_matched_splits_in_memory() -> None:
    parts = {"train": SET, "validation_matched": SET.select([1]), "validation_mismatched": SET}
    for data in (
        datasets.DatasetDict(parts),
        {name: part.to_list() for name, part in parts.items()},
    ):
        tables = read_source("m", memory={"m": data})
        assert {name: len(table) for name, table in tables.items()} == {"train": 3, "validation": 1}
        assert tables["train"].notes == ("splits that are not read: validation_mismatched",)


@pytest.mark.parametrize("unlabelled", ["error", "skip"])
def test_the_hub_s_minus_one(unlabelled: str) -> None:
    data = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [-1, 1]}, features=FEATURES)
    config = DataConfig(train="m", unlabelled=unlabelled)
    table = load_splits(config, {"m": data})["train"]
    assert list(table.columns["label"]) == ([1] if unlabelled == "skip" else [-1, 1])
    assert len(table.notes) == (unlabelled == "skip")
