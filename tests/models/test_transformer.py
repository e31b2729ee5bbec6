"""The encoder-decoder transformer against torch's nn.Transformer, and its own promises."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.models.transformer import (
    Transformer,
    TransformerConfig,
    transformer_base,
    transformer_big,
)
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.cache import KVCache
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.packing import Packing

BOUND = 1e-12
TINY = TransformerConfig(
    vocab_size=17, hidden_size=12, encoder_layers=2, decoder_layers=3,
    num_attention_heads=3, intermediate_size=20, dropout=0.0,
)  # fmt: skip
KERNELS = [attention, fused_attention]


def model_of(**changed: Any) -> Transformer:
    """A small model in float64 whose every weight is drawn, those of norms and biases too."""
    torch.manual_seed(0)
    model = Transformer(replace(TINY, **changed)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.copy_(0.3 * torch.randn_like(parameter) + 0.5)
    return model


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Sources (3, 5), of which one is padded right and one is one token long; targets (3, 4)."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(1, 17, (3, 5), generator=generator)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    return source * mask, mask, torch.randint(1, 17, (3, 4), generator=generator)


def torch_twin(model: Transformer) -> nn.Transformer:
    """torch's transformer with the same weights; without last norms where ours has none."""
    config = model.config
    twin = nn.Transformer(
        config.hidden_size, config.num_attention_heads, config.encoder_layers,
        config.decoder_layers, config.intermediate_size, dropout=0.0, batch_first=True,
        norm_first=config.norm_order == "pre", dtype=torch.float64,
    )  # fmt: skip
    if config.norm_order == "post":
        twin.encoder.norm = twin.decoder.norm = None
    copied = 0
    with torch.no_grad():
        for mine, other in pairs(model, twin):
            other.copy_(mine)
            copied += mine.numel()
    own = (p for n, p in model.named_parameters() if "tokens" not in n and "head" not in n)
    assert copied == sum(p.numel() for p in own) == sum(p.numel() for p in twin.parameters())
    return twin


def pairs(model: Transformer, twin: nn.Transformer, what: str = "data") -> list[tuple[Any, Any]]:
    """(our tensor, torch's) for each weight between the embeddings and the head."""
    found: list[tuple[Any, Any]] = []
    for mine, other in ((model.encoder, twin.encoder), (model.decoder, twin.decoder)):
        for block, layer in zip(mine.layers, other.layers, strict=True):
            found += attention_pairs(block.attention, layer.self_attn, what)
            modules = [(block.attention_norm, layer.norm1)]
            if mine is model.decoder:
                found += attention_pairs(block.cross_attention, layer.multihead_attn, what)
                modules += [(block.cross_attention_norm, layer.norm2)]
                modules += [(block.feed_forward_norm, layer.norm3)]
            else:
                modules += [(block.feed_forward_norm, layer.norm2)]
            modules += [(block.feed_forward.up_proj, layer.linear1)]
            modules += [(block.feed_forward.down_proj, layer.linear2)]
            found += linear_pairs(modules, what)
        if mine.norm is not None:
            found += linear_pairs([(mine.norm, other.norm)], what)
    return found


def attention_pairs(mine: MultiHeadAttention, other: Any, what: str) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for kind in ("weight", "bias"):
        joint = getattr(getattr(other, f"in_proj_{kind}"), what).chunk(3)
        own = [getattr(getattr(p, kind), what) for p in (mine.q_proj, mine.k_proj, mine.v_proj)]
        found += zip(own, joint, strict=True)
    return found + linear_pairs([(mine.o_proj, other.out_proj)], what)


def linear_pairs(modules: list[tuple[Any, Any]], what: str) -> list[tuple[Any, Any]]:
    return [
        (getattr(getattr(a, kind), what), getattr(getattr(b, kind), what))
        for a, b in modules
        for kind in ("weight", "bias")
    ]


def embed(model: Transformer, ids: Tensor) -> Tensor:
    """Scaled embeddings plus the paper's positions, written out."""
    width = model.config.hidden_size
    positions = torch.zeros(ids.shape[1], width, dtype=torch.float64)
    for p in range(ids.shape[1]):
        for i in range(0, width, 2):
            positions[p, i] = math.sin(p / 10000 ** (i / width))
            positions[p, i + 1] = math.cos(p / 10000 ** (i / width))
    return model.encoder.embeddings.tokens.weight[ids] * math.sqrt(width) + positions


