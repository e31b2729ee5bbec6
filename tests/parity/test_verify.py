"""``hfdl.verify``: it passes what is equal, fails what is not, and refuses what did not run."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers.scratch_models import hf_model
from torch import nn
from transformers import AttentionInterface

from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models.load import to_scratch_model
from hfdl.parity.bounds import Bounds, difference, gradient_scales
from hfdl.parity.compare import ABSENT, NOT_RUN, compare
from hfdl.parity.components import COMPONENTS, Trace, join_passes
from hfdl.parity.float64 import float64_throughout
from hfdl.parity.implementations import HuggingFace
from hfdl.parity.report import Report, Row
from hfdl.parity.variants import VARIANTS, make_batch, token_rows
from hfdl.parity.verify import verify

LAYERS = 3


def traced(model: Any, variant: str = "left") -> tuple[Trace, Any]:
    batch = make_batch(variant, token_rows(model.config), model.config)
    return HuggingFace(model, "eager").trace(batch), batch


# ---- what is equal passes -----------------------------------------------------------------------


def test_fused_kernels_have_no_scores_and_numpy_no_gradients() -> None:
    report = verify(hf_model("bert", "token"), dtypes=["float64"], variants=["plain"])
    by_name: dict[str, set[str]] = {}
    for row in report.rows:
        by_name.setdefault(row.implementation, set()).add(row.component)
    assert by_name["explicit"] - by_name["fused"] == {"scores", "weights"}
    assert by_name["fused"] == by_name["sdpa"]
    assert by_name["explicit"] - by_name["numpy"] == {"gradients"}


def test_the_model_that_was_given_is_left_alone() -> None:
    model = hf_model("llama", "causal_lm")
    before = {name: x.clone() for name, x in model.state_dict().items()}
    config = copy.deepcopy(model.config)
    verify(model, dtypes=["float64"], variants=["plain"])
    assert model.dtype == torch.float32
    assert model.config._attn_implementation == config._attn_implementation == "eager"
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


# ---- what is not equal fails --------------------------------------------------------------------


def test_one_changed_weight_fails_from_its_layer_on() -> None:
    model = hf_model("gpt2", "causal_lm")
    candidate = to_scratch_model(model)
    with torch.no_grad():
        candidate.core.backbone.layers[1].attention.o_proj.bias[0] += 1e-6
    report = verify(model, candidate, dtypes=["float64"], variants=["right"])
    failed = {(row.component, row.layer) for row in report.rows if not row.ok}
    passed = {(row.component, row.layer) for row in report.rows if row.ok}
    assert not report.ok
    assert {("residual", 0), ("context", 1), ("query", 1)} <= passed
    assert {("attention_output", 1), ("residual", 1), ("query", 2), ("logits", None)} <= failed
    assert report.worst() in [row for row in report.rows if not row.ok]
    assert report.diagnosis is not None
    assert report.diagnosis.name is None
    assert "none of the" in str(report.diagnosis)


def test_a_wrong_gradient_fails_and_is_named() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
            return 2 * gradients[0]

    model = hf_model("bert", "sequence")
    candidate = to_scratch_model(model)
    candidate.core.head.dense.register_forward_hook(lambda m, args, out: Doubled.apply(out))
    report = verify(model, candidate, dtypes=["float64"], variants=["plain"])
    failed = [row for row in report.rows if not row.ok]
    assert [row.component for row in failed] == ["gradients"]
    assert failed[0].detail.startswith("bert.")
    assert report.diagnosis is not None
    assert str(report.diagnosis) == "the two are equal"  # in what they answer


def test_a_module_of_somebodys_own() -> None:
    model = hf_model("distilbert", "masked_lm")

    class Mine(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.inner, self.factor = copy.deepcopy(model), factor

        def forward(self, input_ids: Any, attention_mask: Any = None) -> torch.Tensor:
            return self.inner(input_ids, attention_mask=attention_mask).logits * self.factor

    right = verify(model, Mine(1.0), dtypes=["float64"])
    assert right.ok
    assert {row.component for row in right.rows} == {"logits", "loss"}
    assert any("none of hfdl's models" in note for note in right.notes)
    assert not verify(model, Mine(1.0 + 1e-9), dtypes=["float64"], variants=["plain"]).ok


def test_names_of_parameters_let_gradients_of_any_module_be_compared() -> None:
    model = hf_model("gpt2", "token")
    report = verify(model, copy.deepcopy(model), dtypes=["float64"], variants=["right"])
    assert report.ok
    assert {row.component for row in report.rows} == {"logits", "loss", "gradients"}


# ---- what did not run proves nothing ------------------------------------------------------------


@pytest.mark.parametrize("calls", [0, LAYERS - 1, LAYERS + 1])
def test_attention_that_ran_another_number_of_times_fails_every_row(calls: int) -> None:
    model = hf_model("bert", "token", torch.float64)
    wanted, batch = traced(model)
    assert wanted.calls == wanted.expected_calls == LAYERS
    row = Row("explicit", "left", torch.float64)
    assert all(r.ok for r in compare(wanted, wanted, batch, row=row, bounds=Bounds()))
    rows = compare(replace(wanted, calls=calls), wanted, batch, row=row, bounds=Bounds())
    assert not any(r.ok for r in rows)
    assert {r.note for r in rows} == {NOT_RUN}


def test_a_component_that_is_absent_fails() -> None:
    model = hf_model("bert", "token", torch.float64)
    wanted, batch = traced(model)
    values = {key: x for key, x in wanted.values.items() if key != ("context", 1)}
    row = Row("explicit", "left", torch.float64)
    rows = compare(replace(wanted, values=values), wanted, batch, row=row, bounds=Bounds())
    failed = [(r.component, r.layer, r.note, r.error) for r in rows if not r.ok]
    assert failed == [("context", 1, ABSENT, math.inf)]


def test_a_model_that_asks_for_another_attention_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = hf_model("bert", "token")
    batch = make_batch("plain", token_rows(model.config), model.config)
    before = AttentionInterface.get_interface
    monkeypatch.setattr("hfdl.parity.implementations.use_attention", lambda *_: None)
    with pytest.raises(ModelError, match="asked for the attention 'eager' where 'sdpa' was meant"):
        HuggingFace(model, "sdpa").trace(batch)
    assert AttentionInterface.get_interface is before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_an_empty_report_is_no_proof() -> None:
    assert not Report("m", ()).ok


# ---- the parts ----------------------------------------------------------------------------------


def test_the_rule_of_differences() -> None:
    small, large = torch.tensor([0.5]), torch.tensor([200.0])
    assert difference(small + 0.125, small).error == 0.125  # absolute below 1
    assert difference(large + 2.0, large).error == 0.01  # relative above
    assert difference(large + 2.0, large).max_abs == 2.0
    assert difference(small + 0.125, small).max_rel == 0.25
    assert difference(small * math.nan, small).error == math.inf
    assert difference(small, small * math.nan).error == math.inf
    assert difference(small[None], small).error == math.inf
    assert difference(small, small).error == 0.0


def test_gradients_are_held_against_their_own_parameter() -> None:
    scales = gradient_scales({"a": torch.tensor([8.0]), "b": torch.tensor([0.5]),
                              "c": torch.tensor([1e-17])})  # fmt: skip
    assert scales == {"a": 8.0, "b": 0.5, "c": 0.08}


def test_casts_of_llama_are_lifted_in_float64_and_only_there() -> None:
    model = hf_model("llama", "base", torch.float64)
    ids = torch.arange(4, 13)[None]
    with torch.no_grad():
        plain = model(ids).last_hidden_state
        with float64_throughout(model):
            exact = model(ids).last_hidden_state
        after = model(ids).last_hidden_state
    own = to_scratch_model(model).core(ids)
    assert torch.equal(plain, after)
    assert (own - exact).abs().max() < 1e-13
    assert (own - plain).abs().max() > 1e-9
    single = hf_model("llama", "base")
    with torch.no_grad(), float64_throughout(single):
        inside = single(ids).last_hidden_state
        x = torch.ones(1)
        assert x.double().float().dtype == torch.float32
    assert torch.equal(inside, single(ids).last_hidden_state)


def test_passes_are_put_together_as_one() -> None:
    whole = torch.arange(2.0 * 1 * 4 * 4).reshape(2, 1, 4, 4).tril()
    pieces = [
        (3, {("weights", 0): whole[:, :, :3, :3], ("query", 0): whole[:, :, :3]}),
        # A cache that has forgotten the first key.
        (4, {("weights", 0): whole[:, :, 3:, 1:], ("query", 0): whole[:, :, 3:]}),
    ]
    joined = join_passes(pieces)
    expected = whole.clone()
    expected[:, :, 3, 0] = 0.0
    assert torch.equal(joined["weights", 0], expected)
    assert torch.equal(joined["query", 0], whole)


@pytest.mark.parametrize("variant", VARIANTS)
def test_batches_hold_padding_where_they_say(variant: str) -> None:
    config = hf_model("gpt2", "causal_lm").config
    rows = token_rows(config)
    assert [len(row) for row in rows] == [19, 7, 12, 3]
    assert all(config.pad_token_id not in row for row in rows)
    assert rows == token_rows(config, seed=0) != token_rows(config, seed=1)
    batch = make_batch(variant, rows, config)
    assert sum(batch.passes) == batch.real.shape[1]
    assert batch.is_cached == variant.startswith("cached")
    if variant in ("plain", "batched"):
        assert batch.real.all()
        assert "attention_mask" not in batch.inputs
        return
    assert batch.real.sum(1).tolist() == [19, 7, 12, 3]
    assert batch.real[:, -1].all() == (variant != "right")
    assert ("position_ids" in batch.inputs) == (variant != "right")
    ids = batch.inputs["input_ids"]
    assert (ids[~batch.real] == config.pad_token_id).all()


def test_the_report_is_json() -> None:
    model = hf_model("bert", "base")
    candidate = to_scratch_model(model)
    with torch.no_grad():
        candidate.core.layers[0].attention.q_proj.weight[0, 0] = math.nan
    report = verify(model, candidate, dtypes=["float32"], variants=["plain"])
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert values["ok"] is False
    assert len(values["rows"]) == len(report.rows)
    assert {row["dtype"] for row in values["rows"]} == {"float32"}
    assert any(row["error"] is None for row in values["rows"])
    assert any("no head" in note for note in values["notes"])


def test_the_table_groups_by_component_in_the_order_of_computation() -> None:
    report = verify(hf_model("bert", "token"), dtypes=["float32"], variants=["plain", "right"])
    grouped = report.grouped(torch.float32)
    assert list(grouped) == [name for name in COMPONENTS if name in grouped]
    residuals = [
        row.error
        for row in report.rows
        if (row.component, row.implementation) == ("residual", "numpy")
    ]
    assert grouped["residual"]["numpy"].error == max(residuals)
    assert len(residuals) == 2 * LAYERS
    assert report.grouped(torch.float64) == {}


# ---- what cannot be verified --------------------------------------------------------------------


def test_an_architecture_that_hfdl_has_not_is_refused() -> None:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, intermediate_size=8))
    with pytest.raises(ModelError, match=r"no code of its own for GPTNeoXForCausalLM; .*bert"):
        verify(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtypes": ["float16"]}, "unknown type 'float16'. Did you mean 'float64'"),
        ({"variants": ["leftt"]}, "unknown variant 'leftt'. Did you mean 'left'"),
        ({"variants": ["cached"]}, "'cached' is not one of this model's; .*plain, right"),
    ],
)
def test_unknown_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        verify(hf_model("bert", "token"), **options)
