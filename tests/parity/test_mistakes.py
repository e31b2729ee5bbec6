"""The mistake museum: each is made where it can be, breaks parity, and is like no other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.scratch_models import MISTAKEN as MODELS
from helpers.scratch_models import hf_model
from torch import Tensor, nn

from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.functional import attention
from hfdl.nn.norms import LayerNorm
from hfdl.parity.ask import answers, gap
from hfdl.parity.bounds import Bounds
from hfdl.parity.compare import compare
from hfdl.parity.diagnose import BOUNDS
from hfdl.parity.implementations import HuggingFace, Scratch
from hfdl.parity.mistakes import MISTAKES
from hfdl.parity.opening import core_of, own_core
from hfdl.parity.report import Row
from hfdl.parity.variants import MIXED, Batch, make_batch, token_rows

NAMES = [mistake.name for mistake in MISTAKES]


@dataclass(frozen=True, eq=False)
class Museum:
    """A correct model, and copies of it with each mistake that it can have."""

    hf: Any
    core: nn.Module
    batch: Batch
    wrong: dict[str, nn.Module]
    said: dict[str, list[Tensor]]


@pytest.fixture(scope="module")
def museums() -> dict[str, Museum]:
    return {variant: _museum(variant, head) for variant, head in MODELS.items()}


def _museum(variant: str, head: str) -> Museum:
    # Not 16, whose root is the head width, and a head width whose pairs are not their own inverse.
    width = {"n_embd": 24} if variant.startswith("gpt2") else {"hidden_size": 24}
    hf = hf_model(variant, head, torch.float64, **width)
    core = own_core(hf)
    batch = make_batch(MIXED, token_rows(hf.config), hf.config)
    made = {mistake.name: mistake.apply(core) for mistake in MISTAKES}
    wrong = {name: model for name, model in made.items() if model is not None}
    return Museum(hf, core, batch, wrong, {n: answers(m, [batch]) for n, m in wrong.items()})


def test_there_are_fifty_three_and_each_is_described() -> None:
    assert len(MISTAKES) == len(set(NAMES)) == 53
    for mistake in MISTAKES:
        assert mistake.name.replace("_", "").replace("-", "").isalnum()
        assert not mistake.explanation.endswith(".")
        assert mistake.look_at


def test_the_documentation_lists_each() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parity.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    kinds = {"numpy", "explicit", "fused", "sdpa"}
    assert listed - kinds == set(NAMES)
    for mistake in MISTAKES:
        assert f"| `{mistake.name}` | {mistake.explanation} |" in page


def test_every_mistake_can_be_made_in_one_of_the_models(museums: dict[str, Museum]) -> None:
    assert set().union(*(museum.wrong for museum in museums.values())) == set(NAMES)


@pytest.mark.parametrize("variant", MODELS)
def test_the_correct_model_is_untouched_and_equal(museums: dict[str, Museum], variant: str) -> None:
    museum = museums[variant]
    wanted = answers(museum.hf, [museum.batch])
    assert gap(answers(museum.core, [museum.batch]), wanted) < 1e-13
    fresh = own_core(museum.hf)
    assert not fresh.training
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, museum.core.state_dict()[name])
    assert not any(m._forward_pre_hooks for m in museum.core.modules())


@pytest.mark.parametrize("variant", MODELS)
def test_every_mistake_breaks_parity(museums: dict[str, Museum], variant: str) -> None:
    museum = museums[variant]
    reference = HuggingFace(museum.hf, "eager").trace(museum.batch)

    def passes(model: nn.Module) -> bool:
        core = core_of(model, museum.hf)
        assert core is not None
        trace = Scratch(core, "candidate", attention, museum.hf).trace(museum.batch)
        row = Row("candidate", MIXED, torch.float64)
        rows = compare(trace, reference, museum.batch, row=row, bounds=Bounds())
        return all(row.ok for row in rows)

    assert passes(museum.core)
    assert [name for name, model in museum.wrong.items() if passes(model)] == []
    assert len(museum.wrong) >= 24


@pytest.mark.parametrize("variant", MODELS)
def test_no_mistake_can_be_taken_for_another(museums: dict[str, Museum], variant: str) -> None:
    museum = museums[variant]
    pairs = itertools.combinations(museum.said, 2)
    bound = BOUNDS[torch.float64]
    alike = [(a, b) for a, b in pairs if gap(museum.said[a], museum.said[b]) <= bound]
    assert alike == []


def test_what_cannot_be_is_not_made(museums: dict[str, Museum]) -> None:
    absent = {variant: set(NAMES) - set(museum.wrong) for variant, museum in museums.items()}
    assert {"repeat_for_repeat_interleave", "rotary_missing", "no_causal_mask", "post_norm",
            "gelu_by_erf", "norm_eps_1e-12", "window_ignored", "scale_plain",
            "positions_from_zero", "final_norm_missing"} <= absent["bert"]  # fmt: skip
    assert {"pre_norm", "gelu_by_tanh", "norm_eps_1e-5", "token_types_ignored",
            "causal_encoder"} <= absent["gpt2"]  # fmt: skip
    # Rotary scores see distances alone, and grouped queries and keys have other shapes.
    assert {"positions_one_too_high", "positions_count_padding", "queries_and_keys_swapped",
            "qkv_split_per_head", "norm_eps_1e-6", "gelu_by_erf"} <= absent["llama"]  # fmt: skip


# ---- a few of them by an independent formula ----------------------------------------------------


@pytest.fixture
def layer() -> MultiHeadAttention:
    torch.manual_seed(0)
    return MultiHeadAttention(8, 4, num_kv_heads=2).double()


def made(name: str, model: nn.Module) -> Any:
    changed = next(m for m in MISTAKES if m.name == name).apply(model)
    assert changed is not None
    return changed


def test_repeat_lays_heads_out_in_turns(layer: MultiHeadAttention) -> None:
    from hfdl.nn.attend import PaddedAttend

    x = torch.randn(2, 3, 8, dtype=torch.float64)
    q = layer.q_proj(x).reshape(2, 3, 4, 2)
    k, v = (p(x).reshape(2, 3, 2, 2) for p in (layer.k_proj, layer.v_proj))
    heads = []
    for h in range(4):
        scores = q[:, :, h] @ k[:, :, h % 2].transpose(1, 2) / 2**0.5
        heads.append(scores.softmax(-1) @ v[:, :, h % 2])
    expected = layer.o_proj(torch.cat(heads, dim=-1))
    got = made("repeat_for_repeat_interleave", layer)(x, PaddedAttend())
    torch.testing.assert_close(got, expected)


def test_neighbours_are_turned_as_by_the_interleaved_formula() -> None:
    from hfdl.nn.attend import PaddedAttend
    from hfdl.nn.positions import Rotary, rotate_interleaved

    torch.manual_seed(0)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rotary = Rotary(4)
            self.attention = MultiHeadAttention(8, 2)

    model = Model().double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    cos, sin = model.rotary(torch.arange(5))
    part = model.attention
    q, k, v = (p(x).reshape(1, 5, 2, 4) for p in (part.q_proj, part.k_proj, part.v_proj))
    q, k = rotate_interleaved(q, cos, sin), rotate_interleaved(k, cos, sin)
    weights = (q.transpose(1, 2) @ k.permute(0, 2, 3, 1) / 2).softmax(-1)
    expected = part.o_proj((weights @ v.transpose(1, 2)).transpose(1, 2).flatten(2))
    wrong = made("rotary_pairs_neighbours", model)
    got = wrong.attention(x, PaddedAttend(), rotation=(cos, sin))
    torch.testing.assert_close(got, expected)
    back = made("rotary_pairs_halves", wrong).attention(x, PaddedAttend(), rotation=(cos, sin))
    torch.testing.assert_close(back, part(x, PaddedAttend(), rotation=(cos, sin)))


def test_norms_by_their_formulas() -> None:
    torch.manual_seed(0)
    norm = LayerNorm(6, eps=1e-5).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    mean = x.mean(-1, keepdim=True)
    torch.testing.assert_close(
        made("norm_by_sample_variance", norm)(x),
        (x - mean) / (x.var(-1, keepdim=True) + 1e-5) ** 0.5,
    )
    torch.testing.assert_close(
        made("norm_eps_outside_the_root", norm)(x),
        (x - mean) / (x.std(-1, keepdim=True, unbiased=False) + 1e-5),
    )
    torch.testing.assert_close(
        made("rms_norm_for_layer_norm", norm)(x), nn.functional.rms_norm(x, (6,), eps=1e-5)
    )


def test_a_square_linear_is_transposed_and_another_is_left() -> None:
    layer = MultiHeadAttention(8, 2, head_size=2)  # o_proj is (8, 4)
    mistake = next(m for m in MISTAKES if m.name == "conv1d_not_transposed")
    assert mistake.apply(layer) is None
    square = MultiHeadAttention(8, 2)
    assert torch.equal(made(mistake.name, square).o_proj.weight, square.o_proj.weight.t())
