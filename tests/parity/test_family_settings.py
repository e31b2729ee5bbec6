"""ALBERT's and ModernBERT's own settings: the same outputs, loss and gradients as transformers'.

With two heads; test_parity.py has all of them, with the settings of its variants.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.scratch_models import (
    LABELS,
    PAD,
    VOCABULARY,
    Batch,
    batch,
    farthest,
    hf_model,
)
from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.hf_models.load import to_scratch_model
from hfdl.parity.float64 import float64_throughout

LOCAL = "sliding_attention"
# what it is -> (variant, changes of its config)
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "three blocks for five layers": ("albert", {"num_hidden_layers": 5, "num_hidden_groups": 3}),
    "a block for each layer": ("albert", {"num_hidden_groups": 3}),
    "more blocks than layers": ("albert", {"num_hidden_layers": 2, "num_hidden_groups": 3}),
    "heads of five columns": ("albert", {"hidden_size": 20}),
    "embeddings as wide as the model": ("albert", {"embedding_size": 16, "hidden_act": "relu"}),
    "every layer global": ("modernbert", {"global_attn_every_n_layers": 1}),
    "every third of five layers global": (
        "modernbert", {"num_hidden_layers": 5, "global_attn_every_n_layers": 3},
    ),
    "the first layer global": ("modernbert", {"global_attn_every_n_layers": 7}),
    "no layer global": ("modernbert", {"layer_types": [LOCAL] * 3}),
    "one layer": ("modernbert", {"num_hidden_layers": 1}),
    "a token sees itself alone": ("modernbert", {"local_attention": 1}),
    "an odd window": ("modernbert", {"local_attention": 7}),
    "a window wider than any text": ("modernbert", {"local_attention": 64}),
    "heads of two columns": ("modernbert", {"hidden_size": 8}),
    "heads of six columns": ("modernbert", {"hidden_size": 24}),
    "one base of rotation": (
        "modernbert",
        {"rope_parameters": {k: {"rope_type": "default", "rope_theta": 100.0}
                             for k in ("full_attention", LOCAL)}},
    ),
    "the mean of a text": ("modernbert", {"classifier_pooling": "mean"}),
}  # fmt: skip
CASES = [(what, head) for what in SETTINGS for head in ("masked_lm", "sequence")]


def batches(what: str, head: str) -> dict[str, Batch]:
    """Texts of one token, of 30, and padded: on the right, within, and on the left."""
    variant, changes = SETTINGS[what]
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(4, VOCABULARY, (2, 30), generator=generator)
    inner = batch("right")
    inner.mask[1, 3:6] = 0
    made = {
        "one token": Batch(ids[:, :1], torch.ones_like(ids[:, :1])),
        "long": Batch(ids, torch.ones_like(ids)),
        "right": batch("right"),
        "within": Batch(inner.ids.masked_fill(inner.mask == 0, PAD), inner.mask),
    }
    # A first token that is padding may see no real one, and attentions differ there.
    by_first = head == "sequence" and changes.get("classifier_pooling") != "mean"
    return made if variant == "modernbert" and by_first else {**made, "left": batch("left")}


def answer(model: Any, head: str, inputs: Batch) -> tuple[Tensor, Tensor]:
    """A model's logits, at real tokens, and its loss."""
    classes = VOCABULARY if head == "masked_lm" else LABELS
    labels = inputs.ids * 7 % classes
    labels = labels[:, 0] if head == "sequence" else labels.masked_fill(inputs.mask == 0, -100)
    output = model(**inputs.inputs, labels=labels)
    return inputs.valid(output.logits), output.loss


def gradients(theirs: Any, ours: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Of every parameter under its name in transformers; zeros where nothing reads it."""
    own = {
        name: torch.zeros_like(p) if p.grad is None else p.grad
        for name, p in ours.core.named_parameters()
    }
    carried = ours.table.to_hf(own)
    return {
        name: (torch.zeros_like(p) if p.grad is None else p.grad, carried[name])
        for name, p in theirs.named_parameters()
    }


@pytest.mark.parametrize(("what", "head"), CASES)
def test_outputs_loss_and_gradients_equal_to_1e_12(what: str, head: str) -> None:
    variant, changes = SETTINGS[what]
    theirs = hf_model(variant, head, torch.float64, **changes)
    ours = to_scratch_model(theirs)
    for name, inputs in batches(what, head).items():
        theirs.zero_grad()
        with float64_throughout(theirs):
            expected, expected_loss = answer(theirs, head, inputs)
            expected_loss.backward()
        for kernel in ("eager", "sdpa"):  # the second computes no padding on the right
            ours.zero_grad()
            ours.set_attn_implementation(kernel)
            found, loss = answer(ours, head, inputs)
            loss.backward()
            scale = max(1.0, float(expected.detach().abs().max()))
            assert farthest(expected, found) / scale < 1e-12, (name, kernel)
            assert farthest(expected_loss, loss) < 1e-12, (name, kernel)
            pairs = gradients(theirs, ours)
            largest = max(1.0, *(float(a.abs().max()) for a, _ in pairs.values()))
            worst = max(pairs, key=lambda key: farthest(*pairs[key]))
            assert farthest(*pairs[worst]) / largest < 1e-12, (name, kernel, worst)
            assert any(bool(a.any()) for a, _ in pairs.values())


def test_rotary_heads_of_odd_width_are_refused() -> None:
    theirs = hf_model("modernbert", "base", hidden_size=20)
    with pytest.raises(ShapeError, match="a head of width 5; rotary positions pair columns"):
        to_scratch_model(theirs)
