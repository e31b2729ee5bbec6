"""The trainings that are killed: every task, and what keeps state of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEPS = 24
COMMON = {
    "train.steps": STEPS, "train.batch_size": 6, "train.save_every": 1, "train.evaluate_every": 7,
    "train.learning_rate": 1e-3, "train.precision": "float32", "data.max_samples": 90,
    "data.max_length": 24,
}  # fmt: skip
BODY = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "vocab_size": 400, "max_position_embeddings": 40,
}  # fmt: skip
PAIR = {
    "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 32, "dropout": 0.2,
}  # fmt: skip
GPT = {"vocab_size": 300, "n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 24}
LLAMA = {**BODY, "num_key_value_heads": 1}
BASE, CORPUS, PAIRS = "base", "corpus.txt", "pairs.csv"


@dataclass(frozen=True)
class Configuration:
    """One training.

    Args:
        name: what is special about it.
        recipe: a shipped one.
        settings: keys beside ``COMMON``; ``{folder}`` in a value is where the prepared files are.
        words: further words of the command.
    """

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    words: tuple[str, ...] = ()

    def overrides(self, folder: Path) -> Iterator[str]:
        """The words KEY=VALUE of the command."""
        for key, value in {**COMMON, **self.settings}.items():
            text = str(value).replace("'", '"') if isinstance(value, dict | list) else str(value)
            yield f"{key}={text}".replace("{folder}", str(folder))


TEXT = {"model.name": f"{{folder}}/{BASE}"}
STREAM = {
    "data.train": f"{{folder}}/{CORPUS}", "data.streaming": True, "data.separator": "\\n",
    "data.max_samples": "null", "data.validation_share": 0.1,
}  # fmt: skip

CONFIGURATIONS = (
    Configuration("texts, accumulation", "sentiment", {**TEXT, "train.micro_batch_size": 4}),
    Configuration("texts, bf16", "sentiment", {**TEXT, "train.precision": "bf16"}),
    Configuration("texts, transformers' code", "sentiment", {**TEXT, "model.implementation": "hf"}),
    Configuration(
        "texts, LoRA with dropout", "sentiment",
        {**TEXT, "tune.lora.dropout": 0.1},
    ),
    Configuration(
        "texts, layer decay, checkpointing, early stopping", "sentiment",
        {**TEXT, "tune.layer_decay": 0.8, "train.gradient_checkpointing": True,
         "train.early_stopping": 3, "train.evaluate_every": 3},
    ),
    Configuration(
        "texts, Muon, plateau schedule, windows", "sentiment",
        {**TEXT, "train.optimizer": "muon", "train.schedule": "reduce_lr_on_plateau",
         "data.max_length": 8, "data.long_text": "window"},
    ),
    Configuration(
        "texts, focal loss, bf16, accumulation", "sentiment",
        {**TEXT, "tune.loss": "focal", "train.precision": "bf16", "train.micro_batch_size": 4},
    ),
    Configuration("texts, two processes", "sentiment", TEXT, ("--processes", "2")),
    Configuration(
        "texts, two processes, FSDP", "sentiment", {**TEXT, "train.strategy": "fsdp"},
        ("--processes", "2"),
    ),
    Configuration(
        "named entities, class weights", "ner", {**TEXT, "tune.class_weights": "balanced"}
    ),
    Configuration("masked words, streamed", "mlm", {**TEXT, **STREAM, "data.whole_words": True}),
    Configuration(
        "GPT-2 from random weights, streamed, samples", "clm",
        {**STREAM, "model.config": GPT, "train.samples": ["the"]},
    ),
    Configuration(
        "Llama from random weights, accumulation", "clm",
        {"model.name": "hfdl://llama", "model.config": LLAMA, "train.micro_batch_size": 4,
         "train.samples": []},
    ),
    Configuration(
        "translation", "translation",
        {"data.train": f"{{folder}}/{PAIRS}", "model.config": PAIR},
    ),
)  # fmt: skip

BASE_RUN = Configuration(
    "base", "mlm",
    {"model.name": "hfdl://bert", "model.config": BODY, "train.steps": 2, "train.save_every": 2},
)  # fmt: skip
"""What the others are fine-tuned from."""


def write_data(folder: Path) -> None:
    """The made-up corpus and pairs that some of them read."""
    draw = random.Random(0)
    words = ["the", "red", "blue", "old", "house", "dog", "tree", "sees", "likes", "finds"]
    lines = [" ".join(draw.choices(words, k=draw.randint(3, 14))) for _ in range(300)]
    (folder / CORPUS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    pairs = ["en,de", *(f"{line},{line.upper()}" for line in lines[:90])]
    (folder / PAIRS).write_text("\n".join(pairs) + "\n", encoding="utf-8")
