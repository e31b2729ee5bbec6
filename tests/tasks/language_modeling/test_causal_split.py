"""Blocks as batches, documents kept apart, and what is computed from the scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.tiny_models import VOCABULARY, tiny_model
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hfdl.data.corpus.blocks import consecutive_blocks, strided_windows
from hfdl.errors import ModelError
from hfdl.tasks.language_modeling.causal_lm import CausalLM, how_to_keep_apart
from hfdl.tasks.language_modeling.causal_split import BlockOptions, TokenSplit
from hfdl.tasks.protocol import Batch

PAD = 0
TOKENIZER = SimpleNamespace(pad_token_id=PAD, decode=lambda ids: " ".join(map(str, ids)))
SIZES = (3, 1, 0, 6, 2, 9, 4)
"""Tokens of the documents; one is empty."""
TASK = object.__new__(CausalLM)  # to score, it needs no config, and a tokenizer to write with
TASK.tokenizer = SimpleNamespace(decode=lambda ids: " ".join(map(str, ids)))


def store_of(sizes: Sequence[int] = SIZES, seed: int = 1) -> Any:
    """A store of random ids; no token is the padding."""
    ids = np.random.default_rng(seed).integers(3, VOCABULARY, sum(sizes)).astype(np.uint16)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return SimpleNamespace(
        ids=ids, starts=starts, bytes=5 * len(ids), digest="d", where=lambda d: f"document {d}"
    )


def split_of(store: Any, length: int, apart: str | None = None, stride: int | None = None) -> Any:
    """A split of a store, in blocks or in windows."""
    tokens = len(store.ids)
    blocks = (
        consecutive_blocks(tokens, length) if stride is None
        else strided_windows(tokens, length, stride)
    )  # fmt: skip
    return TokenSplit("train", store, blocks, BlockOptions(TOKENIZER, apart, torch.float64))


def losses_of(model: Any, batch: Batch) -> torch.Tensor:
    """Cross-entropy of each target by plain torch; shape (N,)."""
    inputs = {k: v for k, v in batch.inputs.items() if k not in ("positions", "targets")}
    with torch.no_grad():
        logits = model(**inputs, use_cache=False).logits.flatten(0, 1)  # (B * T, V)
    picked = logits[batch.inputs["positions"]].double()
    return F.cross_entropy(picked, batch.inputs["targets"], reduction="none")


# ---- batches ---------------------------------------------------------------------------------


@given(st.integers(2, 40), st.integers(1, 12), st.data())
def test_a_batch_asks_for_the_token_behind_each_that_it_reads(
    tokens: int, length: int, data: st.DataObject
) -> None:
    store = store_of([tokens])
    split = split_of(store, length)
    chosen = data.draw(st.permutations(range(len(split))))[:5]
    batch = split.batch(chosen)
    ids, positions = batch.inputs["input_ids"], batch.inputs["positions"]
    asked = 0
    for row, i in enumerate(chosen):
        read = store.ids[i * length : min((i + 1) * length, tokens - 1)]
        assert ids[row, : len(read)].tolist() == read.tolist()
        assert set(ids[row, len(read) :].tolist()) <= {PAD}
        for place in range(len(read)):
            assert int(positions[asked]) == row * ids.shape[1] + place
            assert int(batch.inputs["targets"][asked]) == int(store.ids[i * length + place + 1])
            assert int(batch.targets["rows"][asked]) == row
            asked += 1
    assert asked == len(positions) == len(batch.targets["targets"]) == batch.tokens
    assert split.lengths[chosen].sum() == batch.tokens
    mask = batch.inputs.get("attention_mask")
    assert (mask is None) == (len(set(split.lengths[chosen])) == 1)
    assert mask is None or mask.sum(1).tolist() == split.lengths[chosen].tolist()


def test_windows_ask_only_for_what_no_window_before_them_did() -> None:
    store = store_of()
    split = split_of(store, 8, stride=5)
    batch = split.batch(list(range(len(split))))
    assert batch.inputs["targets"].tolist() == store.ids[1:].tolist()
    assert np.bincount(batch.targets["rows"]).tolist() == [8, 3, 3, 3, 3, 3, 1]


def test_a_block_knows_its_place_and_its_text() -> None:
    store = store_of()
    split = split_of(store, 6)
    assert len(split) == 4
    # Block 1 begins with token 6, in the fourth document; block 2 with token 12, in the sixth.
    assert [split.where(i) for i in (0, 1, 2)] == ["document 0", "document 3", "document 5"]
    assert split.describe(1) == {
        "where": "document 3", "text": " ".join(map(str, store.ids[7:13])),
    }  # fmt: skip
    assert split.references() == [{"digest": "d", "bytes": 125}]


@pytest.mark.parametrize("apart", ["positions", "mask"])
def test_where_documents_are_apart_no_first_token_is_asked_for(apart: str) -> None:
    store = store_of()
    split = split_of(store, 6, apart)
    batch = split.batch([0, 1, 2, 3])
    firsts = {int(start) for start in store.starts}
    expected = [store.ids[t] for t in range(1, len(store.ids)) if t not in firsts]
    assert batch.inputs["targets"].tolist() == expected
    assert len(expected) == len(store.ids) - 6  # six documents have a first token
    assert batch.inputs["position_ids"].tolist() == [
        [0, 1, 2, 0, 0, 1], [0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5], [0, 1, 2, 0, 1, 2],
    ]  # fmt: skip
    assert ("attention_mask" in batch.inputs) == (apart == "mask")


def test_a_block_of_documents_of_one_token_asks_for_nothing() -> None:
    split = split_of(store_of([1] * 7), 3, "positions")
    batch = split.batch([0, 1])
    assert batch.inputs["targets"].shape == batch.inputs["positions"].shape == (0,)
    scores = SimpleNamespace(
        total=torch.zeros(()), losses=torch.zeros(0), best=torch.zeros(0, dtype=torch.int64)
    )
    assert int(TASK.loss(scores, batch).count) == 0
    assert (
        TASK.decode(scores, batch)
        == [{"loss": 0.0, "accuracy": 0.0, "tokens": 0, "costly": []}] * 2
    )


# ---- documents kept apart ----------------------------------------------------------------------

WAYS = {
    "gpt2": "positions", "gpt_neo": "positions", "gptj": "positions", "llama": "positions",
    "mistral": "positions", "qwen2": "positions", "qwen3": "positions", "phi3": "positions",
    "gemma2": "positions", "opt": "mask", "falcon": "mask", "mpt": "mask",
}  # fmt: skip
_EAGER_ONLY = {"gpt_neo", "gptj", "mpt", "gemma2", "falcon"}
CASES = [
    (family, kernel)
    for family in WAYS
    for kernel in ("eager", "sdpa")
    if kernel == "eager" or family not in _EAGER_ONLY
]


def causal_model(family: str, kernel: str) -> Any:
    """A random model in float64, wide enough that a wrong mask shows."""
    model = tiny_model(family, auto="AutoModelForCausalLM", dtype=torch.float64)
    model.set_attn_implementation(kernel)
    assert model.config._attn_implementation == kernel
    return model


@pytest.mark.parametrize(("family", "kernel"), CASES)
def test_a_packed_block_is_scored_as_its_documents_alone(family: str, kernel: str) -> None:
    model = causal_model(family, kernel)
    way = how_to_keep_apart(model)
    assert way == WAYS[family]
    store = store_of()
    packed = split_of(store, len(store.ids), way)
    found = losses_of(model, packed.batch([0]))
    alone = []
    for start, end in zip(store.starts, store.starts[1:], strict=False):
        # A window of one document: nothing else is in the row. Mistral's sliding window is 4.
        ids = torch.from_numpy(store.ids[start:end].astype(np.int64))[None]
        if ids.numel() > 1:
            with torch.no_grad():
                logits = model(ids[:, :-1], use_cache=False).logits[0]
            alone.append(F.cross_entropy(logits.double(), ids[0, 1:], reduction="none"))
    assert len(alone) == 5
    # transformers computes some softmaxes and norms in float32 whatever the model's type is.
    assert torch.allclose(found, torch.cat(alone), rtol=0, atol=2e-6)
    careless = split_of(store, len(store.ids)).batch([0])
    asked = torch.isin(careless.inputs["positions"], packed.batch([0]).inputs["positions"])
    assert (losses_of(model, careless)[asked] - found).abs().max() > 1e-2  # it did matter


@pytest.mark.parametrize("way", ["positions", "mask"])
def test_rows_of_unequal_length_are_scored_as_each_alone(way: str) -> None:
    model = causal_model("gpt2", "sdpa")
    split = split_of(store_of(), 7, way)
    rows = [split.batch([i]) for i in range(len(split))]
    together = split.batch(list(range(len(split))))
    assert len(set(split.lengths)) == 2
    found = losses_of(model, together)
    assert torch.allclose(found, torch.cat([losses_of(model, row) for row in rows]), atol=1e-12)


def test_a_cache_makes_transformers_attend_across_documents() -> None:
    # The reason for use_cache=False. Should a later version be right, this says so.
    model = causal_model("llama", "sdpa")
    inputs = {k: v for k, v in split_of(store_of(), 25, "positions").batch([0]).inputs.items()
              if k in ("input_ids", "position_ids")}  # fmt: skip
    with torch.no_grad():
        cached, plain = model(**inputs, use_cache=True), model(**inputs, use_cache=False)
    assert (cached.logits - plain.logits).abs().max() > 1e-2


@pytest.mark.parametrize("family", ["bloom", "gpt_oss"])
def test_a_model_that_cannot_keep_documents_apart_is_refused(family: str) -> None:
    model = tiny_model(family, auto="AutoModelForCausalLM")
    with pytest.raises(ModelError) as caught:
        how_to_keep_apart(model)
    assert_wording(caught.value)


def test_trying_leaves_the_model_in_its_mode() -> None:
    model = causal_model("gpt2", "sdpa").train()
    state = torch.random.get_rng_state()
    how_to_keep_apart(model)
    assert all(module.training for module in model.modules())
    assert torch.equal(state, torch.random.get_rng_state())


# ---- scores ------------------------------------------------------------------------------------


def test_blocks_are_scored_each_by_its_own_targets() -> None:
    store = store_of()
    split = split_of(store, 6)
    batch = split.batch([3, 0, 2])
    generator = torch.Generator().manual_seed(0)
    losses = torch.rand(len(batch.targets["targets"]), generator=generator)
    best = batch.targets["targets"].clone()
    best[::3] += 1
    said = TASK.decode(SimpleNamespace(losses=losses, best=best), batch)
    assert [row["tokens"] for row in said] == [6, 6, 6]
    for row in range(3):
        mine = batch.targets["rows"] == row
        assert said[row]["loss"] == pytest.approx(float(losses[mine].double().mean()), rel=1e-12)
        right = (best == batch.targets["targets"])[mine]
        assert said[row]["accuracy"] == float(right.double().mean())
        # The three that cost most, each with what stood there and what stood before it.
        numbers = sorted(mine.nonzero()[:, 0].tolist(), key=lambda at: -float(losses[at]))[:3]
        decode = TASK.tokenizer.decode
        assert [one["loss"] for one in said[row]["costly"]] == [float(losses[at]) for at in numbers]
        for one, at in zip(said[row]["costly"], numbers, strict=True):
            place = int(batch.inputs["positions"][at]) - row * batch.inputs["input_ids"].shape[1]
            before = batch.inputs["input_ids"][row, : place + 1].tolist()
            assert one["after"] == decode(before[-16:])
            assert one["target"] == decode([int(batch.targets["targets"][at])])
            assert one["prediction"] == decode([int(best[at])])


def test_metrics_weigh_tokens_not_blocks() -> None:
    said = [
        {"loss": 1.0, "accuracy": 0.5, "tokens": 6},
        {"loss": 4.0, "accuracy": 0.0, "tokens": 2},
    ]
    found = TASK.metrics(said, [{"digest": "", "bytes": 20}])
    assert found == pytest.approx({
        "perplexity": math.exp(14 / 8), "accuracy": 0.375,
        "bits_per_byte": 14 / math.log(2) / 20,
    })  # fmt: skip
    huge = TASK.metrics([{"loss": 1e6, "accuracy": 0.0, "tokens": 1}], [{"bytes": 1}])
    assert math.isfinite(huge["perplexity"])
    assert TASK.metrics([], [{"bytes": 0}])["perplexity"] == 1.0
