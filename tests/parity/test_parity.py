"""hfdl's own models equal transformers' with eager attention: logits, gradients, decoding.

Nothing is compared with itself: on one side the calls of hfdl's kernel are counted, on the other
side every attention module must be transformers' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from helpers.scratch_models import (
    CASES,
    CASTING,
    DECODERS,
    ENCODERS,
    LABELS,
    LAYERS,
    LENGTH,
    LENGTHS,
    VARIANTS,
    VOCABULARY,
    attention_classes,
    batch,
    casts_lifted,
    farthest,
    heads_of,
    hf_model,
    model_type,
)  # fmt: skip
from torch import Tensor
from transformers import DynamicCache, StaticCache

from hfdl.hf_models import HF_MODELS, kernels
from hfdl.hf_models.load import to_scratch_model
from hfdl.nn import attend
from hfdl.nn.cache import KVCache
from hfdl.nn.fused import fused_attention

PADDINGS = ("none", "right", "left")
# Its head reads the first token, which is padding on the left, and sees nothing within its window:
# transformers' own attentions differ there.
READS_PADDING = ("modernbert", "sequence")
RUNS = 3  # of texts of one length in LENGTHS


class Calls:
    """How often hfdl's kernel ran."""

    def __init__(self) -> None:
        self.made = 0


@contextmanager
def counted(name: str) -> Iterator[Calls]:
    """Count the calls of one of hfdl's two kernels."""
    calls, kernel = Calls(), kernels._NATIVE[name]

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.made += 1
        return kernel(*args, **kwargs)

    kernels._NATIVE[name] = counting
    try:
        yield calls
    finally:
        kernels._NATIVE[name] = kernel


def exact(variant: str) -> Any:
    """What lets transformers' side of a variant be exact in float64."""
    return casts_lifted() if model_type(variant) in CASTING else nullcontext()


def pair(variant: str, head: str, dtype: torch.dtype, **changes: Any) -> tuple[Any, Any]:
    """transformers' model and ours with its weights."""
    theirs = hf_model(variant, head, dtype, **changes)
    ours = to_scratch_model(theirs)
    assert theirs.config._attn_implementation == "eager"
    (home,) = attention_classes(theirs)
    assert home.startswith("transformers.models.")
    assert attention_classes(ours) == {"hfdl.nn.attention"}
    return theirs, ours


def results(outputs: Any) -> list[Tensor]:
    """What a model was asked for: logits, or hidden states and the pooled state."""
    if "logits" in outputs:
        return [outputs.logits]
    return [x for x in (outputs.last_hidden_state, outputs.get("pooler_output")) if x is not None]


