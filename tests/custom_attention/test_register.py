"""Registered attentions inside pretrained architectures, against transformers' eager ones.

No comparison is a tautology: each counts the calls of the attention under test.
"""

from typing import Any

import pytest
import torch
from helpers.attention_parity import CASTING, FAMILIES, difference, logits_of, pair
from helpers.tiny_models import (
    DECODERS,
    ENCODER_DECODERS,
    inputs_for,
    lm_class,
    real_tokens,
    tiny_model,
)
from torch import Tensor
from transformers import StaticCache

from hfdl.custom_attention.calls import count_attention_calls
from hfdl.custom_attention.register import from_numpy, register_attention, registered_attentions
from hfdl.errors import ModelError

PADDINGS = ["none", "left", "right"]


@pytest.mark.parametrize("family", sorted(CASTING - {"modernbert"}))
def test_eager_attention_fails_in_float64_with_left_padding(family: str) -> None:
    """Why ``logits_of`` is needed; should transformers mend it, it is not."""
    inputs = inputs_for(family, "left")
    eager = tiny_model(family, dtype=torch.float64)
    _, ours = pair(family, "hfdl", dtype=torch.float64)
    real = inputs["attention_mask"].bool()
    assert eager(**inputs)[0][real].isnan().any()
    assert not ours(**inputs)[0].isnan().any()


def test_fifteen_architectures_are_covered() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) == 15
    assert {"hfdl", "hfdl_fused", "hfdl_numpy"} <= set(registered_attentions())


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_in_float32(family: str, padding: str) -> None:
    inputs = inputs_for(family, padding)
    # The formula takes eager's steps in eager's order; the others round elsewhere. T5 does not
    # scale its scores down: with these wide weights they, and what rounding they meet, are large.
    others = 1e-4 if family == "t5" else 1e-6
    for name, bound in [("hfdl", 1e-6), ("hfdl_fused", others), ("hfdl_numpy", others)]:
        eager, ours = pair(family, name, auto=lm_class(family))
        assert difference(family, eager, ours, inputs) <= bound, name


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_in_float64(family: str, padding: str) -> None:
    inputs = inputs_for(family, padding)
    casts = family in CASTING
    for name in ("hfdl", "hfdl_fused", "hfdl_numpy"):
        eager, ours = pair(family, name, auto=lm_class(family), dtype=torch.float64)
        found = difference(family, eager, ours, inputs)
        assert found <= (1e-5 if casts else 1e-12), name
        # Should transformers stop casting, this tells us to hold the family to 1e-12.
        assert not casts or found > 1e-12, name
    if casts and padding != "left":  # what was left is the cast, and nothing else
        eager, ours = pair(family, "as_they_cast", auto=lm_class(family), dtype=torch.float64)
        assert difference(family, eager, ours, inputs) <= 1e-12


@pytest.mark.parametrize(
    ("family", "name"),
    [
        *((family, name) for family in FAMILIES for name in ("hfdl", "hfdl_fused")),
        *((family, "as_they_cast") for family in sorted(CASTING)),
    ],
)
def test_gradients_of_every_parameter(family: str, name: str) -> None:
    eager, ours = pair(family, name, auto=lm_class(family), dtype=torch.float64)
    inputs = inputs_for(family, "right")
    real = real_tokens(family, inputs)
    with count_attention_calls(ours) as calls:
        for model in (eager, ours):
            model(**inputs)[0][real].square().mean().backward()
    assert calls.missing == []
    expected = {n: p.grad for n, p in eager.named_parameters() if p.grad is not None}
    assert len(expected) > 10
    largest = max(g.abs().max() for g in expected.values())
    # Where the cast is copied as well, as little is left as elsewhere.
    bound = 1e-5 if family in CASTING and name != "as_they_cast" else 1e-10
    for parameter_name, parameter in ours.named_parameters():
        if parameter_name in expected:
            off = (parameter.grad - expected[parameter_name]).abs().max()
            # A key bias has no gradient but rounding: hold it to a share of the largest one.
            size = max(expected[parameter_name].abs().max(), 1e-3 * largest)
            assert off <= bound * size, parameter_name


@pytest.mark.parametrize("padding", ["none", "left"])
@pytest.mark.parametrize("family", DECODERS)
def test_cached_decoding_step_by_step(family: str, padding: str) -> None:
    eager, ours = pair(family, "hfdl", auto=lm_class(family), dtype=torch.float64)
    inputs = inputs_for(family, padding)
    real = real_tokens(family, inputs)
    positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        full = logits_of(family, eager, inputs)
    with torch.no_grad(), count_attention_calls(ours) as calls:
        logits, cache, start = [], None, 0
        for stop in (4, 5, 6, 7, 8, 9):
            out = ours(
                input_ids=inputs["input_ids"][:, start:stop],
                attention_mask=inputs["attention_mask"][:, :stop],
                past_key_values=cache, use_cache=True,
                **positions_for(family, positions[:, start:stop]),
            )  # fmt: skip
            logits, cache, start = [*logits, out.logits], out.past_key_values, stop
    assert set(calls.counts.values()) == {6}
    off = (torch.cat(logits, 1) - full)[real].abs().max().item()
    assert off <= (1e-5 if family in CASTING else 1e-12)


