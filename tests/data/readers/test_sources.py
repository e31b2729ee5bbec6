"""Where data may come from, and which splits that gives."""

import json
import subprocess
import sys
from types import SimpleNamespace

import datasets
import numpy as np
import pandas as pd
import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from hfdl.config.schema import DataConfig
from hfdl.data.readers import embedded, hub
from hfdl.data.readers.embedded import embedded_names
from hfdl.data.readers.reading import Reading
from hfdl.data.readers.sources import load_splits, read_source
from hfdl.errors import DataError
from hfdl.hub.data_names import DataName

CSV = "text,label\n{0} one,0\n{0} two,1\n"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def error_of(function, *args, **kwargs):
    with pytest.raises(DataError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def texts(tables):
    return {split: list(table.columns["text"]) for split, table in tables.items()}


# files and folders -------------------------------------------------------------------------


def test_a_file_is_train_and_keeps_the_name_it_was_given(tmp_path, monkeypatch):
    write(tmp_path / "reviews.csv", CSV.format("a"))
    monkeypatch.chdir(tmp_path)
    tables = read_source("reviews.csv")
    assert list(tables) == ["train"]
    assert tables["train"].where(1) == "reviews.csv, line 3"


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    write(tmp_path / "reviews.csv", CSV.format("a"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read_source("~/reviews.csv")["train"]) == 2


@pytest.mark.parametrize("alias", ["validation", "dev", "val", "valid", "eval", "Dev"])
def test_folder_with_a_file_a_split(tmp_path, alias):
    write(tmp_path / "test.jsonl", '{"text": "c", "label": 1}\n')
    write(tmp_path / "train.csv", CSV.format("a"))
    write(tmp_path / f"{alias}.tsv", "text\tlabel\nb\t1\n")
    write(tmp_path / "labels.txt", "0\n1\n")
    write(tmp_path / "README.md", "x")
    tables = read_source(str(tmp_path))
    assert list(tables) == ["train", "validation", "test"]
    assert texts(tables) == {"train": ["a one", "a two"], "validation": ["b"], "test": ["c"]}
    assert tables["validation"].where(0) == f"{tmp_path}/{alias}.tsv, line 2"


def test_folder_with_two_files_for_one_split(tmp_path):
    write(tmp_path / "dev.tsv", "text\tlabel\nb\t1\n")
    write(tmp_path / "val.csv", CSV.format("a"))
    assert error_of(read_source, str(tmp_path)) == (
        f"{tmp_path}: dev.tsv and val.csv are both the validation split; a folder holds one file "
        "or folder a split. Move one away, or name the files themselves: "
        f"data.validation={tmp_path}/dev.tsv"
    )


def imdb(folder):
    for name, content in {"neg/0_1": "bad\nreally\n", "pos/0_9": "good", "pos/1_9": "fine"}.items():
        write(folder / f"{name}.txt", content)
    write(folder / "unsup" / "0_0.txt", "who knows")
    write(folder / "urls_pos.txt", "http://x")


def test_folder_in_imdb_layout(tmp_path):
    imdb(tmp_path / "train")
    write(tmp_path / "test" / "pos" / "7.txt", "great")
    write(tmp_path / "README", "x")
    tables = read_source(str(tmp_path), reading=Reading("review", "opinion"))
    assert list(tables) == ["train", "test"]
    assert dict(tables["train"].columns) == {
        "review": ["bad\nreally", "good", "fine"],
        "opinion": ["neg", "pos", "pos"],
    }
    assert tables["train"].where(0) == f"{tmp_path}/train/neg/0_1.txt"


def test_folder_of_labels_is_train(tmp_path):
    imdb(tmp_path)
    tables = read_source(str(tmp_path))
    assert list(tables) == ["train"]
    assert tables["train"].columns["label"] == ["neg", "pos", "pos"]


def test_folder_with_files_and_folders_of_splits(tmp_path):
    imdb(tmp_path / "train")
    write(tmp_path / "dev.tsv", "text\tlabel\nb\tpos\n")
    assert list(read_source(str(tmp_path))) == ["train", "validation"]


def test_folder_of_something_else(tmp_path):
    write(tmp_path / "reviews.csv", CSV.format("a"))
    write(tmp_path / "old" / "x.py", "")
    write(tmp_path / ".git" / "HEAD", "")
    assert error_of(read_source, str(tmp_path)) == (
        f"{tmp_path}: a folder without splits or labels (it holds: old/, reviews.csv); a folder "
        "holds files named train, validation (or dev) and test, shards of them "
        "(train-00000-of-00002.parquet), folders of those names with data files or with a "
        "sub-folder of txt files a label, or such label sub-folders directly. Name a file itself, "
        f"for instance '{tmp_path}/reviews.csv'"
    )
    (tmp_path / "empty").mkdir()
    assert "(it holds: nothing)" in error_of(read_source, str(tmp_path / "empty"))


def test_bytes_in_a_text_of_a_folder_are_named(tmp_path):
    imdb(tmp_path)
    (tmp_path / "pos" / "1_9.txt").write_bytes(b"caf\xe9")
    assert error_of(read_source, str(tmp_path)).startswith(
        f"{tmp_path}/pos/1_9.txt, line 1: byte 0xe9 at offset 3 is not UTF-8;"
    )


# embedded ----------------------------------------------------------------------------------


@pytest.fixture
def samples(tmp_path, monkeypatch):
    write(tmp_path / "tiny" / "train.jsonl", '{"text": "a", "label": "pos"}\n')
    write(tmp_path / "tiny" / "dev.jsonl", '{"text": "b", "label": "neg"}\n')
    write(tmp_path / "tiny" / "README.md", "x")
    write(tmp_path / "__pycache__" / "x.pyc", "x")
    monkeypatch.setattr(embedded, "_root", lambda: tmp_path)


@pytest.mark.usefixtures("samples")
def test_embedded_sets_are_found_and_read():
    assert embedded_names() == ["tiny"]
    tables = read_source("hfdl://tiny")
    assert texts(tables) == {"train": ["a"], "validation": ["b"]}
    assert tables["validation"].where(0) == "hfdl://tiny/dev.jsonl, line 1"


@pytest.mark.usefixtures("samples")
def test_unknown_embedded_set():
    assert error_of(read_source, "hfdl://tinny") == (
        "hfdl://tinny: no embedded data set 'tinny'; there is: tiny. Did you mean 'tiny'?"
    )


def test_the_real_embedded_sentiment_set_loads():
    if "sentiment" not in embedded_names():
        pytest.skip("hfdl://sentiment is not in this checkout")
    tables = read_source("hfdl://sentiment")
    assert "train" in tables
    assert {"text", "label"} <= set(tables["train"].columns)


# the Hub -----------------------------------------------------------------------------------

FEATURES = datasets.Features(
    {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
)


def hub_split(text, labels):
    rows = {"text": [f"{text} {i}" for i in range(len(labels))], "label": labels}
    return datasets.Dataset.from_dict(rows, features=FEATURES)


@pytest.fixture
def fake_hub(monkeypatch):
    """A Hub that answers and holds what a test puts into the dict, by (id, config)."""
    held = {}

    def load(name, config=None):
        found = held[name, config]
        if isinstance(found, Exception):
            raise found
        return datasets.DatasetDict(found)

    monkeypatch.setattr(hub, "_refusal", lambda name, source: None)
    monkeypatch.setattr(datasets, "load_dataset", load)
    return held


def test_hub_splits_without_labels_are_left_out(fake_hub):
    fake_hub["org/sst2", None] = {
        "train": hub_split("a", [0, 1]),
        "validation": hub_split("b", [1]),
        "test": hub_split("c", [-1, -1]),
    }
    tables = read_source("org/sst2")
    assert list(tables) == ["train", "validation"]
    assert tables["train"].columns["label"] == [0, 1]
    assert tables["train"].label_names == {"label": ["neg", "pos"]}
    assert tables["train"].where(1) == "org/sst2 (train), row 2"
    assert error_of(load_splits, DataConfig(train="org/sst2", test="org/sst2")) == (
        "org/sst2: no test split for data.test; it holds: train, validation. Name a file instead: "
        "data.test=FILE"
    )


def test_hub_splits_of_other_names(fake_hub):
    fake_hub["glue", "mnli"] = {
        "train": hub_split("a", [0, 1]),
        "validation_mismatched": hub_split("x", [0]),
        "validation_matched": hub_split("b", [1]),
        "test_matched": hub_split("c", [1]),
        "unsupervised": hub_split("y", [-1]),
    }
    assert texts(read_source("glue:mnli")) == {
        "train": ["a 0", "a 1"],
        "validation": ["b 0"],
        "test": ["c 0"],
    }
    fake_hub["odd", None] = {"extra": hub_split("a", [0])}
    assert error_of(read_source, "odd") == (
        "odd: none of its splits (extra) is train, validation or test. Name one: "
        "'data.train=odd#extra'"
    )


def test_hub_configuration_missing(fake_hub):
    fake_hub["org/glue", None] = ValueError(
        "Config name is missing.\nPlease pick one among the available configs: ['cola', 'mnli']"
    )
    assert error_of(read_source, "org/glue") == (
        "org/glue: the Hub data set has several configurations; they are: cola, mnli. Name one, "
        "for instance 'org/glue:cola'"
    )


def test_hub_errors_of_another_kind_keep_their_words(fake_hub):
    fake_hub["org/odd", None] = RuntimeError("something else\nmore")
    assert error_of(read_source, "org/odd") == (
        "org/odd: the Hub data set cannot be loaded: something else"
    )


def test_hub_not_asked():
    assert error_of(read_source, "reviws") == (
        "reviws: no file or folder of that name exists here, and as a Hub id it fails: the Hub is "
        "not asked, because HF_HUB_OFFLINE is set, and the set was not downloaded before. Check "
        "the path, or the id and the network. hfdl://sentiment needs neither"
    )


def test_hub_unreachable(monkeypatch):
    monkeypatch.setattr(HfApi, "dataset_info", answer(OSError("no network")))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    assert error_of(read_source, "reviws") == (
        "reviws: no file or folder of that name exists here, and as a Hub id it fails: the Hub "
        "cannot be reached, and the set was not downloaded before. Check the path, or the id and "
        "the network. hfdl://sentiment needs neither"
    )
    assert datasets.config.HF_HUB_OFFLINE is False


def answer(error):
    def dataset_info(self, name, timeout):
        if error is not None:
            raise error

    return dataset_info


def test_the_hub_is_asked_once_before_loading(monkeypatch):
    response = SimpleNamespace(status_code=404, headers={}, request=None)
    absent = RepositoryNotFoundError("404", response=response)
    monkeypatch.setattr(HfApi, "dataset_info", answer(absent))
    assert error_of(read_source, "org/reviws").startswith(
        "org/reviws: no file or folder of that name exists here, and as a Hub id it fails: the Hub "
        "has no data set of that id, or it is private. Check the path"
    )
    monkeypatch.setattr(HfApi, "dataset_info", answer(None))
    assert hub._refusal(DataName("a"), "a") is None


def test_a_local_path_wins_over_the_hub(tmp_path, monkeypatch, fake_hub):
    fake_hub["imdb", None] = {"train": hub_split("hub", [0, 1])}
    monkeypatch.chdir(tmp_path)
    assert texts(read_source("imdb"))["train"][0] == "hub 0"
    write(tmp_path / "imdb" / "train.csv", CSV.format("local"))
    assert texts(read_source("imdb"))["train"][0] == "local one"


@pytest.mark.parametrize(
    "source", ["reviews.csv", "./imdb", "/nowhere/imdb", "~/imdb", "a/b/c", "data/x.PARQUET"]
)
def test_what_looks_like_a_path_never_goes_to_the_hub(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("hfdl.data.readers.sources.read_hub", None)
    assert error_of(read_source, source).startswith(f"{source}: no such file or folder")


@pytest.mark.parametrize("source", ["s3://bucket/x.csv", "ftp://x", "two words"])
def test_what_is_neither_path_nor_hub_id(source):
    assert error_of(read_source, source) == (
        f"{source}: no such file or folder, and not a Hub id; a source is a local file or folder, "
        "hfdl://NAME, or a Hub id (NAME, ORG/NAME, either with @REVISION, :CONFIG and #SPLIT)"
    )


def test_an_object_in_memory_that_is_gone():
    assert error_of(read_source, "memory://train") == (
        "memory://train: the data was an object in memory; a recipe cannot hold it. "
        "Give it again from Python, or name a file: data.train=FILE"
    )


def test_an_empty_name():
    assert error_of(read_source, " ") == (
        "an empty name; a source is a path, hfdl://NAME or a Hub id"
    )


# memory ------------------------------------------------------------------------------------

ROWS = [{"text": "a", "label": 1}, {"text": "b", "label": None}]


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (ROWS, "list of rows in memory"),
        ({"text": ["a", "b"], "label": [1, None]}, "dict of columns in memory"),
        ({"text": np.array(["a", "b"]), "label": [1, None]}, "dict of columns in memory"),
        (pd.DataFrame(ROWS), "DataFrame in memory"),
        (pd.DataFrame(ROWS, dtype=object), "DataFrame in memory"),
        (datasets.Dataset.from_list(ROWS), "Dataset in memory"),
    ],
)
def test_objects_in_memory(data, source):
    tables = read_source("memory://train", memory={"memory://train": data})
    assert list(tables) == ["train"]
    table = tables["train"]
    assert {name: list(values) for name, values in table.columns.items()} == {
        "text": ["a", "b"],
        "label": [1, None],
    }
    assert table.where(1) == f"{source}, row 2"


@pytest.mark.parametrize(
    "data",
    [
        datasets.DatasetDict({"train": hub_split("a", [0, 1]), "dev": hub_split("b", [1])}),
        {"train": pd.DataFrame({"text": ["a 0", "a 1"]}), "dev": [{"text": "b 0"}]},
    ],
)
def test_splits_in_memory(data):
    tables = read_source("memory://x", memory={"memory://x": data})
    assert texts(tables) == {"train": ["a 0", "a 1"], "validation": ["b 0"]}


def test_numpy_values_become_plain_ones():
    frame = pd.DataFrame({"text": ["a", "b"], "label": pd.Series([1, None], dtype="Int64")})
    frame["many"] = [np.array([1, 0]), None]
    columns = read_source("m", memory={"m": frame})["train"].columns
    assert columns["label"] == [1, None]
    assert columns["many"] == [[1, 0], None]
    json.dumps(dict(columns))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (3, "data in memory: cannot make rows of a int; data in memory is a datasets.Dataset"),
        ([], "list of rows in memory: no rows; the columns are: none."),
        (
            {"text": ["a"], "label": []},
            "dict of columns in memory: columns of unequal length: text 1, label 0;",
        ),
        (
            pd.DataFrame([["a", "b"]], columns=["text", "text"]),
            "DataFrame in memory: column 'text' occurs twice;",
        ),
        (
            {"left": pd.DataFrame(ROWS)},
            "dict in memory: no split among the keys 'left'; data in memory is",
        ),
    ],
)
def test_objects_in_memory_that_are_no_data(data, expected):
    assert error_of(read_source, "m", memory={"m": data}).startswith(expected)


