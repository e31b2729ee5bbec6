"""Which of torch's kernels a batch goes to, and that all of them say the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import hfdl.nn.fused_recurrence as module
from hfdl.nn.recurrence import KINDS, unrolled
from hfdl.nn.recurrent import Recurrent

FULL = [[1, 1, 1], [1, 1, 1]]
RIGHT = [[1, 1, 1], [1, 1, 0]]
LEFT = [[0, 1, 1], [1, 1, 1]]
GAP = [[1, 0, 1], [1, 1, 1]]
SPARSE = [[1, 1, 0], [0, 0, 0]]
NOTHING = [[0, 0, 0], [0, 0, 0]]
# mask, whether a state is given -> where an LSTM or a GRU goes; an RNN has no gate.
ROUTES = [
    (FULL, False, "dense"), (FULL, True, "dense"), (RIGHT, False, "gated"),
    (RIGHT, True, "packed"), (LEFT, False, "gated"), (GAP, False, "packed"),
    (SPARSE, False, "packed"), (NOTHING, False, "unrolled"),
]  # fmt: skip


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the kernels that are called."""
    called: list[str] = []
    for name in ("_gated", "_packed", "unrolled"):
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name,
            lambda *args, real=real, name=name: (called.append(name.strip("_")), real(*args))[1],
        )  # fmt: skip
    return called


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mask", "started", "route"), ROUTES)
def test_routes(routes: list[str], kind: str, mask: Any, started: bool, route: str) -> None:
    layer = Recurrent(kind, 3, 4, num_layers=2)
    state = tuple(torch.ones(2, 2, 4) for _ in range(KINDS[kind].parts)) if started else None
    layer(torch.randn(2, 3, 3), torch.tensor(mask), state=state)
    route = "packed" if kind == "rnn" and route == "gated" else route
    assert routes == ([] if route == "dense" else [route] * 2)  # one call for each layer


def test_every_route_is_in_the_table() -> None:
    assert {route for _, _, route in ROUTES} == {"dense", "gated", "packed", "unrolled"}
    assert len(ROUTES) == 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gates_shut_in_every_type(kind: str, dtype: torch.dtype) -> None:
    """The forced gates are 0 and 1 to the last bit, however long the padding is."""
    torch.manual_seed(0)
    layer = Recurrent(kind, 3, 5, bidirectional=True).to(dtype).requires_grad_(False)
    weights, x = layer._weights(0), torch.randn(2, 40, 3).to(dtype)
    mask = torch.zeros(2, 40, dtype=torch.bool)
    mask[0, 7:12] = mask[1, :4] = True
    output, state = module._gated(kind, x, weights, mask)
    expected, other = unrolled(kind, x, weights, mask)
    bound = 1e-6 if dtype == torch.float32 else 2e-2
    assert output.dtype == dtype
    assert (output - expected).abs().max() <= bound
    assert max((a - b).abs().max().item() for a, b in zip(state, other, strict=True)) <= bound


@pytest.mark.parametrize("kernel", [unrolled, module.fused])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [FULL, RIGHT, GAP])
def test_on_a_cpu_autocast_leaves_it_in_float32(kind: str, mask: Any, kernel: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(kind, 3, 4, num_layers=2, bidirectional=True, kernel=kernel)
    x, real = torch.randn(2, 3, 3), torch.tensor(mask)
    expected, _ = layer(x, real)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(x, real)
        halved, _ = layer(x.bfloat16(), real)
    assert output.dtype == halved.dtype == torch.float32
    assert torch.equal(output, expected)
    assert (halved - expected).abs().max() < 1e-2
