"""hfdl and a plain torch loop on the same small character model: nanoGPT's sizes for a CPU.

The model is a GPT-2 of 4 layers, 4 heads and width 128 that reads 64 characters; 2,000 updates of
12 blocks, AdamW at 2e-3 falling to 2e-4 by a cosine after 100 updates of warm-up. The last tenth of
the text is held out, and all of it is evaluated at the end. The plain loop does nothing else:
random blocks, forward, backward, clip, step, in float32 as nanoGPT's on a CPU; no checkpoints, no
log, no report. hfdl does all these as always; what is compared is the updates alone.
``--set precision=bf16`` gives both sides bf16 (the plain loop's by autocast), ``auto`` gives hfdl
what its recipe picks and the plain loop float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes
from benchmarks.sides import data

TEXT = "tinyshakespeare/input.txt"
BATCH, RATE, LOWEST = 12, 2e-3, 2e-4
CONTEXT, LAYERS, WIDTH = 64, 4, 128


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The shipped recipe."""
    from benchmarks.sides import hfdl_run

    def work(number: int) -> Figures:
        figures, metrics = hfdl_run.train(
            "shakespeare",
            {
                "data.train": str(data.path(settings, TEXT)), "train.steps": settings.updates,
                "train.warmup": settings.warmup, "train.precision": settings.precision,
                "train.samples": [], "train.seed": number,
            },
            Path(settings.folder) / "run",
        )  # fmt: skip
        return {**figures, "loss": metrics["validation"]["loss"], "flops": flops(settings)}

    return work


def plain_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The loop that one writes by hand."""
    import torch

    from benchmarks.sides.plain_gpt import Characters

    text = data.path(settings, TEXT).read_text(encoding="utf-8")
    ids = {character: i for i, character in enumerate(sorted(set(text)))}
    rows = torch.tensor([ids[character] for character in text])
    cut = len(rows) * 9 // 10

    def work(number: int) -> Figures:
        torch.manual_seed(number)
        model = Characters(len(ids))
        with measured() as took:
            trained(model, rows[:cut], settings)
        loss = held_out_loss(model, rows[cut:])
        return {**took, "loss": loss, "flops": flops(settings)}

    return work


def trained(model: Any, rows: Any, settings: SimpleNamespace) -> None:
    """All updates."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99), fused=True)
    for update in range(settings.updates):
        for group in optimizer.param_groups:
            group["lr"] = rate(update, settings)
        starts = torch.randint(len(rows) - CONTEXT - 1, (BATCH,))
        blocks = torch.stack([rows[s : s + CONTEXT + 1] for s in starts.tolist()])  # (B, T + 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            logits = model(blocks[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), blocks[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def rate(update: int, settings: SimpleNamespace) -> float:
    """The learning rate of an update."""
    if update < settings.warmup:
        return RATE * (update + 1) / (settings.warmup + 1)
    done = (update - settings.warmup) / (settings.updates - settings.warmup)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * done)) * (RATE - LOWEST)


def held_out_loss(model: Any, rows: Any) -> float:
    """Mean loss of every held-out character but the first, in blocks of 64."""
    import torch
    from torch.nn import functional as F

    total = 0.0
    whole = (len(rows) - 1) // CONTEXT * CONTEXT
    inputs, targets = rows[:whole].view(-1, CONTEXT), rows[1 : whole + 1].view(-1, CONTEXT)
    with torch.inference_mode():
        for i in range(0, len(inputs), 64):
            logits = model(inputs[i : i + 64])
            asked = targets[i : i + 64].flatten()
            total += float(F.cross_entropy(logits.flatten(0, 1), asked, reduction="sum"))
    return total / whole


def flops(settings: SimpleNamespace) -> float:
    """Of all updates, without the head: 65 characters."""
    rows = [CONTEXT] * (BATCH * settings.updates)
    return 3 * forward_flops(rows, LAYERS, WIDTH, 4 * WIDTH)


PROGRAM = Program(
    name="characters",
    title="a character model of nanoGPT's sizes for a CPU, the updates, beside a bare loop",
    sides={"hfdl": hfdl_side, "plain loop": plain_side},
    claims=(Claim("characters", "a small character model, float32: the updates", "plain loop"),),
    settings={"updates": 2000, "warmup": 100, "precision": "float32"},
    quick={"updates": 150, "warmup": 20}, tiny={"updates": 2, "warmup": 1},
    limit=lambda settings: Limit(layer_shapes(BATCH * CONTEXT, WIDTH, 4 * WIDTH)),
    quality={"loss": "held-out loss"}, files=(TEXT,),
)  # fmt: skip
