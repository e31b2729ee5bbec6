"""The device and the sizes of a run of ``benchmarks/gpu.py``, and what the device can do."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch

from benchmarks.harness.limit import Shape

# Tokens of the paragraphs of WikiText-2 (validation part, BERT's pieces, cut at 512): its deciles.
DECILES = (3, 24, 58, 86, 109, 133, 155, 182, 213, 261, 512)


@dataclass(frozen=True)
class Setting:
    """Where and how large.

    Args:
        device: torch's.
        tiny: toy sizes.
        width, layers, heads: of the models, those of BERT-base and of GPT-2 small.
        length: the longest row.
        batch: rows of an update.
        steps: updates of a measurement, and before it.
    """

    device: torch.device
    tiny: bool
    width: int = 768
    layers: int = 12
    heads: int = 12
    length: int = 512
    batch: int = 64
    steps: int = 40
    warm: int = 10

    @classmethod
    def of(cls, device: str, *, tiny: bool) -> Self:
        """The setting of a command line; a CPU is kept to even where there is a GPU."""
        if device == "cpu":
            os.environ["ACCELERATE_USE_CPU"] = "true"
        sizes: dict[str, Any] = {}
        if tiny:
            sizes = {"width": 32, "layers": 2, "heads": 2, "length": 32, "batch": 4, "steps": 2,
                     "warm": 1}  # fmt: skip
        return cls(torch.device(device), tiny, **sizes)

    def name(self) -> str:
        """What the device calls itself."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return str(self.device)

    def wait(self) -> None:
        """Until the device has done everything."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], Any]) -> float:
        """What some work takes, by the wall clock, the device's part of it with it."""
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - began

    def lengths(self, count: int, seed: int = 0) -> list[int]:
        """Lengths of rows that are spread as those of WikiText-2's paragraphs."""
        draw = random.Random(seed)
        scale = self.length / DECILES[-1]
        made = []
        for _ in range(count):
            part = draw.randrange(len(DECILES) - 1)
            drawn = draw.uniform(DECILES[part], DECILES[part + 1])
            made.append(max(4, round(scale * drawn)))
        return made

    def rate(self, shapes: Sequence[Shape]) -> float:
        """Floating-point operations a second of bf16 products of these shapes, in turn."""
        pairs = [
            (torch.randn(m, k, device=self.device, dtype=torch.bfloat16),
             torch.randn(k, n, device=self.device, dtype=torch.bfloat16))
            for m, k, n in shapes
        ]  # fmt: skip
        rounds = 2 if self.tiny else 50

        def work() -> None:
            for _ in range(rounds):
                for left, right in pairs:
                    torch.mm(left, right)

        work()
        return rounds * sum(2.0 * m * k * n for m, k, n in shapes) / self.seconds(work)
