"""What a model needs at least, and what the machine can do."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness.limit import Limit, forward_flops, layer_shapes, measure


def test_the_flops_are_those_that_torch_counts() -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=80,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False).eval()
    model.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(input_ids=torch.ones(2, 7, dtype=torch.long))
    assert forward_flops([7, 7], 3, 32, 80) == counter.get_total_flops()
    shapes = layer_shapes(14, 32, 80)
    products = sum(2 * m * k * n for m, k, n in shapes)
    assert 3 * products + 3 * 2 * 4 * 32 * 7 * 7 == counter.get_total_flops()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_product_has_a_rate(dtype: str) -> None:
    found = measure(Limit(((64, 32, 48),), dtype), seconds=0.01)
    assert 1e7 < found["flops_per_second"] < 1e14


def test_a_copy_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.harness.limit.COPIED", 2**22)
    assert 1e8 < measure(Limit(copy=True), seconds=0.01)["bytes_per_second"] < 1e13
