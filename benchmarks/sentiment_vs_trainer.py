"""hfdl and transformers' Trainer on the same fine-tuning, in turn, each in a process of its own.

    python benchmarks/sentiment_vs_trainer.py TRAIN.tsv DEV.tsv --epochs 3 --seeds 0 1 2

Same weights, texts, batch size, learning rate, schedule, decay, clipping, precision; both evaluate
and save after each epoch and keep the best. The Trainer runs at its best documented settings:
bf16 where the CPU or GPU has it, batches grouped by length, dynamic padding, fused AdamW. The
order is A B B A for pairs of seeds, so that a machine that slows down favours neither.

Prints a table, and with ``--output F.json`` writes every figure with the machine and versions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SETTINGS = {"batch_size": 32, "learning_rate": 1e-4, "warmup": 0.06, "weight_decay": 0.01}
MAX_LENGTH = 128


def run_hfdl(train: str, validation: str, epochs: float, seed: int, output: str) -> dict[str, Any]:
    """Fine-tune with hfdl."""
    import hfdl

    overrides = {
        "model.name": MODEL,
        "data.train": train,
        "data.validation": validation,
        "data.max_length": MAX_LENGTH,
        "train.epochs": epochs,
        "train.seed": seed,
        **{f"train.{key}": value for key, value in SETTINGS.items()},
    }
    run = hfdl.train("sentiment", overrides, output=output, listener=lambda event: None)
    runtime = run.metrics["runtime"]
    return {
        "accuracy": run.metrics["validation"]["accuracy"],
        "train_seconds": runtime["seconds"],
        "tokens_per_second": runtime["tokens_per_second"],
        "peak_memory_bytes": runtime["peak_memory_bytes"],
        "environment": run.metrics["environment"],
    }


def run_trainer(
    train: str, validation: str, epochs: float, seed: int, output: str
) -> dict[str, Any]:
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

    folder = find_model(MODEL)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    files = {"train": train, "validation": validation}
    # quoting=3: the files hold bare quotes, as hfdl reads them too.
    data: Any = load_dataset("csv", data_files=files, delimiter="\t", quoting=3)
    names = sorted(set(data["train"]["label"]))

    def encode(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        encoded = tokenizer(rows["text"], truncation=True, max_length=MAX_LENGTH)
        return {**encoded, "labels": [names.index(label) for label in rows["label"]]}

    data = data.map(encode, batched=True, remove_columns=data["train"].column_names)
    torch.manual_seed(seed)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(names))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=output,
            num_train_epochs=epochs,
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
    trainer.save_model(output)
    tokens = epochs * sum(map(len, data["train"]["input_ids"]))
    return {
        "accuracy": metrics["eval_accuracy"],
        "train_seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


SIDES = {"hfdl": run_hfdl, "trainer": run_trainer}


def measure(side: str, arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One side in a fresh process: its own figures, and the seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, __file__, arguments.train, arguments.validation,
            "--epochs", str(arguments.epochs), "--seeds", str(seed),
            "--side", side, "--output", str(report), "--folder", f"{folder}/run",
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{side} failed:\n{done.stderr}")
        return {"side": side, "seed": seed, "seconds": seconds, **json.loads(report.read_text())}


def compare(arguments: argparse.Namespace) -> None:
    """Both sides for every seed; a table of medians and ratios."""
    results = []
    for i, seed in enumerate(arguments.seeds):
        for side in list(SIDES) if i % 2 == 0 else list(reversed(SIDES)):
            results.append(measure(side, arguments, seed))
            last = results[-1]
            print(
                f"seed {seed}  {side:8}  whole {last['seconds']:7.1f} s  training "
                f"{last['train_seconds']:7.1f} s  {last['tokens_per_second']:7,.0f} tokens/s  "
                f"accuracy {last['accuracy']:.4f}  "
                f"{last['peak_memory_bytes'] / 2**30:.2f} GiB",
                flush=True,
            )
    for figure in ("seconds", "train_seconds"):
        ratios = [
            next(r[figure] for r in results if (r["side"], r["seed"]) == ("trainer", seed))
            / next(r[figure] for r in results if (r["side"], r["seed"]) == ("hfdl", seed))
            for seed in arguments.seeds
        ]
        name = "whole process" if figure == "seconds" else "training"
        print(
            f"{name}: the Trainer takes {statistics.median(ratios):.3f} times as long as hfdl "
            f"(median of {len(ratios)}; {min(ratios):.3f} to {max(ratios):.3f})"
        )
    for side in SIDES:
        found = [r["accuracy"] for r in results if r["side"] == side]
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        print(f"{side}: accuracy {statistics.mean(found):.4f} +/- {spread:.4f}")
    if arguments.output:
        Path(arguments.output).write_text(json.dumps(results, indent=2) + "\n")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", help="tsv file with the columns text and label")
    parser.add_argument("validation", help="the same")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", help="JSON file for every figure")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.side:
        compare(arguments)
        return
    result = SIDES[arguments.side](
        arguments.train, arguments.validation, arguments.epochs, arguments.seeds[0],
        arguments.folder,
    )  # fmt: skip
    Path(arguments.output).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
