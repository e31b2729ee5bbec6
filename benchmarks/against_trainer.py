"""What the comparisons with transformers' Trainer share: one set of settings for both sides.

The Trainer runs at its best documented settings: bf16 where the CPU or GPU has it, batches grouped
by length, dynamic padding, fused AdamW. Both sides evaluate and save after each epoch and keep the
best weights.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SETTINGS = {"batch_size": 32, "learning_rate": 1e-4, "warmup": 0.06, "weight_decay": 0.01}
MAX_LENGTH = 128


def add_files(parser: argparse.ArgumentParser, kind: str, epochs: int) -> None:
    """The arguments of both comparisons: two files, and how often the first is read."""
    parser.add_argument("train", help=kind)
    parser.add_argument("validation", help="the same")
    parser.add_argument("--epochs", type=float, default=epochs)


def train_with_hfdl(
    recipe: str, arguments: argparse.Namespace, seed: int, folder: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run of a recipe: the figures that every comparison has, and the run's own metrics."""
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
    done = hfdl.train(recipe, overrides, output=folder, listener=lambda event: None)
    runtime = done.metrics["runtime"]
    figures = {
        "train_seconds": runtime["seconds"],
        "tokens_per_second": runtime["tokens_per_second"],
        "peak_memory_bytes": runtime["peak_memory_bytes"],
        "environment": done.metrics["environment"],
    }
    return figures, done.metrics


def train_with_trainer(
    model: Any,
    data: Any,
    collator: Any,
    score: Callable[[Any], dict[str, float]],
    *,
    metric: str,
    epochs: float,
    seed: int,
    folder: str,
) -> dict[str, Any]:
    """The same with the Trainer.

    Args:
        model: a transformers model.
        data: its tokenised ``train`` and ``validation``.
        collator: pads a batch.
        score: ``compute_metrics``.
        metric: the one of them that picks the best weights.
        epochs, seed, folder: of the run.
    """
    import torch
    from transformers import Trainer, TrainingArguments

    from hfdl.training.accelerator import native_bf16

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=folder,
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
            metric_for_best_model=metric,
            logging_steps=50,
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        ),
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        data_collator=collator,
        compute_metrics=score,
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    metrics = trainer.evaluate()
    trainer.save_model(folder)
    tokens = epochs * sum(map(len, data["train"]["input_ids"]))
    return {
        metric: metrics[f"eval_{metric}"],
        "train_seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
