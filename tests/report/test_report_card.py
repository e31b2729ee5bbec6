"""The model card: its metadata, its figures, its Markdown."""

from __future__ import annotations

import re

import pytest
from huggingface_hub import ModelCard

from hfdl.report import write_model_card
from hfdl.report.card import escape

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"


def _card(run, folder):
    return ModelCard.load(write_model_card(run.write(folder)))


def test_metadata_loads_back(fake_run, tmp_path):
    run = fake_run(5)
    data = _card(run, tmp_path).data
    assert data.base_model == "example-org/tiny-bert"
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "text-classification"
    assert data.tags == ["hfdl"]
    assert data.metrics == ["accuracy", "f1"]
    metrics = run.metrics()
    found = {(r.dataset_split, r.metric_type): r.metric_value for r in data.eval_results}
    for split in ("validation", "test"):
        for name in ("accuracy", "f1"):
            assert found[split, name] == pytest.approx(metrics[split][name], abs=1e-6)
    assert len(found) == 4
    assert {r.task_type for r in data.eval_results} == {"text-classification"}


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ({"name": "bert-base-uncased"}, "bert-base-uncased"),
        ({"name": "org/name_1.5"}, "org/name_1.5"),
        ({"name": "org/name", "config": {"num_hidden_layers": 2}}, None),
        ({"name": "/home/someone/models/mine"}, None),
        ({"name": "./mine"}, None),
        ({"name": "a/b/c"}, None),
        ({"name": "folder/here"}, None),
    ],
)
def test_base_model_only_for_hub_ids(fake_run, tmp_path, monkeypatch, model, base):
    (tmp_path / "folder" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    card = _card(fake_run(2, model=model), tmp_path / "run")
    assert card.data.base_model == base
    assert "/home/someone" not in card.content
    assert ("random weights" in card.text) == ("config" in model)


@pytest.mark.parametrize(
    ("train", "dataset"),
    [
        ("org/reviews", "org/reviews"),
        ("org/reviews:german", "org/reviews"),
        ("hfdl://sentiment", None),
        ("reviews.csv", None),
        ("data/reviews.jsonl", None),
        ("/home/someone/reviews.csv", None),
        ("<Dataset in memory>", None),
    ],
)
def test_datasets_only_for_hub_ids(fake_run, tmp_path, train, dataset):
    card = _card(fake_run(2, data={"train": train}), tmp_path)
    assert card.data.datasets == dataset
    assert "/home/someone" not in card.content


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        (2, SINGLE, 'pipeline("text-classification", model="path/to/this/folder")'),
        (5, MULTI, 'model="path/to/this/folder", top_k=None)'),
        (["score"], REGRESSION, 'model="path/to/this/folder", function_to_apply="none")'),
    ],
)
def test_use_fits_the_problem(fake_run, tmp_path, labels, kind, words):
    run = fake_run(labels, problem_type=kind)
    text = _card(run, tmp_path).text
    assert words in text
    assert ("## Labels" in text) == (kind != REGRESSION)
    assert "hfdl train recipe.yaml" in text


def test_pairs_are_shown_in_the_example(fake_run, tmp_path):
    text = _card(fake_run(2, data={"text_pair": "reply"}), tmp_path).text
    assert '"text_pair": "the second text"' in text


def test_figures_with_counts_and_interval(fake_run, tmp_path):
    text = _card(fake_run(2), tmp_path).text
    assert "| | test, 90 examples | validation, 60 examples |" in text
    assert re.search(r"\| Accuracy \| [\d.]+% \([\d.]+% to [\d.]+%\) \| [\d.]+% \(", text)


def test_tables_keep_their_columns(fake_run, tmp_path):
    run = fake_run(["a|b", "c\nd"], data={"label_separator": "|", "text": "my|text"})
    text = _card(run, tmp_path).text
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(bars) == 1, block


def test_labels_and_notes_are_escaped(fake_run, tmp_path):
    labels = ["<script>alert(1)</script>", "[x](http://evil.example)", "{{ 7*7 }}", "# big", ""]
    text = _card(fake_run(labels, notes=["*a* `b` </p>", "- nested"]), tmp_path).text
    assert "0. &lt;script&gt;alert(1)&lt;/script&gt;\n" in text
    assert "1. \\[x\\](http://evil.example)\n" in text
    assert "2. {{ 7\\*7 }}\n" in text
    assert "3. \\# big\n" in text
    assert "4. (empty)\n" in text
    assert "- \\*a\\* \\`b\\` &lt;/p&gt;\n- \\- nested\n" in text


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain words, 91.2%", "plain words, 91.2%"),
        ("-0.5", "-0.5"),
        ("12. twelfth", "12\\. twelfth"),
        ("snake_case|pipe", "snake\\_case\\|pipe"),
        ("two\nlines\r\n---", "two lines ---"),
        ("a\\b ~~c~~ $d$", "a\\\\b \\~\\~c\\~\\~ \\$d\\$"),
        ("## heading", "#\\# heading"),
    ],
)
def test_escape(value, escaped):
    assert escape(value) == escaped


def test_limits_come_from_the_run(fake_run, tmp_path):
    run = fake_run(["common", "rare"], sizes={"validation": 100}, notes=["train: lost 9 tokens"])
    for index, row in enumerate(run.rows):
        true = "rare" if index < 10 else "common"
        row |= {"label": true, "prediction": "common", "score": 0.999}
    text = _card(run, tmp_path).text
    limits = text[text.index("## Limits") : text.index("## Training")]
    for words in (
        "There is no test split.",
        "from 100 validation examples: it may well be anything from 82.6% to 94.5%",
        "'common' makes up 90.0% of it, 'rare' 10.0%",
        "one label has fewer than 30 examples",
        "The label found least often is 'rare': 0.0% of its examples.",
        "The scores are too high: 99.9% on average, with 90.0% right.",
        "The model takes 128 tokens at a time",
        "one run with seed 0",
        "train: lost 9 tokens",
    ):
        assert words in limits


def test_many_labels_are_cut_short(fake_run, tmp_path):
    text = _card(fake_run(77), tmp_path).text
    assert "49. topic 49\n" in text
    assert "and 27 more" in text
