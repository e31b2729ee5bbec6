"""Positions chosen by name: what holds for every type, with every head of every model that has it.

That they compute what their papers say is in ``tests/models/test_one_stack.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.positioned_models import (
    CHOOSING,
    EVERY,
    LENGTHS,
    STACKS,
    WRITERS,
    built,
    padded,
    read,
    texts,
    writer,
)
from torch import Tensor
from transformers import StaticCache

from hfdl.custom_attention.register import register_attention
from hfdl.errors import ModelError
from hfdl.generation import generate
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.nn.cache import KVCache
from hfdl.nn.functional import attention
from hfdl.nn.packing import Packing


def test_there_are_as_many_as_there_are() -> None:
    assert CHOOSING == ["encoder", "decoder", "transformer"]
    assert [len(each) for each in (EVERY, WRITERS, STACKS)] == [42, 12, 36]


# ---- Padding, packing, windows of a cache --------------------------------------------------------


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("name", "head", "kind"), EVERY)
def test_a_text_is_read_alike_alone_and_in_a_padded_batch(
    name: str, head: str, kind: str, attention: str
) -> None:
    """With ``sdpa`` an encoder computes no padding; with ``eager`` it does."""
    model = built(name, head, kind)
    model.set_attn_implementation(attention)
    found = read(model, head, **padded(texts()))
    for row, text in zip(found, texts(), strict=True):
        alone = read(model, head, input_ids=text[None])[0]
        rows = len(text) if head in ("masked_lm", "causal_lm", "token") else len(alone)
        assert (row[:rows] - alone).abs().max() < 1e-10


@pytest.mark.parametrize("kind", POSITION_TYPES)
@pytest.mark.parametrize(("name", "head"), [("decoder", "causal_lm"), ("decoder", "token")])
def test_documents_in_one_row_are_read_alone(name: str, head: str, kind: str) -> None:
    model = built(name, head, kind)
    rows = texts()
    found = model(
        input_ids=torch.cat(rows)[None],
        position_ids=torch.cat([torch.arange(len(row)) for row in rows])[None],
        use_cache=False,
    ).logits[0]
    for part, text in zip(found.split(LENGTHS), rows, strict=True):
        assert (part - model(input_ids=text[None]).logits[0]).abs().max() < 1e-10


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_a_packed_translation_is_the_padded_one(kind: str) -> None:
    core = built("transformer", "seq2seq", kind).core
    source, target = padded(texts()), padded(texts()[::-1])
    packs = [Packing.of(each["attention_mask"]) for each in (source, target)]
    memory = core.encode(packs[0].pack(source["input_ids"]), packing=packs[0])
    found = core.decode(
        packs[1].pack(target["input_ids"]), memory, packing=packs[1], memory_packing=packs[0]
    )
    whole = core(source["input_ids"], source["attention_mask"], target["input_ids"])
    assert (found - packs[1].pack(whole)).abs().max() < 1e-10


@pytest.mark.parametrize("kind", POSITION_TYPES)
@pytest.mark.parametrize("cut", [1, 4, 8])
def test_a_decoder_goes_on_from_its_cache(kind: str, cut: int) -> None:
    """Rows padded on the left, in steps of ``cut`` and of one; also with a cache of fixed size."""
    model = built("decoder", "causal_lm", kind)
    batch = padded(texts(), "left")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    places = (mask.cumsum(1) - 1).clamp(min=0)
    whole = model(**batch, position_ids=places).logits
    for cache in (None, StaticCache(config=model.config, max_cache_len=16)):
        found, start = [], 0
        for end in (cut, *range(cut + 1, 10)):
            out = model(
                input_ids=ids[:, start:end], attention_mask=mask[:, :end],
                position_ids=places[:, start:end], past_key_values=cache, use_cache=True,
            )  # fmt: skip
            found.append(out.logits)
            cache, start = out.past_key_values, end
        assert (torch.cat(found, dim=1) - whole)[mask.bool()].abs().max() < 1e-10


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_a_translation_goes_on_from_its_cache(kind: str) -> None:
    core = built("transformer", "seq2seq", kind).core
    source, target = padded(texts()), texts()[0].expand(4, -1)
    memory = core.encode(**source)
    whole = core.decode(target, memory, source["attention_mask"])
    cache, projected = KVCache(), core.project_memory(memory)
    steps = [
        core.decode(part, projected, source["attention_mask"], cache=cache)
        for part in target.split((3, 1, 1, 4), dim=1)
    ]
    assert (torch.cat(steps, dim=1) - whole).abs().max() < 1e-10


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 5}])
@pytest.mark.parametrize(("name", "head", "kind"), WRITERS)
def test_what_is_written_does_not_depend_on_the_cache(
    name: str, head: str, kind: str, options: dict[str, Any]
) -> None:
    model = writer(name, head, kind)
    side = "left" if head == "causal_lm" else "right"
    batch = padded(texts(), side)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    both = [
        generate(model, ids, mask, max_new_tokens=12, use_cache=use_cache, **options)
        for use_cache in (True, False)
    ]
    assert torch.equal(*both)
    if "seed" not in options:
        theirs = model.generate(**batch, max_new_tokens=12, do_sample=False, **options)
        assert torch.equal(both[0], theirs)
    else:
        assert max(len({*row[-12:]}) for row in both[0].tolist()) > 3


# ---- An attention function of one's own ----------------------------------------------------------


def plainly(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return attention(q, k, v, mask)[0]


def with_bias(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None = None
) -> Tensor:
    return attention(q, k, v, mask, bias=bias)[0]


@pytest.mark.parametrize(("name", "head", "kind"), EVERY)
def test_an_attention_that_takes_no_bias_is_refused_where_there_is_one(
    name: str, head: str, kind: str
) -> None:
    register_attention("plainly", plainly)
    register_attention("with_bias", with_bias)
    model = built(name, head, kind)
    batch = padded(texts())
    usual = read(model, head, **batch)
    model.set_attn_implementation("with_bias")
    real = batch["attention_mask"].bool() if usual.shape[:2] == (4, 9) else slice(None)
    assert (read(model, head, **batch) - usual)[real].abs().max() < 1e-10
    model.set_attn_implementation("plainly")
    if kind in ("alibi", "t5"):
        with pytest.raises(ModelError, match="keyword 'bias'"):
            read(model, head, **batch)
    else:
        assert (read(model, head, **batch) - usual)[real].abs().max() < 1e-10


# ---- Order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", POSITION_TYPES)
@pytest.mark.parametrize(("name", "head"), [("encoder", "token"), ("transformer", "seq2seq")])
def test_order_is_nothing_to_an_encoder_without_positions_and_something_to_all_others(
    name: str, head: str, kind: str
) -> None:
    model = built(name, head, kind)
    ids, order = texts()[0][None], torch.randperm(9, generator=torch.Generator().manual_seed(0))
    see = model.core.encode if head == "seq2seq" else lambda ids: model(ids).logits
    difference = (see(ids)[:, order] - see(ids[:, order])).abs().max()
    assert (difference < 1e-10) == (kind == "none")
    assert kind == "none" or difference > 1e-3


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_order_is_something_to_every_decoder(kind: str) -> None:
    """Without positions the mask still tells what came before: from the second layer on."""
    model = built("decoder", "causal_lm", kind)
    ids = texts()[0][None]
    other = torch.cat([ids[:, :8].flip(1), ids[:, 8:]], dim=1)
    assert (model(ids).logits[:, -1] - model(other).logits[:, -1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_a_decoder_does_not_see_what_comes_later(kind: str) -> None:
    model = built("decoder", "causal_lm", kind)
    ids = texts()[0][None]
    other = torch.cat([ids[:, :5], ids[:, 5:].flip(1)], dim=1)
    assert (model(ids).logits - model(other).logits)[:, :5].abs().max() < 1e-12
