"""The page and the card of a tagger: figures by type, marked sentences, limits."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
import yaml
from huggingface_hub import ModelCard

from hfdl.report import write_model_card, write_report
from hfdl.report.sections.entities import fates, tally
from hfdl.report.sections.tagged import read_sentences, segments

TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
SCORES = {
    "precision": 0.5, "recall": 0.4, "f1": 0.444, "accuracy": 0.9, "LOC/f1": 0.25,
    "LOC/support": 4, "loss": 0.31,
}  # fmt: skip


def row(text, label, prediction, index=0, split="test", **more):
    words = text.split(" ")
    assert len(words) == len(label.split()) == len(prediction.split())
    return {
        "split": split, "index": index, "where": f"{split}.conll, line {index + 1}", "text": text,
        "tokens": words, "label": label.split(), "prediction": prediction.split(), **more,
    }  # fmt: skip


# One sentence for each thing that can become of an entity.
ROWS = [
    row("Ann sees Paris", "B-PER O B-LOC", "B-PER O B-LOC", 0),
    row("New York City calls", "B-LOC I-LOC I-LOC O", "O B-LOC I-LOC O", 1),
    row("Paris Hilton smiles", "B-PER I-PER O", "B-LOC O O", 2),
    row("in Rome today", "O B-LOC O", "O O O", 3),
    row("the old house", "O O O", "O O B-PER", 4,
        entities=[{"label": "PER", "start": 8, "end": 13, "text": "house", "score": 0.97}]),
    row("nothing at all", "O O O", "O O O", 5),
]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Writes the files of a run: ``run(rows, **changes of the data section)``."""

    def write(rows=None, **data):
        data = {"train": "ner.conll", "max_length": 128, **data}
        recipe = {"task": "token_classification", "model": {"name": "example-org/tiny-bert"},
                  "data": data, "train": {"seed": 0}}  # fmt: skip
        metrics = {
            "task": "token_classification", "labels": TAGS,
            "best": {"metric": "f1", "value": 0.44, "step": 4, "epoch": 1.0},
            "train": {"loss": 0.5}, "validation": SCORES, "test": SCORES,
        }  # fmt: skip
        rows = ROWS if rows is None else rows
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return tmp_path

    return write


def page(folder):
    from .conftest import Page

    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_each_entity_has_one_fate():
    sentences = read_sentences(ROWS, TAGS)
    found = fates(sentences)
    assert found[""] == {"right": 2, "boundaries": 1, "type": 1, "missed": 1}
    assert found["LOC"] == {"right": 1, "boundaries": 1, "missed": 1}
    assert found["PER"] == {"right": 1, "type": 1}
    assert [one.mistakes for one in sentences] == [0, 2, 2, 1, 1, 0]
    assert sentences[4].worth(sentences[4].predicted[0]) == "spurious"


def test_what_stands_beside_an_entity_does_not_overlap_it():
    rows = [row("a b c", "O B-LOC O", "B-LOC O B-LOC"), row("a b", "B-LOC O", "O B-PER")]
    assert fates(read_sentences(rows, TAGS))[""] == {"missed": 2}
    assert read_sentences(rows, TAGS)[0].mistakes == 3


def test_the_counts_are_seqevals():
    seqeval = pytest.importorskip("seqeval.metrics")
    counted = tally(read_sentences(ROWS, TAGS))
    arguments = [[one[key] for one in ROWS] for key in ("label", "prediction")]
    report = seqeval.classification_report(*arguments, output_dict=True, zero_division=0)
    assert counted.labels == ["LOC", "PER"]
    for i, name in enumerate(counted.labels):
        assert counted.support[i] == report[name]["support"]
        assert counted.hits[i] / counted.predicted[i] == report[name]["precision"]
        assert counted.hits[i] / counted.support[i] == report[name]["recall"]


