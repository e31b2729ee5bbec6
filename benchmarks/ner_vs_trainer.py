"""hfdl and transformers' Trainer, as its run_ner example uses it, on the same named entities.

    python benchmarks/ner_vs_trainer.py TRAIN.conll DEV.conll --epochs 5 --seeds 0 1 2

Same weights, sentences, batch size, learning rate, schedule, decay, clipping, precision, labels on
each word's first piece; both evaluate and save after each epoch and keep the best. The Trainer runs
at its best documented settings: bf16 where the CPU or GPU has it, batches grouped by length,
dynamic padding, fused AdamW. Both are judged by seqeval, strict, on the development set; hfdl's
tags are read from the predictions.jsonl that the run leaves.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from against_trainer import MAX_LENGTH, MODEL, add_files, train_with_hfdl, train_with_trainer
from pairs import Side, run

IGNORED = -100


def strict_f1(references: list[list[str]], predictions: list[list[str]]) -> float:
    """Entity-level F1: start, end and type must be right."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    score: Any = f1_score(references, predictions, mode="strict", scheme=IOB2)
    return float(score)


def run_hfdl(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with hfdl."""
    figures, _ = train_with_hfdl("ner", arguments, seed, folder)
    lines = (Path(folder) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for line in lines if (record := json.loads(line))["split"] == "validation"]
    f1 = strict_f1([r["label"] for r in records], [r["prediction"] for r in records])
    return {"f1": f1, **figures}


def run_trainer(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with the Trainer."""
    import numpy as np
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
    )

    from hfdl.weights.resolve import find_model

    source = find_model(MODEL)
    tokenizer: Any = AutoTokenizer.from_pretrained(source)
    data: Any = load_dataset(
        "conll", data_files={"train": arguments.train, "validation": arguments.validation},
        column_names=["tokens", "tags"], delimiter="\t",
    )  # fmt: skip
    names = sorted({tag for tags in data["train"]["tags"] for tag in tags})

    def encode(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        encoded = tokenizer(
            rows["tokens"], is_split_into_words=True, truncation=True, max_length=MAX_LENGTH
        )
        labels = []
        for i, tags in enumerate(rows["tags"]):
            words = encoded.word_ids(i)
            first = [
                w is not None and w != before
                for before, w in zip([None, *words[:-1]], words, strict=True)
            ]
            labels.append([names.index(tags[w]) if is_first else IGNORED
                           for w, is_first in zip(words, first, strict=True)])  # fmt: skip
        return {**encoded, "labels": labels}

    def score(found: Any) -> dict[str, float]:
        guesses = np.argmax(found.predictions, -1)
        kept = [row != IGNORED for row in found.label_ids]
        read = [
            [[names[i] for i in row[keep]] for row, keep in zip(rows, kept, strict=True)]
            for rows in (found.label_ids, guesses)
        ]
        return {"f1": strict_f1(*read)}

    data = data.map(encode, batched=True, remove_columns=data["train"].column_names)
    torch.manual_seed(seed)
    model: Any = AutoModelForTokenClassification.from_pretrained(source, num_labels=len(names))
    return train_with_trainer(
        model, data, DataCollatorForTokenClassification(tokenizer), score,
        metric="f1", epochs=arguments.epochs, seed=seed, folder=folder,
    )  # fmt: skip


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "trainer": run_trainer}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_files(parser, "conll file: a word and its IOB2 tag a line, by a tab", epochs=5)
    run(parser, SIDES, score="f1")


if __name__ == "__main__":
    main()
