"""Tags in other spellings: read where one reading is possible, else refused with what to type."""

import shlex

import pytest

from hfdl.config.load import load_recipe
from hfdl.config.overrides import parse_overrides
from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.entities.tag_spelling import AmbiguousTagError, read_spelling, twins
from hfdl.data.table import Table
from hfdl.errors import DataError

READ = {
    "O B_PER I_PER": "O B-PER I-PER",
    "O B.PER I.PER": "O B-PER I-PER",
    "O B:PER I:PER B:LOC": "O B-PER I-PER B-LOC",
    "O B|PER I|PER": "O B-PER I-PER",
    "O B/PER I/PER": "O B-PER I-PER",
    "O B\u2013PER I\u2013PER": "O B-PER I-PER",
    "O B\u2212PER I\u2010PER": "O B-PER I-PER",
    "O B-PER I_PER": "O B-PER I-PER",
    "O b-per i-per": "O B-per I-per",
    "o b-per": "O B-per",
    "o B-PER I-PER": "O B-PER I-PER",
    "O B-PER i-PER": "O B-PER I-PER",
    "O PER-B PER-I LOC-B": "O B-PER I-PER B-LOC",
    "O PER_B PER_I": "O B-PER I-PER",
    "O per-b per-i": "O B-per I-per",
    "0 B-PER I-PER": "O B-PER I-PER",
    "0 O B-PER": "O O B-PER",
    "0 PER": "O PER",
    "O B-PER M-PER E-PER S-LOC": "O B-PER I-PER E-PER S-LOC",
    "O B-PER M-PER E-PER W-LOC": "O B-PER I-PER E-PER S-LOC",
    "O B_a_b I_a_b L_a_b U_c": "O B-a_b I-a_b L-a_b U-c",
    "\u041e \u0412-PER I-PER": "O B-PER I-PER",  # Cyrillic
    "\uff2f \uff22\uff0dPER \uff29\uff0dPER": "O B-PER I-PER",  # full width
}

UNTOUCHED = [
    "O B-PER I-PER", "O I-PER", "O B-B_PER I-B_PER", "O e-mail", "O e-mail person", "O PER LOC",
    "O U-N U-S", "O s-bahn u-bahn", "O vitamin-B", "O hepatitis-B hepatitis-C", "O B_cell T_cell",
    "NN VB ADJ", "O O", "0", "O B-x-y I-x-y", "O B- I-PER", "O B_PER I_PER LOC",
]  # fmt: skip

REFUSED = {
    "O B_cell": "'B_cell' may be a tag of 'cell', or a type of that name",
    "O b-cell": "'b-cell' may be a tag of 'cell', or a type of that name",
    "O I_PER I_LOC": "'I_LOC' may be a tag of 'LOC', or a type of that name",
    "O 1 2": "tags are numbers: 1, 2",
    "0 1 2": "tags are numbers: 0, 1, 2",
    "O B I": "tag 'B' names no type",
    "o b i": "tag 'b' names no type",
}


@pytest.mark.parametrize("tags", READ)
def test_spellings_that_are_read(tags):
    names = read_spelling(tags.split())
    assert [names.get(tag, tag) for tag in tags.split()] == READ[tags].split()


def test_blanks_around_a_tag_and_its_parts():
    assert read_spelling([" O", "B-PER ", "I-PER"]) == {" O": "O", "B-PER ": "B-PER"}
    assert read_spelling(["O ", " B _ PER", "I_ PER "]) == {
        "O ": "O", " B _ PER": "B-PER", "I_ PER ": "I-PER",
    }  # fmt: skip


def test_a_blank_may_stand_between_a_letter_and_its_type():
    assert read_spelling(["O", "B PER", "I PER", "B  LOC"]) == {
        "B PER": "B-PER", "I PER": "I-PER", "B  LOC": "B-LOC",
    }  # fmt: skip
    assert read_spelling(["O", "PER B", "PER I"]) == {"PER B": "B-PER", "PER I": "I-PER"}
    assert read_spelling(["O", "B cell", "T cell"]) == {}
    with pytest.raises(AmbiguousTagError, match="may be a tag of 'cell'"):
        read_spelling(["O", "B cell"])


