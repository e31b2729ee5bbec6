"""GPT-2's and BERT's published vocabularies give the ids that transformers gives."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers.support import SHARED
from helpers.tokenizer_library import ANY, HOSTILE, newer_than_bert
from helpers.wording import assert_wording
from hypothesis import given

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import load_bert, load_gpt2

VOCABULARIES = ("data/vocab_gpt2", "data/vocab_bert_base_uncased")
GPT2, BERT = (SHARED / name for name in VOCABULARIES)
published = pytest.mark.needs_shared(*VOCABULARIES)


@cache
def gpt2() -> tuple[Any, Any]:
    from transformers import GPT2TokenizerFast

    files = {"vocab": str(GPT2 / "vocab.json"), "merges": str(GPT2 / "merges.txt")}
    return load_gpt2(GPT2), GPT2TokenizerFast(**files)


@cache
def bert(lowercase: bool = True) -> tuple[Any, Any]:
    from transformers import BertTokenizerFast

    path = BERT / "vocab.txt"
    return load_bert(path, lowercase=lowercase), BertTokenizerFast(
        vocab=str(path), do_lower_case=lowercase
    )


def ids(theirs: Any, text: str) -> list[int]:
    return theirs(text, add_special_tokens=False)["input_ids"]


@published
def test_gpt2_on_corpora(corpus: list[str]) -> None:
    ours, theirs = gpt2()
    assert len(ours.vocabulary) == 50257
    assert len(ours.merges) == 50000
    for text in [*corpus, *HOSTILE]:
        found = ours.encode(text)
        assert found == ids(theirs, text)
        assert ours.decode(found) == text


@published
@given(ANY)
def test_gpt2_on_any_text(text: str) -> None:
    ours, theirs = gpt2()
    found = ours.encode(text)
    assert found == ids(theirs, text)
    assert ours.decode(found) == text


@published
@pytest.mark.parametrize("lowercase", [True, False])
def test_bert_on_corpora(corpus: list[str], lowercase: bool) -> None:
    ours, theirs = bert(lowercase)
    assert len(ours.vocabulary) == 30522
    for text in [*corpus, *HOSTILE]:
        text = "".join(char for char in text if char not in newer_than_bert())
        found = ours.encode(text)
        assert found == ids(theirs, text)
        assert ours.decode(found) == theirs.decode(found, clean_up_tokenization_spaces=False)


@published
@given(ANY)
def test_bert_on_any_text(text: str) -> None:
    ours, theirs = bert()
    text = "".join(char for char in text if char not in newer_than_bert())
    assert ours.encode(text) == ids(theirs, text)


@published
def test_known_ids() -> None:
    assert gpt2()[0].encode("Hello world") == [15496, 995]
    assert gpt2()[0].encode("<|endoftext|>") == [50256]
    assert gpt2()[0].tokenize("unhappiness") == ["un", "h", "appiness"]
    assert load_gpt2(GPT2, add_prefix_space=True).encode("world") == [995]
    assert load_bert(BERT).encode("[CLS] Hello, world! [SEP]") == [
        101, 7592, 1010, 2088, 999, 102
    ]  # fmt: skip
    assert bert()[0].tokenize("unhappiness") == ["un", "##ha", "##pp", "##iness"]


# ---- damaged files -----------------------------------------------------------------------------

VOCAB = {token: i for i, token in enumerate(["a", "b", "c", "ab", "abc", "<|endoftext|>"])}
PUBLISHED = "Take the file that was published with the model"


def written(folder: Path, merges: str | bytes, vocab: Any = None) -> Path:
    data = merges.encode("utf-8") if isinstance(merges, str) else merges
    (folder / "merges.txt").write_bytes(data)
    text = vocab if isinstance(vocab, str) else json.dumps(VOCAB if vocab is None else vocab)
    (folder / "vocab.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_a_small_file(tmp_path: Path, line: str, end: str) -> None:
    ours = load_gpt2(written(tmp_path, f"#version: 0.2{line}a b{line}ab c{end and line}"))
    assert ours.merges == [("a", "b"), ("ab", "c")]
    assert ours.encode("abcab") == [4, 3]


@pytest.mark.parametrize(
    ("merges", "line", "problem"),
    [
        ("#version: 0.2\na b\nab c d\n", 3, "'ab c d'; a line is two pieces with a space between"),
        ("a b\nabc\n", 2, "'abc'; a line is two pieces with a space between"),
        ("a b\n\nab c\n", 2, "''; a line is two pieces with a space between"),
        ("a b\na \n", 2, "'a '; a line is two pieces with a space between"),
        ("a b\nb c\n", 2, "'b c', and 'bc' is no token of the vocabulary; what a merge takes and "
                          "makes is in vocab.json"),
        ("a b\nx c\n", 2, "'x c', and 'x' is no token of the vocabulary; what a merge takes and "
                          "makes is in vocab.json"),
        ("a b\nab c\na b\n", 3, "the merge 'a b' of line 1 again; each is there once"),
        (b"a b\nab \xff\n", 2, "bytes that are no text; the file is UTF-8"),
    ],
)  # fmt: skip
def test_damaged_merges_are_refused_by_line(
    merges: str | bytes, line: int, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        load_gpt2(written(tmp_path, merges))
    assert_wording(error.value)


@pytest.mark.parametrize(
    "vocab", [{"a": 0, "b": 2}, {"a": 0, "b": 0}, {"a": "0"}, {"a": 0.0}, {"a": True}, ["a"]]
)
def test_ids_that_are_no_row_are_refused(vocab: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load_gpt2(written(tmp_path, "", vocab))
    assert_wording(error.value)


def test_a_broken_vocab_json_is_refused_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"vocab.json:2: Expecting .*; the file is JSON"):
        load_gpt2(written(tmp_path, "", '{"a": 0,\n"b": }'))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("[UNK]\na\n\nb\n", 3, "an empty line; each line is one token"),
        ("[UNK]\na\nb\na", 4, "the token 'a' of line 2 again; each line is one token"),
    ],
)
def test_a_damaged_vocab_txt_is_refused_by_line(
    text: str, line: int, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text(text, encoding="utf-8")
    for given_path in (path, tmp_path):
        with pytest.raises(DataError) as error:
            load_bert(given_path)
        assert_wording(error.value)


def test_other_vocab_txt_files(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("[UNK]\r\n[SEP]\r\na\u2028b\r\na".encode())
    ours = load_bert(path)
    assert list(ours.vocabulary) == ["[UNK]", "[SEP]", "a\u2028b", "a"]
    assert ours.vocabulary.special == ("[UNK]", "[SEP]")
    path.write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"the vocabulary has no token '\[UNK\]'"):
        load_bert(path)
    with pytest.raises(DataError, match=r"absent: cannot be read \(No such file or directory\)"):
        load_bert(tmp_path / "absent")