@pytest.fixture
def run_by_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengths of an unpadded batch are attended one by one; such short ones would be together."""
    monkeypatch.setattr(attend, "CALL", 0)


def expected_calls(variant: str, kernel: str, padding: str) -> int:
    """One a layer; of an unpadded batch, run by run, one a layer and length."""
    packed = kernel == "sdpa" and padding == "right" and model_type(variant) in ENCODERS
    return LAYERS * (RUNS if packed and attend.CALL == 0 else 1)


def distance(variant: str, head: str, padding: str, kernel: str, models: tuple[Any, Any]) -> float:
    """The largest difference at real tokens, relative to the largest result where above 1."""
    theirs, ours = models
    inputs = batch(padding)
    ours.set_attn_implementation(kernel)
    with torch.no_grad():
        expected = results(theirs(**inputs.inputs))
        with counted(kernel) as calls:
            found = results(ours(**inputs.inputs))
    assert calls.made == expected_calls(variant, kernel, padding)
    assert len(expected) == len(found) == (2 if head == "base" and "pooler" in str(theirs) else 1)
    gaps = []
    for a, b in zip(expected, found, strict=True):
        a, b = inputs.valid(a), inputs.valid(b)
        gaps.append(farthest(a, b) / max(1.0, float(a.abs().max())))
    return max(gaps)


def test_every_family_and_head_is_compared() -> None:
    names = {type(to_scratch_model(hf_model(v, h))).hf_name() for v, h in CASES}
    assert names == set(HF_MODELS)
    assert (len(HF_MODELS), len(VARIANTS), len(CASES)) == (48, 18, 72)


@pytest.mark.usefixtures("run_by_run")
@pytest.mark.parametrize(("variant", "head"), CASES)
def test_float64_equals_eager_to_1e_12(variant: str, head: str) -> None:
    models = pair(variant, head, torch.float64)
    compared = 0
    with exact(variant):
        for padding in PADDINGS[: 2 if (variant, head) == READS_PADDING else 3]:
            for kernel in ("eager", "sdpa"):
                assert distance(variant, head, padding, kernel, models) < 1e-12, (padding, kernel)
                compared += 1
    assert compared == (4 if (variant, head) == READS_PADDING else 6)


@pytest.mark.parametrize("kind", CASTING)
def test_float64_equals_untouched_eager_to_1e_7_where_that_casts(kind: str) -> None:
    """Logits: transformers' RMSNorm and softmax are in float32 here, so 1e-7 is all there is.

    Weights are narrow: wide ones amplify its rounding. A window of the whole length, and no
    padding on the left: a row of the mask without an allowed key is NaN in it in float64.
    """
    changes: dict[str, Any] = {"initializer_range": 0.02}
    if kind == "modernbert":
        changes["local_attention"] = 2 * LENGTH
    if kind in ("mistral", "qwen2"):
        changes["sliding_window"] = LENGTH
    for head in heads_of(kind)[1:]:
        models = pair(kind, head, torch.float64, **changes)
        for padding in ("none", "right"):
            for kernel in ("eager", "sdpa"):
                assert distance(kind, head, padding, kernel, models) < 1e-7, (head, padding)


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_float32_equals_eager_to_1e_5(variant: str, head: str) -> None:
    models = pair(variant, head, torch.float32)
    for padding in PADDINGS[: 2 if (variant, head) == READS_PADDING else 3]:
        for kernel in ("eager", "sdpa"):
            assert distance(variant, head, padding, kernel, models) < 1e-5, (padding, kernel)


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_gradient_of_every_parameter(variant: str, head: str) -> None:
    theirs, ours = pair(variant, head, torch.float64)
    inputs = batch("right")
    with exact(variant):
        weigh(results(theirs(**inputs.inputs)), inputs).backward()
    for kernel in ("eager", "sdpa"):
        ours.zero_grad()
        ours.set_attn_implementation(kernel)
        with counted(kernel) as calls:
            weigh(results(ours(**inputs.inputs)), inputs).backward()
        assert calls.made == expected_calls(variant, kernel, "right")
        own = {name: p.grad for name, p in ours.core.named_parameters()}
        assert all(gradient is not None for gradient in own.values())
        compared = compared_gradients(theirs, ours.table.to_hf(own))
        assert compared >= len(list(theirs.parameters())) - 1 > 16


def compared_gradients(theirs: Any, carried: dict[str, Tensor]) -> int:
    """How many parameters have the gradient that was carried over, relative to its largest."""
    compared = 0
    for name, parameter in theirs.named_parameters():
        if parameter.grad is None:  # the second bias of an untied head for words, which is not read
            assert name in ("cls.predictions.bias", "predictions.bias")
            continue
        scale = float(parameter.grad.abs().max())
        # A bias on keys shifts all scores of a row alike, which softmax does not see: zero.
        if scale < 1e-12:
            assert "key.bias" in name or "k_" in name, name
            scale = 1.0
        assert farthest(parameter.grad, carried[name]) / scale < 1e-9, name
        compared += 1
    return compared


def weigh(tensors: list[Tensor], inputs: Any) -> Tensor:
    """A number to which every result at a real token contributes differently."""
    generator = torch.Generator().manual_seed(5)
    total = torch.zeros((), dtype=tensors[0].dtype)
    for tensor in tensors:
        tensor = inputs.valid(tensor)
        weights = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
        total = total + (tensor * weights).sum()
    return total


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "the kind of GELU": ("bert", {"hidden_act": "gelu_new"}),
    "the epsilon of a norm": ("bert", {"layer_norm_eps": 1e-5}),
    "the scale of scores": ("gpt2", {"scale_attn_weights": False}),
    "the base of rotation": ("qwen3", {"rope_parameters": {"rope_theta": 9000.0}}),
    "the stretch of rotation": ("llama", {"rope_parameters": {"rope_theta": 500.0}}),
    "the window": ("mistral", {"sliding_window": 5}),
    "the local window": ("modernbert", {"local_attention": 6}),
    "the padding id that positions are counted from": ("roberta", {"pad_token_id": 0}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_single_wrong_setting_is_seen(what: str) -> None:
    variant, changes = CHANGES[what]
    theirs, wrong = hf_model(variant, "base"), hf_model(variant, "base", **changes)
    wrong.load_state_dict(theirs.state_dict())
    inputs = batch("none")
    with torch.no_grad():
        expected = theirs(**inputs.inputs)[0]
        found = to_scratch_model(wrong)(**inputs.inputs)[0]
        right = to_scratch_model(theirs)(**inputs.inputs)[0]
    assert farthest(expected, right) < 1e-5
    assert farthest(expected, found) > 1e-5


# ---- decoding ------------------------------------------------------------------------------------


def step_by_step(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> Tensor:
    """Logits of all positions: the first four at once, the rest one by one."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    pieces = []
    for start, end in [(0, 4), *((i, i + 1) for i in range(4, ids.shape[1]))]:
        out = model(
            input_ids=ids[:, start:end], attention_mask=mask[:, :end], past_key_values=cache,
            position_ids=positions[:, start:end], use_cache=True,
        )  # fmt: skip
        pieces.append(out.logits)
    return torch.cat(pieces, dim=1)


