"""Models that write: samples from training, and held-out texts or translations to read."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.errors import MissingExtraError
from hfdl.report import plots, wording
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, evenly, group, highest, render, where

if TYPE_CHECKING:
    from markupsafe import Markup

STAGES = 6
"""Stages of training of which a prompt's texts are shown at most, the first and the last too."""
WORST_TEXTS = 10
WORST_TRANSLATIONS = 20
SAMPLE = 10
COMPARED = 5000
"""Translations that are scored one by one at most: a thousand take about a second."""
COSTLY = 20
ASKED = 20
"""Lines of the tables of tokens and of masked words."""


def build_samples(record: RunRecord) -> Section | None:
    """What the model made of the same prompts, early and late; None where nothing was sampled."""
    # A later record of the same update is the one that counts.
    events = list({event["step"]: event for event in record.events_of("samples")}.values())
    prompts: dict[str, list[dict[str, Any]]] = {}
    for event in spread(events):
        for sample in event.get("samples") or []:
            texts = prompts.setdefault(str(sample.get("prompt") or ""), [])
            texts.append({"step": event["step"], "text": str(sample.get("text") or "")})
    if not prompts:
        return None
    html = render("samples.html", prompts=prompts, shown=len(spread(events)), stages=len(events))
    return Section("samples", "Samples", html)


def spread(events: list[Record]) -> list[Record]:
    """At most ``STAGES`` of some events, evenly spaced, with the first and the last."""
    if len(events) <= STAGES:
        return events
    return [events[round(i * (len(events) - 1) / (STAGES - 1))] for i in range(STAGES)]


def build_examples(record: RunRecord) -> Section | None:
    """Held-out texts: those that the model expected least, and a sample of all."""

    def rows_of(split: str) -> list[Record]:
        # A text is its own answer: these rows have no label.
        return [row for row in record.predictions if row.get("split") == split and "loss" in row]

    return by_split(record, "examples", "Examples to read", _texts, rows_of)


def build_tokens(record: RunRecord) -> Section | None:
    """The tokens that cost a causal model most, or how well a masked one guesses which words."""

    def rows_of(split: str) -> list[Record]:
        rows = [row for row in record.predictions if row.get("split") == split]
        return [row for row in rows if row.get("costly") or row.get("words")]

    return by_split(record, "tokens", "Tokens", _tokens_table, rows_of)


def _tokens_table(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    costly = [{**one, "where": where(row)} for row in rows for one in row.get("costly") or []]
    asked = [pair for row in rows for pair in row.get("words") or []]
    worst = sorted(costly, key=lambda one: -one["loss"])[:COSTLY]
    return render("tokens.html", costly=worst, words=masked_words(asked), asked=len(asked))


def masked_words(pairs: list[Record]) -> list[Record]:
    """The words that were masked most often: how often each was guessed, and what else was said."""
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        said[str(pair["target"])][str(pair["prediction"])] += 1
    often = sorted(said.items(), key=lambda one: (-one[1].total(), one[0]))[:ASKED]
    found = []
    for word, answers in often:
        wrong = [(name, count) for name, count in answers.most_common() if name != word]
        found.append({"word": word, "times": answers.total(),
                      "share": answers[word] / answers.total(), "instead": wrong[:3]})  # fmt: skip
    return found


def build_translations(record: RunRecord) -> Section | None:
    """Translations: those furthest from their reference, and a sample of all."""
    return by_split(record, "examples", "Examples to read", _translations)


def _texts(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    scored = [row for row in rows if math.isfinite(_loss(row)) and row.get("tokens")]
    worst = highest(scored, _loss, WORST_TEXTS)
    groups = _groups("Texts the model expected least", worst, rows, _text)
    return render("texts.html", groups=groups)


def _translations(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    rows, scored = _with_chrf(rows), [row for row in rows if math.isfinite(_loss(row))]
    worst = highest(scored, _loss, WORST_TRANSLATIONS)
    groups = _groups("References the model expected least", worst, rows, _translation)
    compared = [row for row in rows if "chrf" in row]
    lowest = highest(compared, lambda row: -row["chrf"], WORST_TRANSLATIONS)
    if lowest:
        shown = [_translation(row) for row in lowest]
        groups.insert(0, group("Lowest chrF", shown, len(compared), "example"))
    picture = None
    if compared:
        picture = plots.chrf_chart(f"chrf-{split}", np.array([row["chrf"] for row in compared]))
    return render(
        "translations.html", groups=groups, picture=picture, left=len(rows) - len(compared)
    )


def _with_chrf(rows: list[Record]) -> list[Record]:
    """The rows, ``COMPARED`` of them with ``chrf`` of their own; as they are without sacrebleu."""
    from hfdl.metrics.translation import sentence_scores

    compared = evenly(rows, COMPARED)
    sides = [[str(row[key]) for row in compared] for key in ("label", "prediction")]
    try:
        scores = sentence_scores(*sides)
    except MissingExtraError:
        return rows
    own = {id(row): score for row, score in zip(compared, scores, strict=True)}
    return [{**row, "chrf": own[id(row)]} if id(row) in own else row for row in rows]


def _groups(
    title: str, worst: list[Record], rows: list[Record], example: Callable[[Record], Record]
) -> list[Record]:
    """The worst rows and a sample of all."""
    groups = [
        group(title, [example(row) for row in worst], len(rows), "example"),
        group("A sample", [example(row) for row in evenly(rows, SAMPLE)], len(rows), "example"),
    ]
    return [one for one in groups if one["examples"]]


def _text(row: Record) -> Record:
    return {
        "text": str(row.get("text") or ""),
        "pairs": [
            (str(pair.get("target")), str(pair.get("prediction"))) for pair in asked_tokens(row)
        ],
        "where": where(row),
        "verdict": f"perplexity {wording.measured(_exp(_loss(row)))}, "
        f"{wording.percent(row.get('accuracy'))} of {_tokens(row)} predicted",
    }


def _translation(row: Record) -> Record:
    sides = [("Source", "text"), ("Reference", "label"), ("Prediction", "prediction")]
    return {
        "texts": [(title, str(row[key])) for title, key in sides],
        "where": where(row),
        "verdict": (f"chrF {row['chrf']:.1f}; " if "chrf" in row else "")
        + f"loss {wording.measured(row.get('loss'))} a token, "
        f"{wording.percent(row.get('accuracy'))} of the reference's tokens predicted",
    }


def asked_tokens(row: Record) -> list[Record]:
    """The ``{"target", "prediction"}`` pairs of a masked language model's prediction."""
    lists = [value for name, value in row.items() if isinstance(value, list) and name != "costly"]
    return [
        pair
        for found in lists
        for pair in found
        if isinstance(pair, dict) and {"target", "prediction"} <= {*pair}
    ]


def _tokens(row: Record) -> str:
    tokens = row.get("tokens")
    return wording.plural(tokens, "token") if isinstance(tokens, int) else "the tokens"


def _loss(row: Record) -> float:
    loss = row.get("loss")
    return math.nan if loss is None else float(loss)


def _exp(loss: float) -> float:
    return math.exp(min(loss, 700.0)) if math.isfinite(loss) else math.nan
