"""The figures of a run computed from answers, by other programs than hfdl's metrics.

Each function takes the run's folder, the file with labels, its rows, and the answers of
``hfdl predict``, and gives the figures that ``hfdl evaluate`` should have given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn import metrics as sklearn

from hfdl.weights.pretrained import quiet_transformers

Row = dict[str, Any]
Figures = dict[str, float]
Span = tuple[int, int, str]


def single_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    truth, said = [row["label"] for row in rows], [answer["prediction"] for answer in answers]
    averaged: Row = {"average": "macro", "zero_division": 0}
    return {
        "accuracy": sklearn.accuracy_score(truth, said),
        "precision": sklearn.precision_score(truth, said, **averaged),
        "recall": sklearn.recall_score(truth, said, **averaged),
        "f1": sklearn.f1_score(truth, said, **averaged),
        "matthews_correlation": sklearn.matthews_corrcoef(truth, said),
    }


def multi_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    names = sorted({label for row in rows for label in row["label"]})
    truth = np.array([[name in row["label"] for name in names] for row in rows])
    given = [{one["label"] for one in answer["predictions"]} for answer in answers]
    said = np.array([[name in row for name in names] for row in given])
    micro: Row = {"average": "micro", "zero_division": 0}
    return {
        "accuracy": sklearn.accuracy_score(truth, said),
        "precision": sklearn.precision_score(truth, said, **micro),
        "recall": sklearn.recall_score(truth, said, **micro),
        "f1": sklearn.f1_score(truth, said, **micro),
        "f1_macro": sklearn.f1_score(truth, said, **{**micro, "average": "macro"}),
    }


def regression_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    truth = [float(row["label"]) for row in rows]
    said = [answer["prediction"] for answer in answers]
    return {
        "mse": sklearn.mean_squared_error(truth, said),
        "mae": sklearn.mean_absolute_error(truth, said),
        "r_squared": sklearn.r2_score(truth, said),
        "pearsonr": stats.pearsonr(truth, said).statistic,
        "spearmanr": stats.spearmanr(truth, said).statistic,
    }


# ---- Entities ------------------------------------------------------------------------------------


def word_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    """seqeval's figures of the tags of words, written in BIO from the answers' characters."""
    from seqeval.metrics import accuracy_score, classification_report

    truth = [row["tags"] for row in rows]
    said = [
        bio(row["tokens"], answer["entities"]) for row, answer in zip(rows, answers, strict=True)
    ]
    options: Row = {"output_dict": True, "zero_division": 0}
    report: Any = classification_report(truth, said, **options)
    figures: Figures = {"accuracy": accuracy_score(truth, said)}
    for name, values in report.items():
        if name in ("macro avg", "weighted avg"):
            continue
        prefix = "" if name == "micro avg" else f"{name}/"
        figures |= {f"{prefix}{key}": values[key] for key in ("precision", "recall")}
        figures[f"{prefix}f1"] = values["f1-score"]
        if prefix:
            figures[f"{prefix}support"] = values["support"]
    return figures


def bio(words: Sequence[str], entities: Iterable[Row]) -> list[str]:
    """The tag of each word of a text of words with blanks between."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words)]).tolist()
    tags = ["O"] * len(words)
    for one in entities:
        held = [i for i, at in enumerate(starts[:-1]) if one["start"] <= at < one["end"]]
        tags[held[0]] = f"B-{one['entity_group']}"
        tags[held[0] + 1 : held[-1] + 1] = [f"I-{one['entity_group']}"] * (len(held) - 1)
    return tags


def span_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    truth = [set(gold(row)) for row in rows]
    said = [
        {(one["start"], one["end"], one["entity_group"]) for one in answer["entities"]}
        for answer in answers
    ]
    types = sorted({span[2] for spans in [*truth, *said] for span in spans})
    figures = {key: value for key, value in counted(truth, said).items() if key != "support"}
    for name in types:
        own = [[{s for s in spans if s[2] == name} for spans in side] for side in (truth, said)]
        figures |= {f"{name}/{key}": value for key, value in counted(*own).items()}
    return figures


def gold(row: Row) -> Iterable[Span]:
    """The annotated spans of a row, without the white space at their edges."""
    for span in row["spans"]:
        start, end, label = span.values() if isinstance(span, dict) else span
        named = row["text"][start:end]
        yield (
            start + len(named) - len(named.lstrip()),
            end - len(named) + len(named.rstrip()),
            label,
        )