def torch_logits(model: Transformer, twin: nn.Transformer, source: Any, mask: Any, target: Any):
    hidden = twin(
        embed(model, source), embed(model, target), src_key_padding_mask=mask == 0,
        memory_key_padding_mask=mask == 0,
        tgt_mask=torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1),
    )  # fmt: skip
    return hidden @ model.encoder.embeddings.tokens.weight.T


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # of torch's, about its own speed
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("order", ["post", "pre"])
def test_logits_and_gradients_equal_torchs_transformer(order: str, kernel: Any) -> None:
    model = model_of(norm_order=order)
    twin = torch_twin(model)
    source, mask, target = batch()
    memory = model.encode(source, mask, kernel=kernel)
    logits = model.decode(target, memory, mask, kernel=kernel)
    expected = torch_logits(model, twin, source, mask, target)
    assert logits.shape == (3, 4, 17)
    assert (logits - expected).abs().max() < BOUND
    embedding = model.encoder.embeddings.tokens.weight
    expected.sin().sum().backward()
    assert embedding.grad is not None
    # The row of padding is not trained, so its gradient is 0 where it is looked up; as a word that
    # is decoded it has one.
    by_torch = embedding.grad.clone()
    model.zero_grad()
    logits.sin().sum().backward()
    assert (embedding.grad - by_torch)[1:].abs().max() < BOUND
    compared = pairs(model, twin, "grad")
    # A block of the encoder has 16 tensors, one of the decoder 26, a last norm 2.
    assert len(compared) == 2 * 16 + 3 * 26 + (4 if order == "pre" else 0)
    for mine, other in compared:
        assert (mine - other).abs().max() < BOUND


@pytest.mark.parametrize("order", ["post", "pre"])
def test_padding_on_the_right_of_source_and_target_changes_nothing(order: str) -> None:
    model = model_of(norm_order=order)
    source, mask, target = batch()
    logits = model(source, mask, target)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model(source[row : row + 1, :length], None, target[row : row + 1, :2])
        assert (logits[row, :2] - alone[0]).abs().max() < BOUND
    unmasked = model(source, None, target)
    assert (unmasked - logits)[1:].abs().max() > 1e-3


def test_no_target_position_sees_a_later_one() -> None:
    model = model_of()
    source, mask, target = batch()
    changed = target.clone()
    changed[:, 2] = target[:, 2] % 16 + 1
    difference = (model(source, mask, target) - model(source, mask, changed)).abs().amax((0, 2))
    assert difference[:2].max() == 0
    assert difference[2:].min() > 1e-3


@pytest.mark.parametrize("order", ["post", "pre"])
@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [2, 1, 1], [3, 1]])
def test_decoding_with_a_cache_equals_one_pass(order: str, sizes: list[int]) -> None:
    model = model_of(norm_order=order)
    source, mask, target = batch()
    calls: list[int] = []
    for block in model.decoder.layers:
        block.cross_attention.k_proj.register_forward_hook(lambda *_: calls.append(1))
    whole = model(source, mask, target)
    calls.clear()
    memory, cache = model.project_memory(model.encode(source, mask)), KVCache()
    steps = [model.decode(part, memory, mask, cache=cache) for part in target.split(sizes, dim=1)]
    assert len(calls) == 3  # once in each of the layers, not once a step
    assert cache.get_seq_length() == 4
    assert (torch.cat(steps, dim=1) - whole).abs().max() < BOUND


def test_a_padded_target_in_the_cache_is_not_seen() -> None:
    model = model_of()
    source, mask, target = batch()
    seen = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]])
    memory, cache = model.project_memory(model.encode(source, mask)), KVCache()
    first = model.decode(
        target[:, :3], memory, mask, decoder_attention_mask=seen[:, :3], cache=cache
    )
    last = model.decode(target[:, 3:], memory, mask, decoder_attention_mask=seen, cache=cache)
    whole = model.decode(target, memory, mask, decoder_attention_mask=seen)
    assert (torch.cat([first, last], 1) - whole)[:, 1:].abs().max() < BOUND
    changed = target.clone()
    changed[0, 0] = target[0, 0] % 16 + 1
    other = model.decode(changed, memory, mask, decoder_attention_mask=seen)
    assert (other - whole)[0, 1:].abs().max() == 0