def positions_for(family: str, positions: Tensor) -> dict[str, Tensor]:
    return {} if family == "opt" else {"position_ids": positions}  # OPT counts for itself


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_static_cache_longer_than_the_text(family: str) -> None:
    eager, ours = pair(family, "hfdl", auto=lm_class(family), dtype=torch.float64)
    ids = inputs_for(family)["input_ids"]
    cache = StaticCache(config=ours.config, max_cache_len=14)
    with torch.no_grad(), count_attention_calls(ours) as calls:
        first = ours(input_ids=ids[:, :6], past_key_values=cache).logits
        rest = [ours(input_ids=ids[:, i : i + 1], past_key_values=cache).logits for i in (6, 7, 8)]
        full = eager(input_ids=ids).logits
    assert set(calls.counts.values()) == {4}
    off = (torch.cat([first, *rest], 1) - full).abs().max().item()
    assert off <= (1e-5 if family in CASTING else 1e-12)


@pytest.mark.parametrize("name", ["hfdl", "hfdl_fused", "hfdl_numpy"])
@pytest.mark.parametrize("family", ["gpt2", "mistral", "t5", "bart"])
def test_generate_gives_the_same_scores(family: str, name: str) -> None:
    dtype = torch.float32 if family in CASTING else torch.float64  # see logits_of
    eager, ours = pair(family, name, auto=lm_class(family), dtype=dtype)
    inputs = inputs_for(family, "left")
    prompt = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    options = {
        "max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False, "pad_token_id": 0,
        "output_logits": True, "return_dict_in_generate": True,
    }  # fmt: skip
    expected = eager.generate(**prompt, **options)
    with count_attention_calls(ours, name) as calls:
        got = ours.generate(**prompt, **options)
    assert calls.missing == []
    decoder = {n: c for n, c in calls.counts.items() if "encoder." not in n}
    assert set(decoder.values()) == {5}
    assert got.sequences.tolist() == expected.sequences.tolist()
    off = (torch.stack(got.logits) - torch.stack(expected.logits)).abs().max().item()
    assert off <= (1e-5 if family in CASTING else 1e-12)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_numpy_inside_a_pretrained_architecture(family: str) -> None:
    for dtype, bound in [(torch.float32, 1e-6), (torch.float64, 1e-14)]:
        eager, ours = pair(family, "hfdl_numpy", dtype=dtype)
        assert difference(family, eager, ours, inputs_for(family, "right")) <= bound


def test_numpy_says_that_it_cannot_train() -> None:
    _, ours = pair("bert", "hfdl_numpy")
    with pytest.raises(ModelError, match=r"NumPy has no gradients.*torch\.no_grad\(\)"):
        ours(**inputs_for("bert"))
    with torch.inference_mode():
        assert ours(**inputs_for("bert"))[0].isfinite().all()


def test_a_learners_numpy_function_in_bfloat16() -> None:
    import numpy as np

    def uniform(q: Any, k: Any, v: Any, mask: Any) -> Any:
        assert q.dtype == np.float32  # NumPy has no bfloat16
        return np.broadcast_to(v.mean(-2, keepdims=True), q.shape)

    register_attention("uniform_numpy", from_numpy(uniform))
    _, ours = pair("bert", "uniform_numpy", dtype=torch.bfloat16)
    with torch.no_grad():
        assert ours(**inputs_for("bert"))[0].dtype == torch.bfloat16


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_come_back(family: str) -> None:
    eager, ours = pair(family, "hfdl", dtype=torch.float64)
    inputs = inputs_for(family)
    with torch.no_grad():
        expected, got = (m(**inputs, output_attentions=True) for m in (eager, ours))
    names = [n for n in ("attentions", "encoder_attentions", "decoder_attentions",
                         "cross_attentions") if getattr(expected, n, None)]  # fmt: skip
    assert len(names) == (3 if family in ENCODER_DECODERS else 1)
    for name in names:
        assert len(getattr(got, name)) == len(getattr(expected, name)) == 2
        for a, b in zip(getattr(got, name), getattr(expected, name), strict=True):
            assert (a - b).abs().max() <= (1e-6 if family in CASTING else 1e-12)


@pytest.mark.parametrize("name", ["hfdl", "as_they_cast"])
def test_the_future_stays_unseen(name: str) -> None:
    """The known trap: no mask reaches a causal model's attention when nothing is padded."""
    _, ours = pair("gpt2", name, dtype=torch.float64)
    ids = inputs_for("gpt2")["input_ids"]
    with torch.no_grad():
        before = ours(input_ids=ids)[0]
        after = ours(input_ids=torch.cat([ids[:, :-1], ids[:, :1]], 1))[0]
    assert (before - after)[:, :-1].abs().max() == 0.0
    assert (before - after)[:, -1].abs().max() > 0.1