def counted(truth: Sequence[set[Span]], said: Sequence[set[Span]]) -> Figures:
    hits = sum(len(one & other) for one, other in zip(truth, said, strict=True))
    found, true = sum(map(len, said)), sum(map(len, truth))
    return {
        "precision": hits / found if found else 0.0,
        "recall": hits / true if true else 0.0,
        "f1": 2 * hits / (found + true) if found + true else 0.0,
        "support": float(true),
    }


# ---- Tokens of language models and of translations -----------------------------------------------


def masked_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    """Of the masked tokens, one example at a time, by the saved model in plain transformers."""
    from hfdl.config.load import load_recipe
    from hfdl.tasks.registry import task_for_model

    recipe = load_recipe(run, {"data.test": str(file), "data.train": None, "data.validation": None})
    split: Any = task_for_model(run, recipe).prepare(recipe.data).test
    model = opened("AutoModelForMaskedLM", run)
    losses, hits = [], []
    for i in range(len(split)):
        batch = split.batch([i])
        with torch.inference_mode():
            logits = model(input_ids=batch.inputs["input_ids"]).logits
        chosen = logits[0, batch.inputs["positions"]]
        score(chosen, batch.targets["targets"], losses, hits)
    return {"perplexity": math.exp(np.mean(losses)), "accuracy": float(np.mean(hits))}


def causal_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    """Of the whole corpus: texts, each closed by the end token, in blocks of 24 and in windows."""
    model, tokenizer = opened("AutoModelForCausalLM", run), tokenizer_of(run)
    ids = [i for row in rows for i in [*tokenizer(row["text"]).input_ids, tokenizer.eos_token_id]]
    nats, hits = blocks(model, ids, 24, new=24)
    strided, _ = blocks(model, ids, 24, new=12)
    size = sum(len(row["text"].encode()) for row in rows)
    return {
        "perplexity": math.exp(np.mean(nats)),
        "accuracy": float(np.mean(hits)),
        "bits_per_byte": sum(nats) / math.log(2) / size,
        "strided_perplexity": math.exp(np.mean(strided)),
    }


def blocks(model: Any, ids: list[int], length: int, *, new: int) -> tuple[list[float], list[bool]]:
    """Losses and hits of every token but the first: each from a block that scores its last ones."""
    losses: list[float] = []
    hits: list[bool] = []
    done, start = 1, 0
    while done < len(ids):
        piece = torch.tensor([ids[start : start + length + 1]])
        with torch.inference_mode():
            logits = model(piece[:, :-1]).logits[0]
        first = done - start - 1
        score(logits[first:], piece[0, first + 1 :], losses, hits)
        done = start + piece.shape[1]
        start += new
    return losses, hits


def translation_figures(run: Path, file: Path, rows: list[Row], answers: list[Row]) -> Figures:
    """sacrebleu of the answers; of the right targets' tokens the saved model's own outputs."""
    import sacrebleu

    said = [answer["prediction"] for answer in answers]
    truth = [[row["label"] for row in rows]]
    model, tokenizer = opened("AutoModelForSeq2SeqLM", run), tokenizer_of(run)
    losses: list[float] = []
    hits: list[bool] = []
    for row in rows:
        source, target = (
            torch.tensor([tokenizer(row[key], max_length=24, truncation=True).input_ids])
            for key in ("text", "label")
        )
        with torch.inference_mode():
            logits = model(input_ids=source, labels=target).logits[0]
        score(logits, target[0], losses, hits)
    return {
        "bleu": sacrebleu.corpus_bleu(said, truth).score,
        "chrf": sacrebleu.corpus_chrf(said, truth).score,
        "accuracy": float(np.mean(hits)),
        "perplexity": math.exp(np.mean(losses)),
    }


def score(
    logits: torch.Tensor, targets: torch.Tensor, losses: list[float], hits: list[bool]
) -> None:
    """Add the loss of each target and whether it is the likeliest."""
    losses += torch.nn.functional.cross_entropy(logits, targets, reduction="none").tolist()
    hits += (logits.argmax(-1) == targets).tolist()


def opened(auto: str, run: Path) -> Any:
    """The saved model."""
    import transformers

    import hfdl.hf_models  # noqa: F401  registers hfdl's own architectures

    with quiet_transformers():
        return getattr(transformers, auto).from_pretrained(run).eval()


def tokenizer_of(run: Path) -> Any:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(run)
