"""BERT-base on rows of real lengths, and GPT-2 small, in bf16: hfdl beside transformers."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.cuda.setting import Setting
from benchmarks.harness.limit import forward_flops, layer_shapes
from benchmarks.harness.ratio import ratio_of
from benchmarks.scale.examples import WORDS

VOCABULARY = 1000
"""Each of the made-up words is one token. It is small: the embeddings are a quarter of the
parameters of the real BERT-base, which the optimizer is spared here on both sides."""


def bert(setting: Setting) -> dict[str, Any]:
    """A classifier of BERT-base's shape: hfdl.train and the Trainer at its best, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        sides: dict[str, Callable[[], dict[str, float]]] = {
            "hfdl": lambda: _hfdl(setting, Path(folder)),
            "Trainer": lambda: _trainer(setting, Path(folder)),
        }
        return in_turn(setting, sides, setting.batch * 100)


def in_turn(
    setting: Setting, sides: dict[str, Callable[[], dict[str, float]]], tokens: int
) -> dict[str, Any]:
    """A B, B A: the tokens a second, MFU on real tokens, and the ratio.

    Args:
        setting: device and sizes.
        sides: each gives ``seconds``, ``tokens`` and ``flops``; hfdl first.
        tokens: rows of the products that the limit is measured with.
    """
    rate = setting.rate(layer_shapes(tokens, setting.width, 4 * setting.width))
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(2):
        for side in sides if number % 2 == 0 else reversed(list(sides)):
            found[side].append(sides[side]())
    ours, theirs = ([r["seconds"] / r["tokens"] for r in rows] for rows in found.values())
    last = {side: rows[-1] for side, rows in found.items()}
    return {
        "flops_per_second_of_products": rate,
        "mfu": {side: r["flops"] / r["seconds"] / rate for side, r in last.items()},
        "tokens_per_second": {side: r["tokens"] / r["seconds"] for side, r in last.items()},
        "ratio": vars(ratio_of(theirs, ours)), "runs": found,
    }  # fmt: skip


def figures(setting: Setting, seconds: float, lengths: list[int], head: float) -> dict[str, float]:
    """Of an update's passes over rows of such lengths; head: forward FLOPs of a token's logits."""
    body = forward_flops(lengths, setting.layers, setting.width, 4 * setting.width)
    tokens = float(sum(lengths))
    return {"seconds": seconds, "tokens": tokens, "flops": 3 * (body + head * tokens)}


def _hfdl(setting: Setting, folder: Path) -> dict[str, float]:
    import hfdl
    from hfdl.training.events import Event, Updated

    times: list[tuple[float, int]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Updated):
            setting.wait()
            times.append((time.perf_counter(), event.tokens))

    hfdl.train(
        "sentiment",
        {
            "data.train": str(_rows(setting, folder)), "data.max_length": setting.length,
            "model.name": "hfdl://bert", "model.implementation": "hfdl",
            "model.tokenizer": "wordpiece",
            "model.config": {"vocab_size": VOCABULARY, **_sizes(setting)},
            "train.steps": setting.warm + setting.steps, "train.batch_size": setting.batch,
            "train.precision": "bf16", "train.evaluate_every": 10**9,
        },
        output=folder / "run", overwrite=(folder / "run").exists(), report=False, listener=listen,
    )  # fmt: skip
    counted = times[setting.warm :]
    seconds = counted[-1][0] - times[setting.warm - 1][0]
    tokens = sum(n for _, n in counted)
    mean = max(1, round(tokens / (len(counted) * setting.batch)))
    row = figures(setting, seconds, [mean] * (len(counted) * setting.batch), 0.0)
    return {"seconds": seconds, "tokens": float(tokens), "flops": row["flops"]}


def _sizes(setting: Setting) -> dict[str, int]:
    return {
        "hidden_size": setting.width, "num_hidden_layers": setting.layers,
        "num_attention_heads": setting.heads, "intermediate_size": 4 * setting.width,
        "max_position_embeddings": setting.length,
    }  # fmt: skip


