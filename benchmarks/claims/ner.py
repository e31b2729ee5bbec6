"""Fine-tuning a small encoder on named entities, beside transformers' Trainer (its run_ner)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.limit import Limit, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.hfdl_run import PER_TOKEN

FILES = ("wnut17/train.conll", "wnut17/dev.conll")
TOKENS = 32 * 27  # of a batch of these sentences
IGNORED = -100


def files(settings: SimpleNamespace, side: str) -> list[Path]:
    """The rows of a side: the training part, and the held-out one."""
    folder = Path(settings.folder) / side
    sizes = (settings.rows, settings.dev_rows)
    names = (settings.train, settings.validation)
    return [
        data.part(data.path(settings, name), folder, size)
        for name, size in zip(names, sizes, strict=True)
    ]


def strict_f1(references: list[list[str]], predictions: list[list[str]]) -> float:
    """Entity-level F1: start, end and type must be right."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    score: Any = f1_score(references, predictions, mode="strict", scheme=IOB2)
    return float(score)


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl, in its own model code; its tags are read from the predictions that the run leaves."""
    from benchmarks.sides import hfdl_run

    train, dev = files(settings, "hfdl")
    run = Path(settings.folder) / "hfdl" / "run"

    def work(number: int) -> Figures:
        figures, _ = hfdl_run.train(
            "ner",
            {
                "model.name": str(models.source(settings)), "model.implementation": "hfdl",
                "data.train": str(train), "data.validation": str(dev),
                "data.max_length": settings.max_length,
                "train.batch_size": 32, "train.learning_rate": 1e-4, "train.warmup": 0.06,
                "train.epochs": settings.epochs, "train.steps": settings.steps,
                "train.precision": settings.precision, "train.seed": number,
            },
            run,
        )  # fmt: skip
        lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [row for line in lines if (row := json.loads(line))["split"] == "validation"]
        f1 = strict_f1([row["label"] for row in rows], [row["prediction"] for row in rows])
        return {**figures, "f1": f1, "flops": _flops(figures["tokens"])}

    return work


def trainer_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The Trainer at its best, labels on each word's first piece."""
    import torch
    from datasets import Dataset
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
    )

    from benchmarks.sides import trainer

    source = models.source(settings)
    tokenizer: Any = AutoTokenizer.from_pretrained(source)
    train, dev = (_sentences(file) for file in files(settings, "trainer"))
    names = sorted({tag for _, tags in (*train, *dev) for tag in tags})
    rows, _ = _encoded(train, tokenizer, names, settings.max_length)
    held_out, firsts = _encoded(dev, tokenizer, names, settings.max_length)
    collator: Any = DataCollatorForTokenClassification(tokenizer)

    def work(number: int) -> Figures:
        torch.manual_seed(number)
        model: Any = AutoModelForTokenClassification.from_pretrained(source, num_labels=len(names))
        figures = trainer.train(
            model, Dataset.from_dict(rows), collator, Path(settings.folder) / "trainer" / "run",
            epochs=settings.epochs, steps=settings.steps, seed=number,
            bf16=settings.precision == "bf16", **trainer.BEST,
        )  # fmt: skip
        found = _tags(model.eval().float(), collator, held_out, names)
        found = [
            tagged(words, tags, len(asked))
            for words, tags, (_, asked) in zip(firsts, found, dev, strict=True)
        ]
        f1 = strict_f1([tags for _, tags in dev], found)
        return {**figures, "f1": f1, "flops": _flops(figures["tokens"])}

    return work


def _sentences(file: Path) -> list[tuple[list[str], list[str]]]:
    sentences = []
    for block in file.read_text(encoding="utf-8").split("\n\n"):
        words = [line.split("\t") for line in block.splitlines() if line.strip()]
        if words:
            sentences.append(([word[0] for word in words], [word[-1] for word in words]))
    return sentences


def tagged(words: list[int], tags: list[str], count: int) -> list[str]:
    """The tags of all words of a sentence: ``O`` for one that the tokenizer drops or cuts off."""
    by_word = dict(zip(words, tags, strict=True))
    return [by_word.get(word, "O") for word in range(count)]


def _encoded(
    sentences: Any, tokenizer: Any, names: list[str], longest: int
) -> tuple[dict[str, Any], list[list[int]]]:
    """The columns that a model is given, and the words that have a label, of each sentence."""
    encoded = tokenizer(
        [words for words, _ in sentences], is_split_into_words=True, truncation=True,
        max_length=longest,
    )  # fmt: skip
    labels, firsts = [], []
    for i, (_, tags) in enumerate(sentences):
        words = encoded.word_ids(i)
        first = [
            w is not None and w != before
            for before, w in zip([None, *words[:-1]], words, strict=True)
        ]
        labels.append([names.index(tags[w]) if is_first else IGNORED
                       for w, is_first in zip(words, first, strict=True)])  # fmt: skip
        firsts.append([w for w, is_first in zip(words, first, strict=True) if is_first])
    return {**encoded, "labels": labels}, firsts


def _tags(model: Any, collator: Any, rows: dict[str, Any], names: list[str]) -> list[list[str]]:
    """The tags of each sentence, off its words' first pieces."""
    import torch

    found = []
    with torch.inference_mode():
        for start in range(0, len(rows["labels"]), 64):
            stop = min(start + 64, len(rows["labels"]))
            batch = collator([{n: column[i] for n, column in rows.items()}
                              for i in range(start, stop)])  # fmt: skip
            labels = batch.pop("labels")
            best = model(**batch).logits.argmax(-1)  # (B, T)
            found += [
                [names[tag] for tag in line[kept != IGNORED].tolist()]
                for line, kept in zip(best, labels, strict=True)
            ]
    return found


def _flops(tokens: float) -> float:
    width, inner = models.WIDTH, models.INNER
    return 6.0 * tokens * models.LAYERS * (4 * width * width + 2 * width * inner)


def limit(settings: SimpleNamespace) -> Limit:
    """The products of a layer for a batch."""
    dtype = "bfloat16" if settings.precision == "bf16" else "float32"
    return Limit(layer_shapes(TOKENS, models.WIDTH, models.INNER), dtype)


PROGRAM = Program(
    name="ner",
    title="fine-tuning MiniLM on the named entities of WNUT-17, float32, batches of 32",
    sides={"hfdl": hfdl_side, "Trainer at its best": trainer_side},
    claims=(
        Claim(
            "ner", "fine-tuning, named entities of WNUT-17, float32", "Trainer at its best",
            figure=PER_TOKEN, at_least=1.6,
        ),
    ),
    settings={
        "encoder": models.MINILM, "train": FILES[0], "validation": FILES[1], "rows": None,
        "dev_rows": None, "steps": None, "epochs": 5, "max_length": 128, "precision": "float32",
    },
    quick={"rows": 1024, "dev_rows": 200, "steps": 8},
    tiny={"rows": 24, "dev_rows": 8, "epochs": 1, "max_length": 32},
    limit=limit, quality={"f1": "F1"}, files=FILES, packages=("seqeval",),
)  # fmt: skip
