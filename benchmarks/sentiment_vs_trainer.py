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
import time
from typing import Any

from pairs import Side, run

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SETTINGS = {"batch_size": 32, "learning_rate": 1e-4, "warmup": 0.06, "weight_decay": 0.01}
MAX_LENGTH = 128


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
    done = hfdl.train("sentiment", overrides, output=folder, listener=lambda event: None)
    runtime = done.metrics["runtime"]
    return {
        "accuracy": done.metrics["validation"]["accuracy"],
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
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    from hfdl.training.precision import native_bf16
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
            metric_for_best_model="accuracy",
            logging_steps=50,
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        ),
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda p: {
            "accuracy": float((np.argmax(p.predictions, -1) == p.label_ids).mean())
        },
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    metrics = trainer.evaluate()
    trainer.save_model(folder)
    tokens = arguments.epochs * sum(map(len, data["train"]["input_ids"]))
    return {
        "accuracy": metrics["eval_accuracy"],
        "train_seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "trainer": run_trainer}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", help="tsv file with the columns text and label")
    parser.add_argument("validation", help="the same")
    parser.add_argument("--epochs", type=float, default=3)
    run(parser, SIDES, score="accuracy")


if __name__ == "__main__":
    main()
