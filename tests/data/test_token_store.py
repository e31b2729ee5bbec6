"""Token stores: nothing lost, the same ids in memory and on disk, in pieces and whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data import pieces, token_store
from hfdl.data.learned_tokenizers import learn_tokenizer
from hfdl.data.pieces import can_be_cut, pieces_of
from hfdl.data.token_store import Piece, build_store, open_store

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
    assert isinstance(written.ids, np.memmap)
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


# ---- documents that are too long to be tokenised at once ---------------------------------------


def llama_like() -> Any:
    """A tokenizer that sets a mark in front of every text, as Llama's do."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.normalizers import Prepend, Replace, Sequence
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(BPE(unk_token="<unk>"))
    backend.normalizer = Sequence([Prepend("▁"), Replace(" ", "▁")])
    backend.train_from_iterator(
        ["one two three four five"] * 5, BpeTrainer(vocab_size=60, special_tokens=["<unk>"])
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<unk>")


LONG = "The harbour had two lights, one white and one red;\n\n  its water was grey.  " * 40


@pytest.mark.parametrize("kind", ["bpe", "characters", "wordpiece"])
def test_pieces_of_a_long_document_have_the_ids_of_the_whole(kind: str) -> None:
    learned = learn_tokenizer(kind, [LONG], 300, masks=False)
    cut = list(pieces_of(LONG, learned, most=200))
    assert len(cut) > 10
    assert "".join(piece.text for piece in cut) == LONG
    assert [piece.begins for piece in cut] == [True] + [False] * (len(cut) - 1)
    assert [piece.ends for piece in cut] == [False] * (len(cut) - 1) + [True]
    in_pieces = build_store(cut, learned, end_id=learned.eos_token_id)
    whole = build_store([Piece(LONG)], learned, end_id=learned.eos_token_id)
    assert in_pieces.digest == whole.digest
    assert in_pieces.documents == 1


def test_what_cannot_be_cut_stays_whole() -> None:
    marking = llama_like()
    text = "one two three four five " * 50
    assert not can_be_cut(text, marking)
    assert [piece.text for piece in pieces_of(text, marking, most=100)] == [text]
    learned = learn_tokenizer("bpe", [LONG], 300, masks=False)
    word = "x" * 5000
    assert [piece.text for piece in pieces_of(word, learned, most=100)] == [word]


@given(st.text(alphabet="ab .,\n\t\u00a0é", max_size=120), st.integers(1, 30))
def test_cutting_loses_no_character_and_never_stands_still(text: str, most: int) -> None:
    start, parts = 0, []
    while start < len(text):
        end = pieces._cut(text, start + most)
        assert end > start
        parts.append(text[start:end])
        start = end
    assert "".join(parts) == text
