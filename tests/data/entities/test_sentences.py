"""Sentences from tags and from spans: nothing repaired in silence, every error with its place."""

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.readers.conll_files import read_conll
from hfdl.data.table import Table
from hfdl.errors import DataError


def table(names=None, **columns):
    return Table("a.jsonl", columns, lines=range(1, 100), label_names=names)


def tagged(tokens, tags, names=None, config=None, **more):
    found = table(names, tokens=tokens, tags=tags)
    return read_sentences(found, config or DataConfig(), "train", **more)


def spanned(text, spans, config=None):
    return read_sentences(table(text=[text], spans=[spans]), config or DataConfig(), "train")


def message(call, *arguments, **more):
    with pytest.raises(DataError) as caught:
        call(*arguments, **more)
    return str(caught.value)


def test_tokens_are_joined_by_a_blank():
    found = tagged([["Ann", "sees", "\u00a0"]], [["B-PER", "O", "O"]])
    (sentence,) = found.sentences
    assert sentence.text == "Ann sees \u00a0"
    assert [sentence.text[s:e] for s, e in sentence.words] == ["Ann", "sees", "\u00a0"]
    assert sentence.tags == ("B-PER", "O", "O")
    assert (found.scheme, found.types, found.repaired, found.facts) == ("BIO", ["PER"], 0, [])


def test_texts_that_blanks_separate():
    assert tagged(["Ann  \u00a0"], ["B-PER O"]).sentences[0].text == "Ann \u00a0"


def test_numbers_are_named():
    names = {"tags": ["O", "B-X", "I-X"]}
    assert tagged([["a", "b"]], [[1, 2]], names).sentences[0].tags == ("B-X", "I-X")
    listed = DataConfig(labels=["O", "B-Y"])
    assert tagged([["a"]], [[1]], config=listed).sentences[0].tags == ("B-Y",)
    mapped = DataConfig(labels={"person": "PER", "O": "O"})
    assert tagged([["a"]], [["person"]], config=mapped).sentences[0].tags == ("B-PER",)


@pytest.mark.parametrize(
    ("given_tags", "asked", "tags", "scheme"),
    [
        (["I-A", "B-A", "O"], "auto", ("B-A", "B-A", "O"), "BIO"),
        (["A", "A", "O"], "auto", ("B-A", "I-A", "O"), "BIO"),
        (["B-A", "E-A", "S-B"], "auto", ("B-A", "E-A", "S-B"), "BIOES"),
        (["B-A", "I-A", "B-B"], "BILOU", ("B-A", "L-A", "U-B"), "BILOU"),
        (["B-A", "E-A", "S-B"], "BIO", ("B-A", "I-A", "B-B"), "BIO"),
    ],
)
def test_schemes(given_tags, asked, tags, scheme):
    found = tagged([["x", "y", "z"]], [given_tags], config=DataConfig(scheme=asked))
    assert (found.sentences[0].tags, found.scheme, found.repaired) == (tags, scheme, 0)


def test_the_scheme_that_a_model_has_wins():
    found = tagged([["x"]], [["B-A"]], scheme="BIOES", types=["B", "A"])
    assert (found.sentences[0].tags, found.types) == (("S-A",), ["B", "A"])


BROKEN = "Ann B-PER\n\nsees O\nParis I-LOC\nnow O\n"


def test_illegal_tags_are_repaired_and_told():
    found = read_sentences(read_conll(BROKEN, "a.conll"), DataConfig(), "train")
    assert found.sentences[1].tags == ("O", "B-LOC", "O")
    assert found.repaired == 1
    assert found.facts == [
        "train: 1 tag could not follow the one before and was read as the start of an entity; "
        "first: a.conll, line 4 (word 'Paris'): 'I-LOC' after 'O'"
    ]
    assert found.where(1) == "a.conll, line 3"
    assert found.where_word(1, 1) == "a.conll, line 4 (word 'Paris')"


