"""Impossible wishes and unusable prompts are refused in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from hfdl.errors import ConfigError
from hfdl.generation import generate
from hfdl.generation.settings import Settings

NAN = float("nan")

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"max_new_tokens": 0},
     "max_new_tokens: 0 is not possible; it must be a whole number, 1 or more"),
    ({"max_new_tokens": 2.5}, "max_new_tokens: 2.5 is not possible"),
    ({"num_beams": 0}, "num_beams: 0 is not possible"),
    ({"num_return_sequences": -1}, "num_return_sequences: -1 is not possible"),
    ({"do_sample": True, "temperature": 0.0},
     "temperature: 0.0 is no temperature; it must be a number above 0. For always the most"
     " probable token leave do_sample off"),
    ({"do_sample": True, "temperature": -1.0}, "temperature: -1.0 is no temperature"),
    ({"do_sample": True, "temperature": NAN}, "temperature: nan is no temperature"),
    ({"do_sample": True, "top_p": 0.0},
     "top_p: 0.0 is no share of the probability; it must be above 0 and at most 1. "
     "Top_p=1.0 keeps all tokens"),
    ({"do_sample": True, "top_p": 1.1}, "top_p: 1.1 is no share"),
    ({"do_sample": True, "top_p": NAN}, "top_p: nan is no share"),
    ({"do_sample": True, "top_k": -1},
     "top_k: -1 is not possible; it must be a whole number, 0 or more. Top_k=0 keeps"
     " all tokens"),
    ({"temperature": 0.7},
     "temperature: 0.7 has no effect: nothing is drawn at random. Set do_sample=True, or "
     "leave temperature out"),
    ({"top_k": 5}, "top_k: 5 has no effect"),
    ({"top_p": 0.9}, "top_p: 0.9 has no effect"),
    ({"num_beams": 2, "do_sample": True},
     "num_beams: num_beams=2 and do_sample=True exclude each other; beam search draws "
     "nothing at random. Set num_beams=1 or do_sample=False"),
    ({"length_penalty": 2.0},
     "length_penalty: 2.0 has no effect: there is one beam. Set num_beams=4, or "
     "leave length_penalty out"),
    ({"early_stopping": True}, "early_stopping: True has no effect"),
    ({"num_beams": 2, "early_stopping": "always"},
     "early_stopping: 'always' is unknown; it must be True, False or 'never'"),
    ({"num_beams": 2, "length_penalty": NAN},
     "length_penalty: nan is no exponent; it must be a finite number"),
    ({"num_return_sequences": 2},
     "num_return_sequences: 2 sequences cannot come from num_beams=1; it may be at most "
     "num_beams, or any number with do_sample=True"),
    ({"num_beams": 3, "num_return_sequences": 4}, "4 sequences cannot come from num_beams=3"),
    ({"min_new_tokens": -1}, "min_new_tokens: -1 is not possible"),
    ({"min_new_tokens": 9, "max_new_tokens": 8},
     "min_new_tokens: 9 tokens at least are more than max_new_tokens=8. Lower it"),
    ({"min_length": 1.5}, "min_length: 1.5 is not possible"),
    ({"no_repeat_ngram_size": -2}, "no_repeat_ngram_size: -2 is not possible"),
    ({"encoder_no_repeat_ngram_size": True}, "encoder_no_repeat_ngram_size: True is not possible"),
    ({"repetition_penalty": 0.0},
     "repetition_penalty: 0.0 is no penalty; it must be a number above 0. "
     "Repetition_penalty=1.0 leaves all as it is"),
    ({"encoder_repetition_penalty": NAN}, "encoder_repetition_penalty: nan is no penalty"),
    ({"do_sample": True, "min_p": 1.5},
     "min_p: 1.5 is no share of the probability; it must be 0 or more and at most 1. "
     "Min_p=0.0 keeps"),
    ({"min_p": 0.1}, "min_p: 0.1 has no effect"),
    ({"do_sample": True, "typical_p": 0.0}, "typical_p: 0.0 is no share"),
    ({"do_sample": True, "top_h": 2.0}, "top_h: 2.0 is no share"),
    ({"do_sample": True, "epsilon_cutoff": -0.1}, "epsilon_cutoff: -0.1 is no share"),
    ({"do_sample": True, "eta_cutoff": NAN}, "eta_cutoff: nan is no share"),
    ({"bad_words_ids": [[]]},
     "bad_words_ids: [] is no sequence of ids; it is a list of sequences, each of one id or more"),
    ({"bad_words_ids": [[3, -1]]}, "bad_words_ids: -1 is no token id"),
    ({"sequence_bias": [((), 1.0)]}, "sequence_bias: () is no sequence of ids"),
    ({"forced_bos_token_id": -1}, "forced_bos_token_id: -1 is no token id; ids begin at 0"),
    ({"forced_eos_token_id": [2, -1]}, "forced_eos_token_id: -1 is no token id"),
    ({"suppress_tokens": [2.5]}, "suppress_tokens: 2.5 is no token id"),
    ({"begin_suppress_tokens": [-3]}, "begin_suppress_tokens: -3 is no token id"),
    ({"exponential_decay_length_penalty": (3, 0.0)},
     "exponential_decay_length_penalty: (3, 0.0) is not possible; it is a number of tokens and a"),
    ({"renormalize_logits": "yes"}, "renormalize_logits: 'yes' is neither True nor False"),
    ({"remove_invalid_values": 1}, "remove_invalid_values: 1 is neither True nor False"),
    ({"temprature": 0.5}, "temprature: generation has no setting 'temprature'. Did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), IMPOSSIBLE, ids=lambda x: str(x)[:40])
def test_impossible_settings(
    settings: dict[str, Any], message: str, tiny: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        generate(tiny("gpt2"), torch.ones(1, 3, dtype=torch.long), **settings)


def test_every_setting_is_refused_somewhere() -> None:
    refused = {name for settings, _ in IMPOSSIBLE for name in settings}
    assert refused - {"temprature"} == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_sample": True, "top_p": 1.0, "top_k": 1, "temperature": 9, "num_return_sequences": 3},
        {"num_beams": 2, "num_return_sequences": 2, "length_penalty": -1.0},
    ],
)
def test_possible_settings(settings: dict[str, Any], tiny: Callable[..., Any]) -> None:
    rows = settings.get("num_return_sequences", 1)
    ids = generate(tiny("gpt2"), ones(1, 3), max_new_tokens=2, stop_tokens=(), **settings)
    assert ids.shape == (rows, 5)


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.long)


HOLE, RIGHT, EMPTY = (torch.tensor([[1, 1, 1], row]) for row in ([1, 0, 1], [1, 1, 0], [0, 0, 0]))
WRONG_PROMPTS: list[tuple[torch.Tensor, torch.Tensor | None, dict[str, Any], str]] = [
    (ones(1, 0), None, {},
     "input_ids: the prompts have the shape (1, 0); it must be (batch, tokens) with at "
     "least one token. Start an empty prompt with the model's bos token"),
    (ones(0, 2), None, {}, "the prompts have the shape (0, 2)"),
    (ones(3), None, {}, "the prompts have the shape (3,)"),
    (ones(2, 3), ones(2, 4), {},
     "attention_mask: the shape is (2, 4); it must be that of input_ids, (2, 3)"),
    (ones(2, 3), EMPTY, {},
     "attention_mask: prompt 1 is empty: all of it is padding; every prompt needs at least"
     " one token"),
    (ones(2, 3), RIGHT, {},
     "attention_mask: prompt 1 has padding behind a token; new tokens follow the last "
     "column, so padding must stand on the left. Set tokenizer.padding_side = 'left'"),
    (ones(2, 3), HOLE, {}, "prompt 1 has padding behind a token"),
    (ones(1, 65), None, {},
     "input_ids: the longest prompt is 65 tokens long; the model has 64 positions. Shorten"
     " it"),
    (ones(1, 60), None, {"max_new_tokens": 6},
     "max_new_tokens: 6 new tokens do not fit behind 60 of the longest prompt; the model "
     "has 64 positions. Give max_new_tokens=5, or shorten the prompt"),
    (ones(1, 3), None, {"stop_tokens": [4, -1]}, "stop_tokens: -1 is no token id; ids begin at 0"),
    (ones(1, 3), None, {"pad_token_id": -100}, "pad_token_id: -100 is no token id"),
]  # fmt: skip


@pytest.mark.parametrize(("ids", "mask", "settings", "message"), WRONG_PROMPTS)
def test_unusable_prompts(
    ids: torch.Tensor,
    mask: torch.Tensor | None,
    settings: dict[str, Any],
    message: str,
    tiny: Callable[..., Any],
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        generate(tiny("gpt2"), ids, mask, **settings)


def test_all_positions_can_be_used(tiny: Callable[..., Any]) -> None:
    """The last token is not read any more, so it needs no position; padding needs none either."""
    mask = ones(1, 70)
    mask[:, :10] = 0
    out = generate(tiny("gpt2"), ones(1, 70), mask, max_new_tokens=5, stop_tokens=())
    assert out.shape == (1, 75)


def test_sources_and_targets_are_measured_each(tiny: Callable[..., Any]) -> None:
    model = tiny("marian")
    assert generate(model, ones(1, 64), max_new_tokens=64, stop_tokens=()).shape == (1, 65)
    with pytest.raises(ConfigError, match="the longest source is 65 tokens long"):
        generate(model, ones(1, 65))
    with pytest.raises(ConfigError, match="65 new tokens do not fit behind 1 of the start token"):
        generate(model, ones(1, 3), max_new_tokens=65)


def test_targets_must_begin_with_something(tiny: Callable[..., Any]) -> None:
    model = tiny("t5", decoder_start_token_id=None, bos_token_id=None)
    expected = (
        "decoder_start_token_id: the model does not say what its targets begin with. Give the id"
    )
    with pytest.raises(ConfigError, match=expected):
        generate(model, ones(1, 3))
    assert generate(model, ones(1, 3), decoder_start_token_id=6)[0, 0] == 6
