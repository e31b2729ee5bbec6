"""``hfdl.verify`` judges what a candidate runs: its own attention, in every form it may come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.scratch_models import hf_model
from torch import Tensor, nn

import hfdl
from hfdl.custom_attention.switch import use_attention
from hfdl.hf_models.load import to_scratch_model
from hfdl.nn.functional import attention
from hfdl.parity.diagnose import diagnose
from hfdl.parity.verify import verify

calls: list[int] = []


def right(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    calls.append(1)
    return attention(q, k, v, mask)[0]


def zeros(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(q, k, v, mask) * 0


def without_scale(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(q * q.shape[-1] ** 0.5, k, v, mask)


def without_mask(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(q, k, v, None)


def values_from_the_left(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(q, k, v.roll(1, dims=2), mask)


def scale_of_the_width(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    heads = q.shape[1]  # 1 / sqrt(D) in place of 1 / sqrt(K)
    return right(q / heads**0.5, k, v, mask)


def softmax_over_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    calls.append(1)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(q.dtype).min)
    return scores.softmax(-2) @ v


def mask_after_the_softmax(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    calls.append(1)
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
    return (weights if mask is None else weights * mask) @ v


def mask_of_one(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    calls.append(1)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores - ~mask * 1.0).softmax(-1) @ v


def mask_upside_down(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(q, k, v, None if mask is None else ~mask)


def without_softmax(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    calls.append(1)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores * mask) @ v


def keys_for_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return right(k if k.shape == q.shape else q.flip(-1), k, v, mask)


def the_right_answer_in_half_precision(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
) -> Tensor:
    return right(q.bfloat16(), k.bfloat16(), v.bfloat16(), mask).to(q.dtype)


def one_head_dropped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    out = right(q, k, v, mask).clone()
    out[:, -1] = 0
    return out


WRONG = [
    zeros, without_scale, without_mask, values_from_the_left, scale_of_the_width,
    softmax_over_queries, mask_after_the_softmax, mask_of_one, mask_upside_down, without_softmax,
    keys_for_queries, the_right_answer_in_half_precision, one_head_dropped,
]  # fmt: skip


def transformers_class(model: Any, name: str) -> nn.Module:
    use_attention(model, name)
    return model


def own_class(model: Any, name: str) -> nn.Module:
    own = to_scratch_model(model).eval()
    own.set_attn_implementation(name)
    return own


def adapted(model: Any, name: str) -> nn.Module:
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"])  # B is zero: the same function
    return peft.get_peft_model(own_class(model, name), settings).eval()


FORMS: dict[str, Callable[[Any, str], nn.Module]] = {
    "transformers' class": transformers_class, "load_scratch": own_class, "PEFT": adapted,
}  # fmt: skip
MODELS = [("bert", "sequence"), ("llama", "causal_lm"), ("gpt2", "token")]


@pytest.fixture(autouse=True)
def registered() -> None:
    for function in [right, *WRONG]:
        hfdl.register_attention(f"form_{function.__name__}", function)
    calls.clear()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("variant", "head"), MODELS)
def test_a_right_attention_passes_and_ran(variant: str, head: Any, form: str) -> None:
    model = hf_model(variant, head, torch.float64)
    candidate = FORMS[form](hf_model(variant, head, torch.float64), "form_right")
    report = verify(model, candidate, dtypes=["float64"])
    assert report.ok, report
    assert len(calls) >= 2 * model.config.num_hidden_layers


@pytest.mark.parametrize("function", WRONG)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("variant", "head"), MODELS)
def test_a_wrong_attention_fails(variant: str, head: Any, form: str, function: Any) -> None:
    model = hf_model(variant, head, torch.float64)
    candidate = FORMS[form](hf_model(variant, head, torch.float64), f"form_{function.__name__}")
    report = verify(model, candidate, dtypes=["float64"], variants=["right"])
    assert calls
    assert not report.ok
    assert report.diagnosis is not None
    assert report.diagnosis.gap_before > 1e-6


def test_how_many_wrong_attentions_are_tried_in_how_many_forms() -> None:
    assert (len(WRONG), len(FORMS), len(MODELS)) == (13, 3, 3)


def test_a_bare_model_is_judged_by_the_kernel_it_runs() -> None:
    model = hf_model("bert", "sequence", torch.float64)
    bare = to_scratch_model(model).eval().core
    report = verify(model, bare, dtypes=["float64"])
    assert report.ok
    assert not {row.component for row in report.rows} & {"scores", "weights"}  # it runs fused


def test_sdpa_and_eager_are_told_apart() -> None:
    model = hf_model("bert", "sequence", torch.float64)
    for name, has_weights in (("sdpa", False), ("eager", True)):
        report = verify(model, own_class(model, name), dtypes=["float64"])
        assert report.ok
        assert ("weights" in {row.component for row in report.rows}) is has_weights


def test_a_forward_that_was_replaced_is_seen() -> None:
    model = hf_model("bert", "sequence", torch.float64)
    own = own_class(model, "sdpa")
    own.core.head.register_forward_hook(lambda module, args, output: output * (1 + 1e-6))
    assert not verify(model, own, dtypes=["float64"]).ok


def test_the_diagnosis_is_of_what_ran() -> None:
    model = hf_model("llama", "causal_lm", torch.float64)
    found = diagnose(own_class(model, "form_without_scale"), model)
    assert found.gap_before > 1e-6
    assert found.name == "scale_missing", str(found)


WINDOWS = {
    "smaller": ({"sliding_window": 32}, {"sliding_window": 24}),
    "none": ({"sliding_window": 32}, {"sliding_window": None}),
    "added": ({"sliding_window": None}, {"sliding_window": 32}),
    "one too many": ({"sliding_window": 100}, {"sliding_window": 101}),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_a_wrong_window_of_attention_fails(case: str) -> None:
    """Windows of attention are larger than the texts that verify compares models on."""
    theirs, mine = WINDOWS[case]
    sizes = {"max_position_embeddings": 256, **theirs}
    model = hf_model("mistral", "causal_lm", torch.float64, **sizes)
    right = to_scratch_model(model).eval()
    assert verify(model, right, dtypes=["float64"], variants=["plain"]).ok
    other = hf_model("mistral", "causal_lm", torch.float64, **{**sizes, **mine})
    wrong = to_scratch_model(other).eval()
    wrong.load_state_dict(right.state_dict())
    report = verify(model, wrong, dtypes=["float64"], variants=["plain"])
    assert not report.ok
    assert report.diagnosis is not None
    assert report.diagnosis.gap_before > 1e-6
