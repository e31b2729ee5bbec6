"""Learned tokenizers: what they lose, what stands around a text, that they are always the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hfdl.data.train_tokenizer import END, KINDS, learn_tokenizer
from hfdl.errors import ConfigError

TEXTS = [
    "The harbour had two lights,\r\none white\tand one red.", "Die Häuschen\u00a0am Meer",
    "日本語 🙂 e\u0301", "harbour lights and harbour masters; the harbour's water", "",
] * 4  # fmt: skip
ANY = st.text(max_size=60)  # every character but surrogates
HOSTILE = [
    "", " ", "   \n\n\t ", "a\r\nb", "\u00a0\u2003\u200b\ufeff", "e\u0301 é \u0301",
    "👩\u200d🚀🏳️\u200d🌈", "\x00\x01\x7f\x85\u2028", "'s 'T n't", "日本語", "ﬁ Å Ω İ ß",
    "\U0010ffff", "a" * 500, "\ufffd",
]  # fmt: skip
MASKS = [False, True]


@cache
def learned(kind: str, masks: bool, size: int = 400) -> Any:
    return learn_tokenizer(kind, TEXTS, size, masks=masks)


def ids(tokenizer: Any, text: str, pair: str | None = None) -> list[int]:
    return tokenizer(text, pair)["input_ids"]


# ---- what is lost ------------------------------------------------------------------------------


def holds_a_special_token(text: str, masks: bool) -> bool:
    return any(special in text for special in learned("bpe", masks).all_special_tokens)


def check_that_bytes_lose_nothing(text: str, masks: bool) -> None:
    tokenizer = learned("bpe", masks)
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(bare) == text
    assert tokenizer.decode(ids(tokenizer, text), skip_special_tokens=True) == text
    assert tokenizer.unk_token_id not in bare


@pytest.mark.parametrize("masks", MASKS)
@given(ANY)
def test_byte_level_bpe_loses_nothing(masks: bool, text: str) -> None:
    assume(not holds_a_special_token(text, masks))
    check_that_bytes_lose_nothing(text, masks)


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_back_from_bytes(masks: bool, text: str) -> None:
    assert not holds_a_special_token(text, masks)
    check_that_bytes_lose_nothing(text, masks)


KNOWN = "".join(sorted(set("".join([*TEXTS, *HOSTILE]))))


@pytest.mark.parametrize("masks", MASKS)
@given(st.text(alphabet=KNOWN, max_size=60))
@example("\r\n\n\r \u00a0\t")
@example("e\u0301é👩\u200d🚀")
def test_characters_lose_nothing_that_they_know(masks: bool, text: str) -> None:
    tokenizer = characters(masks)
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(bare) == text
    assert len(bare) == len(text)
    assert tokenizer.convert_ids_to_tokens(bare) == list(text)


@cache
def characters(masks: bool) -> Any:
    return learn_tokenizer("characters", [KNOWN], 0, masks=masks)


@pytest.mark.parametrize("masks", MASKS)
@given(ANY)
def test_a_character_that_is_not_known_is_one_unknown(masks: bool, text: str) -> None:
    tokenizer = learned("characters", masks)
    assume(not any(special in text for special in tokenizer.all_special_tokens))
    known = set("".join(TEXTS))
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert [i == tokenizer.unk_token_id for i in bare] == [c not in known for c in text]


@given(ANY)
@example("The HARBOUR's\u00a0Häuschen, e\u0301 日本")
def test_wordpiece_normalises_as_bert_does(text: str) -> None:
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    tokenizer = learned("wordpiece", True)
    assume(not any(special in text for special in tokenizer.all_special_tokens))
    plain = BertNormalizer(lowercase=True).normalize_str(text)
    words = [word for word, _ in BertPreTokenizer().pre_tokenize_str(plain)]
    found = tokenizer(text, add_special_tokens=False)
    assert len(dict.fromkeys(found.word_ids())) == len(words)
    for number, word in enumerate(words):
        own = [i for i, owner in zip(found["input_ids"], found.word_ids(), strict=True)
               if owner == number]  # fmt: skip
        if own != [tokenizer.unk_token_id]:
            pieces = tokenizer.convert_ids_to_tokens(own)
            assert pieces[0] + "".join(p.removeprefix("##") for p in pieces[1:]) == word


def test_wordpiece_reads_words_in_lower_case_and_without_accents() -> None:
    tokenizer = learned("wordpiece", False)
    assert tokenizer.tokenize("HARBOUR  Harbour\u00a0harbour") == ["harbour"] * 3
    assert tokenizer.tokenize("Häuschen") == tokenizer.tokenize("hauschen")
    assert "[UNK]" not in tokenizer.tokenize("Häuschen 日本")
    assert tokenizer.tokenize("\u3042") == ["[UNK]"]
    assert tokenizer.decode(ids(tokenizer, "The harbour")) == "the harbour"


WORDS = st.text(alphabet="abcAB '.,é日\n", max_size=40)


@given(st.lists(WORDS, max_size=8), st.integers(4, 12))
def test_words_are_the_most_frequent_in_the_order_of_their_counts(
    texts: list[str], size: int
) -> None:
    cut = re.compile(r"[a-zé]+|['.,日]")
    counts = Counter(word for text in texts for word in cut.findall(text.lower()))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    tokenizer = learn_tokenizer("words", texts, size, masks=False)
    shown = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert shown == ["<pad>", "<unk>", END, *frequent][:size]
    for text in [*texts, "A stranger."]:
        expected = [w if w in shown else "<unk>" for w in cut.findall(text.lower())]
        assert tokenizer.tokenize(text) == expected


def test_words_keep_accents_and_know_no_parts() -> None:
    tokenizer = learned("words", False)
    assert tokenizer.tokenize("HARBOUR, Häuschen") == ["harbour", ",", "häuschen"]
    assert tokenizer.tokenize("hauschen harbours") == ["<unk>", "<unk>"]
    assert tokenizer.convert_ids_to_tokens(ids(tokenizer, "water", "lights")) == [
        "water", END, "lights"
    ]  # fmt: skip
    assert ids(tokenizer, "") == []


# ---- special tokens ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first", "roles"),
    [
        ("bpe", [END], {"bos": END, "eos": END, "pad": END, "unk": END}),
        ("characters", [END, "<unk>"], {"bos": END, "eos": END, "pad": END, "unk": "<unk>"}),
        ("wordpiece", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", END],
         {"bos": END, "eos": END, "pad": "[PAD]", "unk": "[UNK]"}),
        ("words", ["<pad>", "<unk>", END],
         {"bos": END, "eos": END, "pad": "<pad>", "unk": "<unk>"}),
    ],
)  # fmt: skip
def test_a_tokenizer_for_texts_that_go_on(kind: str, first: list[str], roles: Any) -> None:
    tokenizer = learned(kind, False)
    assert tokenizer.convert_ids_to_tokens(range(len(first))) == first
    assert {role: getattr(tokenizer, f"{role}_token") for role in roles} == roles
    assert tokenizer.mask_token is None
    text = "the harbour"
    assert ids(tokenizer, text) == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids(tokenizer, END) == [tokenizer.eos_token_id]
    assert list(tokenizer(text)) == ["input_ids", "attention_mask"]


ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.mark.parametrize(
    ("kind", "first", "ends", "between"),
    [
        ("bpe", ROBERTA, ("<s>", "</s>"), ["</s>", "</s>"]),
        ("characters", ROBERTA, ("<s>", "</s>"), ["</s>", "</s>"]),
        ("words", ROBERTA, ("<s>", "</s>"), ["</s>", "</s>"]),
        ("wordpiece", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], ("[CLS]", "[SEP]"),
         ["[SEP]"]),
    ],
)  # fmt: skip
def test_a_tokenizer_for_masks_frames_its_texts(
    kind: str, first: list[str], ends: tuple[str, str], between: list[str]
) -> None:
    tokenizer = learned(kind, True)
    assert tokenizer.convert_ids_to_tokens(range(len(first))) == first
    assert (tokenizer.cls_token, tokenizer.sep_token) == ends
    assert (tokenizer.mask_token, tokenizer.pad_token, tokenizer.unk_token) == (
        first[4], first[1 if kind != "wordpiece" else 0], first[3 if kind != "wordpiece" else 1]
    )  # fmt: skip
    a, b = (tokenizer.tokenize(text) for text in ("the harbour", "lights"))
    shown = tokenizer.convert_ids_to_tokens
    assert shown(ids(tokenizer, "the harbour")) == [ends[0], *a, ends[1]]
    assert shown(ids(tokenizer, "the harbour", "lights")) == [
        ends[0], *a, *between, *b, ends[1]
    ]  # fmt: skip
    assert shown(ids(tokenizer, "")) == list(ends)
    assert tokenizer.tokenize(tokenizer.mask_token) == [tokenizer.mask_token]


def test_all_kinds_are_covered() -> None:
    assert sorted(KINDS) == ["bpe", "characters", "wordpiece", "words"]


# ---- sizes and refusals ------------------------------------------------------------------------


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_no_more_pieces_than_asked_for(kind: str, masks: bool) -> None:
    texts = [f"{a}{b}{c} lights" for a in "abcdefg" for b in "hijkl" for c in "mnopq"] * 3
    few, more = {"bpe": (261, 290), "wordpiece": (70, 95)}[kind]
    for size in (few, more):
        assert len(learn_tokenizer(kind, texts, size, masks=masks)) == size
    assert len(learn_tokenizer(kind, texts, 100_000, masks=masks)) < 1000


def test_wordpiece_is_given_no_piece_that_cannot_occur() -> None:
    vocabulary = learned("wordpiece", True).get_vocab()
    assert "日" in vocabulary
    assert not {"##日", "##,", "##'", "##\u00a0", "## ", "##H", "##\u0301"} & vocabulary.keys()
    assert {"##a", "##r"} <= vocabulary.keys()


def test_more_characters_than_pieces_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"20 pieces are too few; every character is a piece"):
        learn_tokenizer("wordpiece", ["abcdefghijklmnopqrstuvwxyz"], 20, masks=True)


@pytest.mark.parametrize("kind", KINDS)
def test_an_iterator_is_read_as_a_list_is(kind: str) -> None:
    one, other = (learn_tokenizer(kind, given, 300, masks=True) for given in (TEXTS, iter(TEXTS)))
    assert one.backend_tokenizer.to_str() == other.backend_tokenizer.to_str()


@pytest.mark.parametrize("masks", MASKS)
def test_characters_are_in_the_order_of_their_code_points(masks: bool) -> None:
    tokenizer = learned("characters", masks)
    special = 5 if masks else 2
    found = tokenizer.convert_ids_to_tokens(range(special, len(tokenizer)))
    assert found == sorted(set("".join(TEXTS)))


@pytest.mark.parametrize(
    ("kind", "masks", "size", "rule"),
    [
        ("bpe", False, 256, "every byte and special token is one: 257 at least"),
        ("bpe", True, 260, "every byte and special token is one: 261 at least"),
        ("wordpiece", True, 6, "special tokens are pieces too: 7 at least"),
        ("wordpiece", False, 7, "special tokens are pieces too: 8 at least"),
        ("words", True, 5, "special tokens are words too: 6 at least"),
        ("words", False, 3, "special tokens are words too: 4 at least"),
    ],
)
def test_too_few_pieces_are_refused(kind: str, masks: bool, size: int, rule: str) -> None:
    with pytest.raises(ConfigError) as error:
        learn_tokenizer(kind, TEXTS, size, masks=masks)
    assert_wording(error.value)
    assert len(learn_tokenizer(kind, ["a"], size + 1, masks=masks)) <= size + 1


def test_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        learn_tokenizer("wordpeice", TEXTS, 300, masks=True)
    assert_wording(error.value)


# ---- the same everywhere -----------------------------------------------------------------------


def test_the_same_texts_give_the_same_tokenizer_in_every_process() -> None:
    code = (
        "from hfdl.data.train_tokenizer import learn_tokenizer\n"
        "texts = [f'{w}{v} {w}er ein Häuschen {i % 7} 日本'\n"
        "         for i, w in enumerate('abcdefgh' * 30) for v in 'xyz']\n"
        "for kind in ('bpe', 'wordpiece', 'words', 'characters'):\n"
        "    for masks in (False, True):\n"
        "        made = learn_tokenizer(kind, iter(texts), 300, masks=masks)\n"
        "        print(made.backend_tokenizer.to_str())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""}, cwd=Path(__file__).parents[2],
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    assert len(runs[0].stdout.splitlines()) == 8
    for one, other in zip(*(run.stdout.splitlines() for run in runs), strict=True):
        assert one == other


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_plain_transformers_opens_what_is_saved(kind: str, masks: bool, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = learned(kind, masks)
    tokenizer.save_pretrained(tmp_path)
    opened = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*HOSTILE, *TEXTS[:4], f"a {tokenizer.mask_token or END} b"]:
        assert opened(text)["input_ids"] == ids(tokenizer, text)
        assert opened(text, "pair")["input_ids"] == ids(tokenizer, text, "pair")
        found = ids(tokenizer, text)
        assert opened.decode(found) == tokenizer.decode(found)
    assert opened.special_tokens_map == tokenizer.special_tokens_map
    assert list(opened("a")) == list(tokenizer("a"))
    assert opened.clean_up_tokenization_spaces is False
    assert opened.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
