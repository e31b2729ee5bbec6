"""Decoders keep documents apart whose positions start again within a row."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.scratch_models import DECODERS, hf_model

from hfdl.errors import ModelError
from hfdl.hf_models.load import to_scratch_model

LENGTHS = ((4, 1, 5), (10,), (3, 7))
"""Documents of each row."""


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and positions, (3, 10)."""
    ids = torch.randint(4, 40, (3, 10), generator=torch.Generator().manual_seed(2))
    positions = torch.stack([torch.cat([torch.arange(n) for n in row]) for row in LENGTHS])
    return ids, positions


@pytest.mark.parametrize("variant", DECODERS)
def test_a_document_is_read_as_if_it_were_alone(variant: str) -> None:
    model: Any = to_scratch_model(hf_model(variant, "causal_lm")).double()
    ids, positions = rows()
    with torch.no_grad():
        found = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        joined = model(input_ids=ids, use_cache=False).logits
        compared = 0
        for row, lengths in enumerate(LENGTHS):
            start = 0
            for n in lengths:
                alone = model(input_ids=ids[row : row + 1, start : start + n]).logits[0]
                torch.testing.assert_close(
                    found[row, start : start + n], alone, rtol=1e-9, atol=1e-9
                )
                compared, start = compared + 1, start + n
    assert compared == 6
    assert not torch.allclose(found[0, 4:], joined[0, 4:], atol=1e-3)


def test_what_happens_within_is_not_shown() -> None:
    model: Any = to_scratch_model(hf_model("gpt2", "causal_lm"))
    ids, positions = rows()
    with pytest.raises(ModelError, match="rows with several documents"):
        model(input_ids=ids, position_ids=positions, use_cache=False, output_attentions=True)
