"""``diagnose`` names the mistake, in hfdl's model, in transformers' and in a function."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.scratch_models import hf_model
from torch import Tensor, nn

from hfdl.custom_attention.register import register_attention
from hfdl.custom_attention.switch import use_attention
from hfdl.errors import ModelError
from hfdl.hf_models.load import to_scratch_model
from hfdl.parity import mistakes as areas
from hfdl.parity.diagnose import BOUNDS, diagnose
from hfdl.parity.mistakes import MISTAKES, Mistake
from hfdl.parity.opening import own_core
from hfdl.parity.variants import make_batch, token_rows
from hfdl.parity.verify import verify

# One block is enough here, and the widths make no two scales equal.
SMALL = {"num_hidden_layers": 1, "hidden_size": 24}
SMALL_GPT2 = {"n_layer": 2, "n_embd": 24}  # padding must be able to reach a second block
HEADS = {
    "bert": "masked_lm",
    "gpt2": "causal_lm",
    "gpt2, scaled by layer, untied": "causal_lm",
    "roberta": "sequence",
    "mistral": "causal_lm",
    "llama": "causal_lm",
}
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}


def model_of(variant: str, **changes: Any) -> Any:
    sizes = SMALL_GPT2 if variant.startswith("gpt2") else SMALL
    return hf_model(variant, HEADS[variant], torch.float64, **{**sizes, **changes})


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {variant: model_of(variant) for variant in HEADS}


def area_of(mistake: Mistake) -> tuple[Mistake, ...]:
    everything = (areas.attention, areas.layers, areas.masks, areas.positions)
    return next(area.MISTAKES for area in everything if mistake in area.MISTAKES)


# ---- the must-fail list: every mistake, in hfdl's own model -------------------------------------


def test_the_list_is_whole() -> None:
    assert len(BY_NAME) == len(MISTAKES) == 53


@pytest.mark.parametrize("name", BY_NAME)
def test_every_mistake_fails_and_is_named(models: dict[str, Any], name: str) -> None:
    mistake = BY_NAME[name]
    for model in models.values():
        candidate = mistake.apply(own_core(model))
        if candidate is not None:
            break
    else:
        pytest.fail("none of the models can have it")
    found = diagnose(candidate, model, mistakes=area_of(mistake))
    assert found.gap_before > 10 * BOUNDS[torch.float64]  # infinite where it is NaN
    assert found.name == name
    assert found.also == ()
    assert mistake.explanation in str(found)
    assert found.look_at == mistake.look_at
    if name != "dropout_left_on":  # it is seen in two answers that differ
        assert found.gap_after <= BOUNDS[torch.float64]
        others = [left for other, left in found.tried.items() if other != name]
        assert min(others) > 10 * BOUNDS[torch.float64]


@pytest.mark.parametrize(
    ("variant", "name"),
    [("bert", "gelu_by_tanh"), ("gpt2", "conv1d_not_transposed"), ("llama", "norm_eps_1e-5")],
)
def test_verify_fails_and_prints_the_finding(
    models: dict[str, Any], variant: str, name: str
) -> None:
    candidate = BY_NAME[name].apply(own_core(models[variant]))
    report = verify(models[variant], candidate, dtypes=["float64"], variants=["left"])
    assert not report.ok
    assert report.diagnosis is not None
    assert report.diagnosis.name == name
    assert len(report.diagnosis.tried) > 20


# ---- mistakes that others have made, in their own way -------------------------------------------


def reconfigured(variant: str, **changes: Any) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """transformers' own model with another setting, and the right weights."""

    def make(models: dict[str, Any]) -> tuple[Any, Any]:
        wrong = model_of(variant, **changes)
        wrong.load_state_dict(models[variant].state_dict())
        return wrong, models[variant]

    return make


def reweighted(
    variant: str, change: Callable[[dict[str, Tensor]], None]
) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """transformers' own model with weights that were misread."""

    def make(models: dict[str, Any]) -> tuple[Any, Any]:
        wrong = copy.deepcopy(models[variant])
        state = dict(wrong.state_dict())
        change(state)
        wrong.load_state_dict(state)
        return wrong, models[variant]

    return make


