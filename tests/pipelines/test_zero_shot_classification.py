"""The zero-shot pipeline against transformers' own, call by call; and where it differs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.support import write_csv
from helpers.wording import assert_wording
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import hfdl
from hfdl.errors import ConfigError, DataError, ModelError

GOOD, BAD, LONG = "what a good film", "bad book and long, they say !", "film the song good " * 40
LABELS = ["good film", "book", "x", "not a song"]

# What a model calls its labels.
NAMES: dict[str, list[str]] = {
    "contradiction first": ["contradiction", "neutral", "entailment"],
    "entailment first": ["entailment", "neutral", "contradiction"],
    "entailment between": ["contradiction", "entailment", "neutral"],
    "capitals": ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"],
    "two labels": ["entailment", "not_entailment"],
    "two labels, the other way": ["not_entailment", "entailment"],
    "short": ["contra", "neutral", "entail"],
}
# name -> sequences (made anew for each call), keywords of the call.
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "text": (lambda: GOOD, {}),
    "list": (lambda: [GOOD, BAD, "a"], {}),
    "list of one": (lambda: [GOOD], {}),
    "generator": (lambda: (text for text in [GOOD, BAD]), {}),
    "multi-label": (lambda: [GOOD, BAD], {"multi_label": True}),
    "one label": (lambda: [GOOD, BAD], {"candidate_labels": ["book"]}),
    "labels in a text": (lambda: GOOD, {"candidate_labels": " book, good film ,,x "}),
    "one label in a text": (lambda: GOOD, {"candidate_labels": "book"}),
    "label with a comma": (lambda: GOOD, {"candidate_labels": ["good, long", "bad"]}),
    "template": (lambda: [GOOD, BAD], {"hypothesis_template": "they say it is {} !"}),
    "bare template": (lambda: GOOD, {"hypothesis_template": "{}"}),
    "numbered template": (lambda: GOOD, {"hypothesis_template": "a {0}, {0} film"}),
    "doubled braces": (lambda: GOOD, {"hypothesis_template": "{{}} {}"}),
    "empty template around": (lambda: GOOD, {"hypothesis_template": " {} "}),
    "long text": (lambda: [LONG, GOOD], {}),
    "long text, multi-label": (lambda: LONG, {"multi_label": True}),
    "emoji": (lambda: "a film 🎬 good", {}),
    "many": (lambda: [f"{GOOD} {BAD} " * (i % 4) + GOOD for i in range(9)], {"batch_size": 4}),
}


@pytest.fixture(scope="module")
def model_of(tiny_bert: Path, make_classifier: Any) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            names = NAMES[name]
            made[name] = make_classifier(
                tiny_bert, num_labels=len(names), id2label=dict(enumerate(names)),
                label2id={label: i for i, label in enumerate(names)},
            )  # fmt: skip
        return made[name]

    return folder


def classifier(model: Any, **options: Any) -> Any:
    return hfdl.pipeline("zero-shot-classification", model=model, **options)


def same(ours: Any, theirs: Any) -> int:
    """Assert equal structure, and scores to 1e-6; how many scores were compared."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        return sum(same(a, b) for a, b in zip(ours, theirs, strict=True))
    assert list(ours) == list(theirs)
    assert ours["sequence"] == theirs["sequence"]
    assert ours["labels"] == theirs["labels"]
    assert ours["scores"] == pytest.approx(theirs["scores"], abs=1e-6)
    assert all(type(score) is float for score in ours["scores"])
    return len(theirs["scores"])


@pytest.mark.filterwarnings("ignore:.*longer than")
@pytest.mark.parametrize("name", NAMES)
def test_every_call_gives_what_transformers_gives(model_of: Any, name: str) -> None:
    ours, folder = classifier(model_of(name)), str(model_of(name))
    theirs = transformers.pipeline("zero-shot-classification", model=folder)
    compared = 0
    for make, keywords in CALLS.values():
        options = {"candidate_labels": LABELS, **keywords}
        answer, expected = ours(make(), **options), theirs(make(), **options)
        is_lazy = not isinstance(answer, list | dict)
        assert is_lazy != isinstance(expected, list | dict)
        compared += same(list(answer), list(expected)) if is_lazy else same(answer, expected)
    assert compared > 60
    spread = ours(GOOD, LABELS)["scores"]
    assert max(spread) - min(spread) > 0.001


def test_options_of_the_constructor(model_of: Any) -> None:
    folder = model_of("entailment first")
    options: dict[str, Any] = {
        "candidate_labels": LABELS, "hypothesis_template": "a {} !", "multi_label": True,
    }  # fmt: skip
    theirs = transformers.pipeline("zero-shot-classification", model=str(folder), **options)
    ours = classifier(folder, **options)
    same(ours(GOOD), theirs(GOOD))
    same(ours(GOOD, multi_label=False), theirs(GOOD, multi_label=False))
    assert ours([]) == []
    assert len(repr(ours)) < 200


