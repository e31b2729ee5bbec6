"""Streams are the batch results in pieces; text comes in whole characters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hfdl.errors import ConfigError
from hfdl.generation import generate, stream, stream_text

Prompts = Callable[..., tuple[Tensor, Tensor]]


@pytest.mark.parametrize("kind", ["gpt2", "mistral", "marian"])
@pytest.mark.parametrize(
    "settings", [{}, {"do_sample": True, "seed": 3, "temperature": 1.5, "top_k": 9, "top_p": 0.9}]
)
def test_a_stream_equals_the_batch(
    kind: str, settings: dict[str, Any], tiny: Callable[..., Any], prompts: Prompts
) -> None:
    seq2seq = kind == "marian"
    model = tiny(kind, 1, eos_token_id=[3, 5, 7])
    ids, mask = prompts("right" if seq2seq else "left")
    pieces = list(stream(model, ids, mask, max_new_tokens=15, **settings))
    whole = generate(model, ids, mask, max_new_tokens=15, **settings)
    assert all(piece.shape == (3,) for piece in pieces)
    assert torch.equal(torch.stack(pieces, dim=1), whole[:, 1 if seq2seq else 7 :])
    assert len(pieces) > 1


def test_tokens_come_one_by_one(
    tiny: Callable[..., Any], prompts: Prompts, forwards: Callable[[Any], list[tuple[int, int]]]
) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    calls = forwards(model)
    tokens = stream(model, ids, mask, max_new_tokens=50)
    assert calls == []
    next(tokens)
    assert calls == [(3, 7)]
    next(tokens)
    assert calls == [(3, 7), (3, 1)]


def test_between_tokens_gradients_are_the_callers(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    graphs: list[bool] = []
    model.register_forward_hook(lambda m, args, out: graphs.append(out.logits.requires_grad))
    for _ in stream(model, ids, mask, max_new_tokens=2):
        assert torch.is_grad_enabled()
    assert graphs == [False, False]
    model(ids).logits.sum().backward()


def test_a_stream_that_ends_or_is_closed_gives_the_mode_back(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, (ids, mask) = tiny("gpt2").train(), prompts()
    tokens: Any = stream(model, ids, mask)
    assert model.training
    next(tokens)
    assert not model.training
    tokens.close()
    assert all(module.training for module in model.modules())
    assert len(list(stream(model, ids, mask))) == 20
    assert all(module.training for module in model.modules())


def test_a_mistake_is_told_at_once(tiny: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        stream(tiny("gpt2"), torch.ones(1, 3, dtype=torch.long), do_sample=True, temperature=0)


TEXT = "naïve café, 日本語, 👩‍👩‍👧 and \ufffd itself"


def from_bytes(ids: list[int]) -> str:
    return bytes(ids).decode(errors="replace")


def test_characters_of_several_tokens_come_whole() -> None:
    pieces = list(stream_text(TEXT.encode(), from_bytes))
    assert "".join(pieces) == TEXT
    assert [p for p in pieces if len(p) != 1] == ["\ufffd "], "one that waits for what follows"
    assert [p for p in pieces if "\ufffd" in p] == ["\ufffd "]


def test_bytes_that_never_become_a_character_come_at_last() -> None:
    assert list(stream_text(b"ab\xe6\x97", from_bytes)) == ["a", "b", "\ufffd"]
    assert list(stream_text(b"a\xe6b", from_bytes)) == ["a", "\ufffdb"]


def test_tokens_without_text_give_nothing() -> None:
    assert list(stream_text([0, 1, 0], lambda ids: "x" * sum(ids))) == ["x"]
    assert list(stream_text([], from_bytes)) == []


def test_a_byte_level_tokenizer_streams_any_text(tiny_gpt2: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)
    ids = tokenizer(TEXT)["input_ids"]
    assert len(ids) > len(TEXT)
    pieces = list(stream_text(map(torch.tensor, ids), tokenizer.decode))
    assert "".join(pieces) == tokenizer.decode(ids) == TEXT


def test_a_model_streams_its_text(tiny_gpt2: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)
    model = AutoModelForCausalLM.from_pretrained(tiny_gpt2)
    ids = tokenizer(["what a lovely"], return_tensors="pt")["input_ids"]
    asked: dict[str, Any] = {"max_new_tokens": 40, "do_sample": True, "seed": 0, "temperature": 2.0}
    pieces = list(stream_text(stream(model, ids, **asked), tokenizer.decode))
    new = generate(model, ids, **asked)[0, ids.shape[1] :]
    assert "".join(pieces) == tokenizer.decode(new)
    assert len(pieces) > 5
