"""A long document in pieces has the ids of the whole, whatever the tokenizer and the text."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hfdl.data.corpus import chunked_tokenization as pieces
from hfdl.data.corpus.chunked_tokenization import can_be_cut, pieces_of
from hfdl.data.corpus.token_store import Piece, build_store
from hfdl.data.train_tokenizer import learn_tokenizer

LONG = "The harbour had two lights, one white and one red;\n\n  its water was grey.  " * 40
FRAGMENTS = [
    "the", "harbour's", "x1", "Häuschen", "e\u0301t\u0301", " ", " ", " ", "   ", "\n", "\n\n",
    "\r\n", "\t", "\u00a0", "\u2003", "\u200b", "🙂", "👩\u200d🚀", "日本語", "...", "'", "_",
    "<s>", "\x0b", "▁",
]  # fmt: skip
CUT = ["bpe", "wordpiece", "characters", "metaspace", "metaspace, first"]
WHOLE = ["llama", "stripping"]


@cache
def made(kind: str) -> Any:
    """A tokenizer of each family."""
    if kind in ("bpe", "wordpiece", "characters"):
        return learn_tokenizer(kind, [LONG, *FRAGMENTS], 400, masks=False)
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(BPE(unk_token="<unk>", byte_fallback=True))
    if kind == "llama":  # Llama 2: a mark in front of every text, and no words
        backend.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    elif kind == "stripping":
        backend.normalizer = normalizers.Strip()
    else:
        scheme = "first" if kind.endswith("first") else "always"
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(
        [LONG[:400], *FRAGMENTS],
        BpeTrainer(vocab_size=400, special_tokens=["<unk>"], show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<unk>")


def ids(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def joined(tokenizer: Any, cut: list[Piece]) -> list[int]:
    return [i for piece in cut for i in ids(tokenizer, piece.text)]


@pytest.mark.parametrize("kind", CUT)
def test_pieces_of_a_long_document_have_the_ids_of_the_whole(kind: str) -> None:
    tokenizer = made(kind)
    cut = list(pieces_of(LONG, tokenizer, most=200))
    assert len(cut) > 10
    assert "".join(piece.text for piece in cut) == LONG
    assert [piece.begins for piece in cut] == [True] + [False] * (len(cut) - 1)
    assert [piece.ends for piece in cut] == [False] * (len(cut) - 1) + [True]
    in_pieces = build_store(cut, tokenizer, end_id=0)
    whole = build_store([Piece(LONG)], tokenizer, end_id=0)
    assert in_pieces.digest == whole.digest
    assert in_pieces.documents == 1


@pytest.mark.parametrize("kind", [*CUT, *WHOLE])
@given(parts=st.lists(st.sampled_from(FRAGMENTS), max_size=80), most=st.integers(1, 60))
@example(parts=["the", " "] * 40, most=7)
@example(parts=["the", "\n"] * 40, most=7)
@example(parts=["🙂", "日本語", "\u00a0"] * 20, most=7)
@example(parts=[" "] * 80, most=7)
@settings(max_examples=60)
def test_hostile_texts_keep_their_ids(kind: str, parts: list[str], most: int) -> None:
    tokenizer, text = made(kind), "".join(parts)
    cut = list(pieces_of(text, tokenizer, most))
    assert "".join(piece.text for piece in cut) == text
    assert joined(tokenizer, cut) == ids(tokenizer, text)
    if kind in WHOLE:
        assert len(cut) == 1


def test_only_the_place_in_question_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text whose beginning can be cut and whose middle cannot is cut where it can be."""
    monkeypatch.setattr(pieces, "_AROUND", 20)
    tokenizer = made("metaspace")
    # Behind a line end this tokenizer sets a mark, in front of a blank it does not.
    lines = "one\ntwo\n" * 100
    text = "the harbour " * 50 + lines + "the harbour " * 50
    cut = list(pieces_of(text, tokenizer, most=50))
    assert joined(tokenizer, cut) == ids(tokenizer, text)
    longest = max((piece.text for piece in cut), key=len)
    assert lines[:-1] in longest
    assert len(cut) > 20
    assert not can_be_cut("one\ntwo", 3, tokenizer)
    assert can_be_cut("one two", 3, tokenizer)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_tokenizer_that_is_never_content_is_not_asked_everywhere(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        pieces, "can_be_cut",
        lambda text, place, tokenizer: asked.append(place) or can_be_cut(text, place, tokenizer),
    )  # fmt: skip
    text = "one two three four five " * 500
    assert [piece.text for piece in pieces_of(text, made(kind), most=1000)] == [text]
    assert 8 <= len(asked) <= 8 * 12


def test_without_a_place_to_cut_at_a_document_stays_whole() -> None:
    for text in ("x" * 5000, "日本語" * 2000, "🙂 🙂 " * 500, "", " "):
        assert [piece.text for piece in pieces_of(text, made("bpe"), most=100)] == [text]


@given(st.text(alphabet="ab .,_\n\t\u00a0é", max_size=120), st.integers(1, 30))
def test_places_are_between_two_words(text: str, most: int) -> None:
    start, parts = 0, []
    while start < len(text):
        end = pieces._cut(text, start + most, made("characters"), most)
        assert end > start
        expected = next(
            (i for i in range(start + most, len(text) - 1)
             if text[i] in " \n" and text[i - 1].isalnum() and text[i + 1].isalnum()),
            len(text),
        )  # fmt: skip
        assert end == expected
        parts.append(text[start:end])
        start = end
    assert "".join(parts) == text
