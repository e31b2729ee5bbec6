"""What a model's generation_config asks for is done, harmless by its reason, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

from hfdl.errors import ConfigError
from hfdl.generation import generate, stream
from hfdl.generation.model_rules import DONE, HARMLESS, REFUSED, model_rules

Prompts = Callable[..., tuple[Tensor, Tensor]]


def test_every_field_of_transformers_is_accounted_for() -> None:
    every = set(GenerationConfig().to_dict()) | {"_from_model_config"}
    assert every == DONE | HARMLESS.keys() | REFUSED.keys()
    assert len(every) == len(DONE) + len(HARMLESS) + len(REFUSED), "each in one table"
    assert all(HARMLESS.values())
    assert len(every) == 73


ASKED: dict[str, Any] = {
    "max_time": 3.0, "token_healing": True, "guidance_scale": 1.5,
    "watermarking_config": {"bias": 2.5}, "penalty_alpha": 0.6, "dola_layers": "high",
    "diversity_penalty": 0.5, "num_beam_groups": 2, "constraints": ["x"],
    "force_words_ids": [[[3]]],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_hfdl_does_not_do_is_refused_by_name(
    name: str, tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, ids = tiny("gpt2"), prompts()[0][2:]
    setattr(model.generation_config, name, ASKED[name])
    with pytest.raises(ConfigError, match=f"the model asks for {name}="):
        generate(model, ids)
    for harmless in (None, *REFUSED[name]):
        setattr(model.generation_config, name, harmless)
        assert generate(model, ids, max_new_tokens=3).shape == (1, 10)


FOLLOWED: list[dict[str, Any]] = [
    {"max_new_tokens": 5}, {"max_length": 12}, {"min_new_tokens": 6, "max_new_tokens": 9},
    {"min_length": 13, "max_length": 14}, {"num_beams": 3}, {"repetition_penalty": 1.6},
    {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.3, "early_stopping": True},
    {"no_repeat_ngram_size": 2}, {"encoder_no_repeat_ngram_size": 1},
    {"encoder_repetition_penalty": 1.5}, {"bad_words_ids": [[7], [20, 30]]},
    {"suppress_tokens": [*range(6, 25)]}, {"begin_suppress_tokens": [*range(30)]},
    {"forced_bos_token_id": 12}, {"forced_eos_token_id": [3, 5], "max_new_tokens": 7},
    {"exponential_decay_length_penalty": [2, 1.4]}, {"eos_token_id": [*range(3, 20)]},
    {"eos_token_id": [*range(3, 20)], "pad_token_id": 4}, {"sequence_bias": [[[6], 9.0]]},
    {"remove_invalid_values": True, "renormalize_logits": True}, {"use_cache": False},
    {"temperature": 0.3, "top_k": 3, "top_p": 0.5}, {"length_penalty": 2.0},
    {"num_beams": 2, "early_stopping": "never", "length_penalty": 1.5, "max_new_tokens": 6},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["llama", "marian"])
def test_what_a_saved_model_asks_for_is_done(
    kind: str, tiny: Callable[..., Any], prompts: Prompts, tmp_path: Any
) -> None:
    model, ids = tiny(kind, 1, eos_token_id=[3, 5]), prompts()[0][2:]
    auto = AutoModelForSeq2SeqLM if kind == "marian" else AutoModelForCausalLM
    plain, changed = generate(model, ids), 0
    for number, wish in enumerate(FOLLOWED):
        folder = tmp_path / str(number)
        model.save_pretrained(folder)
        file = folder / "generation_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **wish}))
        opened: Any = auto.from_pretrained(folder)
        expected = opened.generate(ids, attention_mask=torch.ones_like(ids))
        found = generate(opened, ids)
        assert torch.equal(found, expected), wish
        changed += found.shape != plain.shape or not torch.equal(found, plain)
    assert changed >= 15


def test_old_keys_of_config_json_are_followed(
    tiny: Callable[..., Any], prompts: Prompts, tmp_path: Any
) -> None:
    model, ids = tiny("marian", 1, eos_token_id=[3, 5]), prompts()[0][2:]
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    file = tmp_path / "config.json"
    old = {"forced_bos_token_id": 12, "num_beams": 3, "bad_words_ids": [[7]], "max_length": 9}
    file.write_text(json.dumps({**json.loads(file.read_text()), **old}))
    opened = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    found = generate(opened, ids)
    assert torch.equal(found, opened.generate(ids, attention_mask=torch.ones_like(ids)))
    assert found[0, 1] == 12
    assert found.shape[1] <= 9


def test_what_is_given_comes_before_what_the_model_says(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, ids = tiny("llama", 1), prompts()[0][2:]
    plain = generate(model, ids, max_new_tokens=8)
    model.generation_config.update(num_beams=3, max_length=9, repetition_penalty=1.9)
    given = {"num_beams": 1, "repetition_penalty": 1.0, "max_new_tokens": 8}
    assert torch.equal(generate(model, ids, **given), plain)
    assert generate(model, ids).shape == (1, 9)
    model.generation_config.update(do_sample=True, temperature=1.5, num_beams=1, max_length=20)
    assert torch.equal(generate(model, ids, do_sample=False, **given), plain)
    assert model_rules(model, {}).settings.top_k == 50, "transformers', where a file draws"
    drawn = generate(model, ids, seed=1)
    assert torch.equal(drawn, torch.cat([ids, torch.stack([*stream(model, ids, seed=1)], 1)], 1))
    with pytest.raises(ConfigError, match=r"the model's generation_config, do_sample: .*exclude"):
        generate(model, ids, num_beams=2)
    assert generate(model, ids, num_beams=2, do_sample=False).shape[1] == 20


def test_a_length_that_leaves_no_room_is_told(tiny: Callable[..., Any], prompts: Prompts) -> None:
    model, ids = tiny("llama", 1), prompts()[0][2:]
    model.generation_config.max_length = 7
    with pytest.raises(ConfigError, match="generation_config, max_length: behind a prompt of 7"):
        generate(model, ids)
    assert generate(model, ids, max_new_tokens=2).shape == (1, 9)


def test_texts_to_stop_at_need_texts(tiny: Callable[..., Any], prompts: Prompts) -> None:
    model, ids = tiny("llama", 1), prompts()[0][2:]
    model.generation_config.stop_strings = ["a"]
    with pytest.raises(ConfigError, match=r"stop_strings: the model ends its texts at \['a'\]"):
        generate(model, ids)
    ended = generate(model, ids, stop_text=lambda prompt, new: len(new) == 4)
    assert ended.shape == (1, 11)


@pytest.mark.parametrize(
    "wish",
    [{"forced_eos_token_id": 9999}, {"forced_bos_token_id": 9999}, {"bad_words_ids": [[9999]]},
     {"sequence_bias": [[[9999], 1.0]]}],
)  # fmt: skip
def test_a_token_that_the_model_lacks_is_told(
    wish: dict[str, Any], tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, ids = tiny("marian", 1), prompts()[0][2:]
    model.generation_config.update(**wish)
    with pytest.raises(ConfigError, match=rf"{next(iter(wish))}.*: there is no token 9999"):
        generate(model, ids)


def test_the_setting_that_is_wrong_is_the_one_that_is_named(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, ids = tiny("llama", 1), prompts()[0][2:]
    model.generation_config.update(do_sample=True, temperature=0.0, top_k=5)
    with pytest.raises(ConfigError, match=r"the model's generation_config, temperature: 0"):
        generate(model, ids)
