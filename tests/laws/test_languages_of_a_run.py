"""A run that was trained for two languages: measured, used and opened in the same ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.support import write_csv
from helpers.translation_models import KINDS, PREFIXES, SOURCES, opened, save

import hfdl
from hfdl.cli import errors
from hfdl.config.schema import DataConfig
from hfdl.tasks.translation.languages import languages
from hfdl.weights.pretrained import quiet_transformers


def test_every_way_of_saying_languages_is_among_the_cases() -> None:
    assert sorted(KINDS) == ["marian", "mbart", "mbart50", "nllb", "t5"]


@pytest.mark.parametrize("kind", ["mbart50", "nllb"])
def test_targets_are_those_of_transformers(kind: str, tmp_path: Path) -> None:
    source, target = KINDS[kind]
    with quiet_transformers():
        model, tokenizer = opened(save(kind, tmp_path))
        theirs = type(tokenizer).from_pretrained(tmp_path, src_lang=source, tgt_lang=target)
    data = DataConfig(train="pairs.csv", src_lang=source, tgt_lang=target)
    ours = languages(tokenizer, model.config, data, is_plain=False)
    for _ in range(2):
        assert ours.source(SOURCES)["input_ids"] == theirs(SOURCES)["input_ids"]
        assert ours.target(SOURCES)["input_ids"] == theirs(text_target=SOURCES)["input_ids"]
    assert ours.target("two")["input_ids"][0] == tokenizer.convert_tokens_to_ids(target)


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The kind, and a run of it that has learned a little."""
    kind, folder = request.param, tmp_path_factory.mktemp(request.param)
    rows = [{"text": text, "label": text[::-1]} for text in SOURCES * 10]
    source, target = KINDS[kind]
    with quiet_transformers():
        settings = {
            "model.name": str(save(kind, folder / "start")), "model.config": None,
            "data.train": str(write_csv(folder / "pairs.csv", rows)), "data.text": "text",
            "data.label": "label", "data.max_length": 40, "data.src_lang": source,
            "data.tgt_lang": target, "train.steps": 2, "train.batch_size": 8,
            "train.learning_rate": 1e-3, "train.precision": "float32",
        }  # fmt: skip
        done = hfdl.train("translation", settings, output=folder / "run", listener=lambda e: None)
    return kind, done


def test_evaluation_asks_for_the_languages_that_were_trained(run: Any) -> None:
    _, done = run
    measured = hfdl.evaluate(done.directory, listener=lambda e: None)["validation"]
    for name, value in done.metrics["validation"].items():
        assert measured[name] == pytest.approx(value, rel=1e-5), name


def test_prediction_asks_for_them_too(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, done = run
    file = (done.directory / "predictions.jsonl").read_text(encoding="utf-8")
    rows = {row["text"]: row["prediction"] for row in map(json.loads, file.splitlines())}
    assert errors.run(["predict", str(done.directory), *rows]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["text"]: one["translation_text"] for one in answers} == rows


def test_plain_transformers_generates_the_same_by_default(run: Any) -> None:
    kind, done = run
    source, target = KINDS[kind]
    with quiet_transformers():
        model, tokenizer = opened(done.directory)
        if hasattr(tokenizer, "src_lang"):
            assert (tokenizer.src_lang, tokenizer.tgt_lang) == (source, target)
        for text, ours in zip(SOURCES, done.pipeline()(SOURCES, return_scores=True), strict=True):
            inputs = tokenizer(PREFIXES.get(kind, "") + text, return_tensors="pt")
            inputs.pop("token_type_ids", None)
            written = model.generate(**inputs)[0, 1:].tolist()
            # hfdl's limit is twice the source and ten more; either may be the one that ends it.
            both = min(len(written), len(ours["token_ids"])) - 1
            assert both > 4
            assert written[:both] == ours["token_ids"][:both]
            assert len(written) <= 40


def test_a_run_is_asked_for_other_languages_where_they_are_named(run: Any) -> None:
    kind, done = run
    others = {"mbart": ("ro_RO", "en_XX"), "mbart50": ("fr_XX", "en_XX"),
              "nllb": ("fra_Latn", "deu_Latn"), "t5": ("en", "fr")}  # fmt: skip
    if kind not in others:
        return
    source, target = others[kind]
    pipe = hfdl.pipeline("translation", str(done.directory), src_lang=source, tgt_lang=target)
    with quiet_transformers():
        model, tokenizer = opened(done.directory)
    prefix, more = "", dict[str, Any]()
    if kind == "t5":
        prefix = "translate English to French: "
    else:
        tokenizer.src_lang = source
        more["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(target)
    for text, ours in zip(SOURCES, pipe(SOURCES, return_scores=True, num_beams=1), strict=True):
        inputs = tokenizer(prefix + text, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        written = model.generate(**inputs, **more, num_beams=1)[0, 1:].tolist()
        both = min(len(written), len(ours["token_ids"])) - 1  # the limits differ, and end it
        assert written[:both] == ours["token_ids"][:both]
