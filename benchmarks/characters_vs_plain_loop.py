"""hfdl and a plain torch loop on the same small character model, in turn.

    python benchmarks/characters_vs_plain_loop.py tinyshakespeare/input.txt --seeds 0 1 2

The model is a GPT-2 of 4 layers, 4 heads and width 128 that reads 64 characters; 2,000 updates of
12 blocks, AdamW at 2e-3 falling to 2e-4 by a cosine after 100 updates of warm-up. The last tenth of
the text is held out, and all of it is evaluated after every 500 updates (``--every``). The plain
loop does nothing else: random blocks, forward, backward, clip, step, in float32 as nanoGPT's on a
CPU; no checkpoints, no log, no report. hfdl does all these as always, in the precision that its
recipe picks (bf16 where the CPU multiplies it natively); only the samples that the recipe asks for
are left out. ``--precision`` gives both sides one: float32, or bf16 (the plain loop's by autocast).
Both give the mean loss of every held-out character but the first, in blocks of 64, and
``seconds_to_1.88``: when an evaluation first gave at most nanoGPT's published 1.88.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import torch
from pairs import Side, run
from torch import Tensor, nn
from torch.nn import functional as F

LAYERS, HEADS, WIDTH, CONTEXT = 4, 4, 128, 64
BATCH, UPDATES, WARMUP, RATE, LOWEST = 12, 2000, 100, 2e-3, 2e-4
TARGET = 1.88


def run_hfdl(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Train with the shipped recipe."""
    import hfdl
    from hfdl.training.events import Evaluated, Event, Updated

    overrides = {
        "data.train": arguments.text,
        "train.evaluate_every": arguments.every,
        "train.precision": arguments.precision or "auto",
        "train.samples": [],
        "train.seed": seed,
    }
    evaluations: list[tuple[float, float]] = []
    updated = 0.0

    def listen(event: Event) -> None:
        nonlocal updated
        if isinstance(event, Updated):
            updated = event.seconds
        elif isinstance(event, Evaluated) and event.split == "validation":
            evaluations.append((updated + event.seconds, event.metrics["loss"]))

    done = hfdl.train("shakespeare", overrides, output=folder, listener=listen)
    runtime = done.metrics["runtime"]
    return {
        "loss": done.metrics["validation"]["loss"],
        "train_seconds": runtime["seconds"],
        "seconds_to_1.88": _seconds_to_target(evaluations),
        "tokens_per_second": runtime["tokens_per_second"],
        "peak_memory_bytes": runtime["peak_memory_bytes"],
        "environment": done.metrics["environment"],
    }


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and around a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        qkv = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, WIDTH // HEADS))  # (B, T, 3, H, K)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, K)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))  # (B, H, T, K) -> (B, T, D)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Characters(nn.Module):
    """The whole model, its last layer tied to the embedding."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(characters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks, self.norm = (
            nn.Sequential(*[Block() for _ in range(LAYERS)]),
            nn.LayerNorm(WIDTH),
        )
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) -> logits (B, T, V)."""
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        return self.norm(self.blocks(x)) @ self.tokens.weight.T


def run_plain(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Train with the loop that one writes by hand."""
    import resource

    text = Path(arguments.text).read_text(encoding="utf-8")
    ids = {character: i for i, character in enumerate(sorted(set(text)))}
    data = torch.tensor([ids[character] for character in text])
    cut = len(data) * 9 // 10
    train, held_out = data[:cut], data[cut:]
    torch.manual_seed(seed)
    model = Characters(len(ids))
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99), fused=True)
    began = time.perf_counter()
    evaluations: list[tuple[float, float]] = []
    for update in range(UPDATES):
        for group in optimizer.param_groups:
            group["lr"] = _rate(update)
        starts = torch.randint(len(train) - CONTEXT - 1, (BATCH,))
        rows = torch.stack([train[s : s + CONTEXT + 1] for s in starts.tolist()])  # (B, T + 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
            logits = model(rows[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (update + 1) % arguments.every == 0:
            mean = _held_out_loss(model, held_out)
            evaluations.append((time.perf_counter() - began, mean))
    seconds = time.perf_counter() - began
    return {
        "loss": evaluations[-1][1],
        "train_seconds": seconds,
        "seconds_to_1.88": _seconds_to_target(evaluations),
        "tokens_per_second": UPDATES * BATCH * CONTEXT / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _seconds_to_target(evaluations: list[tuple[float, float]]) -> float | None:
    """The time of the first evaluation whose loss is low enough."""
    return next((seconds for seconds, loss in evaluations if loss <= TARGET), None)


def _rate(update: int) -> float:
    if update < WARMUP:
        return RATE * (update + 1) / (WARMUP + 1)
    done = (update - WARMUP) / (UPDATES - WARMUP)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * done)) * (RATE - LOWEST)


@torch.inference_mode()
def _held_out_loss(model: nn.Module, data: Tensor) -> float:
    total = 0.0
    whole = (len(data) - 1) // CONTEXT * CONTEXT
    inputs, targets = data[:whole].view(-1, CONTEXT), data[1 : whole + 1].view(-1, CONTEXT)
    for i in range(0, len(inputs), 64):
        logits = model(inputs[i : i + 64])
        asked = targets[i : i + 64].flatten()
        total += float(F.cross_entropy(logits.flatten(0, 1), asked, reduction="sum"))
    return total / whole


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "plain loop": run_plain}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("text", help="a text file, such as tinyshakespeare's input.txt")
    parser.add_argument("--every", type=int, default=500, help="updates between evaluations")
    parser.add_argument("--precision", choices=["float32", "bf16"], help="of both sides")
    run(parser, SIDES, score="loss")


if __name__ == "__main__":
    main()
