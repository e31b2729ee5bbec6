"""hfdl and transformers' Trainer on the same fine-tuning, in turn, each in a process of its own.

    python benchmarks/sentiment_vs_trainer.py TRAIN.tsv DEV.tsv --epochs 3 --seeds 0 1 2

Same weights, texts, batch size, learning rate, schedule, decay, clipping, precision; both evaluate
and save after each epoch and keep the best. The Trainer runs at its best documented settings:
bf16 where the CPU or GPU has it, batches grouped by length, dynamic padding, fused AdamW.

Prints a line for each run and the ratios, and with ``--output F.json`` writes every figure with
the machine and versions.
"""

from __future__ import annotations

import argparse
from typing import Any

from against_trainer import MAX_LENGTH, MODEL, add_files, train_with_hfdl, train_with_trainer
from pairs import Side, run


def run_hfdl(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with hfdl."""
    figures, metrics = train_with_hfdl("sentiment", arguments, seed, folder)
    return {"accuracy": metrics["validation"]["accuracy"], **figures}


def run_trainer(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with the Trainer."""
    import numpy as np
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
    )

    from hfdl.weights.resolve import find_model

    source = find_model(MODEL)
    tokenizer: Any = AutoTokenizer.from_pretrained(source)
    files = {"train": arguments.train, "validation": arguments.validation}
    # quoting=3: the files hold bare quotes, as hfdl reads them too.
    data: Any = load_dataset("csv", data_files=files, delimiter="\t", quoting=3)
    names = sorted(set(data["train"]["label"]))

    def encode(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        encoded = tokenizer(rows["text"], truncation=True, max_length=MAX_LENGTH)
        return {**encoded, "labels": [names.index(label) for label in rows["label"]]}

    data = data.map(encode, batched=True, remove_columns=data["train"].column_names)
    torch.manual_seed(seed)
    model: Any = AutoModelForSequenceClassification.from_pretrained(source, num_labels=len(names))
    return train_with_trainer(
        model, data, DataCollatorWithPadding(tokenizer),
        lambda p: {"accuracy": float((np.argmax(p.predictions, -1) == p.label_ids).mean())},
        metric="accuracy", epochs=arguments.epochs, seed=seed, folder=folder,
    )  # fmt: skip


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "trainer": run_trainer}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_files(parser, "tsv file with the columns text and label", epochs=3)
    run(parser, SIDES, score="accuracy")


if __name__ == "__main__":
    main()
