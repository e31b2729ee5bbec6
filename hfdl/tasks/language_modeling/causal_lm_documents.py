"""How a model can be made to keep the documents of one block apart: found out by trying it.

transformers 5.23 takes positions that start again for several sequences in one row, and masks
them by itself (``masking_utils.find_packed_sequence_indices``), but only without a mask *and
without a cache*: with the ``use_cache`` of most configs it attends across documents in silence.
Models that do not tell the positions to their masks (OPT, Falcon, MPT, GPT-OSS) do so always. Most
of these take a ready mask; but it would take the place of a sliding window (GPT-OSS), and Bloom
refuses it.
"""

from __future__ import annotations

from typing import Any

import torch

from hfdl.errors import ModelError
from hfdl.nn.modes import evaluating
from hfdl.tasks.language_modeling.causal_split import documents_mask

_SIZES = (2, 1, 3)  # tokens of the documents that are tried
_NEARER = 100.0
"""How much nearer than without any care the documents must come to those read alone."""


def how_to_keep_apart(model: Any) -> str:
    """``positions`` or ``mask``: what keeps documents apart in this model.

    The model reads three short documents one by one, then all of them in one row. It is in eval
    mode meanwhile.

    Raises:
        ModelError: neither of the two does.
    """
    ids = torch.arange(1, 1 + sum(_SIZES), device=model.device)[None]  # (1, T)
    positions = torch.cat([torch.arange(size) for size in _SIZES])[None].to(model.device)
    mask = documents_mask(positions, model.dtype).to(model.device)
    with torch.no_grad(), evaluating(model):
        alone = torch.cat([_logits(model, part) for part in ids.split(_SIZES, dim=1)], dim=1)
        careless = (_logits(model, ids) - alone).abs().max()
        ways = {"positions": {"position_ids": positions}}
        if getattr(model.config, "sliding_window", None) is None:
            ways["mask"] = {"position_ids": positions, "attention_mask": mask}
        for way, inputs in ways.items():
            try:
                found = _logits(model, ids, **inputs)
            except (ModelError, RuntimeError, TypeError, ValueError):
                continue  # it takes no such input
            if (found - alone).abs().max() * _NEARER <= careless:
                return way
    raise ModelError(
        f"{model.config.model_type} attends across the documents of a block",
        where="data.document_mask",
        rule="neither positions that start again nor a mask keeps them apart in its code",
        remedy="set data.document_mask=false, or choose another model",
    )


def _logits(model: Any, ids: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids, use_cache=False, **inputs).logits.double()  # (1, T, V)
