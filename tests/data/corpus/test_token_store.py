"""Token stores: nothing lost, the same ids in memory and on disk, in pieces and whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfdl.data.arrays import FileArray
from hfdl.data.corpus import token_store
from hfdl.data.corpus.token_store import Piece, build_store, is_whole, open_store
from hfdl.data.train_tokenizer import learn_tokenizer

TEXTS = ["One two, three.", "", "Vier\n\nfünf 😀 e\u0301", "x", "a\r\nb\tc  d \n"]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer("bpe", TEXTS * 3, 300, masks=False)


def store_of(texts: list[str], tokenizer: Any, **options: Any) -> token_store.TokenStore:
    return build_store([Piece(text) for text in texts], tokenizer, **options)


@pytest.mark.parametrize("end", [True, False])
def test_documents_stand_one_behind_the_other(tokenizer: Any, end: bool) -> None:
    end_id = tokenizer.eos_token_id if end else None
    store = store_of(TEXTS, tokenizer, end_id=end_id)
    expected = [tokenizer(text)["input_ids"] + ([end_id] if end else []) for text in TEXTS]
    assert store.ids.tolist() == [i for ids in expected for i in ids]
    assert store.documents == len(TEXTS)
    assert [store.document(i).tolist() for i in range(len(TEXTS))] == expected
    assert store.bytes == sum(len(text.encode()) for text in TEXTS)
    assert store.digest == hashlib.sha256(store.ids.tobytes()).hexdigest()
    assert store.ids.dtype == np.uint16


def test_the_tokenizers_own_template_stands_around_each_document_if_wanted() -> None:
    framed = learn_tokenizer("bpe", TEXTS, 300, masks=True)  # <s> ... </s>
    store = store_of(TEXTS, framed, end_id=framed.eos_token_id)
    assert [store.document(i).tolist() for i in range(5)] == [
        framed(text)["input_ids"] for text in TEXTS
    ]  # it ends with </s> already: no second one
    bare = store_of(TEXTS, framed, end_id=None, template=False)
    assert [bare.document(i).tolist() for i in range(5)] == [
        framed(text, add_special_tokens=False)["input_ids"] for text in TEXTS
    ]


def test_a_store_on_disk_is_the_store_in_memory(tokenizer: Any, tmp_path: Path) -> None:
    held = store_of(TEXTS, tokenizer, end_id=0)
    written = store_of(TEXTS, tokenizer, end_id=0, folder=tmp_path / "store")
    assert isinstance(written.ids, FileArray)
    opened = open_store(tmp_path / "store", lambda i: f"text {i}")
    for store in (written, opened):
        assert np.array_equal(store.ids, held.ids)
        assert np.array_equal(store.starts, held.starts)
        assert (store.bytes, store.digest) == (held.bytes, held.digest)
    assert opened.where(3) == "text 3"


def test_an_empty_corpus_is_an_empty_store(tokenizer: Any, tmp_path: Path) -> None:
    for folder in (None, tmp_path / "empty"):
        store = build_store([], tokenizer, end_id=0, folder=folder)
        assert (len(store.ids), store.documents, store.bytes) == (0, 0, 0)


def test_more_than_65536_pieces_take_four_bytes(tokenizer: Any) -> None:
    class Wide:
        is_fast = True

        def __len__(self) -> int:
            return 70_000

        def __getattr__(self, name: str) -> Any:
            return getattr(tokenizer, name)

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return tokenizer(*args, **kwargs)

    assert store_of(["abc"], Wide(), end_id=0).ids.dtype == np.uint32


def test_many_batches_give_the_same_store(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = store_of(TEXTS * 4, tokenizer, end_id=0)
    monkeypatch.setattr(token_store, "CHUNK", 9)
    calls: list[int] = []
    batches = token_store._batches
    monkeypatch.setattr(
        token_store, "_batches",
        lambda given: (calls.append(len(batch)) or batch for batch in batches(given)),
    )  # fmt: skip
    assert store_of(TEXTS * 4, tokenizer, end_id=0).digest == whole.digest
    assert len(calls) > 5


@pytest.mark.parametrize("file", ["ids.bin", "starts.bin", "meta.json"])
def test_a_store_is_whole_or_it_is_not(tokenizer: Any, tmp_path: Path, file: str) -> None:
    store_of(TEXTS, tokenizer, end_id=0, folder=tmp_path)
    assert is_whole(tmp_path)
    content = (tmp_path / file).read_bytes()
    middle = len(content) // 2
    changed = bytes([content[middle] ^ 1])
    damaged = [content[:-1], content + b"\0\0", content[:middle] + changed + content[middle + 1 :]]
    for wrong in damaged[:2] if file == "meta.json" else damaged:
        (tmp_path / file).write_bytes(wrong)
        assert not is_whole(tmp_path)
    (tmp_path / file).write_bytes(content)
    assert is_whole(tmp_path)
    (tmp_path / file).unlink()
    assert not is_whole(tmp_path)
