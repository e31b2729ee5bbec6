"""The page and the card of a translation: figures, examples, and nothing about labels."""

from __future__ import annotations

import json

import pytest
import yaml
from huggingface_hub import ModelCard

from hfdl.report import write_model_card, write_report

SCORES = {"bleu": 33.8, "chrf": 58.2, "accuracy": 0.62, "perplexity": 6.9, "loss": 1.93}
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def _rows(split, n):
    return [
        {"split": split, "index": i, "where": f"{split}.tsv, line {i + 2}", "text": f"source {i}",
         "label": f"reference {i}", "loss": (7 * i % n) / 10, "accuracy": 0.5, "tokens": 4,
         "prediction": f"prediction {i}"}
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Writes the files of a run: ``run(name=..., rows=...)``."""

    def write(name="hfdl://transformer", rows=None, **model):
        model = {"name": name, **model}
        recipe = {
            "task": "translation", "model": model,
            "data": {"train": "train.tsv", "text": "en", "label": "de", "max_length": 64,
                     "long_text": "truncate"},
            "train": {"seed": 0},
        }  # fmt: skip
        metrics = {
            "task": "translation", "vocabulary": 8000, "signatures": {"bleu": SIGNATURE},
            "best": {"metric": "bleu", "value": 34.0, "step": 4, "epoch": 1.0},
            "train": {"loss": 2.5}, "validation": SCORES, "test": SCORES,
        }  # fmt: skip
        rows = _rows("validation", 7) + _rows("test", 45) if rows is None else rows
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return tmp_path

    return write


def _page(folder):
    from .conftest import Page

    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_the_page_has_no_section_of_labels(run):
    found = _page(run())
    assert found.sections == ["figures", "limits", "examples", "facts"]
    assert {*found.tables} == {"figures"}
    figures = found.table("figures")
    assert figures[0] == ["Figure", "Test", "Validation", "Train"]
    assert [row[0] for row in figures[1:]] == ["BLEU", "chrF", "Accuracy", "Perplexity", "Loss"]
    assert "BLEU, test 33.8 45 examples" in found.text
    assert (
        "BLEU and chrF are of what the model wrote by itself, the likeliest token "
        "at each step unless its generation_config.json says otherwise, by sacrebleu "
        f"({SIGNATURE}). Accuracy, perplexity and loss are of the reference's tokens, each given "
        "those before it."
    ) in found.text


def test_examples_are_source_reference_prediction_the_worst_first(run):
    text = _page(run()).text
    start = text.index("References the model expected least")
    # 7 i mod 45 is largest, 44, at i = 32.
    assert text[start:].startswith(
        "References the model expected least 20 of 45 examples. Source source 32 Reference "
        "reference 32 Prediction prediction 32 test.tsv, line 34: loss 4.400 a token, 50.0% of the "
        "reference's tokens predicted Source"
    )
    worst = text[start : text.index("A sample")]
    assert worst.count("Reference reference") == 20
    sample = text[text.index("A sample") : text.index("The same on the validation split")]
    assert sample.startswith("A sample 9 of 45 examples. Source source 0 ")
    shown = [i for i in range(45) if f"prediction {i} test.tsv" in sample]
    assert shown == list(range(0, 45, 5))


def test_texts_of_the_user_are_escaped_and_a_missing_loss_is_no_error(run):
    rows = _rows("test", 2)
    rows[0] |= {"text": "<b>bold</b>", "prediction": "", "loss": None}
    del rows[1]["loss"]
    page = _page(run(rows=rows))
    assert "<b>bold" not in page.source
    assert "Source <b>bold</b>" in page.text
    assert "Prediction (empty text)" in page.text
    assert "loss — a token" in page.text
    assert "expected least" not in page.text


def test_a_page_without_predictions_has_no_examples(run):
    assert "examples" not in _page(run(rows=[])).sections


def test_the_card_of_a_model_trained_from_nothing(run):
    folder = run(config={"hidden_size": 8})
    (folder / "config.json").write_text('{"model_type": "hfdl-transformer"}')
    card = ModelCard.load(write_model_card(folder))
    assert (
        "Translation: this model translates a text. It was trained from random weights, with a "
        "vocabulary learned from its own data, on train.tsv with hfdl."
    ) in card.text
    assert "the tokenizer of" not in card.text
    assert card.data.base_model is None
    assert card.data.library_name == "hfdl"
    assert card.data.pipeline_tag == "translation"
    assert {result.task_type for result in card.data.eval_results} == {"translation"}
    assert "| BLEU | 33.8 | 33.8 |\n| chrF | 58.2 | 58.2 |\n" in card.text
    assert (
        "BLEU and chrF are of what the model wrote by itself, the likeliest token at each step"
        in card.text
    )
    assert "## Labels" not in card.text


def test_the_card_shows_no_pipeline_that_transformers_does_not_have(run):
    text = ModelCard.load(write_model_card(run())).text
    assert "from transformers import pipeline" not in text
    use = text[text.index("## Use") : text.index("## Limits")]
    assert use == (
        "## Use\n\nWith hfdl:\n\n```python\nimport hfdl\n\n"
        'pipe = hfdl.pipeline("translation", model="path/to/this/folder")\n'
        'print(pipe("a text of yours"))\n```\n\nor in a shell:\n\n'
        '```\nhfdl predict path/to/this/folder "a text of yours"\n```\n\n'
    )


def test_the_card_of_a_model_trained_further(run):
    card = ModelCard.load(write_model_card(run("org/marian")))
    assert "It is org/marian, fine-tuned on train.tsv with hfdl." in card.text
    assert card.data.base_model == "org/marian"
    assert card.data.library_name == "transformers"
