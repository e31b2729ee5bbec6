"""The page and the card of a language model: perplexity, samples, texts to read."""

from __future__ import annotations

import json

import pytest
import yaml
from huggingface_hub import ModelCard

from hfdl.report import write_model_card, write_report
from hfdl.report.sections.language import spread

CAUSAL = {"perplexity": 4.31, "accuracy": 0.55, "bits_per_byte": 2.108, "loss": 1.461}
STRIDED = {**CAUSAL, "strided_perplexity": 4.1}
MASKED = {"perplexity": 4.31, "accuracy": 0.55, "loss": 1.461}


def rows(n, split="validation", **more):
    return [
        {"split": split, "index": i, "where": f"poems.txt, line {4 * i + 1}", "text": f"text {i}",
         "loss": (3 * i % n) / 10, "accuracy": 0.5, "tokens": 8, **more}
        for i in range(n)
    ]  # fmt: skip


def samples(step, *texts):
    pairs = zip(["The king", ""], texts, strict=False)
    return {"event": "samples", "step": step,
            "samples": [{"prompt": prompt, "text": text} for prompt, text in pairs]}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Writes the files of a run: ``run("causal_lm", scores, rows, events)``."""

    def write(task="causal_lm", scores=STRIDED, predictions=None, events=(), **metrics):
        data = {"train": "poems.txt", "max_length": 64}
        recipe = {"task": task, "model": {"name": "hfdl://gpt2"}, "data": data,
                  "train": {"seed": 0}}  # fmt: skip
        metrics = {"task": task, "best": {"metric": "loss", "value": 1.461, "step": 20},
                   "train": {"loss": 2.0}, "validation": scores, **metrics}  # fmt: skip
        predictions = rows(30) if predictions is None else predictions
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        for name, lines in (("predictions", predictions), ("log", events)):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (tmp_path / f"{name}.jsonl").write_text(text)
        return tmp_path

    return write


def page(folder):
    from .conftest import Page

    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_the_headline_is_the_perplexity_and_the_figures_say_what_they_are_of(run):
    found = page(run())
    assert found.sections == ["figures", "limits", "examples", "facts"]
    assert ": Language model, gpt2 Language model gpt2" in found.text
    assert "Figures Perplexity, validation 4.310 Figure" in found.text
    assert [line[0] for line in found.table("figures")[1:]] == [
        "Perplexity", "Accuracy", "Bits per byte", "Loss", "Perplexity, strided",
    ]  # fmt: skip
    assert "Each token is predicted from those before it. Perplexity is e to the loss" in found.text
    assert "Strided perplexity predicts each token from a longer text" in found.text
    assert "Strided" not in page(run(scores=CAUSAL)).text
    assert "a longer text is read piece by piece." in found.text


def test_the_curve_is_of_perplexity(run):
    events = [
        {"event": "update", "step": step, "loss": 2.0, "learning_rate": 1e-3} for step in (10, 20)
    ] + [
        {"event": "evaluation", "split": "validation", "step": step, "metrics": CAUSAL}
        for step in (10, 20)
    ]
    found = page(run(events=events))
    assert "Perplexity on validation" in found.text
    assert "best: 4.310" in found.text


def test_samples_stand_in_the_order_of_learning(run):
    events = [samples(10, " qqq", "zzz"), samples(20, " of <b>men</b>", "A day")]
    found = page(run(events=events))
    assert found.sections == ["figures", "limits", "samples", "examples", "facts"]
    start = found.text.index("What the model wrote")
    assert found.text[start:].startswith(
        "What the model wrote from the same prompts as it learned. Chance has a part in each text. "
        "The king update 10 qqq update 20 of <b>men</b> (no prompt) update 10 zzz update 20 A day "
    )
    assert "<b>men" not in found.source


def test_of_many_samples_the_first_the_last_and_some_between_are_shown(run):
    events = [samples(step, f"text at {step}") for step in range(1, 31)]
    shown = [event["step"] for event in spread(events)]
    assert shown == [1, 7, 13, 18, 24, 30]
    text = page(run(events=events)).text
    assert "as it learned, 6 of 30 times." in text
    assert [step for step in range(1, 31) if f"text at {step} " in text] == shown
    assert spread(events[:6]) == events[:6]


def test_samples_that_a_resume_took_back_are_not_shown(run):
    events = [samples(10, "early"), samples(15, "lost"),
              {"event": "resume", "step": 10, "path": "x"}, samples(20, "kept")]  # fmt: skip
    text = page(run(events=events)).text
    assert "lost" not in text
    assert "update 10 early update 20 kept" in text


def test_texts_to_read_are_the_least_expected_and_a_sample(run):
    text = page(run()).text
    start, sample = text.index("Texts the model expected least"), text.index("A sample")
    # 3 i mod 30 is largest, 27, at i = 9, 19 and 29.
    assert text[start:].startswith(
        "Texts the model expected least 10 of 30 examples. text 9 poems.txt, line 37: "
        "perplexity 14.88, 50.0% of 8 tokens predicted text 19 "
    )
    assert text[start:sample].count("poems.txt, line") == 10
    assert text[sample:].startswith("A sample 10 of 30 examples. text 0 poems.txt, line 1: ")


def test_rows_without_a_loss_or_tokens_are_no_error(run):
    broken = rows(3)
    broken[0]["loss"], broken[1]["tokens"] = None, 0
    text = page(run(predictions=broken)).text
    assert "Texts the model expected least 1 of 3 examples. text 2 " in text
    assert page(run(predictions=[])).sections == ["figures", "limits", "facts"]


def test_masked_tokens_stand_beside_what_was_said(run):
    pairs = [{"target": "king", "prediction": "king"}, {"target": "<s>", "prediction": "queen"}]
    folder = run("masked_lm", MASKED, rows(2, prediction=pairs))
    found = page(folder)
    assert "Masked language model" in found.text
    assert found.text.count("“king”, predicted “<s>”, said “queen” poems.txt, line") == 4
    assert "are of the masked tokens, each predicted from the text on both sides" in (found.text)
    card = ModelCard.load(write_model_card(folder))
    assert card.data.pipeline_tag == "fill-mask"
    assert 'print(pipe(f"a text with a {pipe.tokenizer.mask_token} of yours"))' in card.text
    assert 'hfdl predict path/to/this/folder "a text with a [MASK] of yours"' in card.text
    run("masked_lm", MASKED, [], mask_token="<mask>")
    assert 'folder "a text with a <mask> of yours"' in write_model_card(folder).read_text()


def test_the_card_of_a_causal_model(run):
    card = ModelCard.load(write_model_card(run()))
    assert card.data.pipeline_tag == "text-generation"
    assert "Language model: this model continues a text, token by token." in card.text
    assert "| Bits per byte | 2.108 |" in card.text
    assert 'pipeline("text-generation", model="path/to/this/folder")' in card.text
    assert "## Labels" not in card.text
