"""The loop and greedy search on decoders that can be followed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hfdl.generation.ending import Ending
from hfdl.generation.protocol import start_copies
from hfdl.generation.sampling import greedy, stepwise


def successor(vocabulary: int) -> Tensor:
    """A chain's table in which token t is followed by t + 1."""
    return torch.eye(vocabulary).roll(1, dims=1).expand(50, -1, -1)


def run(decoder: Any, last: list[int], ending: Ending) -> list[list[int]]:
    decoder.table, decoder.last = successor(6), torch.tensor(last)
    return torch.stack(list(greedy(decoder, ending)), dim=1).tolist()


def test_the_most_probable_token_follows(chain: Callable[..., Any]) -> None:
    assert run(chain(), [0, 3], Ending(4)) == [[1, 2, 3, 4], [4, 5, 0, 1]]


def test_of_equal_tokens_the_smallest_is_taken(chain: Callable[..., Any]) -> None:
    decoder = chain()
    decoder.table = torch.zeros(1, 5, 5)
    assert next(greedy(decoder, Ending(1))).tolist() == [0, 0]


def test_rows_keep_their_stop_token_and_are_padded(chain: Callable[..., Any]) -> None:
    result = run(chain(), [0, 3, 2], Ending(9, stop_tokens=(2, 4), pad_token_id=5))
    assert result == [[1, 2], [4, 5], [3, 4]]


def test_no_step_is_taken_that_nobody_needs(chain: Callable[..., Any]) -> None:
    decoder = chain()
    run(decoder, [0, 1], Ending(9, stop_tokens=(3,)))
    assert decoder.steps == 2
    decoder = chain()
    run(decoder, [0, 1], Ending(4))
    assert decoder.steps == 3


def test_tokens_come_before_the_next_step_is_taken(chain: Callable[..., Any]) -> None:
    decoder = chain()
    tokens = stepwise(decoder, lambda logits: logits.argmax(1), Ending(3))
    assert [(next(tokens) is not None, decoder.steps)[1] for _ in range(3)] == [0, 1, 2]


def test_start_copies_repeats_each_row(chain: Callable[..., Any]) -> None:
    decoder = chain(batch=3)
    logits = start_copies(decoder, 2)
    assert decoder.last.tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(logits, decoder.table[0, decoder.last])
