"""What ``hfdl evaluate`` measures is what ``hfdl predict`` does, for every task.

A tiny model is trained and evaluated on a file. Then the answers of ``hfdl predict`` on that file,
without its labels, are scored by scikit-learn, seqeval, sacrebleu or plain Python, and all figures
must agree. Language models and the token figures of translations are not of answers that predict
gives: they are computed from plain forward passes of the saved model. The texts are long, odd in
their blanks and of many scripts; rows have no text, or one of two: a row that predict does not
answer is not measured, and both say how many there are. Of no task a figure is left out but
``loss`` (and for spans ``accuracy``, which is of words that predict does not name).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.laws_of_figures import (
    causal_figures,
    masked_figures,
    multi_figures,
    regression_figures,
    single_figures,
    span_figures,
    translation_figures,
    word_figures,
)
from helpers.support import reviews
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.tasks.registry import TASKS

pytestmark = pytest.mark.usefixtures("without_report")

Row = dict[str, Any]
ODD = [
    "  two  blanks ", "tab\tand\u00a0nbsp\u3000wide", "zero\u200bwidth café cafe\u0301 naïve",
    "王小明 in 北京", "good 👩\u200d👩\u200d👧 film", "x" * 70, "a good book and a bad film " * 9,
    "line\nbreak\r\nfilm", "ẞİ ﬁlm ไทย 한국어",
]  # fmt: skip


def of_single() -> list[Row]:
    rows = [*reviews(40), *({"text": text, "label": "positive"} for text in ODD)]
    return [{**row, "label": "mixed"} if i % 7 == 0 else row for i, row in enumerate(rows)]


def of_several() -> list[Row]:
    return [
        {"text": row["text"], "label": [row["label"], *(["odd"] if i % 3 else [])][i % 5 == 0 :]}
        for i, row in enumerate(of_single())
    ]


def of_numbers() -> list[Row]:
    return [{"text": row["text"], "label": len(row["text"]) / 10 + 0.25} for row in of_single()]


def of_pairs() -> list[Row]:
    rows = of_single()
    return [
        {"text": row["text"], "other": other["text"], "label": row["label"]}
        for row, other in zip(rows, rows[::-1], strict=True)
    ]


def of_words() -> list[Row]:
    """A thing after an adjective, and now and then a name of two words."""
    rows = []
    for row in of_single():
        words = row["text"].split()
        tags = ["B-THING" if word in ("film", "book", "meal") else "O" for word in words]
        if len(words) > 3:
            tags[-3:] = ["B-END", "I-END", "O"]
        rows.append({"tokens": words, "tags": tags})
    return rows


def of_spans() -> list[Row]:
    """Numbers and units without a blank, spans in every script, and some within a word."""
    texts = [f"take {n}ml of {'good' if n % 2 else 'bad'} x{n}" for n in range(10, 40)]
    rows: list[Row] = [
        {"text": text, "spans": [[5, 7, "NUM"], {"start": 7, "end": 9, "label": "UNIT"}]}
        for text in texts
    ]
    for text in ODD:
        end = len(text.rstrip())
        rows.append({"text": text, "spans": [[end - 3, len(text), "END"]]})
    rows.append(
        {"text": "unhappy 20kg", "spans": [[2, 7, "END"], [8, 10, "NUM"], [10, 11, "UNIT"]]}
    )
    return rows


def of_translation() -> list[Row]:
    return [{"text": row["text"], "label": row["text"].upper()[:40]} for row in of_single()]


def of_documents() -> list[Row]:
    return [{"text": row["text"]} for row in of_single()]


@dataclass(frozen=True)
class Case:
    """A task on some rows.

    Args:
        task: its name in the registry.
        recipe: the recipe.
        rows: makes the data.
        figures: the figures of a run from the rows and the answers, computed in another way.
        settings: of the recipe.
        model: a fixture with the folder of a model; None: the recipe's own.
        inputs: the columns that predict is given.
        options: of predict; without any, predict is not asked.
    """

    task: str
    recipe: str
    rows: Callable[[], list[Row]]
    figures: Callable[[Path, Path, list[Row], list[Row]], dict[str, float]]
    settings: dict[str, Any] = field(default_factory=dict)
    model: str | None = "tiny_bert"
    inputs: tuple[str, ...] = ("text",)
    options: tuple[str, ...] | None = ()
    beyond: frozenset[str] = frozenset({"loss"})


LONG = {"data.max_length": 24}
TEXTS, WORDS = "text_classification", "token_classification"
SEVERAL = {"data.problem_type": "multi_label_classification"}
OF_PASSES = {
    TEXTS: set(), WORDS: set(), "translation": {"perplexity"}, "masked_lm": {"perplexity"},
    "causal_lm": {"perplexity", "strided_perplexity", "bits_per_byte"},
}  # fmt: skip
OF_SPANS = frozenset({"loss", "accuracy"})
SMALL = {
    "model.config.hidden_size": 32, "model.config.encoder_layers": 1,
    "model.config.decoder_layers": 1, "model.config.intermediate_size": 64,
    "model.config.vocab_size": 300, "data.text": "text", "data.label": "label",
}  # fmt: skip

CASES = {
    "single": Case(TEXTS, "sentiment", of_single, single_figures, LONG),
    "single-windows": Case(
        TEXTS, "sentiment", of_single, single_figures, {**LONG, "data.long_text": "window"}
    ),
    "single-head-tail": Case(
        TEXTS, "sentiment", of_single, single_figures, {**LONG, "data.long_text": "head_tail"},
        options=("--batch-size", "3"),
    ),
    "several": Case(TEXTS, "sentiment", of_several, multi_figures, {**LONG, **SEVERAL}),
    "regression": Case(TEXTS, "sentiment", of_numbers, regression_figures, LONG),
    "pairs": Case(
        TEXTS, "sentiment", of_pairs, single_figures, {**LONG, "data.text_pair": "other"},
        inputs=("text", "other"),
    ),
    "words": Case(WORDS, "ner", of_words, word_figures, LONG, inputs=("tokens",)),
    "words-truncated": Case(
        WORDS, "ner", of_words, word_figures, {**LONG, "data.long_text": "truncate"},
        inputs=("tokens",),
    ),
    "words-bioes": Case(
        WORDS, "ner", of_words, word_figures, {**LONG, "data.scheme": "BIOES"}, inputs=("tokens",),
        options=("--batch-size", "2"),
    ),
    "spans": Case(WORDS, "ner", of_spans, span_figures, LONG, beyond=OF_SPANS),
    "spans-truncated": Case(
        WORDS, "ner", of_spans, span_figures, {**LONG, "data.long_text": "truncate"},
        beyond=OF_SPANS, options=("--batch-size", "2"),
    ),
    "spans-all-pieces": Case(
        WORDS, "ner", of_spans, span_figures, {**LONG, "data.label_pieces": "all"}, beyond=OF_SPANS
    ),
    "masked": Case("masked_lm", "mlm", of_documents, masked_figures, LONG, options=None),
    "causal": Case(
        "causal_lm", "clm", of_documents, causal_figures,
        {**LONG, "model.config": None, "model.tokenizer": None, "train.samples": []},
        model="tiny_gpt2", options=None,
    ),
    "translation": Case(
        "translation", "translation", of_translation, translation_figures, {**LONG, **SMALL},
        model=None,
    ),
}  # fmt: skip


BLANK = ["", " \t", None, "\u200b\ufeff", "\u00a0\n"]
EMPTY: dict[str, list[Any]] = {"tokens": [[], None, "", " ", []], "tags": [[], None, "", "", []],
                               "spans": [[], None, [], [], {"entities": []}]}  # fmt: skip


def with_blanks(case: Case) -> tuple[list[Row], list[int]]:
    """The rows of a case, rows without a text between them, and the places of these."""
    rows, places = case.rows(), []
    if case.inputs == ("text", "other"):  # one text of two is a row like others
        halves = [{"text": "a good film", "other": ""}, {"text": None, "other": "bad"}]
        rows[3:3] = [{**half, "label": "mixed"} for half in halves]
    for i in range(len(BLANK)):
        emptied = dict.fromkeys(case.inputs, BLANK[i]) | {k: v[i] for k, v in EMPTY.items()}
        place = 7 * i + 2
        rows.insert(place, {**rows[place], **{k: emptied[k] for k in rows[place] if k in emptied}})
        places.append(place)
    return rows, places


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def command(*arguments: Any) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", CASES)
def test_evaluate_equals_predict(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    case = CASES[name]
    all_rows, blanks = with_blanks(case)
    rows = [row for i, row in enumerate(all_rows) if i not in blanks]
    file, kept = write(tmp_path / "all.jsonl", all_rows), write(tmp_path / "kept.jsonl", rows)
    given = [{key: row[key] for key in case.inputs} for row in all_rows]
    raw = write(tmp_path / "raw.jsonl", given)
    settings = {
        "data.train": str(file), "data.validation": str(file), "train.epochs": 3,
        "train.learning_rate": 3e-3, "train.batch_size": 8, "train.precision": "float32",
        **case.settings,
    }  # fmt: skip
    if case.model is not None:
        settings["model.name"] = str(request.getfixturevalue(case.model))
    run, events = tmp_path / "run", list[Any]()
    hfdl.train(case.recipe, settings, output=run, listener=events.append)
    left = "empty documents" if case.task.endswith("_lm") else "rows without a text"
    said = " ".join(map(str, events))
    assert f"train: 5 {left} left out" in said or f"validation: 5 {left} left out" in said
    found = json.loads(command("evaluate", run, f"data.test={file}", "--json"))["test"]
    answers: list[Row] = []
    if case.options is not None:
        output = tmp_path / "answers.jsonl"
        command("predict", run, "--file", raw, "--output", output, *case.options)
        answers = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert len(answers) == len(all_rows)
        unanswered = [answers[i] for i in blanks]
        answers = [answer for i, answer in enumerate(answers) if i not in blanks]
        new = [name for name in answers[0] if name not in case.inputs]
        assert new
        assert all(row[name] is None for row in unanswered for name in new)
        assert all(row[name] is not None for row in answers for name in new)
    expected = case.figures(run, kept, rows, answers)
    assert set(found) - case.beyond == set(expected)
    # Figures of answers agree to the last digits; sums of a forward pass depend on the batch.
    exact = {key: value for key, value in expected.items() if key not in OF_PASSES[case.task]}
    assert {key: found[key] for key in exact} == pytest.approx(exact, rel=1e-12, abs=1e-12)
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-5)
    in_run = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["validation"]
    assert {key: in_run[key] for key in expected} == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_the_law_is_over_every_task() -> None:
    assert {case.task for case in CASES.values()} == set(TASKS)
    assert len(CASES) == 15
