"""Tiny random language models of transformers, and decoders small enough to search by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

VOCABULARY, PAD = 37, 2

_BODY = {
    "vocab_size": VOCABULARY, "pad_token_id": PAD, "eos_token_id": None, "bos_token_id": 1,
}  # fmt: skip
# Weights are drawn wide: fresh models repeat one token for ever, and any search would agree.
_LLAMA = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.4,
}  # fmt: skip
_SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.4},
    "llama": _LLAMA,
    "mistral": {**_LLAMA, "sliding_window": 4},
    "marian": {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
        "max_position_embeddings": 64, "init_std": 0.4, "decoder_start_token_id": PAD,
        "forced_eos_token_id": None,
    },
    "t5": {
        "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
        "decoder_start_token_id": PAD,
    },
}  # fmt: skip


def make_tiny(kind: str, seed: int = 0, **config: Any) -> Any:
    """A random model of transformers, in eval mode; Llama and Mistral have grouped heads."""
    import transformers as hf

    config_class, model_class = {
        "gpt2": (hf.GPT2Config, hf.GPT2LMHeadModel),
        "llama": (hf.LlamaConfig, hf.LlamaForCausalLM),
        "mistral": (hf.MistralConfig, hf.MistralForCausalLM),
        "marian": (hf.MarianConfig, hf.MarianMTModel),
        "t5": (hf.T5Config, hf.T5ForConditionalGeneration),
    }[kind]
    torch.manual_seed(seed)
    return model_class(config_class(**{**_BODY, **_SIZES[kind], **config})).eval()


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Any]:
    """``tiny("llama", seed, eos_token_id=3)``: see ``make_tiny``."""
    return make_tiny


@pytest.fixture(scope="session")
def prompts() -> Callable[..., tuple[Tensor, Tensor]]:
    """``prompts(side="left")``: three prompts of 4, 6 and 7 tokens and their mask."""

    def make(side: str = "left", seed: int = 0) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(10, VOCABULARY, (3, 7), generator=generator)
        mask = torch.ones_like(ids)
        mask[0, :3] = 0
        mask[1, :1] = 0
        ids = ids.masked_fill(mask == 0, PAD)
        return (ids, mask) if side == "left" else (ids.flip(1), mask.flip(1))

    return make


@pytest.fixture
def forwards() -> Callable[[Any], list[tuple[int, int]]]:
    """``forwards(model)``: a list that gets the (rows, new tokens) of each call of the model."""

    def watch(model: Any) -> list[tuple[int, int]]:
        calls: list[tuple[int, int]] = []

        def note(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
            ids = kwargs["input_ids" if "input_ids" in kwargs else "decoder_input_ids"]
            calls.append((ids.shape[0], ids.shape[1]))

        model.register_forward_pre_hook(note, with_kwargs=True)
        return calls

    return watch


class Chain:
    """A decoder whose logits depend on the last token and on how many came before it.

    Without the latter, sequences of the same pairs of tokens would tie.

    Args:
        table: logits by number of new tokens, last token and next token, (L, V, V).
        last: each prompt's last token, (B,).
    """

    def __init__(self, table: Tensor, last: Tensor) -> None:
        self.table, self.last = table, last
        self.steps = 0

    def start(self) -> Tensor:
        return self.table[0, self.last]

    def step(self, tokens: Tensor) -> Tensor:
        self.steps += 1
        self.last = tokens[:, -1]
        return self.table[self.steps, self.last]

    def reorder(self, rows: Tensor) -> None:
        self.last = self.last[rows]


@pytest.fixture(scope="session")
def chain() -> Callable[..., Chain]:
    """``chain(vocabulary, batch, seed)``: a ``Chain`` with a random table."""

    def make(vocabulary: int = 5, batch: int = 2, seed: int = 0) -> Chain:
        generator = torch.Generator().manual_seed(seed)
        shape = (50, vocabulary, vocabulary)
        table = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
        return Chain(table, torch.arange(batch) % vocabulary)

    return make
