"""What a registered function is given, and what is refused rather than silently left out."""

from typing import Any

import pytest
import torch
import transformers
from helpers.attention_parity import as_they_cast, difference, pair
from helpers.tiny_models import inputs_for
from torch import Tensor, nn

from hfdl.custom_attention.register import register_attention, registered_attentions
from hfdl.errors import ConfigError, HfdlError, ModelError, ShapeError


def remember(keywords: list[dict[str, Any]]) -> Any:
    def fn(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, scale: float, module: nn.Module,
           head_scale: Tensor | None = None) -> Tensor:  # fmt: skip
        keywords.append({"scale": scale, "module": module, "head_scale": head_scale, "mask": mask,
                         "k": k.shape, "q": q.shape})  # fmt: skip
        return as_they_cast(q * (scale * q.shape[-1] ** 0.5), k, v, mask)

    return fn


def test_declared_keywords_arrive() -> None:
    seen: list[dict[str, Any]] = []
    register_attention("remembers", remember(seen))
    _, ours = pair("gpt2", "remembers", n_embd=32, scale_attn_by_inverse_layer_idx=True)
    mark = torch.tensor(3.0)
    with torch.no_grad():
        ours(**inputs_for("gpt2", "left"), head_scale=mark)
    assert [round(call["scale"], 3) for call in seen] == [0.354, 0.177]
    assert [call["module"] for call in seen] == [block.attn for block in ours.h]
    assert all(call["head_scale"] is mark for call in seen)
    mask = seen[0]["mask"]
    assert mask.dtype == torch.bool
    real = inputs_for("gpt2", "left")["attention_mask"].bool()
    assert torch.equal(mask, torch.ones(9, 9).tril().bool() & real[:, None, None, :])


@pytest.mark.parametrize("family", ["gpt2", "opt"])
def test_a_scale_of_the_models_own_is_folded_into_q(family: str) -> None:
    # GPT-2 divides by the layer's number, OPT passes 1 and has scaled already.
    changes = {"scale_attn_by_inverse_layer_idx": True} if family == "gpt2" else {}
    eager, ours = pair(family, "as_they_cast", dtype=torch.float64, **changes)
    assert difference(family, eager, ours, inputs_for(family, "right")) <= 1e-6


@pytest.mark.parametrize(("grouped", "heads"), [(False, 4), (True, 2)])
def test_key_value_heads_are_repeated_unless_asked_for(grouped: bool, heads: int) -> None:
    seen: list[torch.Size] = []

    def fn(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        seen.append(k.shape)
        groups = q.shape[1] // k.shape[1]
        return as_they_cast(q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1), mask)

    register_attention(f"sees_{heads}_heads", fn, grouped=grouped)
    eager, ours = pair("llama", f"sees_{heads}_heads", dtype=torch.float64)
    assert difference("llama", eager, ours, inputs_for("llama")) <= 1e-12
    assert {shape[1] for shape in seen} == {heads}


def test_rest_keywords_are_no_declaration() -> None:
    seen: list[dict[str, Any]] = []

    def swallow(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, **rest: Any) -> Tensor:
        seen.append(rest)
        return as_they_cast(q, k, v, mask)

    register_attention("swallows", swallow)
    eager, ours = pair("mistral", "swallows", dtype=torch.float64)
    assert difference("mistral", eager, ours, inputs_for("mistral")) <= 1e-12
    assert seen[0]["sliding_window"] == 4
    assert "scale" not in seen[0]
    _, ours = pair("gemma2", "swallows")
    with pytest.raises(ModelError, match="the model uses 'softcap', which the function does not"):
        ours(**inputs_for("gemma2"))


def test_dropout_reaches_a_function_that_takes_it() -> None:
    seen: list[float] = []

    def fn(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        seen.append(dropout)
        return as_they_cast(q, k, v, mask)

    register_attention("takes_dropout", fn)
    _, ours = pair("bert", "takes_dropout", attention_probs_dropout_prob=0.25)
    ours(**inputs_for("bert"))
    ours.train()(**inputs_for("bert"))
    assert seen == [0.0, 0.0, 0.25, 0.25]


def test_hfdl_drops_weights_in_training() -> None:
    _, ours = pair("bert", "hfdl", attention_probs_dropout_prob=0.5, hidden_dropout_prob=0.0)
    still = ours(**inputs_for("bert"))[0]
    a, b = (ours.train()(**inputs_for("bert"))[0] for _ in range(2))
    assert (a - b).abs().max() > 0.01
    assert (a - still).abs().max() > 0.01


# Refusals at the call


@pytest.mark.parametrize(("family", "keyword", "ours"), [
    ("gemma2", "softcap", "softcap"), ("gpt_oss", "s_aux", "sinks"), ("t5", "position_bias", "bias")
])  # fmt: skip
def test_a_feature_that_would_be_left_out_raises(family: str, keyword: str, ours: str) -> None:
    _, model = pair(family, "as_they_cast")
    rule = f"the model uses '{keyword}'.*without an error.*keyword '{ours}'"
    with pytest.raises(ModelError, match=rule):
        model(**inputs_for(family))


def test_softcap_and_sinks_can_be_applied() -> None:
    def capped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, *, scale: float,
               softcap: float | None = None, sinks: Tensor | None = None) -> Tensor:  # fmt: skip
        scores = q @ k.transpose(-2, -1) * scale
        if softcap is not None:
            scores = softcap * (scores / softcap).tanh()
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        if sinks is None:
            return scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ v
        sink = sinks.view(1, -1, 1, 1).expand(*scores.shape[:3], 1)  # (B, H, T, 1)
        return torch.cat([scores, sink], -1).softmax(-1)[..., :-1] @ v

    register_attention("capped", capped)
    for family in ("gemma2", "gpt_oss"):
        eager, ours = pair(family, "capped")
        assert difference(family, eager, ours, inputs_for(family, "right")) <= 1e-5


