"""Name tables account for every key and every shape, both ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.scratch_models import CASES, hf_model
from helpers.wording import assert_wording

from hfdl.errors import ModelError
from hfdl.hf_models.load import to_scratch_model
from hfdl.weights.families.name_rules import (
    Copied,
    Dropped,
    Rename,
    Tied,
    Transposed,
    TransposedSplit,
)
from hfdl.weights.families.name_table import Table

SIZES = {
    "embeddings.tokens.weight": (7, 3),
    "layers.0.attention.q_proj.weight": (3, 3),
    "layers.0.attention.q_proj.bias": (3,),
    "layers.0.attention.k_proj.weight": (2, 3),
    "layers.0.attention.k_proj.bias": (2,),
    "layers.1.attention.q_proj.weight": (3, 3),
    "layers.1.attention.q_proj.bias": (3,),
    "layers.1.attention.k_proj.weight": (2, 3),
    "layers.1.attention.k_proj.bias": (2,),
    "up.weight": (5, 3),
    "up.bias": (5,),
    "decoder.weight": (7, 3),
}
RULES = (
    Rename("embeddings.tokens", "wte"),
    TransposedSplit(("layers.{}.attention.q_proj", "layers.{}.attention.k_proj"), "h.{}.qk"),
    Transposed("up", "mlp.up"),
    Rename("decoder", "head"),
    Dropped("h.{}.mask"),
    Tied("head.weight", of="wte.weight"),
    Copied("head_bias", of="mlp.up.bias"),
)


def small_table(tied: bool = False) -> Table:
    return Table(RULES, {name: torch.Size(size) for name, size in SIZES.items()}, tied=tied)


def small_weights() -> dict[str, torch.Tensor]:
    """transformers' side of the table above."""
    torch.manual_seed(0)
    sizes = {
        "wte.weight": (7, 3), "h.0.qk.weight": (3, 5), "h.0.qk.bias": (5,),
        "h.1.qk.weight": (3, 5), "h.1.qk.bias": (5,), "mlp.up.weight": (3, 5), "mlp.up.bias": (5,),
        "head.weight": (7, 3),
    }  # fmt: skip
    return {name: torch.randn(size) for name, size in sizes.items()}


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_every_tensor_of_transformers_goes_over_and_comes_back(variant: str, head: str) -> None:
    model = hf_model(variant, head)
    table = to_scratch_model(model).table
    theirs = model.state_dict()
    ours = table.to_scratch(theirs)
    assert set(ours) == set(table.shapes)
    assert {name: tensor.shape for name, tensor in ours.items()} == dict(table.shapes)
    back = table.to_hf(ours)
    assert set(back) == set(theirs) == set(table.names)
    assert len(back) > 16
    # An untied BERT has a second bias for its words, which its forward does not read.
    unread = {"cls.predictions.bias", "predictions.bias"} if "untied" in variant else set()
    different = {name for name in theirs if not torch.equal(back[name], theirs[name])}
    assert different <= unread


def test_a_linear_map_by_hand() -> None:
    theirs = small_weights()
    ours = small_table().to_scratch(theirs)
    fused = theirs["h.1.qk.weight"]  # [in, out]: out is three columns of q, then two of k
    x = torch.randn(4, 3)
    together = x @ fused + theirs["h.1.qk.bias"]
    q = torch.nn.functional.linear(
        x, ours["layers.1.attention.q_proj.weight"], ours["layers.1.attention.q_proj.bias"]
    )
    k = torch.nn.functional.linear(
        x, ours["layers.1.attention.k_proj.weight"], ours["layers.1.attention.k_proj.bias"]
    )
    assert torch.allclose(torch.cat([q, k], dim=1), together, atol=1e-6)
    assert torch.equal(ours["up.weight"], theirs["mlp.up.weight"].T)
    assert torch.equal(ours["decoder.weight"], theirs["head.weight"])


def test_nothing_is_copied_on_the_way_in() -> None:
    theirs = small_weights()
    storages = {tensor.untyped_storage().data_ptr() for tensor in theirs.values()}
    ours = small_table().to_scratch(theirs)
    assert {tensor.untyped_storage().data_ptr() for tensor in ours.values()} == storages


