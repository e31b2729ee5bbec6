"""CoNLL files: against the loader of datasets, and on what that one gets wrong."""

from pathlib import Path

import pytest

from hfdl.data import samples
from hfdl.data.readers.conll_files import read_conll
from hfdl.data.readers.readers import FORMATS, read_file
from hfdl.data.readers.sources import read_source
from hfdl.errors import DataError

TWO = "-DOCSTART- O\n\nAnn B-PER\nsees O\n\nParis B-LOC\n"


def read(tmp_path, content, name="a.conll"):
    path = tmp_path / name
    path.write_bytes(content.encode())
    return read_file(path, source=name)


def message(tmp_path, content):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    return str(caught.value)


def test_sentences_know_the_lines_of_their_words(tmp_path):
    table = read(tmp_path, TWO)
    assert list(table.columns) == ["tokens", "tags", "1", "2"]
    assert table.columns["tokens"] == table.columns["1"] == [["Ann", "sees"], ["Paris"]]
    assert table.columns["tags"] == [["B-PER", "O"], ["B-LOC"]]
    assert (table.lines, table.item_lines) == ([3, 6], [[3, 4], [6]])
    chosen = table.select([1])
    assert (chosen.item_lines, chosen.where(0)) == ([[6]], "a.conll, line 6")


@pytest.mark.parametrize(
    "suffix", [".conll", ".conllu", ".bio", ".iob", ".iob2", ".bioes", ".CONLL"]
)
def test_extensions(tmp_path, suffix):
    assert suffix.lower() in FORMATS
    assert len(read(tmp_path, TWO, f"a{suffix}")) == 2


def test_a_folder_of_conll_files(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.conll").write_text(TWO)
    splits = read_source(str(tmp_path))
    assert [len(splits[name]) for name in ("train", "validation")] == [2, 2]
    assert all(table.item_lines for table in splits.values())


def test_embedded_conll_and_txt():
    assert all(table.item_lines for table in read_source("hfdl://ner").values())
    assert "text" in read_source("hfdl://prose")["train"].columns


def test_crlf_bom_and_blank_lines_of_spaces(tmp_path):
    table = read(tmp_path, "\ufeffAnn\tB-PER\r\n \t \r\n\r\nParis\tB-LOC")
    assert table.columns["tokens"] == [["Ann"], ["Paris"]]
    assert table.columns["tags"] == [["B-PER"], ["B-LOC"]]
    assert table.lines == [1, 4]
    assert read_conll("\ufeffAnn O\n", "a.conll").columns["tokens"] == [["Ann"]]


def test_other_white_space_is_a_word(tmp_path):
    table = read(tmp_path, "\u00a0 O\n\u2003\tO\n\u200b O\n")
    assert table.columns["tokens"] == [["\u00a0", "\u2003", "\u200b"]]


def test_comments_go_and_hashes_stay(tmp_path):
    table = read(tmp_path, "# id = 1\n# text = Ann sees\nAnn O\n# O\n#tag O\n")
    assert table.columns["tokens"] == [["Ann", "#", "#tag"]]
    tabbed = read(tmp_path, "# newdoc\nAnn\tO\n#\tO\n")
    assert tabbed.columns["tokens"] == [["Ann", "#"]]


def test_one_column_is_words_alone(tmp_path):
    table = read(tmp_path, "# \nAnn\n\n")
    assert list(table.columns) == ["tokens", "1"]


def test_conllu_leaves_ranges_and_empty_nodes_out(tmp_path):
    content = "1-2\tzum\t_\n1\tzu\tADP\n2\tdem\tDET\n2.1\tx\t_\n"
    assert read(tmp_path, content, "a.conllu").columns["2"] == [["zu", "dem"]]
    assert len(read(tmp_path, content, "a.conll").columns["2"][0]) == 4


def test_ragged_lines(tmp_path):
    assert message(tmp_path, "Ann B-PER\n\nsees\n") == (
        "a.conll, line 3: 1 column where line 1 has 2; each line of words has the same columns. "
        "Add what is missing; a blank line ends a sentence"
    )
    assert "line 2: 3 columns where line 1 has 2" in message(tmp_path, "a O\nb c O\n")


def test_an_empty_column(tmp_path):
    assert message(tmp_path, "Ann\tO\nsees\t\n").startswith(
        "a.conll, line 2: column 2 of 2 is empty"
    )
    assert "line 2: column 1 of 2 is empty" in message(tmp_path, "Ann\tO\n\tO\n")


@pytest.mark.parametrize("content", ["\n\n", "-DOCSTART- -X- O\n\n", " \n"])
def test_no_words(tmp_path, content):
    assert message(tmp_path, content).startswith("a.conll: no words; a CoNLL file has one word")


def native(tmp_path, path, names):
    import datasets

    found = datasets.load_dataset(
        "conll", data_files=str(path), column_names=names, cache_dir=str(tmp_path / "cache")
    )
    return found["train"].to_dict()


def test_equal_to_the_loader_of_datasets(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ann NNP B-PER\nsees VBZ O\n\nParis NNP B-LOC\n\n")
    table = read_file(path)
    found = native(tmp_path, path, ["a", "b", "c"])
    assert [found[n] for n in "abc"] == [table.columns[n] for n in "123"]


def test_equal_to_the_loader_of_datasets_on_the_sample(tmp_path):
    equals_datasets(tmp_path, Path(samples.__path__[0], "ner", "train.conll"))


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["wnut17", "wikigold", "btc"])
def test_equal_to_the_loader_of_datasets_on_real_files(tmp_path, name, shared):
    equals_datasets(tmp_path, shared(f"data/{name}/dev.conll"))


def equals_datasets(tmp_path, path):
    table = read_file(path)
    found = native(tmp_path, path, ["a", "b"])
    assert (found["a"], found["b"]) == (table.columns["tokens"], table.columns["tags"])
    assert len(table) > 100