def attending(
    variant: str, fn: Callable[..., Any], *, grouped: bool = False
) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """transformers' own model with a learner's attention."""

    def make(models: dict[str, Any]) -> tuple[Any, Any]:
        register_attention("diagnosed", fn, grouped=grouped)
        wrong = copy.deepcopy(models[variant])
        use_attention(wrong, "diagnosed")
        return wrong, models[variant]

    return make


def softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1)


def unscaled(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return softmax(q @ k.transpose(-2, -1), mask) @ v


def unmasked(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, None) @ v


def inverted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num(0.0) @ v


def repeating(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat(1, groups, 1, 1), v.repeat(1, groups, 1, 1)
    return softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, mask) @ v


def _swap_qkv(state: dict[str, Tensor]) -> None:
    for name in [n for n in state if "c_attn" in n]:
        q, k, v = state[name].chunk(3, dim=-1)
        state[name] = torch.cat([k, q, v], dim=-1)


def _transpose_c_proj(state: dict[str, Tensor]) -> None:
    for name in [n for n in state if n.endswith("attn.c_proj.weight")]:
        state[name] = state[name].t().clone()


def _shift_positions(state: dict[str, Tensor]) -> None:
    name = "bert.embeddings.position_embeddings.weight"
    state[name] = torch.cat([state[name][1:], state[name][:1]])


def infinite(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return scores.masked_fill(~mask, -torch.inf).softmax(-1) @ v


OTHERS = {
    "minus infinity, attention": ("minus_infinity_mask", attending("gpt2", infinite)),
    "scale_missing, attention": ("scale_missing", attending("bert", unscaled)),
    "mask_inverted, attention": ("mask_inverted", attending("bert", inverted)),
    "padding_ignored, attention": ("padding_ignored", attending("roberta", unmasked)),
    "no_mask, attention": ("no_mask", attending("gpt2", unmasked)),
    "repeat, attention": (
        "repeat_for_repeat_interleave", attending("mistral", repeating, grouped=True),
    ),
    "eps, config": ("norm_eps_1e-5", reconfigured("bert", layer_norm_eps=1e-5)),
    "eps of llama, config": ("norm_eps_1e-5", reconfigured("llama", rms_norm_eps=1e-5)),
    "eps of gpt2, config": ("norm_eps_1e-12", reconfigured("gpt2", layer_norm_epsilon=1e-12)),
    "gelu, config": ("gelu_by_tanh", reconfigured("bert", hidden_act="gelu_new")),
    "gelu of gpt2, config": ("gelu_by_erf", reconfigured("gpt2", activation_function="gelu")),
    "scale, config": ("scale_missing", reconfigured("gpt2", scale_attn_weights=False)),
    "window, config": ("window_ignored", reconfigured("mistral", sliding_window=None)),
    "window of one more, config": (
        "window_one_wider", reconfigured("mistral", sliding_window=5),
    ),
    "rope_theta, config": (
        "rotary_not_scaled",
        reconfigured("llama", rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
    ),
    "order of c_attn, weights": ("queries_and_keys_swapped", reweighted("gpt2", _swap_qkv)),
    "c_proj, weights": ("conv1d_not_transposed", reweighted("gpt2", _transpose_c_proj)),
    "positions, weights": ("positions_one_too_high", reweighted("bert", _shift_positions)),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_a_mistake_in_transformers_own_model_is_named(models: dict[str, Any], case: str) -> None:
    name, make = OTHERS[case]
    wrong, right = make(models)
    found = diagnose(wrong, right)
    assert found.name == name, found
    assert found.also == ()
    assert found.gap_before > 1e-7
    assert "behaves as one in which" in str(found)


def test_eighteen_mistakes_of_others_are_tried() -> None:
    assert len(OTHERS) == 18
    assert len({name for name, _ in OTHERS.values()}) == 16


def test_a_plain_function_in_float32(models: dict[str, Any]) -> None:
    right = copy.deepcopy(models["bert"]).float()
    wrong = BY_NAME["scale_missing"].apply(own_core(right))
    assert wrong is not None

    def learner(input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Any:
        return wrong(input_ids, attention_mask, token_type_ids=token_type_ids).numpy()

    with pytest.raises(ModelError, match="returned a ndarray; it returns logits"):
        diagnose(learner, right)
    found = diagnose(lambda **inputs: wrong(**inputs), right)
    assert found.name == "scale_missing"
    assert found.bound == BOUNDS[torch.float32]


# ---- the other direction: hfdl's model lacks what transformers' does -----------------------------


def test_a_change_that_hfdls_model_needs_is_named(models: dict[str, Any]) -> None:
    """The reference is not what hfdl takes it for: its own code cannot be the yardstick."""
    reference = copy.deepcopy(models["gpt2"])
    for block in reference.transformer.h:
        block.mlp.act = nn.GELU()  # what its config does not say
    candidate = to_scratch_model(reference)
    found = diagnose(candidate, reference)
    assert found.name == "gelu_by_erf"
    assert "becomes transformers' if" in str(found)
    assert found.gap_after <= BOUNDS[torch.float64]


# ---- what is not found --------------------------------------------------------------------------


def test_two_mistakes_at_once_are_not_explained_by_one(models: dict[str, Any]) -> None:
    core = own_core(models["bert"])
    once = BY_NAME["scale_missing"].apply(core)
    assert once is not None
    twice = BY_NAME["positions_one_too_high"].apply(once)
    assert twice is not None
    found = diagnose(twice, models["bert"])
    assert found.name is None
    assert found.gap_after == min(found.tried.values()) > BOUNDS[torch.float64]
    closest = min(found.tried, key=lambda name: found.tried[name])
    assert f"none of the {len(found.tried)} known mistakes" in str(found)
    assert f"the closest, {closest}, leaves a gap of" in str(found)


def test_equal_models_have_no_mistake(models: dict[str, Any]) -> None:
    found = diagnose(to_scratch_model(models["llama"]), models["llama"])
    assert (found.name, str(found), found.tried) == (None, "the two are equal", {})


def test_inputs_without_padding_cannot_show_a_mask(models: dict[str, Any]) -> None:
    right = models["bert"]
    wrong = BY_NAME["padding_ignored"].apply(own_core(right))
    assert wrong is not None
    batch = make_batch("plain", token_rows(right.config), right.config)
    assert str(diagnose(wrong, right, [batch])) == "the two are equal"


def test_what_cannot_be_told_apart_is_named_together(models: dict[str, Any]) -> None:
    """Without padding, a mask that is all True inverts to nothing, as a causal one does not."""
    right = models["gpt2"]
    wrong = BY_NAME["no_mask"].apply(own_core(right))
    assert wrong is not None
    batch = make_batch("plain", token_rows(right.config), right.config)
    found = diagnose(wrong, right, [batch])
    assert {found.name, *found.also} == {"no_mask", "no_causal_mask"}
    assert "cannot be told from" in str(found)


def test_a_model_that_answers_at_random(models: dict[str, Any]) -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = copy.deepcopy(models["bert"])

        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            logits = self.inner(input_ids, attention_mask).logits
            return logits + torch.randn_like(logits)

    found = diagnose(Noisy().eval(), models["bert"])
    assert found.name is None
    assert str(found) == "the model answers differently when it is asked again"


def test_nothing_that_was_given_is_changed(models: dict[str, Any]) -> None:
    right = copy.deepcopy(models["mistral"])
    candidate = BY_NAME["window_ignored"].apply(own_core(right).float())
    assert candidate is not None
    before = copy.deepcopy(right.config)
    diagnose(candidate, right)
    assert next(candidate.parameters()).dtype == torch.float32
    assert right.config.to_dict() == before.to_dict()
    assert right.config._attn_implementation == "eager"


def test_answers_of_another_shape_are_infinitely_far(models: dict[str, Any]) -> None:
    class Cut(nn.Module):
        def forward(self, input_ids: Tensor) -> Tensor:
            return torch.zeros(*input_ids.shape, 2)

    found = diagnose(Cut(), models["bert"])
    assert found.gap_before == math.inf
    assert found.name is None
    assert found.to_json()["gap_before"] is None
