"""Forward and backward passes of all parts of ``hfdl.nn`` and all models of ``hfdl.models``.

``test_shapes_in_signatures.py`` runs them in a process where jaxtyping checks every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from helpers.every_mask import masks
from hfdl.models import (
    albert,
    bag_of_words,
    bert,
    gpt2,
    llama,
    modernbert,
    one_stack,
    recurrent,
    text_cnn,
    transformer,
)
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.models.word_embeddings import load_word_vectors
from hfdl.nn import KVCache, Packing, attention, fused_attention, length_mask
from hfdl.nn.activations import ACTIVATIONS
from hfdl.nn.joined_qkv import joined_qkv
from hfdl.nn.losses import chunked_loss, token_losses
from hfdl.nn.masks import make
from hfdl.nn.norms import layer_norm
from hfdl.nn.pooling import POOLINGS, pooling, sum_pool
from hfdl.nn.positions import (
    LinearScaling,
    Llama3Scaling,
    Rotary,
    SinusoidalPositions,
    T5RelativeBias,
    alibi_bias,
    rotate_interleaved,
)
from hfdl.nn.recurrence import KINDS, unrolled
from hfdl.nn.recurrent import Recurrent

KERNELS = (attention, fused_attention)
_SIZES = {
    "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 3,
    "intermediate_size": 16, "max_position_embeddings": 32,
}  # fmt: skip
_IDS = torch.arange(1, 16).view(3, 5) % 22 + 1  # (B, T)
_LENGTHS = torch.tensor([5, 2, 3])
_MASK = length_mask(_LENGTHS, 5).long()  # (B, T)


def _learn(result: Tensor, model: nn.Module) -> None:
    result.float().sum().backward()
    assert any(p.grad is not None for p in model.parameters())
    model.zero_grad()


def _run(model: nn.Module, **more: Any) -> None:
    """Padded and packed, by each kernel, in training and not, in float32 and bfloat16."""
    packing = Packing.of(_MASK)
    ids, types = packing.pack(_IDS), packing.pack(torch.zeros_like(_IDS))
    for kernel in KERNELS:
        for training in (True, False):
            model.train(training)
            weights: list[Tensor | None] = []
            _learn(model(_IDS, _MASK, kernel=kernel, collect=weights, **more), model)
            assert len(weights) == 3
            _learn(model(ids, None, packing=packing, token_type_ids=types, kernel=kernel), model)
        model(_IDS.bool().long(), None, position_ids=torch.arange(5), kernel=kernel)
    embeds = getattr(model, "backbone", model).embeddings.tokens(_IDS)
    _learn(model(None, _MASK.bool(), inputs_embeds=embeds), model)
    with torch.autocast("cpu", torch.bfloat16):
        _learn(model.train()(_IDS, _MASK), model)


def _encoder(module: Any, name: str, config: Any) -> None:
    config = replace(config, initializer_range=0.1)
    backbone = getattr(module, name)(config)
    _run(backbone)
    assert backbone.positions_in(_IDS).shape == _IDS.shape
    for head in ("SequenceClassification", "TokenClassification"):
        _run(getattr(module, f"{name}For{head}")(config))
    masked = getattr(module, f"{name}ForMaskedLM")(config)
    _run(masked)
    assert masked(_IDS, _MASK, chosen=_MASK.bool()).shape == (10, 23)


def berts() -> None:
    """BERT, RoBERTa, DistilBERT and ELECTRA."""
    sizes: dict[str, Any] = {**_SIZES, "num_labels": 4}
    for preset in (bert.bert_base, bert.roberta_base, bert.distilbert_base):
        _encoder(bert, "Bert", replace(preset(), **sizes))
    _encoder(bert, "Bert", replace(bert.electra_small(), **sizes, embedding_size=6))
    pooled = bert.Bert(replace(bert.bert_base(), **sizes))
    assert pooled.pooler is not None
    assert pooled.pooler(pooled(_IDS)[:, 0]).shape == (3, 12)


def other_encoders() -> None:
    """ALBERT and ModernBERT."""
    sizes: dict[str, Any] = {**_SIZES, "num_labels": 4}
    _encoder(albert, "Albert", albert.AlbertConfig(**sizes, embedding_size=6))
    for reading in ("cls", "mean"):
        config = modernbert.ModernBertConfig(
            **sizes, pad_token_id=0, windows=(None, 2, 2), classifier_pooling=reading
        )
        _encoder(modernbert, "ModernBert", config)


def decoders() -> None:
    """GPT-2, and Llama with grouped heads, a window, scaled positions and norms of heads."""
    sizes: dict[str, Any] = {**_SIZES, "num_labels": 4}
    scaling = Llama3Scaling(4.0, 1.0, 4.0, 16)
    cases: list[tuple[Any, str, Any]] = [
        (gpt2, "Gpt2", gpt2.Gpt2Config(**sizes)),
        (llama, "Llama", llama.LlamaConfig(**sizes, num_key_value_heads=1, qk_norm=True)),
        (llama, "Llama", llama.LlamaConfig(
            **sizes, head_dim=6, windows=(None, 2, 2), rope_scaling=scaling)),
        (llama, "Llama", llama.LlamaConfig(**sizes, rope_scaling=LinearScaling(2.0))),
    ]  # fmt: skip
    for module, name, config in cases:
        _run(getattr(module, name)(config))
        for head in ("CausalLM", "SequenceClassification", "TokenClassification"):
            _run(getattr(module, f"{name}For{head}")(config))
        _generate(getattr(module, f"{name}ForCausalLM")(config).eval())


def one_stacks() -> None:
    """The encoder and the decoder of every type of positions, in both orders of norms."""
    for i, kind in enumerate(POSITION_TYPES):
        config = one_stack.OneStackConfig(
            **_SIZES, num_labels=4, position_embedding_type=kind, attention_dropout=0.1,
            norm_order=("pre", "post")[i % 2],
        )  # fmt: skip
        _encoder(one_stack, "Encoder", config)
        _run(one_stack.Decoder(config))
        for head in ("CausalLM", "SequenceClassification", "TokenClassification"):
            _run(getattr(one_stack, f"DecoderFor{head}")(config))
        _generate(one_stack.DecoderForCausalLM(config).eval())
        for model in (one_stack.EncoderModel(config), one_stack.DecoderModel(config)):
            assert model.backbone(_IDS, _MASK).shape == (3, 5, 12)


@torch.no_grad()
def _generate(model: nn.Module) -> None:
    """Token by token with a cache, and beams that change places."""
    for kernel in KERNELS:
        cache, ids, mask = KVCache(), _IDS, _MASK
        for step in range(3):
            logits = model(ids, None if step == 2 else mask, cache=cache, kernel=kernel)
            cache.reorder_cache(torch.tensor([2, 0, 1]))
            ids = logits[:, -1:].argmax(-1)  # (B, 1)
            mask = torch.cat([mask, torch.ones_like(ids)], dim=1)  # (B, past + T)


def encoder_decoders() -> None:
    """The transformer in both orders of norms, of every type of positions."""
    target_mask = length_mask(torch.tensor([2, 4, 3]), 4)
    source, target = Packing.of(_MASK), Packing.of(target_mask)
    orders = [("post", "sinusoidal"), *(("pre", kind) for kind in POSITION_TYPES)]
    for order, kind in orders:
        model = transformer.Transformer(transformer.TransformerConfig(
            vocab_size=23, hidden_size=12, encoder_layers=2, decoder_layers=3,
            num_attention_heads=3, intermediate_size=16, norm_order=order, attention_dropout=0.1,
            position_embedding_type=kind,
        ))  # fmt: skip
        targets = _IDS[:, 1:]
        for kernel in KERNELS:
            weights: list[Tensor | None] = []
            crossed: list[Tensor | None] = []
            _learn(model(
                _IDS, _MASK, targets, decoder_attention_mask=target_mask, kernel=kernel,
                collect=weights, cross_collect=crossed,
            ), model)  # fmt: skip
            memory = model.encode(source.pack(_IDS), packing=source, kernel=kernel)
            _learn(model.decode(
                target.pack(targets), memory, packing=target, memory_packing=source, kernel=kernel
            ), model)  # fmt: skip
            cache, projected = KVCache(), model.project_memory(model.encode(_IDS, _MASK))
            for t in range(3):
                model.decode(targets[:, t : t + 1], projected, _MASK, cache=cache, kernel=kernel)


def word_models() -> None:
    """Recurrent models, convolutions, averages and counts."""
    sizes: dict[str, Any] = {"vocab_size": 23, "num_labels": 4}
    for kind in KINDS:
        for reading in POOLINGS:
            config = recurrent.RecurrentConfig(
                **sizes, kind=kind, hidden_size=6, embedding_size=6, bidirectional=True,
                num_hidden_layers=2, pooling=reading,
            )  # fmt: skip
            _read(recurrent.RecurrentForSequenceClassification(config), 6)
        _read(recurrent.RecurrentForTokenClassification(config), 6)
        causal = recurrent.RecurrentForCausalLM(replace(config, bidirectional=False))
        _read(causal, 6)
        _, state = causal.read(_IDS, _MASK)
        causal.read(_IDS[:, :1], state=state)
    cnn = text_cnn.TextCnnForSequenceClassification(
        text_cnn.TextCnnConfig(**sizes, embedding_size=6, num_filters=2)
    )
    _read(cnn, 6)
    load_word_vectors(cnn.backbone.embeddings, torch.randn(23, 6))
    average = bag_of_words.DeepAveragingConfig(**sizes, embedding_size=6, hidden_size=5)
    _read(bag_of_words.DeepAveragingForSequenceClassification(average), 6)
    for counts in ("sum", "mean"):
        config = bag_of_words.BagOfWordsConfig(**sizes, counts=counts)
        _read(bag_of_words.BagOfWordsForSequenceClassification(config), 4)


def _read(model: nn.Module, width: int) -> None:
    for training in (True, False):
        model.train(training)
        for mask in (_MASK, _MASK.bool(), None):
            _learn(model(_IDS, mask), model)
        _learn(model(None, _MASK, inputs_embeds=torch.randn(3, 5, width)), model)


def recurrent_layers() -> None:
    """Both kernels, with masks that have gaps, lengths, and a state to go on from."""
    x, gaps = torch.randn(3, 5, 4), torch.tensor([[1, 0, 1, 1, 1], [0, 0, 1, 0, 0], [0] * 5])
    for kind in KINDS:
        for options in ({}, {"kernel": unrolled}):
            layer = Recurrent(kind, 4, 6, num_layers=2, bidirectional=True, **options)
            for real in ({}, {"mask": gaps}, {"mask": _MASK}, {"lengths": _LENGTHS}):
                output, state = layer(x, **real)
                _learn(layer(x, **real, state=state)[0] + output, layer)


def kernels() -> None:
    """Both kernels, with all that they take: grouped heads, masks of all forms, biases, dropout."""
    k, v = torch.randn(3, 2, 5, 6), torch.randn(3, 2, 5, 6, requires_grad=True)
    relative = T5RelativeBias(8, 16, 4, True)
    masks = (None, make.causal_mask(2, 5), make.padding_mask(_MASK))
    for dtype in (torch.float32, torch.bfloat16):
        q = torch.randn(3, 4, 2, 6, dtype=dtype, requires_grad=True)
        for kernel in KERNELS:
            for mask in masks:
                for dropout in (0.0, 0.5):
                    for bias in (None, relative(2, 5), alibi_bias(4, 2, 5)):
                        out, _ = kernel(
                            q, k.to(dtype), v.to(dtype), mask, bias=bias, causal=mask is not None,
                            dropout=dropout,
                        )  # fmt: skip
                        out.float().sum().backward()


def positions() -> None:
    """Rotary positions of padded and packed batches, both pairings; sinusoidal ones."""
    rotary = Rotary(6)
    for shape, x in (((5,), (3, 5, 2, 6)), ((3, 5), (3, 5, 2, 6)), ((7,), (7, 2, 6))):
        where = torch.arange(shape[-1]).expand(shape)
        rotate_interleaved(torch.randn(x), *rotary(where))
        assert SinusoidalPositions(6)(where).shape == (*shape, 6)


def losses() -> None:
    """Each item's loss, whole and in chunks, with and without gradients."""
    labels = torch.tensor([1, -100, 3, 0])
    logits = torch.randn(4, 5, requires_grad=True)
    token_losses(logits, labels, weight=torch.rand(5), label_smoothing=0.1).sum().backward()
    token_losses(logits, labels, focal_gamma=2.0).sum().backward()
    hidden, layer = torch.randn(4, 6, requires_grad=True), nn.Linear(6, 5)
    for bias in (layer.bias, None):
        for budget in (1 << 20, 10):
            chunked_loss(hidden, layer.weight, bias, labels, budget=budget).total.backward()
            with torch.no_grad():
                chunked_loss(hidden, layer.weight, bias, labels, budget=budget)


def small_parts() -> None:
    """Activations, norms as formulas, poolings of nothing, joined projections of wide input."""
    for activation in ACTIVATIONS.values():
        activation(torch.randn(2, 3))
    layer_norm(torch.randn(2, 3, 4), torch.ones(4), None, 1e-5)
    for name in POOLINGS:
        pooling(name, 4)(torch.randn(2, 3, 4), None)
        assert sum_pool(torch.randn(2, 0, 4)).shape == (2, 4)
    attention_layer: Any = bert.Bert(bert.BertConfig(**_SIZES)).layers[0]
    product = torch.randn(5, 12, dtype=torch.float64, requires_grad=True)  # oneDNN has none
    assert joined_qkv(attention_layer.attention.double(), product) is not None


PARTS: tuple[Callable[[], None], ...] = (
    berts, other_encoders, decoders, one_stacks, encoder_decoders, word_models,
    recurrent_layers, masks, kernels, positions, losses, small_parts,
)  # fmt: skip


def run() -> None:
    """All of them."""
    torch.manual_seed(0)
    for part in PARTS:
        part()