@pytest.mark.parametrize("padding", ["none", "left"])
@pytest.mark.parametrize("variant", DECODERS)
def test_cached_decoding_equals_uncached_and_transformers(variant: str, padding: str) -> None:
    theirs, ours = pair(variant, "causal_lm", torch.float64)
    inputs = batch(padding)
    positions = (inputs.mask.cumsum(1) - 1).clamp(min=0)
    caches: dict[str, Any] = {
        "dynamic": lambda: DynamicCache(config=theirs.config),
        "static": lambda: StaticCache(config=theirs.config, max_cache_len=LENGTH + 3),
        "hfdl": KVCache,
    }
    with torch.no_grad(), exact(variant):
        whole = inputs.valid(ours(**inputs.inputs, position_ids=positions, use_cache=False).logits)
        stepped = step_by_step(theirs, inputs.ids, inputs.mask, caches["dynamic"]())
        assert farthest(inputs.valid(stepped), whole) < 1e-12
        for name, cache in caches.items():
            for kernel in ("eager", "sdpa"):
                ours.set_attn_implementation(kernel)
                with counted(kernel) as calls:
                    found = step_by_step(ours, inputs.ids, inputs.mask, cache())
                assert calls.made == LAYERS * (LENGTH - 3), name
                assert farthest(inputs.valid(found), whole) < 1e-6, (name, kernel)
                assert farthest(inputs.valid(found), whole) < 1e-12, (name, kernel)


# ---- forms of one forward pass -------------------------------------------------------------------


@pytest.mark.parametrize("head", ["base", "masked_lm", "sequence", "token"])
@pytest.mark.parametrize("kind", [*ENCODERS, "modernbert, biased, mean, untied"])
def test_unpadded_forward_equals_the_padded_one(kind: str, head: str) -> None:
    _, ours = pair(kind, head, torch.float64)
    inputs = batch("right")
    rows: list[tuple[int, ...]] = []
    first = ours.backbone.layers[0].attention.q_proj
    first.register_forward_hook(lambda module, args, out: rows.append(tuple(out.shape[:-1])))
    with torch.no_grad():
        found = results(ours(**inputs.inputs))[0]
        padded = ours.core(inputs.ids, inputs.mask, kernel=fused_attention)
    assert list(dict.fromkeys(rows)) == [(sum(LENGTHS),), tuple(inputs.ids.shape)]
    assert farthest(inputs.valid(found), inputs.valid(padded)) < 1e-12
    if head in ("masked_lm", "token"):
        assert found.shape == padded.shape
        assert torch.all(found[inputs.mask == 0] == 0)


@pytest.mark.parametrize("kind", ENCODERS)
def test_words_of_chosen_positions(kind: str) -> None:
    theirs, ours = pair(kind, "masked_lm", torch.float64)
    inputs = batch("right")
    chosen = (inputs.ids % 3 == 0) & inputs.mask.bool()
    assert 3 < int(chosen.sum()) < sum(LENGTHS) - 3
    with torch.no_grad(), exact(kind):
        expected = theirs(**inputs.inputs).logits[chosen]
        found = ours.core(inputs.ids, inputs.mask, chosen=chosen)
    assert found.shape == (int(chosen.sum()), VOCABULARY)
    assert farthest(expected, found) < 1e-12


@pytest.mark.parametrize("kind", ["bert", "electra", "albert", "gpt2"])
def test_segments(kind: str) -> None:
    theirs, ours = pair(kind, "sequence", torch.float64)
    for padding in ("none", "right"):
        inputs = batch(padding)
        types = (torch.arange(LENGTH) > 3).long().expand_as(inputs.ids)
        with torch.no_grad():
            expected = theirs(**inputs.inputs, token_type_ids=types).logits
            found = ours(**inputs.inputs, token_type_ids=types).logits
            without = ours(**inputs.inputs).logits
        assert expected.shape == (len(LENGTHS), LABELS)
        assert farthest(expected, found) < 1e-12
        assert farthest(found, without) > 1e-3
