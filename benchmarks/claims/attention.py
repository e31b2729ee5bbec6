"""hfdl's attention inside transformers' BERT, in training with dropout, beside its sdpa."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program, Side
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes


def side(name: str) -> Side:
    """Updates of a model whose ``attn_implementation`` has this name."""

    def prepare(settings: SimpleNamespace) -> Callable[[int], Figures]:
        import torch

        import hfdl.custom_attention.register  # noqa: F401  # it registers hfdl's own names

        model = _model(settings, name)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

        def update(batch: dict[str, Any]) -> float:
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
                loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return float(loss.detach())

        def work(number: int) -> Figures:
            torch.manual_seed(number)
            made = [batch_of(settings, 100 * number + i) for i in range(settings.steps)]
            with measured() as took:
                losses = [update(batch) for batch in made]
            real = [n for batch in made for n in batch["attention_mask"].sum(1).tolist()]
            flops = 3 * forward_flops(real, settings.layers, settings.width, 4 * settings.width)
            return {**took, "flops": flops, "loss": sum(losses) / len(losses)}

        update(batch_of(settings, -1))
        return work

    return prepare


def batch_of(settings: SimpleNamespace, seed: int) -> dict[str, Any]:
    """Random ids of unlike lengths, padded on the right, and labels."""
    import torch

    draw = torch.Generator().manual_seed(seed + 1000)
    rows, length = settings.batch_size, settings.length
    lengths = torch.randint(length // 2, length + 1, (rows, 1), generator=draw)
    mask = (torch.arange(length) < lengths).long()
    ids = torch.randint(1, settings.words, (rows, length), generator=draw)
    labels = torch.randint(0, 2, (rows,), generator=draw)
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": labels}


def _model(settings: SimpleNamespace, attention: str) -> Any:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    chosen: Any = {"attn_implementation": attention}
    config = BertConfig(
        vocab_size=settings.words, hidden_size=settings.width, num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads, intermediate_size=4 * settings.width,
        **chosen,
    )  # fmt: skip
    return BertForSequenceClassification(config).train()


def limit(settings: SimpleNamespace) -> Limit:
    """The products of a layer for a batch, padding and all: this program leaves it in."""
    tokens = settings.batch_size * settings.length
    dtype = "bfloat16" if settings.precision == "bf16" else "float32"
    return Limit(layer_shapes(tokens, settings.width, 4 * settings.width), dtype)


TEXT = "attention in transformers' BERT (base width, 3 layers), training with dropout, 128 tokens"
PROGRAM = Program(
    name="attention",
    title=f"{TEXT}, float32: the whole update",
    sides={"hfdl": side("hfdl"), "hfdl_fused": side("hfdl_fused"), "sdpa": side("sdpa")},
    claims=(
        Claim("attention", f"{TEXT}, the formula", "sdpa", at_least=1.2),
        Claim("attention-fused", f"{TEXT}, the kernel", "sdpa", at_least=1.2, ours="hfdl_fused"),
    ),
    settings={
        "words": 1000, "width": 768, "layers": 3, "heads": 12, "batch_size": 8, "length": 128,
        "steps": 10, "precision": "float32",
    },
    quick={"steps": 1},
    tiny={"words": 50, "width": 32, "layers": 1, "heads": 2, "batch_size": 2, "length": 8,
          "steps": 1},
    limit=limit, quality={"loss": "training loss"},
)  # fmt: skip
