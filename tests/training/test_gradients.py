"""Gradients of embedding tables by rows: the same numbers as torch's tables of zeros."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from safetensors.torch import load_file
from torch import Tensor, nn

import hfdl
from hfdl.training.gradients import EmbeddingRows, average_and_clip
from hfdl.training.loop import Loop

V, D = 70_000, 4


class TwoTables(nn.Module):
    """A table that is read, one that may not be, and a layer on top."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(V, D, padding_idx=0)
        self.rare = nn.Embedding(V, D)
        self.small = nn.Embedding(5, D)
        self.top = nn.Linear(D, 3)

    def forward(self, words: Tensor, rare: Tensor | None) -> Tensor:
        x = self.words(words) + self.small(words % 5)
        return self.top(x if rare is None else x + self.rare(rare)).square().sum()


def by_torch(model: nn.Module, batches: list[tuple[Tensor, Tensor | None]]) -> None:
    for batch in batches:
        model(*batch).backward()


def by_rows(rows: EmbeddingRows, model: nn.Module, batches: list[Any]) -> None:
    for batch in batches:
        with rows.sparse():
            model(*batch).backward()


REPEATED = torch.tensor([[7, 7, 0, 69_999], [0, 0, 3, 7]])
UPDATES = [
    [(REPEATED, torch.tensor([[1, 2, 2, 1], [9, 9, 9, 9]]))],
    [(REPEATED, None), (torch.tensor([[3, 4, 5, 6]]), None)],
    [(torch.tensor([[0, 0]]), torch.tensor([[0, 0]])), (REPEATED, None), (REPEATED, None)],
]
"""Of one micro-batch and of several; the second leaves a table without a gradient."""


@pytest.mark.parametrize("clip", [None, 1e-2])
def test_updates_equal_those_of_dense_gradients(clip: float | None) -> None:
    torch.manual_seed(0)
    reference = TwoTables().double()
    model = copy.deepcopy(reference)
    rows = EmbeddingRows(model)
    pairs = list(zip(reference.parameters(), model.parameters(), strict=True))
    optimizers = [
        torch.optim.AdamW(m.parameters(), lr=0.1, weight_decay=0.1) for m in (reference, model)
    ]
    for update in UPDATES:
        by_torch(reference, update)
        by_rows(rows, model, update)
        touched = rows.gradients()
        assert [(a.grad is None) for a, _ in pairs] == [(b.grad is None) for _, b in pairs]
        gradients = [touched[p][1] if p in touched else p.grad for _, p in pairs]
        ours = average_and_clip([g for g in gradients if g is not None], 0.5, clip)
        rows.put(touched)
        theirs = average_and_clip([p.grad for p, _ in pairs if p.grad is not None], 0.5, clip)
        assert ours == pytest.approx(theirs, rel=1e-14)
        for a, b in pairs:
            if a.grad is not None:
                assert b.grad is not None
                assert not b.grad.is_sparse
                torch.testing.assert_close(b.grad, a.grad, rtol=1e-14, atol=0.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        rows.clear()
        for a, b in pairs:
            torch.testing.assert_close(b, a, rtol=1e-13, atol=1e-15)


def test_one_table_of_zeros_serves_every_update() -> None:
    model = TwoTables()
    rows, places = EmbeddingRows(model), set()
    for update in UPDATES:
        by_rows(rows, model, update)
        assert model.words.weight.grad is not None
        places.add(model.words.weight.grad.data_ptr())
        table = model.words.weight.grad
        assert int(table.any(-1).sum()) > 0
        model.zero_grad()
        rows.clear()
        assert not table.any()
    assert len(places) == 1


def test_nothing_of_it_stays_in_the_model() -> None:
    model = TwoTables()
    rows = EmbeddingRows(model)
    with rows.sparse():
        assert model.words.sparse
        assert not model.small.sparse
    assert not model.words.sparse
    assert not model.words.weight._backward_hooks


def big(**settings: Any) -> nn.Module:
    return nn.Sequential(nn.Embedding(V, D, **settings))


def tied() -> nn.Module:
    model = nn.Sequential(nn.Embedding(V, D), nn.Linear(D, V))
    model[1].weight = model[0].weight
    return model


def with_a_hook() -> nn.Module:
    model = big()
    model[0].weight.register_hook(lambda grad: grad * 2)  # pyright: ignore
    return model


class Own(nn.Embedding):
    """A class of the user's, whose forward is its own."""


@pytest.mark.parametrize(
    "model",
    [
        tied(), with_a_hook(), big(max_norm=1.0), big(scale_grad_by_freq=True), big(sparse=True),
        big().requires_grad_(False), nn.Sequential(Own(V, D)), big(device="meta"),
        nn.Sequential(nn.Embedding(100, D)),
    ],
    ids=["tied", "hook", "max_norm", "by_freq", "sparse", "frozen", "own", "device", "small"],
)  # fmt: skip
def test_other_tables_are_left_alone(model: nn.Module) -> None:
    before = model[0].sparse  # pyright: ignore
    with EmbeddingRows(model).sparse():
        assert model[0].sparse is before  # pyright: ignore
        assert model[0].weight.grad is None  # pyright: ignore


def test_a_run_is_that_of_dense_gradients(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Micro-batches and clipping included; the tiny table counts as a large one here."""
    monkeypatch.setattr("hfdl.training.gradients.SMALLEST", 1)
    rows: list[int] = []
    update = Loop.update

    def counted(self: Loop, examples: Any) -> None:
        assert self.state.embedding_rows is not None
        if dense:
            self.state.embedding_rows = None
            update(self, examples)
            self.state.embedding_rows = EmbeddingRows(self.state.plain_model)
        else:
            rows.append(len(self.state.embedding_rows._modules))
            update(self, examples)

    monkeypatch.setattr(Loop, "update", counted)
    data = write_csv(tmp_path / "train.csv", reviews(24))
    weights = []
    for dense in (True, False):
        out = tmp_path / f"run-{dense}"
        hfdl.train(
            "sentiment",
            {
                "model.name": str(tiny_bert), "data.train": str(data), "data.text": "text",
                "data.label": "label", "data.max_length": 32, "train.epochs": 2,
                "train.batch_size": 8, "train.micro_batch_size": 3, "train.clip_norm": 0.01,
                "train.precision": "float32",
            },
            output=out,
        )  # fmt: skip
        weights.append(load_file(out / "model.safetensors"))
    assert set(rows) == {2}  # words; segments, whose gradient is dense: one row serves all tokens
    for name, expected in weights[0].items():
        torch.testing.assert_close(weights[1][name], expected, rtol=1e-5, atol=1e-7)
