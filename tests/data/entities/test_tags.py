"""Tags to entities and back, against seqeval and by round trips."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB2, IOBES, Entities

from hfdl.data.entities.tags import (
    SCHEMES,
    Entity,
    Illegal,
    detect_scheme,
    legal_transitions,
    read_entities,
    split_tag,
    tag_names,
    write_tags,
)

KINDS = ("PER", "creative-work")
STRICT = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}


def sequences(scheme):
    return st.lists(st.sampled_from(tag_names(KINDS, scheme)), max_size=9)


@st.composite
def annotated(draw):
    """(entities, number of words)"""
    entities, at = [], 0
    for gap, size, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(KINDS)))
    ):
        entities.append(Entity(at + gap, at + gap + size, kind))
        at += gap + size
    return entities, at + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(annotated())
def test_what_is_written_is_read(scheme, sentence):
    entities, length = sentence
    tags = write_tags(entities, length, scheme)
    assert len(tags) == length
    assert read_entities(tags, scheme) == (entities, [])
    strict = Entities([tags], STRICT[scheme]).entities[0]
    assert [(e.start, e.end, e.tag) for e in strict] == entities


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
@given(st.data())
def test_any_tags_are_read_as_seqeval_reads_them(scheme, data):
    tags = data.draw(sequences(scheme))
    found = [(start, end + 1, kind) for kind, start, end in get_entities(tags)]
    assert read_entities(tags, scheme)[0] == found


@given(sequences("BILOU"))
def test_bilou_is_bioes_in_other_letters(tags):
    other = [tag.replace("L-", "E-").replace("U-", "S-") for tag in tags]
    found, illegal = read_entities(tags, "BILOU")
    assert found == read_entities(other, "BIOES")[0]
    assert len(illegal) == len(read_entities(other, "BIOES")[1])


@pytest.mark.parametrize("scheme", SCHEMES)
@given(st.data())
def test_legal_is_what_would_be_written_so(scheme, data):
    tags = data.draw(sequences(scheme))
    entities, illegal = read_entities(tags, scheme)
    assert (not illegal) == (write_tags(entities, len(tags), scheme) == tags)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_transitions_allow_just_the_legal_sequences(scheme):
    names = tag_names(KINDS, scheme)
    start, between, end = legal_transitions(names)
    assert between.shape == (len(names), len(names))
    legal = 0
    for numbers in itertools.product(range(len(names)), repeat=3):
        allowed = start[numbers[0]] and end[numbers[2]]
        allowed &= all(between[pair] for pair in itertools.pairwise(numbers))
        assert allowed == (not read_entities([names[i] for i in numbers], scheme)[1])
        legal += bool(allowed)
    assert 0 < legal < len(names) ** 3


def test_transitions_of_names_that_are_no_scheme():
    assert all(np.all(part) for part in legal_transitions(["O", "PER", "LOC"]))
    start, between, _ = legal_transitions(["O", "I-PER", "B-LOC", "I-LOC"])
    assert start.tolist() == [True, True, True, False]  # PER has no B to begin with
    assert between[1].tolist() == [True, True, True, False]
    assert [part.shape for part in legal_transitions([])] == [(0,), (0, 0), (0,)]


def test_illegal_tags_are_told_with_their_place():
    tags = ["I-PER", "O", "I-PER", "I-LOC"]
    assert read_entities(tags, "BIO") == (
        [Entity(0, 1, "PER"), Entity(2, 3, "PER"), Entity(3, 4, "LOC")],
        [Illegal(0, None, "I-PER"), Illegal(2, "O", "I-PER"), Illegal(3, "I-PER", "I-LOC")],
    )
    assert read_entities(["B-PER"], "BIOES") == ([Entity(0, 1, "PER")], [Illegal(1, "B-PER", "")])
    assert read_entities(["B-PER", "O"], "BIOES")[1] == [Illegal(1, "B-PER", "O")]
    assert read_entities([], "BIO") == ([], [])


def test_iob1_and_plain_types_are_read():
    assert read_entities(["I-PER", "B-PER", "O"], "IOB1") == (
        [Entity(0, 1, "PER"), Entity(1, 2, "PER")],
        [],
    )
    assert read_entities(["O", "B-PER"], "IOB1")[1] == [Illegal(1, "O", "B-PER")]
    assert read_entities(["PER", "PER", "LOC", "O"], "IO") == (
        [Entity(0, 2, "PER"), Entity(2, 3, "LOC")],
        [],
    )


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("O", ("O", "")),
        ("B-creative-work", ("B", "creative-work")),
        ("creative-work", ("", "creative-work")),
        ("PER", ("", "PER")),
        ("U-X", ("U", "X")),
    ],
)
def test_split_tag(tag, parts):
    assert split_tag(tag) == parts


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["B-A", "I-A"]], "BIO"),
        ([["O"]], "BIO"),
        ([], "BIO"),
        ([["O", "I-A"], ["B-A"]], "BIO"),  # a B that needs none: a mistake in BIO, not IOB1
        ([["O", "I-A", "B-A"]], "IOB1"),
        ([["I-A", "I-B"]], "IOB1"),
        ([["B-A", "E-A"], ["S-B"]], "BIOES"),
        ([["B-A", "L-A"], ["U-B"]], "BILOU"),
        ([["A", "O"], ["B2"]], "IO"),
    ],
)
def test_detect_scheme(sentences, scheme):
    assert detect_scheme(sentences) == scheme


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["B-A", "PER"], "tags 'PER' and 'B-A' belong to different schemes"),
        (["S-A", "U-A"], "tags 'S-A' and 'U-A' belong to different schemes"),
        (["B-"], "tag 'B-' names no type"),
        (["I"], "tag 'I' names no type"),
    ],
)
def test_tags_of_no_scheme(tags, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        detect_scheme([tags])


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([Entity(0, 2, "A"), Entity(1, 3, "B")], "overlaps another entity"),
        ([Entity(2, 4, "A")], "is not within 3 words"),
        ([Entity(1, 1, "A")], "is not within 3 words"),
    ],
)
def test_entities_that_cannot_be_written(entities, message):
    with pytest.raises(ValueError, match=message):
        write_tags(entities, 3, "BIO")


def test_tag_names():
    assert tag_names(["b", "a", "b"], "BIO") == ["O", "B-a", "I-a", "B-b", "I-b"]
    assert tag_names(["a"], "BIOES") == ["O", "B-a", "I-a", "E-a", "S-a"]
    assert tag_names(["a"], "BILOU") == ["O", "B-a", "I-a", "L-a", "U-a"]
