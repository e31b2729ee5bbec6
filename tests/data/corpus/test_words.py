"""Which pieces belong to one word, told from ids alone, for tokenizers of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.support import reviews
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hfdl.data.corpus.masking import word_numbers
from hfdl.data.train_tokenizer import learn_tokenizer

TEXTS = [row["text"] for row in reviews(40)]


def sentencepiece(model: str, split: bool) -> Any:
    """A tokenizer that writes blanks as U+2581, and takes text apart at them or does not."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if model == "unigram":
        backend = Tokenizer(models.Unigram())
        trainer: Any = trainers.UnigramTrainer(
            vocab_size=90, unk_token="<unk>", special_tokens=["<unk>", "<mask>"],
            show_progress=False,
        )  # fmt: skip
    else:
        backend = Tokenizer(models.BPE(unk_token="<unk>"))
        trainer = trainers.BpeTrainer(
            vocab_size=120, special_tokens=["<unk>", "<mask>"], show_progress=False
        )
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(TEXTS, trainer)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(split=split)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", pad_token="<unk>", mask_token="<mask>"
    )


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_words_of_sentencepiece_lie_between_blanks(model: str, split: bool) -> None:
    tokenizer = sentencepiece(model, split)
    several = covered = 0
    for text in [*TEXTS, "good", "lovely train"]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        (found,) = word_numbers(tokenizer, [ids])
        pieces = tokenizer.convert_ids_to_tokens(ids)
        words = ["".join(p for p, n in zip(pieces, found, strict=True) if n == i)
                 for i in range(found[-1] + 1)]  # fmt: skip
        assert words == [f"\u2581{word}" for word in text.split(" ")]
        several += len(ids) - len(words)
        covered += 1
        # A window from the middle of a word: what is left of it is a word.
        for cut in range(1, len(ids)):
            (rest,) = word_numbers(tokenizer, [ids[cut:]])
            assert rest.tolist() == (found[cut:] - found[cut]).tolist()
    assert covered == 42
    assert several > 50


def test_words_of_bytes_keep_their_borders_in_windows_that_cut_them() -> None:
    tokenizer = learn_tokenizer("bpe", TEXTS, 330, masks=True)
    text = " ".join([*TEXTS[:6], "it's 1234 (zebra-like), a line", *TEXTS[6:9]])
    encoded = tokenizer(text, add_special_tokens=False)
    ids, words = encoded["input_ids"], np.array(encoded.word_ids())
    windows = cut_words = 0
    for room in range(3, 30):
        for begin in range(0, len(ids), room):
            (found,) = word_numbers(tokenizer, [ids[begin : begin + room]])
            inside = words[begin : begin + room]
            assert (np.diff(found) == (np.diff(inside) != 0)).all(), (room, begin)
            windows += 1
            cut_words += begin > 0 and words[begin] == words[begin - 1]
    assert windows > 300
    assert cut_words > 50


def test_a_window_that_begins_or_ends_within_a_character_goes_by_the_marks() -> None:
    tokenizer = learn_tokenizer("bpe", TEXTS, 330, masks=True)
    ids = tokenizer("a \U0001f600 film", add_special_tokens=False)["input_ids"]
    pieces = tokenizer.convert_ids_to_tokens(ids)
    assert len(pieces) == 7  # three words, of which the second is a blank and four bytes
    assert [piece.startswith("\u0120") for piece in pieces] == [False, True, *[False] * 4, True]
    for begin, end, expected in ((0, 7, [0, 1, 1, 1, 1, 1, 2]), (3, 7, [0, 0, 0, 1]),
                                 (0, 4, [0, 1, 1, 1]), (3, 5, [0, 0])):  # fmt: skip
        (found,) = word_numbers(tokenizer, [ids[begin:end]])
        assert found.tolist() == expected


def test_without_marks_each_piece_is_a_word() -> None:
    tokenizer = learn_tokenizer("characters", TEXTS, 0, masks=True)
    ids = tokenizer("a \U0001f600b", add_special_tokens=False)["input_ids"]
    assert ids[2] == tokenizer.unk_token_id
    (found,) = word_numbers(tokenizer, [ids])
    assert found.tolist() == [0, 1, 2, 3]


SENTENCES = [
    "",
    "good",
    "A very long minute, they say!",
    "zebra 😀 quick",
    "a-b\r\ncafe\u0301 it's",
]


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_gpt2"])
def test_words_told_from_ids_are_those_of_the_tokenizer(
    model: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(model)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    covered = 0
    for text in SENTENCES:
        encoded = tokenizer(text, add_special_tokens=False)
        (found,) = word_numbers(tokenizer, [encoded["input_ids"]])
        expected = [word - min(encoded.word_ids()) for word in encoded.word_ids()]
        assert found.tolist() == expected, text
        covered += 1
    assert covered == 5
    assert word_numbers(tokenizer, []) == []


def test_a_window_that_begins_within_a_word_goes_by_the_marks(tiny_bert: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    ids = tokenizer("zebra good quick", add_special_tokens=False)["input_ids"]
    pieces = tokenizer.convert_ids_to_tokens(ids)
    assert pieces[:5] == ["z", "##e", "##b", "##r", "##a"]
    assert pieces[5] == "good"
    (found,) = word_numbers(tokenizer, [ids[2:]])
    assert found.tolist() == [0, 0, 0, 1, *[2] * (len(pieces) - 6)]