def test_the_weights_of_every_attention_can_be_collected() -> None:
    model = model_of()
    source, mask, target = batch()
    own: list[Any] = []
    decoder: list[Any] = []
    cross: list[Any] = []
    memory = model.encode(source, mask, kernel=attention, collect=own)
    model.decode(
        target, memory, mask, kernel=attention, collect=decoder, cross_collect=cross
    )  # fmt: skip
    assert [tuple(w.shape) for w in own] == [(3, 3, 5, 5)] * 2
    assert [tuple(w.shape) for w in decoder] == [(3, 3, 4, 4)] * 3
    assert [tuple(w.shape) for w in cross] == [(3, 3, 4, 5)] * 3
    for weights in [*own, *decoder, *cross]:
        assert (weights.sum(-1) - 1).abs().max() < BOUND
    assert all(w[1, :, :, 3:].abs().max() == 0 for w in [*own, *cross])  # padding of the source
    assert all(w.triu(1).abs().max() == 0 for w in decoder)


def test_tied_and_untied_embeddings() -> None:
    tied, untied = Transformer(TINY), Transformer(replace(TINY, tie_word_embeddings=False))
    matrices = {
        id(m.weight)
        for m in (
            tied.encoder.embeddings.tokens, tied.decoder.embeddings.tokens, tied.head.decoder,
        )
    }  # fmt: skip
    assert len(matrices) == 1
    count = sum(p.numel() for p in tied.parameters())
    assert sum(p.numel() for p in untied.parameters()) == count + 2 * 17 * 12


def test_gradient_checkpointing_changes_no_gradient() -> None:
    source, mask, target = batch()
    grads = []
    for checkpointing in (False, True):
        model = model_of()
        model.encoder.layers.gradient_checkpointing = checkpointing
        model.decoder.layers.gradient_checkpointing = checkpointing
        calls: list[int] = []
        model.decoder.layers[0].feed_forward.register_forward_hook(
            lambda *_, calls=calls: calls.append(1)
        )
        model.train()(source, mask, target).sin().sum().backward()
        assert len(calls) == (2 if checkpointing else 1)
        grads.append([p.grad for p in model.parameters()])
    for a, b in zip(*grads, strict=True):
        assert torch.equal(a, b)


def test_first_weights_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    model = Transformer(replace(TINY, vocab_size=2000, hidden_size=96, intermediate_size=400))
    linear = model.encoder.layers[0].feed_forward.up_proj
    assert linear.weight.abs().max() <= math.sqrt(6 / 496)
    assert linear.weight.std().item() == pytest.approx(math.sqrt(2 / 496), rel=0.02)
    assert linear.bias.abs().max() == 0
    tokens = model.encoder.embeddings.tokens.weight
    assert tokens[1:].std().item() == pytest.approx(96**-0.5, rel=0.02)
    assert tokens[0].abs().max() == 0


@pytest.mark.parametrize(
    ("config", "millions"), [(transformer_base(), 63), (transformer_big(), 214)]
)
def test_presets_have_the_papers_sizes(config: TransformerConfig, millions: int) -> None:
    with torch.device("meta"):
        model = Transformer(config)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6) == millions


def test_an_unknown_order_of_norms_is_refused() -> None:
    message = (
        "^unknown norm_order 'Pre-'; the norm stands behind the residual .post. or before the "
        "sub-layer .pre.. Did you mean 'pre'[?]$"
    )
    with pytest.raises(ConfigError, match=message):
        TransformerConfig(norm_order="Pre-")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("order", ["post", "pre"])
def test_an_unpadded_batch_gives_the_padded_ones_logits_and_gradients(
    order: str, kernel: Any
) -> None:
    model = model_of(norm_order=order).eval()
    source, mask, target = batch()
    target_mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]])
    sources, targets = Packing.of(mask), Packing.of(target_mask)
    memory = model.encode(source, mask, kernel=kernel)
    padded = targets.pack(model.decode(target, memory, mask, kernel=kernel))
    padded.square().mean().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    memory = model.encode(sources.pack(source), packing=sources, kernel=kernel)
    assert memory.shape == (9, 12)
    unpadded = model.decode(
        targets.pack(target), memory, packing=targets, memory_packing=sources, kernel=kernel
    )
    assert unpadded.shape == (7, 17)
    assert (unpadded - padded).abs().max() < BOUND
    unpadded.square().mean().backward()
    assert len(expected) > 50
    for name, parameter in model.named_parameters():
        if name in expected:
            assert parameter.grad is not None
            assert (parameter.grad - expected[name]).abs().max() < BOUND, name