def test_the_table_has_a_line_a_type(run):
    found = page(run())
    assert found.sections == ["figures", "limits", "entities", "examples", "facts"]
    assert found.table("entities") == [
        ["Type", "Precision", "Recall", "F1", "Support", "Predicted", "Other words", "Other type",
         "Missed"],
        ["LOC", "33.3%", "33.3%", "33.3%", "3", "3", "33.3%", "0.0%", "33.3%"],
        ["PER", "50.0%", "50.0%", "50.0%", "2", "2", "0.0%", "50.0%", "0.0%"],
        ["micro average", "40.0%", "40.0%", "40.0%", "5", "5", "20.0%", "20.0%", "20.0%"],
        ["macro average", "41.7%", "41.7%", "41.7%", "5", "5", "", "", ""],
    ]  # fmt: skip


def test_details_of_the_metrics_stay_out_of_the_figures(run):
    folder = run()
    found = page(folder)
    assert [line[0] for line in found.table("figures")[1:]] == [
        "Precision", "Recall", "F1", "Accuracy", "Loss"
    ]  # fmt: skip
    assert "F1, test 44.4% 6 examples" in found.text
    assert "Precision, recall and F1 are of whole entities, all types together" in found.text
    card = write_model_card(folder).read_text(encoding="utf-8")
    assert "LOC/f1" not in card
    assert "| F1 | 44.4% | 44.4% |" in card


def test_marks_say_what_they_mean_without_their_colour():
    shown = [
        [(part.text, part.kind, part.note) for part in segments(one, 50) if part.kind]
        for one in read_sentences(ROWS, TAGS)
    ]
    assert shown == [
        [("Ann", "right", "PER"), ("Paris", "right", "LOC")],
        [("New York City", "boundaries", "LOC, said “York City”")],
        [("Paris Hilton", "type", "PER, said “Paris” LOC")],
        [("Rome", "missed", "LOC, missed")],
        [("house", "spurious", "said PER")],
        [],
    ]
    for sentence in read_sentences(ROWS, TAGS):
        assert "".join(part.text for part in segments(sentence, 50)) == sentence.text


def test_there_are_as_many_marks_as_outcomes_are_counted():
    """An entity that was said in pieces is one mark, and what was said of it stands in its note."""
    rows = [
        row("Emperor Haile Selassie of Rome", "B-PER I-PER I-PER O O", "B-PER O B-LOC O B-LOC"),
        row("Haile Selassie", "B-PER I-PER", "B-LOC I-LOC"),
        row("Ann Bob", "B-PER B-PER", "B-PER I-PER"),
        row("the Rome Paris", "O B-LOC O", "B-LOC I-LOC B-PER"),
    ]
    sentences = read_sentences(rows, TAGS)
    shown = [
        [(part.text, part.kind, part.note) for part in segments(one, 50) if part.kind]
        for one in sentences
    ]
    assert shown == [
        [("Emperor Haile Selassie", "boundaries", "PER, said “Emperor” and “Selassie” LOC"),
         ("Rome", "spurious", "said LOC")],
        [("Haile Selassie", "type", "PER, said LOC")],
        [(name, "boundaries", "PER, said “Ann Bob”") for name in ("Ann", "Bob")],
        [("Rome", "boundaries", "LOC, said “the Rome”"), ("Paris", "spurious", "said PER")],
    ]  # fmt: skip
    for one, marks in zip(sentences, shown, strict=True):
        counted = Counter(one.fate(entity) for entity in one.true)
        counted["spurious"] += sum(one.worth(said) == "spurious" for said in one.predicted)
        assert +counted == Counter(kind for _, kind, _ in marks)


def test_true_entities_that_overlap_are_marks_beside_each_other():
    nested = [{"start": 0, "end": 13, "label": "ORG"}, {"start": 8, "end": 13, "label": "LOC"},
              {"start": 8, "end": 20, "label": "LOC"}]  # fmt: skip
    text = "Bank of Japan office"
    one = row(text, "O O O O", "O O O O", true_entities=nested)
    parts = segments(read_sentences([one], TAGS)[0], 50)
    assert [part.text for part in parts] == ["Bank of Japan", " ", "office"]


def test_neighbours_of_one_type_are_two_marks():
    rows = [row("Ann Bob", "B-PER B-PER", "B-PER I-PER")]
    parts = segments(read_sentences(rows, TAGS)[0], 50)
    assert [part.text for part in parts] == ["Ann", " ", "Bob"]