def test_training_without_the_dropout_raises() -> None:
    _, ours = pair("bert", "as_they_cast", attention_probs_dropout_prob=0.1)
    with pytest.raises(ModelError, match=r"attention dropout 0\.1.*keyword dropout=0\.0"):
        ours.train()(**inputs_for("bert"))
    assert ours.eval()(**inputs_for("bert"))[0].isfinite().all()


@pytest.mark.parametrize(("returned", "message"), [
    (lambda q: q.transpose(1, 2), r"output is \(2, 9, 4, 4\).*\(B, H, T, K\) = \(2, 4, 9, 4\)"),
    (lambda q: (q, q), r"weights is \(2, 4, 9, 4\).*\(B, H, T, S\) = \(2, 4, 9, 9\)"),
    (lambda q: None, "output is of type NoneType.*returns out, or"),
    (lambda q: (q, 1.0), "weights is of type float"),
])  # fmt: skip
def test_what_a_function_returns_is_checked(returned: Any, message: str) -> None:
    register_attention("returns_wrong", lambda q, k, v, mask: returned(q))
    _, ours = pair("bert", "returns_wrong")
    with pytest.raises(ShapeError, match=f"attention 'returns_wrong' in BertSelf.*{message}"):
        ours(**inputs_for("bert"))


def test_a_soft_mask_is_a_bias() -> None:
    """A 4-D mask with other numbers than yes and no: added to the scores, or refused."""
    soft = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft[:, :, :, -2:] = torch.finfo(torch.float64).min
    inputs = {"input_ids": inputs_for("bert")["input_ids"], "attention_mask": soft}
    eager, ours = pair("bert", "hfdl", dtype=torch.float64)
    with torch.no_grad():
        assert (eager(**inputs)[0] - ours(**inputs)[0]).abs().max() <= 1e-12
    _, ours = pair("bert", "as_they_cast", dtype=torch.float64)
    with pytest.raises(ModelError, match=r"numbers beside 0 and the lowest.*keyword 'bias'"):
        ours(**inputs)


@pytest.mark.parametrize(("mask", "error", "message"), [
    (None, ModelError, "no mask to a causal attention.*see those after it"),
    (torch.ones(2, 1, 9, 8, dtype=torch.bool), ShapeError, r"mask is \(2, 1, 9, 8\).*\(2, 4, 9, 9"),
    (torch.ones(2, 9, dtype=torch.bool), ShapeError, r"mask is \(2, 9\)"),
    (torch.ones(2, 1, 9, 9, dtype=torch.long), ShapeError, "mask is of torch.int64"),
])  # fmt: skip
def test_masks_that_would_be_misread(mask: Any, error: type[HfdlError], message: str) -> None:
    _, ours = pair("gpt2", "hfdl")
    attention = ours.h[0].attn
    with pytest.raises(error, match=message):
        attention(torch.randn(2, 9, 16), attention_mask=mask)


# Refusals of names and functions


@pytest.mark.parametrize("name", [
    "my_flash", "SDPA2", "my_flex_attention", "paged|mine", "paged_mine", "kernels/mine", "eager",
    "eager_mine", "two words", "", "1st", "lambda",
])  # fmt: skip
def test_names_that_transformers_would_misread(name: str) -> None:
    with pytest.raises(ConfigError, match="the name"):
        register_attention(name, as_they_cast)


@pytest.mark.parametrize("name", ["hfdl", "hfdl_fused", "hfdl_numpy"])
def test_hfdls_names_stay_what_they_are(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is an attention of hfdl's own"):
        register_attention(name, as_they_cast)


def test_a_name_of_other_code_is_kept() -> None:
    def theirs() -> None: ...

    transformers.AttentionInterface.register("somebody_elses", theirs)
    with pytest.raises(ConfigError, match=r"'somebody_elses' was registered .* by other code"):
        register_attention("somebody_elses", as_they_cast)
    assert transformers.AttentionInterface()["somebody_elses"] is theirs


def test_a_name_given_again_is_replaced() -> None:
    register_attention("again", lambda q, k, v, mask: v * 0)
    eager, ours = pair("bert", "again")
    assert difference("bert", eager, ours, inputs_for("bert")) > 0.1
    register_attention("again", as_they_cast)
    assert difference("bert", eager, ours, inputs_for("bert")) <= 1e-6


@pytest.mark.parametrize(("fn", "message"), [
    (lambda q, k, v: q, r"takes \(q, k, v\); an attention takes \(q, k, v, mask, \.\.\.\)"),
    (lambda q, k, v, scale: q, "would see padding and the future"),
    (lambda q, k, v, *, mask: q, "an attention takes"),
    (lambda q, k, v, mask, *rest: q, "'rest' cannot be given by name"),
    (torch.nn.functional.scaled_dot_product_attention, "signature .* cannot be read.*Wrap it"),
])  # fmt: skip
def test_functions_that_are_no_attention(fn: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        register_attention("no_attention", fn)
    assert "no_attention" not in registered_attentions()