def _rows(setting: Setting, folder: Path) -> Path:
    """Made-up texts of the setting's lengths; two tokens of each row are special ones."""
    file = folder / "train.tsv"
    draw = random.Random(0)
    count = 2 * setting.batch * (setting.warm + setting.steps)
    with file.open("w", encoding="utf-8") as out:
        out.write("text\tlabel\n")
        for i, length in enumerate(setting.lengths(count)):
            out.write(f"{' '.join(draw.choices(WORDS, k=length - 2))}\t{'ab'[i % 2]}\n")
    return file


def _trainer(setting: Setting, folder: Path) -> dict[str, float]:
    from datasets import Dataset
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from benchmarks.sides.trainer import BEST

    times: list[float] = []
    seen: list[int] = []
    lengths = setting.lengths(2 * setting.batch * (setting.warm + setting.steps))
    draw = random.Random(0)
    rows = {"input_ids": [[draw.randrange(5, VOCABULARY) for _ in range(n)] for n in lengths],
            "labels": [i % 2 for i in range(len(lengths))]}  # fmt: skip

    class Timer(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            setting.wait()
            times.append(time.perf_counter())

    def collate(examples: list[dict[str, Any]]) -> dict[str, Any]:
        longest = max(len(one["input_ids"]) for one in examples)
        ids = torch.zeros(len(examples), longest, dtype=torch.long)
        for i, one in enumerate(examples):
            ids[i, : len(one["input_ids"])] = torch.tensor(one["input_ids"])
        seen.append(int((ids > 0).sum()))
        labels = torch.tensor([one["labels"] for one in examples])
        return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}

    chosen: Any = {"attn_implementation": "sdpa", **_sizes(setting)}
    model = BertForSequenceClassification(BertConfig(vocab_size=VOCABULARY, **chosen))
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder / "trainer"), max_steps=setting.warm + setting.steps, bf16=True,
            per_device_train_batch_size=setting.batch, report_to="none", disable_tqdm=True,
            save_strategy="no", use_cpu=setting.device.type == "cpu", **BEST,
        ),
        train_dataset=Dataset.from_dict(rows), data_collator=collate, callbacks=[Timer()],
    ).train()  # fmt: skip
    # One batch may have been made ahead of the last update: those behind it are not counted.
    tokens = sum(seen[setting.warm : setting.warm + setting.steps])
    seconds = times[-1] - times[setting.warm - 1]
    mean = max(1, round(tokens / (setting.steps * setting.batch)))
    row = figures(setting, seconds, [mean] * (setting.steps * setting.batch), 0.0)
    return {"seconds": seconds, "tokens": float(tokens), "flops": row["flops"]}


def gpt2(setting: Setting) -> dict[str, Any]:
    """A language model of GPT-2 small's shape in one loop, in hfdl's code and transformers'."""
    rows = max(2, setting.batch // 8)
    length = 16 if setting.tiny else 1024
    sides = {
        "hfdl": lambda: _language_model(setting, True, rows, length),
        "transformers": lambda: _language_model(setting, False, rows, length),
    }
    return in_turn(setting, sides, rows * length)


def _language_model(setting: Setting, own: bool, rows: int, length: int) -> dict[str, float]:
    from types import SimpleNamespace

    from benchmarks.claims.causal_lm import Loop

    words = 300 if setting.tiny else 50_257
    sizes = SimpleNamespace(
        words=words, length=length, width=setting.width, layers=setting.layers,
        heads=setting.heads, device=str(setting.device), precision="bf16",
    )  # fmt: skip
    loop = Loop(sizes, own)
    ids = torch.randint(words, (rows, length), device=setting.device)

    def updates(count: int) -> None:
        for _ in range(count):
            loop.update(ids)

    updates(setting.warm)
    seconds = setting.seconds(lambda: updates(setting.steps))
    return figures(setting, seconds, [length] * (rows * setting.steps), 2.0 * setting.width * words)
