"""Uneven examples for every registered task, and torch's own loss on all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.nn import functional as F

from helpers.support import reviews, write_csv
from hfdl.config.load import load_recipe
from hfdl.tasks.protocol import Split
from hfdl.tasks.registry import task_for_training
from hfdl.training.accelerator import forget_device_state
from hfdl.training.loop import Loop

EXAMPLES = np.arange(13)


def rows(kind: str) -> list[dict[str, Any]]:
    """Rows of very unequal lengths, with targets of a kind."""
    made = []
    for i, row in enumerate(reviews(30)):
        text = row["text"] + " and a very long minute" * (i % 4)
        label = {
            "single": row["label"],
            "multi": ";".join(["a", "b", "c"][: i % 4]),
            "regression": str(0.25 * i - 1.5),
            "target": " ".join(reversed(text.split())),
            "tags": "",
            "words": "",
        }[kind]
        made.append({"text": text, "label": label, "second": "they say it was " + "one " * (i % 3)})
    return made


def write_conll(path: Path, made: list[dict[str, Any]]) -> Path:
    """The texts of the rows, every third word of them an entity."""
    lines = [
        f"{word} {'B-X' if i % 3 == 1 else 'O'}\n" if word else "\n"
        for row in made
        for i, word in enumerate([*row["text"].split(), ""])
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "single label": ("text_classification", "single", {}),
    "class weights": (
        "text_classification", "single", {"tune.class_weights": {"positive": 3.0, "negative": 0.5}},
    ),
    "multi-label": ("text_classification", "multi", {"data.label_separator": ";"}),
    "multi-label balanced": (
        "text_classification", "multi",
        {"data.label_separator": ";", "tune.class_weights": "balanced"},
    ),
    "regression": ("text_classification", "regression", {}),
    "pairs": ("text_classification", "single", {"data.text_pair": "second"}),
    "windows": (
        "text_classification", "single", {"data.max_length": 12, "data.long_text": "window"},
    ),
    "entities": ("token_classification", "tags", {"data.max_length": 12, "data.long_text": None}),
    "entities, class weights": (
        "token_classification", "tags",
        {"data.long_text": "window", "tune.class_weights": {"X": 3.0, "O": 0.5}},
    ),
    "translation": (
        "translation", "target",
        {
            "model.name": "hfdl://transformer",
            "model.config": {
                "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 32, "dropout": 0.0,
            },
        },
    ),
    "causal_lm": (
        "causal_lm", "words",
        {
            "model.name": "hfdl://gpt2", "model.tokenizer": "characters", "data.max_length": 165,
            "model.config": {"n_layer": 3, "n_head": 2, "n_embd": 16, "n_positions": 165},
        },
    ),
    "masked_lm": ("masked_lm", "words", {}),
}  # fmt: skip


def loop_for(
    case: str, tiny_bert: Path, folder: Path, micro: int | None, dtype: str, **more: Any
) -> Loop:
    """A loop over the case's rows, without dropout, clipping or anything else that would differ."""
    forget_device_state()
    name, kind, overrides = CASES[case]
    write = write_conll if kind == "tags" else write_csv
    source = write(folder / f"{kind}.{'conll' if kind == 'tags' else 'csv'}", rows(kind))
    settings = {
        "task": name, "model.name": str(tiny_bert), "model.dtype": dtype,
        "data.train": str(source), "data.validation": str(source), "data.max_length": 64,
        "train.batch_size": len(EXAMPLES), "train.micro_batch_size": micro, "train.clip_norm": None,
        "train.precision": "float32", **overrides, **more,
    }  # fmt: skip
    recipe = load_recipe("sentiment", settings)
    task = task_for_training(recipe)
    splits = task.prepare(recipe.data)
    assert splits.train is not None
    torch.manual_seed(3)
    model = task.build_model(recipe.model)
    for module in model.modules():
        for name in ("p", "dropout", "dropout_prob"):  # of dropout, and of attention
            if isinstance(vars(module).get(name), float):
                setattr(module, name, 0.0)
    model.config.attention_probs_dropout_prob = 0.0
    return Loop(task, model, splits.train, None, recipe.train, Accelerator(cpu=True))


def class_weights_of(loop: Loop, case: str) -> torch.Tensor | None:
    """The class weights that the case's task trains with; None where it has none."""
    weights = getattr(loop.task, "class_weights", None)
    assert (weights is not None) == ("weight" in case or "balanced" in case)
    return weights


def reference_loss(
    model: torch.nn.Module, split: Split, case: str, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean loss of EXAMPLES in one padded batch, by torch's own functions.

    Args:
        model: the model.
        split: holds the examples.
        case: the name of the case.
        weights: the class weights of training, (C,); an evaluation has none.
    """
    batch = split.batch(EXAMPLES.tolist(), seed=0, epoch=0)
    if CASES[case][1] == "words":  # the mean over the words asked for, of all logits
        inputs = {k: v for k, v in batch.inputs.items() if k not in ("positions", "targets")}
        logits = model(**inputs).logits.flatten(0, 1)[batch.inputs["positions"]]
        return F.cross_entropy(logits, batch.inputs["targets"])
    logits = model(**batch.inputs).logits
    labels = batch.targets["labels"]
    kind = CASES[case][1]
    weights = None if weights is None else weights.to(logits.dtype)
    if kind == "single" and case != "windows":
        return F.cross_entropy(logits, labels, weight=weights)
    if kind == "multi":
        wanted = labels.to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights)
    if kind in ("target", "tags"):  # the mean over all labelled tokens, padding left out
        assert (labels == -100).any()
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), weight=weights)
    if kind == "regression":
        return F.mse_loss(logits[:, 0], labels.to(logits.dtype))
    # the mean over texts of the mean over each text's windows
    owner = batch.targets["example"]
    each = F.cross_entropy(logits, labels[owner], reduction="none")
    return torch.stack([each[owner == i].mean() for i in range(len(EXAMPLES))]).mean()