def test_illegal_tags_of_closed_schemes_are_told():
    found = tagged([["a", "b"], ["c"]], [["E-A", "O"], ["B-A"]])
    assert found.illegal == [
        "a.jsonl, line 1 (word 'a'): 'E-A' at the start",
        "a.jsonl, line 2 (word 'c'): 'B-A' at the end",
    ]
    assert found.facts[0].startswith("train: 2 tags could not stand there and were read as conll")


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        (["O", "I-A", "O", "B-A"], "a.jsonl, line 1 (word 'x1'): tag 'I-A' cannot follow 'O'; "),
        (
            ["I-A", "O", "B-A", "O"],
            "a.jsonl, line 1 (word 'x0'): tag 'I-A' cannot begin a sentence",
        ),
        (["S-A", "O", "O", "B-A"], "a.jsonl, line 1 (word 'x3'): tag 'B-A' cannot end a sentence"),
    ],
)
def test_illegal_tags_are_an_error_where_asked(tags, text):
    words = [f"x{i}" for i in range(4)]
    config = DataConfig(illegal_tags="error")
    found = message(tagged, [words], [tags], config=config)
    assert found.startswith(text)
    assert found.endswith("or data.illegal_tags=repair reads it as conlleval does")


@pytest.mark.parametrize(
    ("tokens", "tags", "text"),
    [
        (["a", "b"], ["O"], "a.jsonl, line 1: 2 words and 1 tag; each word has one tag"),
        ([], [], "a.jsonl, line 1: a sentence without words; "),
        ([1], ["O"], "a.jsonl, line 1: word 1 is not a text; "),
        (["a"], [3], "a.jsonl, line 1: tag 3 in column 'tags' has no name; a tag is a text"),
        (["a"], [None], "a.jsonl, line 1: tag None in column 'tags' has no name"),
        (["a"], [" "], "a.jsonl, line 1: tag ' ' in column 'tags' has no name"),
        (["a"], None, "a.jsonl, line 1: None in column 'tags' is not a list; "),
        (["a", "b"], ["B-A", "PER"], "a.jsonl, line 1: tags 'PER' and 'B-A' belong to different "),
    ],
)
def test_rows_that_are_refused(tokens, tags, text):
    assert message(tagged, [tokens], [tags]).startswith(text)


def test_tags_of_two_schemes_are_told_with_the_row_that_brings_the_second():
    tags = [["B-A"], ["S-A"], ["O"], ["U-A"], ["L-A"], ["U-A"]]
    text = message(tagged, [["x"]] * 6, tags)
    assert text.startswith("a.jsonl, line 4: tags 'S-A' and 'U-A' belong to different schemes")


def test_a_number_that_the_source_does_not_name():
    found = message(tagged, [["a"]], [[-1]], {"tags": ["O", "B-X"]})
    assert "tag -1 in column 'tags' has no name; the source names: O, B-X" in found