# load_splits -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "dev", "test"):
        write(tmp_path / "set" / f"{split}.csv", CSV.format(split))
    write(tmp_path / "one.csv", CSV.format("one"))
    write(tmp_path / "held" / "dev.csv", CSV.format("held"))
    return tmp_path


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"train": "set"}, {"train": "train", "validation": "dev", "test": "test"}),
        ({"train": "one.csv"}, {"train": "one"}),
        ({"train": "one.csv", "validation": "set"}, {"train": "one", "validation": "dev"}),
        (
            {"train": "set", "validation": "one.csv"},
            {"train": "train", "validation": "one", "test": "test"},
        ),
        ({"train": "one.csv", "test": "held"}, {"train": "one", "test": "held"}),
        ({"test": "set"}, {"test": "test"}),
        ({"validation": "one.csv"}, {"validation": "one"}),
    ],
)
def test_load_splits(folder, keys, expected):
    config = DataConfig(**{key: str(folder / value) for key, value in keys.items()})
    found = {split: rows[0].split()[0] for split, rows in texts(load_splits(config)).items()}
    assert found == expected
    assert list(found) == list(expected)


def test_load_splits_errors(folder):
    held = str(folder / "held")
    assert error_of(load_splits, DataConfig(train=held)) == (
        f"{held}: no train split for data.train; it holds: validation. Name a file instead: "
        "data.train=FILE"
    )
    assert error_of(load_splits, DataConfig()) == (
        "no data; one of data.train, data.validation and data.test must be given. For instance "
        "data.train=reviews.csv or data.train=hfdl://sentiment"
    )


def test_load_splits_with_memory_and_a_file(folder):
    config = DataConfig(train="memory://train", validation=str(folder / "one.csv"))
    tables = load_splits(config, {"memory://train": ROWS})
    assert tables["train"].source == "list of rows in memory"
    assert len(tables["validation"]) == 2


def test_importing_hfdl_data_is_light():
    light = [
        "checks.duplicates", "checks.labels", "checks.lengths", "checks.report", "label_values",
        "labels", "random_keys", "readers.delimited", "readers.embedded", "readers.folders",
        "readers.hub", "readers.in_memory", "readers.json_files", "readers.parquet_files",
        "readers.readers", "readers.sources", "readers.text_decoding", "splits", "table",
    ]  # fmt: skip
    code = (
        f"import sys; [__import__('hfdl.data.' + m) for m in {light!r}]; "
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'pandas', 'huggingface_hub'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
