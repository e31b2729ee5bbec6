"""Greedy generation with GPT-2 small's shape in bf16, one prompt and eight, beside generate."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.claims.generation import model_of, prompts, search
from benchmarks.cuda.setting import Setting
from benchmarks.harness.ratio import ratio_of

ROUNDS = 3


def greedy(setting: Setting) -> dict[str, Any]:
    """Tokens a second of both sides in turn, beside what reading the weights allows."""
    new = 4 if setting.tiny else 128
    sizes = SimpleNamespace(
        words=300 if setting.tiny else 50_257, width=setting.width, layers=setting.layers,
        heads=setting.heads, prompt=8 if setting.tiny else 64,
    )  # fmt: skip
    sides = {}
    for name, own in (("hfdl", True), ("transformers", False)):
        model = model_of(sizes, own).to(setting.device, torch.bfloat16)
        sides[name] = search(model, sizes, own)
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
    copied = _bandwidth(setting)
    found: dict[str, Any] = {"weights_per_second_at_most": copied / weights}
    for size in (1, 8):
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(ROUNDS):
            ids, mask = (x.to(setting.device) for x in prompts(sizes, size, number))
            for name in sides if number % 2 == 0 else reversed(list(sides)):
                if number == 0:
                    sides[name](ids, mask, new=2)
                taken = setting.seconds(lambda s=name, i=ids, m=mask: sides[s](i, m, new=new))
                seconds[name].append(taken)
        found[f"batch {size}"] = {
            "tokens_per_second": {n: size * new * ROUNDS / sum(s) for n, s in seconds.items()},
            "ratio": vars(ratio_of(seconds["transformers"], seconds["hfdl"])),
        }
    return found


def _bandwidth(setting: Setting) -> float:
    """Bytes read a second while memory is copied."""
    source = torch.ones(2**16 if setting.tiny else 2**30, dtype=torch.uint8, device=setting.device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 10 * len(source) / setting.seconds(lambda: [target.copy_(source) for _ in range(10)])