@pytest.mark.parametrize("tags", UNTOUCHED)
def test_what_stays_as_it_is(tags):
    assert read_spelling(tags.split()) == {}


@pytest.mark.parametrize("tags", REFUSED)
def test_what_is_refused(tags):
    with pytest.raises(AmbiguousTagError) as error:
        read_spelling(tags.split())
    assert str(error.value) == REFUSED[tags]


def test_a_type_that_the_model_knows_decides():
    assert read_spelling(["O", "B_cell"], ["cell"]) == {"B_cell": "B-cell"}
    assert read_spelling(["O", "cell-I"], ["cell"]) == {"cell-I": "I-cell"}


def test_twins():
    assert twins(["PER", "LOC", "per"]) == [["PER", "per"]]
    assert twins(["B_PER", "I_PER", "LOC"]) == [["B_PER", "I_PER"]]
    assert twins(["PER-B", "PER-I"]) == [["PER-B", "PER-I"]]
    assert twins(["BPER", "IPER", "LOC"]) == [["BPER", "IPER"]]
    assert twins(["PER", "LOC", "MISC", "a_x", "b_y", "BAND", "LAND", "ORG", "INORG"]) == []


def table(tags):
    rows = [tag.split() for tag in tags]
    return Table("a.jsonl", {"tokens": rows, "tags": rows}, lines=range(1, 100))


def read(*tags, **config):
    return read_sentences(table(tags), DataConfig(**config), "train")


def test_a_line_says_what_was_read_and_what_looks_wrong():
    assert read("O B_PER I_PER", "o B_LOC").facts == [
        "train: tags are read as if spelled otherwise: 'o' as O, 'B_LOC' as B-LOC, 'B_PER' as "
        "B-PER, 'I_PER' as I-PER"
    ]
    assert read("O B_PER I_PER LOC").facts == [
        "train: types 'B_PER' and 'I_PER' are two types; if they are one: "
        "'data.labels={I_PER: B_PER}'"
    ]
    assert read("O B-PER", "B-per O").facts == [
        "train: types 'PER' and 'per' are two types; if they are one: 'data.labels={per: PER}'"
    ]
    assert read("OUT PER OUT").facts == [
        "train: no word has the tag O, so every word is in an entity; the most frequent tag is "
        "'OUT' (2 of 3 words); if it is for words outside: 'data.labels={OUT: O}'"
    ]
    assert read("O B-PER").facts == []


@pytest.mark.parametrize("tags", ["O B_cell", "O b-cell b-gene", "O B I", "o b i", "O B_1 B_x:y"])
def test_each_remedy_that_is_printed_works(tags):
    with pytest.raises(DataError) as error:
        read("O O", tags)
    assert "a.jsonl, line 2: " in str(error.value)
    settings = [part for part in shlex.split(str(error.value)) if part.startswith("data.labels=")]
    assert settings
    for setting in settings:
        recipe = load_recipe("ner", parse_overrides([setting.rstrip(";")]))
        found = read("O O", tags, labels=recipe.data.labels)
        assert found.types
        assert not any("spelled" in fact for fact in found.facts)


def test_the_remedy_of_a_missing_o_works():
    (fact,) = read("OUT PER").facts
    (setting,) = [part for part in shlex.split(fact) if part.startswith("data.labels=")]
    labels = load_recipe("ner", parse_overrides([setting])).data.labels
    assert read("OUT PER", labels=labels).types == ["PER"]


def test_the_remedy_of_another_name_for_o_works():
    with pytest.raises(DataError) as error:
        read("OUT B-PER", "I-PER OUT")
    (setting,) = [p for p in shlex.split(str(error.value)) if p.startswith("data.labels=")]
    labels = load_recipe("ner", parse_overrides([setting.rstrip(",")])).data.labels
    assert read("OUT B-PER", "I-PER OUT", labels=labels).types == ["PER"]


def test_numbers_as_texts_are_named_by_a_list():
    found = read("0 1 2", labels=["O", "B-PER", "I-PER"])
    assert found.sentences[0].tags == ("O", "B-PER", "I-PER")