def test_a_tied_tensor_may_be_given_once() -> None:
    theirs = small_weights()
    del theirs["head.weight"]
    ours = small_table(tied=True).to_scratch(theirs)
    assert ours["decoder.weight"] is ours["embeddings.tokens.weight"]
    del ours["decoder.weight"]  # as in gradients, where a tied parameter has one
    back = small_table(tied=True).to_hf(ours)
    assert back["head.weight"] is back["wte.weight"]
    assert back["head_bias"] is back["mlp.up.bias"]


def test_a_second_name_has_memory_of_its_own_where_nothing_is_tied() -> None:
    back = small_table().to_hf(small_table().to_scratch(small_weights()))
    assert torch.equal(back["head_bias"], back["mlp.up.bias"])
    assert back["head_bias"].data_ptr() != back["mlp.up.bias"].data_ptr()


def test_tied_tensors_that_differ_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        small_table(tied=True).to_scratch(small_weights())
    assert_wording(caught.value)


def test_a_second_name_alone_is_enough() -> None:
    theirs = small_weights()
    theirs["head_bias"] = theirs.pop("mlp.up.bias")
    assert torch.equal(small_table().to_scratch(theirs)["up.bias"], theirs["head_bias"])


def test_known_buffers_are_dropped_and_only_those() -> None:
    theirs = small_weights() | {"h.11.mask": torch.zeros(1)}
    assert len(small_table().to_scratch(theirs)) == len(SIZES)
    with pytest.raises(ModelError, match=r"'h\.x\.mask'"):
        small_table().to_scratch(small_weights() | {"h.x.mask": torch.zeros(1)})


UNKNOWN = {
    "a layer too many": (
        {"h.2.qk.bias": (5,)},
        "1 tensor ('h.2.qk.bias') is not known to this model; every tensor must have its place. "
        "The nearest name to the first is 'h.1.qk.bias'",
    ),
    "several": (
        {"e": (1,), "d": (1,), "wte.wieght": (1,), "c": (1,)},
        "4 tensors ('c', 'd', 'e', ...) are not known to this model; every tensor must have its "
        "place",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_names_are_refused(what: str) -> None:
    more, message = UNKNOWN[what]
    theirs = small_weights() | {name: torch.zeros(size) for name, size in more.items()}
    with pytest.raises(ModelError) as caught:
        small_table().to_scratch(theirs)
    assert str(caught.value) == message


def test_missing_names_are_refused_in_both_directions() -> None:
    theirs = small_weights()
    ours = small_table().to_scratch(theirs)
    del theirs["h.1.qk.weight"], theirs["wte.weight"]
    with pytest.raises(ModelError) as caught:
        small_table().to_scratch(theirs)
    assert_wording(caught.value)
    del ours["layers.0.attention.k_proj.bias"]
    with pytest.raises(ModelError, match=r"1 tensor \('layers\.0\.attention\.k_proj\.bias'\) is "):
        small_table().to_hf(ours)


def test_some_tensors_can_be_read() -> None:
    shard = {name: tensor for name, tensor in small_weights().items() if name.startswith("h.0")}
    assert len(small_table().read(shard)) == 4


def test_wrong_shapes_are_refused_in_both_directions() -> None:
    theirs = small_weights()
    ours = small_table().to_scratch(theirs)
    theirs["h.0.qk.weight"] = torch.zeros(5, 3)
    with pytest.raises(ModelError) as caught:
        small_table().to_scratch(theirs)
    assert_wording(caught.value)
    ours["up.weight"] = torch.zeros(3, 5)
    with pytest.raises(ModelError, match=r"'up\.weight' has shape \(3, 5\).* wants \(5, 3\)"):
        small_table().to_hf(ours)


def test_a_tensor_of_ours_without_a_line_is_refused() -> None:
    sizes: dict[str, Any] = {**SIZES, "new.weight": (1,)}
    with pytest.raises(ModelError, match=r"1 tensor \('new\.weight'\) is not in the table"):
        Table(RULES, {name: torch.Size(size) for name, size in sizes.items()}, tied=False)
