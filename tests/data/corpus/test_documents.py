"""Documents of a corpus: how txt files are cut, what is held out, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.config.schema import DataConfig
from hfdl.data.corpus import corpus as corpus_module
from hfdl.data.corpus.corpus import open_corpus, training_texts
from hfdl.data.corpus.documents import cut_end, load_documents
from hfdl.data.train_tokenizer import learn_tokenizer
from hfdl.errors import DataError

TEXT = "\n\nFirst line\nof the first.\n\n\nSecond.\n\nThird,\nwith two lines.\n"


def config(path: Any, **more: Any) -> DataConfig:
    return DataConfig(train=str(path), **more)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def texts(tables: dict[str, Any], split: str = "train") -> list[str]:
    return list(tables[split].columns["text"])


@pytest.mark.parametrize(
    ("separator", "expected", "lines"),
    [
        ("\n", ["First line", "of the first.", "Second.", "Third,", "with two lines."],
         [3, 4, 7, 9, 10]),
        ("\n\n", ["First line\nof the first.", "Second.", "Third,\nwith two lines."], [3, 7, 9]),
        (None, [TEXT.removesuffix("\n")], [3]),
    ],
)  # fmt: skip
def test_txt_files_are_cut_where_the_recipe_says(
    separator: str | None, expected: list[str], lines: list[int], tmp_path: Path
) -> None:
    file = write(tmp_path / "a.txt", TEXT)
    tables, _ = load_documents(
        config(file, validation=str(file), separator=separator), {}, 0, trains=True
    )
    assert texts(tables) == expected
    assert [tables["train"].where(i) for i in range(len(expected))] == [
        f"{file}, line {line}" for line in lines
    ]


def test_a_mark_separates_and_empty_documents_are_counted(tmp_path: Path) -> None:
    mark = "<|endoftext|>"
    file = write(tmp_path / "a.txt", f"One\ntwo{mark}\nThree{mark}{mark} \n")
    given = config(file, validation=str(file), separator=mark)
    tables, facts = load_documents(given, {}, 0, trains=True)
    assert texts(tables) == ["One\ntwo", "Three"]
    assert tables["train"].where(1) == f"{file}, line 3"
    assert "train: 2 empty documents left out" in facts


def test_a_folder_of_txt_files_is_cut_file_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder / "train.txt", "a b\n\nc")
    write(folder / "validation.txt", "d")
    tables, _ = load_documents(config(folder, separator=None), {}, 0, trains=True)
    assert texts(tables) == ["a b\n\nc"]
    assert texts(tables, "validation") == ["d"]


def test_rows_of_other_formats_are_documents_as_they_are(tmp_path: Path) -> None:
    rows = [{"text": f"line one of {i}\n\nline two"} for i in range(30)]
    given = DataConfig(train="memory://train", separator="\n\n")
    tables, facts = load_documents(given, {"memory://train": rows}, 0, trains=True)
    assert len(tables["train"]) + len(tables["validation"]) == 30
    assert {*texts(tables), *texts(tables, "validation")} == {row["text"] for row in rows}
    assert "3 of 30 documents held out" in facts[0]


def test_held_out_documents_are_chosen_by_the_seed_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "\n".join(f"document {i}" for i in range(50)))
    once, again, other = (
        texts(load_documents(config(file), {}, seed, trains=True)[0], "validation")
        for seed in (0, 0, 1)
    )
    assert once == again != other
    assert len(once) == 5


def test_of_few_documents_the_end_is_held_out(tmp_path: Path) -> None:
    lines = [f"line {i:03d} of a single text" for i in range(100)]
    file = write(tmp_path / "a.txt", "\n".join(lines))
    tables, facts = load_documents(config(file, separator=None), {}, 0, trains=True)
    head, tail = texts(tables)[0], texts(tables, "validation")[0]
    assert head + tail == "\n".join(lines)
    assert head.endswith("\n")
    assert len(tail) / len(head + tail) == pytest.approx(0.1, abs=0.01)
    assert facts == [
        f"validation: the last 10% of {file} held out, because no validation split was given"
    ]


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=40), min_size=1, max_size=8),
       st.floats(0.05, 0.95))  # fmt: skip
def test_cutting_the_end_off_loses_nothing(given_texts: list[str], share: float) -> None:
    head, tail = cut_end(given_texts, share)
    assert "".join([*head, *tail]) == "".join(given_texts)
    assert all([*head, *tail])


def test_max_samples_keeps_so_many_documents(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "\n".join(f"document {i}" for i in range(50)))
    tables, facts = load_documents(config(file, max_samples=4), {}, 0, trains=True)
    assert [len(table) for table in tables.values()] == [4, 4]
    assert "train: 4 of 45 documents (max_samples)" in facts


def test_a_corpus_holds_every_document_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "\n".join(f"document {i}" for i in range(50)))
    tokenizer = learn_tokenizer("characters", training_texts(config(file), {}, 0), 0, masks=False)
    corpus = open_corpus(config(file), {}, 0, tokenizer, end_id=tokenizer.eos_token_id, trains=True)
    read = [
        tokenizer.decode(store.document(i), skip_special_tokens=True)
        for store in corpus.stores.values()
        for i in range(store.documents)
    ]
    assert sorted(read) == sorted(f"document {i}" for i in range(50))
    store = corpus.stores["validation"]
    assert store.where(0).startswith(f"{file}, line ")


def test_evaluation_reads_no_training_split(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "some text")
    tokenizer = learn_tokenizer("characters", ["some text"], 0, masks=False)
    given = DataConfig(train=str(file), validation=str(file))
    corpus = open_corpus(given, {}, 0, tokenizer, end_id=None, trains=False)
    assert list(corpus.stores) == ["validation"]


@pytest.mark.parametrize(("documents", "streaming"), [(50, False), (1, False), (50, True)])
def test_evaluation_reads_what_training_held_out(
    tmp_path: Path, documents: int, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run without a validation file of its own would be evaluated on nothing."""
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))
    text = "\n".join(f"document {i}" if documents > 1 else f"line {i}" for i in range(50))
    file = write(tmp_path / "a.txt", text)
    tokenizer = learn_tokenizer("characters", [text], 0, masks=False)
    given = DataConfig(
        train=str(file), separator="\n" if documents > 1 else None, streaming=streaming
    )
    trained, evaluated = (
        open_corpus(given, {}, 3, tokenizer, end_id=None, trains=trains) for trains in (True, False)
    )
    assert list(trained.stores) == ["train", "validation"]
    assert list(evaluated.stores) == ["validation"]
    found = evaluated.stores["validation"]
    assert found.digest == trained.stores["validation"].digest
    assert len(found.ids) > 10


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("\n \n\t\n", "a.txt", "{file}: it holds no text. Is this the right file?"),
        ('{"text": "a"}\n{"text": ["b"]}\n', "a.jsonl",
         "{file}, line 2: no text in column 'text', but ['b']; every row of a corpus is a text. "
         "Fill it in or remove the row"),
        ('{"text": null}\n{"text": "\u200b"}\n', "a.jsonl", "{file}: it holds no text"),
        ('{"text": ["a"]}\n', "a.jsonl", "{file}, line 1: no text in column 'text', but ['a']"),
        ('{"words": "a"}\n', "a.jsonl", "{file}: no column 'text' for data.text"),
        ("x", "a.txt", "{file}: the text is too short to train and validate on"),
    ],
)  # fmt: skip
def test_what_is_no_corpus_is_refused(
    content: str, name: str, message: str, tmp_path: Path
) -> None:
    file = write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        load_documents(config(file), {}, 0, trains=True)
    assert str(caught.value).startswith(message.format(file=file))


def test_nothing_to_train_on(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "text")
    with pytest.raises(DataError, match=r"data\.train: there is nothing to train on"):
        load_documents(DataConfig(validation=str(file)), {}, 0, trains=True)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("limit", "expected", "said"),
    [(100, ["abc", "de", "fgh"], False), (8, ["abc", "de", "fgh"], False),
     (7, ["abc", "de", "fg"], True), (5, ["abc", "de", ""], True), (2, ["ab"], True)],
)  # fmt: skip
def test_a_vocabulary_is_learned_from_the_first_characters(
    limit: int, expected: list[str], said: bool, streaming: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(corpus_module, "LEARNED", limit)
    file = write(tmp_path / "a.txt", "abc\nde\n\nfgh")
    found = training_texts(config(file, validation=str(file), streaming=streaming), {}, 0)
    for _ in range(2):  # WordPiece reads them twice
        assert list(found) == expected
        line = f"vocabulary: learned from the first {limit} characters alone"
        assert found.facts == ([line] if said else [])
