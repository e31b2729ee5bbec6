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
import time
from pathlib import Path
from typing import Any

from pairs import Side, run

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SETTINGS = {"batch_size": 32, "learning_rate": 1e-4, "warmup": 0.06, "weight_decay": 0.01}
MAX_LENGTH = 128
IGNORED = -100


def strict_f1(references: list[list[str]], predictions: list[list[str]]) -> float:
    """Entity-level F1: start, end and type must be right."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    score: Any = f1_score(references, predictions, mode="strict", scheme=IOB2)
    return float(score)


def run_hfdl(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with hfdl."""
    import hfdl

    overrides = {
        "model.name": MODEL,
        "data.train": arguments.train,
        "data.validation": arguments.validation,
        "data.max_length": MAX_LENGTH,
        "train.epochs": arguments.epochs,
        "train.seed": seed,
        **{f"train.{key}": value for key, value in SETTINGS.items()},
    }
    done = hfdl.train("ner", overrides, output=folder, listener=lambda event: None)
    lines = (Path(folder) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for line in lines if (record := json.loads(line))["split"] == "validation"]
    runtime = done.metrics["runtime"]
    return {
        "f1": strict_f1([r["label"] for r in records], [r["prediction"] for r in records]),
        "train_seconds": runtime["seconds"],
        "tokens_per_second": runtime["tokens_per_second"],
        "peak_memory_bytes": runtime["peak_memory_bytes"],
        "environment": done.metrics["environment"],
    }


def run_trainer(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Fine-tune with the Trainer."""
    import resource

    import numpy as np
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
    )

    from hfdl.training.precision import native_bf16
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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=folder,
            num_train_epochs=arguments.epochs,
            per_device_train_batch_size=SETTINGS["batch_size"],
            per_device_eval_batch_size=64,
            learning_rate=SETTINGS["learning_rate"],
            warmup_steps=SETTINGS["warmup"],
            weight_decay=SETTINGS["weight_decay"],
            use_cpu=device.type == "cpu",
            bf16=native_bf16(device)[0] == "bf16",
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model="f1",
            logging_steps=50,
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        ),
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        data_collator=DataCollatorForTokenClassification(tokenizer),
        compute_metrics=score,
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    metrics = trainer.evaluate()
    trainer.save_model(folder)
    tokens = arguments.epochs * sum(map(len, data["train"]["input_ids"]))
    return {
        "f1": metrics["eval_f1"],
        "train_seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "trainer": run_trainer}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", help="conll file: a word and its IOB2 tag a line, by a tab")
    parser.add_argument("validation", help="the same")
    parser.add_argument("--epochs", type=float, default=5)
    run(parser, SIDES, score="f1")


if __name__ == "__main__":
    main()