def test_the_opposite_is_found_by_its_name(model_of: Any, tiny_bert: Path, make_classifier: Any):
    """transformers takes the first label for it, which is neutral here."""
    names = ["neutral", "contradiction", "entailment"]
    folder = make_classifier(
        tiny_bert, num_labels=3, id2label=dict(enumerate(names)),
        label2id={label: i for i, label in enumerate(names)},
    )  # fmt: skip
    answer = classifier(folder)(GOOD, ["book", "film"], multi_label=True)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for label, score in zip(answer["labels"], answer["scores"], strict=True):
        inputs = tokenizer(GOOD, f"This example is {label}.", return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits[0]
        assert score == pytest.approx(logits[[1, 2]].softmax(0)[1].item(), abs=1e-6)


def test_open_models_and_own_code(model_of: Any) -> None:
    folder = model_of("contradiction first")
    expected = classifier(folder)([GOOD, BAD], LABELS)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    opened = AutoModelForSequenceClassification.from_pretrained(folder).train()
    same(classifier(opened, tokenizer=tokenizer)([GOOD, BAD], LABELS), expected)
    own = hfdl.load_scratch(str(folder))
    same(classifier(own, tokenizer=tokenizer)([GOOD, BAD], LABELS), expected)


def test_cut_texts_are_said(model_of: Any) -> None:
    pipe = classifier(model_of("two labels"))
    with pytest.warns(UserWarning, match=r"^1 of 2 texts are longer than 64 tokens") as caught:
        pipe([LONG, GOOD], LABELS)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        windows = classifier(model_of("two labels"), long_text="window")(LONG, LABELS)
    assert sum(windows["scores"]) == pytest.approx(1)


def test_a_model_fine_tuned_on_pairs(tiny_bert: Path, tmp_path: Path, without_report: None) -> None:
    """Labels are found by the names that the data had."""
    labels = {"good": "entailment", "bad": "contradiction", "long": "neutral"}
    rows = [
        {"premise": f"what a {thing}", "hypothesis": f"it is {word}", "label": label}
        for word, label in labels.items()
        for thing in ["film", "book", "song", "meal", "game", "train"]
        for _ in range(3)
    ]
    data = write_csv(tmp_path / "nli.csv", rows)
    hfdl.train(
        "sentiment",
        {
            "model.name": str(tiny_bert), "data.train": str(data), "data.text": "premise",
            "data.text_pair": "hypothesis", "train.epochs": 15, "train.batch_size": 8,
            "model.implementation": "hf",
            "data.max_length": 32, "train.learning_rate": 3e-3, "train.precision": "float32",
        },
        output=tmp_path / "run", listener=lambda event: None,
    )  # fmt: skip
    pipe = classifier(tmp_path / "run", hypothesis_template="it is {}")
    answers = pipe(["what a film", "what a book"], ["bad", "good"])
    assert [answer["labels"] for answer in answers] == [["good", "bad"]] * 2
    assert answers[0]["scores"][0] > 0.8
    theirs = transformers.pipeline("zero-shot-classification", model=str(tmp_path / "run"))
    expected = theirs("what a book", ["bad", "good"], hypothesis_template="it is {}")
    same(answers[1], expected)


def test_scores_that_are_no_numbers_are_refused(model_of: Any) -> None:
    folder = model_of("two labels")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    book = tokenizer.convert_tokens_to_ids("book")
    with torch.no_grad():
        model.get_input_embeddings().weight[book] = torch.nan
    pipe = classifier(model, tokenizer=tokenizer)
    assert len(pipe([GOOD, "a"], ["film", "song"])) == 2
    with pytest.raises(ModelError, match=r"\('the book'\): the model's answer is not a finite"):
        pipe([GOOD, "the book"], ["film", "song"])


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [None, [], "", " , ", [""], ["a", " "], ["a", 3], ["a", "b", "a"], "a, b, a", {"a": 1}, 5],
)
def test_labels_that_are_none_are_refused(model_of: Any, labels: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        classifier(model_of("two labels"))(GOOD, labels)
    assert_wording(caught.value)


@pytest.mark.parametrize("template", ["", "This is it.", "{label}", "{", "{1}", "{{}}"])
def test_templates_without_a_place_are_refused(model_of: Any, template: str) -> None:
    with pytest.raises(ConfigError) as caught:
        classifier(model_of("two labels"))(GOOD, LABELS, hypothesis_template=template)
    assert_wording(caught.value)


@pytest.mark.parametrize("sequences", [None, ["a", None], {"text": "a"}, b"a", [["a", "b"]]])
def test_what_is_no_text_is_refused(model_of: Any, sequences: Any) -> None:
    with pytest.raises(DataError) as caught:
        classifier(model_of("two labels"))(sequences, LABELS)
    assert_wording(caught.value)


def test_a_model_without_entailment_is_refused(tiny_bert: Path, make_classifier: Any) -> None:
    folder = make_classifier(tiny_bert, num_labels=3)
    with pytest.raises(ModelError) as caught:
        classifier(folder)
    assert_wording(caught.value)
    with pytest.raises(ModelError) as caught:
        classifier(folder, entailment_label="LABEL_3")
    assert_wording(caught.value)
    theirs = transformers.pipeline("zero-shot-classification", model=str(folder))
    same(classifier(folder, entailment_label="LABEL_2")(GOOD, LABELS), theirs(GOOD, LABELS))


def test_a_model_without_a_head_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="no trained head"):
        classifier(tiny_bert)
