"""The model card: its metadata, its figures, its Markdown."""

from __future__ import annotations

import json
import re

import pytest
from huggingface_hub import ModelCard

from hfdl.report import read_run, write_model_card
from hfdl.report.card import escape
from hfdl.report.limitations import limits
from hfdl.report.page import report_html
from hfdl.report.sections.calibration import advice

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
        "The scores are too high: 99.9% on average, with 90.0% right (validation).",
        "The model takes 128 tokens at a time",
        "one run with seed 0",
        "train: lost 9 tokens",
    ):
        assert words in limits


@pytest.mark.parametrize(("right", "is_told"), [(83, False), (86, True)])
def test_scores_that_chance_explains_are_not_called_wrong(fake_run, tmp_path, right, is_told):
    """The card, the page and the terminal have one criterion."""
    run = fake_run(2, sizes={"validation": 100})
    for index, row in enumerate(run.rows):
        is_right = index < right
        row |= {"label": "positive", "prediction": "positive" if is_right else "negative"}
        row["score"] = 0.78 if right == 83 else 0.74  # 5 and 12 points below the share right
    record = read_run(run.write(tmp_path))
    words = "The scores are too low: 74.0% on average, with 86.0% right (validation). Do not read"
    assert any(line.startswith(words) for line in limits(record)) == is_told
    assert (advice(record) is not None) == is_told
    assert ("The scores are clearly too low." in report_html(record)) == is_told
    assert any("The scores are too" in line for line in limits(record)) == is_told


CALIBRATED = {
    "temperature": 0.61234, "verdict": "better", "changed_answers": {"validation": 2, "test": 0},
    "splits": {"validation": {"figures": {
        "nll": {"before": 0.51, "after": 0.42, "low": -0.13, "high": -0.05},
        "ece": {"before": 0.09, "after": 0.02, "low": None, "high": None},
    }}},
}  # fmt: skip


def test_the_card_of_a_calibrated_run_says_what_its_report_says(fake_run, tmp_path, page):
    run = fake_run(2)
    assert "calibrated" not in _card(run, tmp_path / "plain").text
    folder = run.write(tmp_path / "run")
    (folder / "calibration.json").write_text(json.dumps(CALIBRATED), encoding="utf-8")
    text = _card(run, folder).text
    assert re.search(r"\| Log loss, validation \| 0.5100 \| 0.4200 \| -0.1300 to -0.0500 \|", text)
    assert re.search(r"\| Calibration error, validation \| 0.0900 \| 0.0200 \| – \|", text)
    shown = page(run, folder).text
    for words in (
        "This model is calibrated, T = 0.6123: its last layer was divided by that temperature",
        "The log loss became less, and its interval is below 0.",
        "2 answers on validation became another one",
        "Figures after it on validation are cross-fitted",
    ):
        assert words in text
        assert words in shown


def test_many_labels_are_cut_short(fake_run, tmp_path):
    text = _card(fake_run(77), tmp_path).text
    assert "49. topic 49\n" in text
    assert "and 27 more" in text