LISTED = DataConfig(labels=["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


def test_a_list_of_tags_names_the_types_that_there_are():
    found = tagged([["a"]], [["B-PER"]], config=LISTED)
    assert found.types == ["LOC", "PER"]  # LOC too, which this split does not have
    assert tagged([["a"]], [["B-PER"]], config=LISTED, types=["PER"]).types == ["PER"]
    text = message(tagged, [["a"]], [["B-ORG"]], config=LISTED)
    assert text.startswith("a.jsonl, line 1 (word 'a'): unknown entity type 'ORG'; ")
    assert text.endswith(
        "the model knows: LOC, PER. Choose one of: LOC, PER, or list it: "
        "'data.labels=[O, B-PER, I-PER, B-LOC, I-LOC, B-ORG, I-ORG]'"
    )


def test_an_unknown_type():
    found = message(tagged, [["a"], ["Rome"]], [["O"], ["B-LOCC"]], types=["LOC", "PER"])
    assert found == (
        "a.jsonl, line 2 (word 'Rome'): unknown entity type 'LOCC'; the model knows: LOC, PER. "
        "Did you mean 'LOC', or add sentences of that type to data.train"
    )


def test_no_columns():
    found = message(read_sentences, table(text=["a"]), DataConfig(), "train")
    assert found.startswith("a.jsonl: no column 'tokens' for data.tokens and none 'spans' for ")
    found = message(read_sentences, table(tokens=[["a"]]), DataConfig(), "train")
    assert "no column 'tags' for data.tags" in found


# spans -------------------------------------------------------------------------------------

TEXT = "Ann Lee saw Paris."


@pytest.mark.parametrize(
    "spans",
    [
        [{"start": 12, "end": 17, "label": "LOC"}, {"start": 0, "end": 7, "label": "PER"}],
        [[0, 7, "PER"], [12, 17, "LOC"]],
        {"entities": [(0, 8, "PER"), (12, 17, "LOC")]},  # a blank at the end does no harm
    ],
)
def test_spans(spans):
    found = spanned(TEXT, spans)
    assert found.sentences[0].text == TEXT
    assert found.sentences[0].tags == ("B-PER", "I-PER", "O", "B-LOC", "O")
    assert (found.types, found.facts) == (["LOC", "PER"], [])


def test_spans_may_touch_and_not_share_a_character():
    found = spanned("2b", [[0, 1, "X"], [1, 2, "X"]])
    assert found.sentences[0].tags == ("B-X", "B-X")
    text = message(spanned, TEXT, [[0, 7, "PER"], [6, 11, "X"]])
    assert text.startswith(
        "a.jsonl, line 1: spans 0:7 (PER 'Ann Lee') and 6:11 (X 'e saw') overlap"
    )


def test_a_span_within_a_word_is_trained_as_the_whole_word_and_remains_what_it_is():
    found = spanned("Parisian men", [[0, 5, "LOC"], [5, 8, "X"], [9, 12, "PER"]])
    assert found.sentences[0].words == ((0, 8), (9, 12))
    assert found.sentences[0].tags == ("B-LOC", "B-PER")
    assert found.spans(0) == ((0, 5, "LOC"), (5, 8, "X"), (9, 12, "PER"))
    assert found.types == ["LOC", "PER", "X"]
    assert found.facts == [
        "train: 2 of 3 entities begin or end within a word: trained on as the whole word, missed "
        "where F1 is measured; first: a.jsonl, line 1, span 0:5 (LOC 'Paris')"
    ]


def test_white_space_at_the_edges_of_a_span_is_no_part_of_it():
    found = spanned("a  Ann\t\u00a0b", [[1, 8, "PER"]])
    assert found.spans(0) == ((3, 6, "PER"),)
    assert found.facts == []


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ([[0, 7, "PER"], [4, 9, "X"]], "spans 0:7 (PER 'Ann Lee') and 4:9 (X 'Lee s') overlap"),
        ([[12, 19, "LOC"]], "span 12:19 (LOC) lies outside the text; the text has 18 characters"),
        ([[-1, 3, "LOC"]], "span -1:3 (LOC) lies outside the text"),
        ([[3, 3, "LOC"]], "span 3:3 (LOC) is empty"),
        ([[3, 4, "LOC"]], "span 3:4 (LOC ' ') holds nothing but white space"),
        ([[0, 3, ""]], "span 0:3 has no label"),
        ([[0, 3]], "[0, 3] is no span"),
        (["PER"], "'PER' is no span"),
        (None, "no spans; a row has a list of"),
    ],
)
def test_spans_that_are_refused(spans, text):
    assert message(spanned, TEXT, spans).startswith(f"a.jsonl, line 1: {text}")


def test_spans_without_a_text():
    assert message(spanned, " ", []).startswith("a.jsonl, line 1: no words; column 'text'")
    assert message(spanned, None, []).startswith("a.jsonl, line 1: None is not a text")
