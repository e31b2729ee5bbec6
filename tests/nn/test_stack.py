"""Recomputing activations changes memory, never numbers; first weights are drawn as papers say."""

import math

import pytest
import torch
from torch import nn

from hfdl.models.albert import Albert, AlbertConfig
from hfdl.models.bert import Bert, BertConfig
from hfdl.models.gpt2 import Gpt2, Gpt2Config
from hfdl.models.llama import Llama, LlamaConfig
from hfdl.models.modernbert import ModernBert, ModernBertConfig
from hfdl.nn.stack import SharedStack, Stack

SIZES = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
MODELS = {
    "albert": lambda: Albert(AlbertConfig(**SIZES, embedding_size=16, intermediate_size=64)),
    "bert": lambda: Bert(BertConfig(**SIZES, intermediate_size=64)),
    "gpt2": lambda: Gpt2(Gpt2Config(**SIZES)),
    "llama": lambda: Llama(LlamaConfig(**SIZES, intermediate_size=64)),
    "modernbert": lambda: ModernBert(
        ModernBertConfig(**SIZES, intermediate_size=64, pad_token_id=0)
    ),
}


def gradients(model: nn.Module, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(5)  # the same dropout, which recomputing must repeat
    model(ids).square().sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_the_same_with_checkpointing(name: str, monkeypatch) -> None:
    import hfdl.nn.stack as stack

    torch.manual_seed(0)
    model = MODELS[name]().train()
    ids = torch.randint(1, 50, (2, 9))
    plain = gradients(model, ids)
    calls = []
    real = stack.checkpoint
    monkeypatch.setattr(stack, "checkpoint", lambda *a, **k: calls.append(1) or real(*a, **k))
    for module in model.modules():
        if isinstance(module, Stack):
            module.gradient_checkpointing = True
    again = gradients(model, ids)
    assert len(calls) == 3
    assert set(plain) == set(again)
    assert len(plain) > 20
    for key, value in plain.items():
        assert torch.equal(value, again[key]), key
    calls.clear()
    model.eval()(ids)
    assert calls == []


@pytest.mark.parametrize("name", MODELS)
def test_first_weights(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]()
    seen = 0
    for key, value in model.named_parameters():
        kind = key.split(".")
        if "norm" in key or "bias" in kind:
            assert (value == (1.0 if kind[-1] == "weight" else 0.0)).all(), key
            continue
        scaled = name in ("gpt2", "modernbert") and key.endswith(
            ("o_proj.weight", "down_proj.weight")
        )
        std = 0.02 / math.sqrt(6) if scaled else 0.02
        assert abs(value.std().item() / std - 1) < (0.3 if value.numel() < 200 else 0.1), key
        seen += 1
    assert seen >= 6 * len(model.layers) + 1
    padding = getattr(model.config, "pad_token_id", None)
    if padding is not None:
        assert (model.embeddings.tokens.weight[padding] == 0).all()


@pytest.mark.parametrize("groups", [1, 2, 3, 5, 12])
def test_layers_share_blocks_as_in_transformers(groups: int) -> None:
    blocks = [nn.Identity() for _ in range(groups)]
    order = SharedStack(blocks, 12).order()
    assert [blocks.index(block) for block in order] == [int(i / (12 / groups)) for i in range(12)]
    assert {*order} == {*blocks}
    assert len(order) == 12
