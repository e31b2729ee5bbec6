"""Tiny models of every type of positions, with every head that they have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from hfdl.hf_models.own_architectures import OWN
from hfdl.models.position_choice import POSITION_TYPES

WORDS, PAD = 31, 0
SIZES: dict[str, Any] = {
    "vocab_size": WORDS, "hidden_size": 16, "num_attention_heads": 4, "intermediate_size": 24,
    "dropout": 0.0, "pad_token_id": PAD, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
CHOOSING = [name for name, own in OWN.items() if "position_embedding_type" in own.sizes]
EVERY = [
    (name, head, kind)
    for name in CHOOSING
    for head in OWN[name].heads
    if head != "base"
    for kind in POSITION_TYPES
]
WRITERS = [each for each in EVERY if each[1] in ("causal_lm", "seq2seq")]
STACKS = [each for each in EVERY if each[0] != "transformer"]
LENGTHS = (9, 9, 5, 1)


def built(name: str, head: Any, kind: str, **settings: Any) -> Any:
    """A model in float64 whose weights are all drawn wide, in eval mode."""
    torch.manual_seed(0)
    layers = {"encoder_layers": 2, "decoder_layers": 2}
    sizes = layers if name == "transformer" else {"num_hidden_layers": 2}
    config = OWN[name].config_class(position_embedding_type=kind, **SIZES, **sizes, **settings)
    model: Any = OWN[name].heads[head](config).double().eval()
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            about = 1.0 if path.endswith("norm.weight") else 0.0
            parameter.copy_(0.5 * torch.randn_like(parameter) + about)
    return model


def writer(name: str, head: Any, kind: str) -> Any:
    """One that generates; nothing ends a text before its time."""
    model = built(name, head, kind, tie_word_embeddings=False)  # tied ones repeat themselves
    model.config.eos_token_id = None
    model.generation_config = GenerationConfig(pad_token_id=PAD, decoder_start_token_id=1)
    return model


def texts() -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(3, WORDS, (n,), generator=generator) for n in LENGTHS]


def padded(rows: list[Tensor], side: str = "right") -> dict[str, Tensor]:
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), PAD)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        where = slice(None, len(row)) if side == "right" else slice(width - len(row), None)
        ids[i, where], mask[i, where] = row, 1
    return {"input_ids": ids, "attention_mask": mask}


def read(model: Any, head: str, **inputs: Tensor) -> Tensor:
    if head == "seq2seq":
        inputs["decoder_input_ids"] = torch.tensor([[1, 7, 9]] * len(inputs["input_ids"]))
    return model(**inputs).logits
