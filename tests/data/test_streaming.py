"""A streamed corpus has the documents and ids of one in memory, and is written whole or not."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data import streamed_files, streaming
from hfdl.data.corpus import open_corpus, training_texts
from hfdl.data.learned_tokenizers import learn_tokenizer
from hfdl.data.streamed_files import read_documents
from hfdl.errors import ConfigError, DataError

LINES = ["one", "", "two words", "drei Häuschen", "", "", "日本 🙂", "five"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer("bpe", LINES, 300, masks=False)


def _open(config: DataConfig, tokenizer: Any, **more: Any) -> Any:
    return open_corpus(config, None, 0, tokenizer, end_id=0, trains=True, **more)


def _files(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [line for line in LINES if line]
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode())
    (folder / "a.jsonl").write_text("\n".join(json.dumps({"text": row}) for row in rows))
    (folder / "a.csv").write_text("\n".join(["text", *rows]), encoding="utf-8")
    pq.write_table(pa.table({"text": rows}), folder / "a.parquet", row_group_size=2)
    return [folder / name for name in ("a.txt", "a.jsonl", "a.csv", "a.parquet")]


def test_streamed_ids_are_those_of_memory(tmp_path: Path, tokenizer: Any) -> None:
    files = _files(tmp_path)
    for file in files:
        given = {"train": str(file), "validation": str(file)}
        held = _open(DataConfig(**given), tokenizer)
        streamed = _open(DataConfig(**given, streaming=True), tokenizer)
        assert list(streamed.stores) == list(held.stores) == ["train", "validation"]
        for name, store in held.stores.items():
            other = streamed.stores[name]
            assert other.ids.tolist() == store.ids.tolist()
            assert other.starts.tolist() == store.starts.tolist()
            assert (other.digest, other.bytes) == (store.digest, store.bytes)
            assert other.documents == 5
    assert len(files) == 4


@pytest.mark.parametrize("separator", ["\n", "\n\n", "<|endoftext|>", "wo", None])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_documents_are_cut_as_in_memory(
    tmp_path: Path, separator: str | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.data.documents import load_documents, texts_of

    monkeypatch.setattr(streamed_files, "BLOCK", block)
    file = tmp_path / "a.txt"
    file.write_text("\n".join([*LINES, "", "x<|endoftext|>y", "<|endoftext|>", "z"]) + "\n")
    config = DataConfig(test=str(file), separator=separator)
    tables, _ = load_documents(config, None, 0, trains=False)
    streamed = [t for t in read_documents(file, "text", separator) if t.strip()]
    assert streamed == texts_of(tables["test"], config)


def test_validation_is_held_out_once_and_nothing_is_lost(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "a.txt"
    texts = [f"document {n}" for n in range(1000)]
    file.write_text("\n".join(texts))
    config = DataConfig(train=str(file), streaming=True, validation_share=0.1)
    stores = _open(config, tokenizer).stores
    found = {
        name: [tokenizer.decode(s.document(i)[:-1]) for i in range(s.documents)]
        for name, s in stores.items()
    }
    assert sorted(found["train"] + found["validation"]) == sorted(texts)
    assert 70 <= len(found["validation"]) <= 130
    assert list(training_texts(config, None, 0)) == found["train"]


def test_a_store_is_used_again_until_its_file_changes(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    written: list[Path] = []
    build = streaming.build_store
    monkeypatch.setattr(
        streaming, "build_store", lambda *a, **k: written.append(k["folder"]) or build(*a, **k)
    )
    first = _open(config, tokenizer)
    _open(config, tokenizer)
    assert len(written) == 2  # train and validation, once
    assert any(str(streaming.cache_folder()) in fact for fact in first.facts)
    _open(config, tokenizer, template=False)
    assert len(written) == 4  # other settings
    os.utime(file, ns=(1, 1))
    _open(config, tokenizer)
    assert len(written) == 6
    ids = next(streaming.cache_folder().glob("*/ids.bin"))
    ids.write_bytes(ids.read_bytes()[:-1])  # damaged
    for share in (True, False):
        _open(config, tokenizer, template=share)
    os.utime(file, ns=(2, 2))
    assert _open(config, tokenizer).stores["train"].digest == first.stores["train"].digest


def test_an_interruption_leaves_nothing(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)

    def interrupt(pieces: Any, *_: Any, folder: Path, **__: Any) -> None:
        (folder / "ids.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(streaming, "build_store", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _open(config, tokenizer)
    assert list(streaming.cache_folder().iterdir()) == []
    assert _open(config, tokenizer).stores["train"].documents == 5


def test_processes_that_write_at_once_agree(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    together = threading.Barrier(2, timeout=20)
    build = streaming.build_store

    def both(*args: Any, **options: Any) -> Any:
        store = build(*args, **options)
        together.wait()  # neither has renamed its folder yet
        return store

    monkeypatch.setattr(streaming, "build_store", both)
    digests: list[str] = []

    def run() -> None:
        digests.append(_open(config, tokenizer).stores["train"].digest)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert len(list(streaming.cache_folder().iterdir())) == 2  # train, validation


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\nb\xe4d\n", "line 2: byte 0xe4 at offset 4 is not UTF-8; text files are read"),
        (b"ok\nfine\nn\0l", "line 3: NUL byte at offset 9; a text file holds none"),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        list(read_documents(file, "text", "\n"))
    assert message in str(error.value)


def test_what_cannot_be_streamed_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "a.txt"
    file.write_text("")
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    with pytest.raises(DataError, match=r"it holds no text\. Is this the right file"):
        _open(config, tokenizer)
    with pytest.raises(ConfigError, match=r"data.max_samples together with data.streaming"):
        _open(config.model_copy(update={"max_samples": 3}), tokenizer)
    with pytest.raises(DataError, match="hfdl://prose: this source cannot be streamed"):
        _open(config.model_copy(update={"train": "hfdl://prose"}), tokenizer)
    one = tmp_path / "one.txt"
    one.write_text("a single document")
    with pytest.raises(DataError, match="no document is left for validation"):
        _open(DataConfig(train=str(one), streaming=True), tokenizer)
