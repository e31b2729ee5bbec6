"""Fine-tuning a small encoder on sentences, beside transformers' Trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program, Side
from benchmarks.harness.limit import Limit, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.hfdl_run import PER_TOKEN

FILES = ("sst2_stsa/train.tsv", "sst2_stsa/dev.tsv")
SETTINGS = {
    "encoder": models.MINILM, "rows": None, "dev_rows": None, "steps": None, "epochs": 3,
    "max_length": 128,
    "precision": "float32",
}  # fmt: skip
# The Trainer sorts a quarter of the rows at a time (8 batches here) and takes the longest first: 8
# updates are one such group, which has rows of all lengths.
QUICK = {"rows": 1024, "dev_rows": 200, "steps": 8}
TOKENS = 32 * 26  # of a batch of these sentences
LABELS = ["negative", "positive"]


def files(settings: SimpleNamespace, side: str) -> list[Path]:
    """The rows of a side: the training part, and the held-out one."""
    folder = Path(settings.folder) / side
    sizes = (settings.rows, settings.dev_rows)
    return [
        data.part(data.path(settings, name), folder, size)
        for name, size in zip(FILES, sizes, strict=True)
    ]


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl, in its own model code."""
    from benchmarks.sides import hfdl_run

    train, dev = files(settings, "hfdl")

    def work(number: int) -> Figures:
        figures, metrics = hfdl_run.train(
            "sentiment",
            {
                "model.name": str(models.source(settings)), "model.implementation": "hfdl",
                "data.train": str(train), "data.validation": str(dev),
                "data.max_length": settings.max_length, "train.epochs": settings.epochs,
                "train.steps": settings.steps, "train.precision": settings.precision,
                "train.seed": number,
            },
            Path(settings.folder) / "hfdl" / "run",
        )  # fmt: skip
        flops = 3 * figures["tokens"] * _forward_flops_of_a_token()
        return {**figures, "flops": flops, "accuracy": metrics["validation"]["accuracy"]}

    return work


def trainer_side(name: str, **arguments: Any) -> Side:
    """The Trainer with such arguments."""

    def side(settings: SimpleNamespace) -> Callable[[int], Figures]:
        return _trainer(settings, name, arguments)

    return side


def _trainer(
    settings: SimpleNamespace, name: str, arguments: dict[str, Any]
) -> Callable[[int], Figures]:
    import torch
    from datasets import Dataset
    from transformers import DataCollatorWithPadding

    from benchmarks.sides import trainer

    _, tokenizer = models.classifier(settings)
    train, dev = (_encoded(file, tokenizer, settings) for file in files(settings, name))
    rows = Dataset.from_dict(train)
    collator = DataCollatorWithPadding(tokenizer)

    def work(number: int) -> Figures:
        model, _ = models.classifier(settings, seed=number)
        figures = trainer.train(
            model, rows, collator, Path(settings.folder) / name / "run", epochs=settings.epochs,
            steps=settings.steps, seed=number, bf16=settings.precision == "bf16", **arguments,
        )  # fmt: skip
        flops = 3 * figures["tokens"] * _forward_flops_of_a_token()
        with torch.inference_mode():
            right = _right(model.eval().float(), collator, dev)
        return {**figures, "flops": flops, "accuracy": right / len(dev["labels"])}

    return work


def _encoded(file: Path, tokenizer: Any, settings: SimpleNamespace) -> dict[str, Any]:
    """The columns of a file with the header ``text``, ``label`` in either order."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in lines]
    encoded = tokenizer(
        [row["text"] for row in rows], truncation=True, max_length=settings.max_length
    )
    names = sorted({row["label"] for row in rows})
    return {**encoded, "labels": [names.index(row["label"]) for row in rows]}


def _right(model: Any, collator: Any, rows: dict[str, Any]) -> int:
    right = 0
    for start in range(0, len(rows["labels"]), 64):
        examples = [
            {name: column[i] for name, column in rows.items()}
            for i in range(start, min(start + 64, len(rows["labels"])))
        ]
        batch = collator(examples)
        labels = batch.pop("labels")
        right += int((model(**batch).logits.argmax(-1) == labels).sum())
    return right


def _forward_flops_of_a_token() -> float:
    """Without those of attention's own products: one in a hundred at these lengths."""
    width, inner = models.WIDTH, models.INNER
    return 2.0 * models.LAYERS * (4 * width * width + 2 * width * inner)


def limit(settings: SimpleNamespace) -> Limit:
    """The products of a layer for a batch."""
    dtype = "bfloat16" if settings.precision == "bf16" else "float32"
    return Limit(layer_shapes(TOKENS, models.WIDTH, models.INNER), dtype)


def sides() -> dict[str, Side]:
    """hfdl, and the Trainer at its best and as it comes."""
    from benchmarks.sides.trainer import BEST

    return {
        "hfdl": hfdl_side,
        "Trainer at its best": trainer_side("best", **BEST),
        "Trainer's defaults": trainer_side("defaults"),
    }


PROGRAM = Program(
    name="sentiment",
    title="fine-tuning MiniLM on sentences of SST-2, float32, batches of 32",
    sides=sides(),
    claims=(
        Claim(
            "sentiment", "fine-tuning, sentences of SST-2, float32", "Trainer at its best",
            figure=PER_TOKEN, at_least=1.6, aim=1.9,
        ),
        Claim(
            "sentiment-defaults", "fine-tuning, sentences of SST-2, float32", "Trainer's defaults",
            figure=PER_TOKEN, at_least=2.2,
        ),
    ),
    settings=SETTINGS, quick=QUICK, tiny={"rows": 24, "dev_rows": 8, "epochs": 1, "max_length": 32},
    limit=limit, quality={"accuracy": "accuracy"}, files=FILES,
)  # fmt: skip