def test_of_a_long_text_what_stands_around_the_entities_is_shown():
    words, tags = ["word"] * 500, ["O"] * 500
    words[250], tags[250] = "Rome", "B-LOC"
    rows = [row(" ".join(words), " ".join(tags), " ".join(["O"] * 500))]
    before, mark, after = segments(read_sentences(rows, TAGS)[0], 10)
    assert (before.text, mark.text, after.text) == (" … word word ", "Rome", " word word … ")
    none = segments(
        read_sentences([row(" ".join(words), *[" ".join(["O"] * 500)] * 2)], TAGS)[0], 9
    )
    assert [part.text for part in none] == ["word word … "]


def test_examples_are_the_worst_the_surest_and_a_sample(run):
    text = page(run()).text
    worst, sure = text.index("Most mistakes"), text.index("Most confident mistakes")
    sample = text.index("A sample", sure)
    assert text[worst:sure].startswith(
        "Most mistakes All of 4 sentences with mistakes. New York City LOC, "
    )
    assert "test.conll, line 2: 1 over other words" in text[worst:sure]
    assert "test.conll, line 3: 1 with another type" in text[worst:sure]
    assert "test.conll, line 5: 1 where there is none" in text[worst:sure]
    assert text[sure:sample].strip() == (
        "Most confident mistakes All of 1 sentence with a wrong entity. the old house said PER "
        "test.conll, line 5: 'house' PER, score 97.0%"
    )
    assert "line 6" not in text[sample : text.index("How it was made", sample)]


def test_text_of_the_user_is_escaped(run):
    evil = row("<script>x</script> & Ann", "O O B-PER", "O O B-PER")
    evil["tokens"] = ["<script>x</script>", "&", "Ann"]
    source = write_report(run([evil])).read_text(encoding="utf-8")
    assert "<script>" not in source
    assert "&lt;script&gt;x&lt;/script&gt; &amp; <mark" in source


def test_words_are_found_in_the_text_or_else_joined():
    spaced = {**ROWS[0], "text": "Ann  sees\tParis!"}
    assert read_sentences([spaced], TAGS)[0].true == [(0, 3, "PER"), (10, 15, "LOC")]
    other = {**ROWS[0], "text": "something else"}
    assert read_sentences([other], TAGS)[0].text == "Ann sees Paris"


def test_a_run_without_entities_or_rows_is_no_error(run):
    found = page(run([row("a b", "O O", "O O")]))
    assert "There is no entity, and none was said." in found.text
    assert "Most mistakes There are none." in found.text
    assert page(run([])).sections == ["figures", "limits", "facts"]


def test_bioes_is_read_as_what_it_is(run):
    tags = ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC"]
    rows = [row("a b c", "S-LOC S-LOC O", "S-LOC B-LOC E-LOC")]
    assert fates(read_sentences(rows, tags))[""] == {"right": 1, "boundaries": 1}


def test_limits_name_rare_weak_and_badly_cut_types(run):
    text = page(run()).text
    assert "In the test split 2 of 2 types have fewer than 30 entities: figures by type" in text
    assert "The type found least often is 'LOC': 33.3% of its entities." in text
    assert "20.0% of the entities were found with their type but not with all their words" in text
    assert (
        "The model takes 128 tokens at a time; a longer text is read in windows that overlap, and "
        "each word is judged in the one that shows most around it."
    ) in text
    assert "said to be in no entity" in page(run(long_text="truncate")).text


def test_the_card_shows_calls_that_run(run):
    path = write_model_card(run())
    card = ModelCard.load(path)
    assert card.data.pipeline_tag == "token-classification"
    assert {result.metric_type for result in card.data.eval_results} == {
        "precision", "recall", "f1", "accuracy"
    }  # fmt: skip
    assert 'aggregation_strategy="first")' in card.text
    assert 'aggregation_strategy="viterbi")' in card.text
    assert "this model finds entities in a text and says of what type each is." in card.text
    assert re.search(r"## Tags\n\n0\. O\n1\. B-LOC\n", card.text)
