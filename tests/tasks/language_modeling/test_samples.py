"""Texts written while a model learns: they read well, and the run does not feel them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from hfdl.generation import continuation
from hfdl.tasks.language_modeling.samples import prompt_ids, write_samples


@pytest.fixture(scope="module")
def gpt2(tiny_gpt2: Path) -> tuple[Any, Any]:
    """A random model, its matrices drawn wide, and its tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(tiny_gpt2, n_positions=128)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(10.0)
    model.generation_config.eos_token_id = None  # so that no sample ends early
    model.config.eos_token_id = None
    return model, tokenizer


def test_samples_leave_generator_and_modes_as_they_were(gpt2: tuple[Any, Any]) -> None:
    model, tokenizer = gpt2
    model.train()
    model.transformer.h[0].eval()  # frozen, for instance
    modes = [module.training for module in model.modules()]
    state = torch.random.get_rng_state()
    write_samples(model, tokenizer, ["", "what a"], longest=64, seed=3)
    assert torch.equal(state, torch.random.get_rng_state())
    assert [module.training for module in model.modules()] == modes
    assert len(set(modes)) == 2


def test_samples_are_a_function_of_seed_prompt_and_place(gpt2: tuple[Any, Any]) -> None:
    model, tokenizer = gpt2
    torch.manual_seed(1)
    first = write_samples(model, tokenizer, ["", "", "what a"], longest=64, seed=3)
    torch.manual_seed(2)
    again = write_samples(model, tokenizer, ["", "", "what a"], longest=64, seed=3)
    assert first == again
    assert [row["prompt"] for row in first] == ["", "", "what a"]
    assert len({row["text"] for row in first}) == 3
    other = write_samples(model, tokenizer, ["", "", "what a"], longest=64, seed=30)
    assert all(a["text"] != b["text"] for a, b in zip(first, other, strict=True))


# Tokens that a model was trained to read; those of the prompt that it reads; those that it writes.
@pytest.mark.parametrize(
    ("longest", "read", "new"),
    [(128, 8, 64), (64, 8, 57), (20, 8, 13), (10, 5, 6), (3, 1, 3), (1, 1, 1)],
)
def test_samples_stay_within_what_the_model_was_trained_to_read(
    gpt2: tuple[Any, Any], longest: int, read: int, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = gpt2
    plain, calls = model.forward, []

    def spy(*args: Any, **keywords: Any) -> Any:
        calls.append(keywords["input_ids"].shape[1])
        return plain(*args, **keywords)

    monkeypatch.setattr(model, "forward", spy)
    prompt = "good film" * 2
    assert len(prompt_ids(tokenizer, prompt)) == 8
    (sample,) = write_samples(model, tokenizer, [prompt], longest=longest, seed=0)
    assert sample["text"]
    assert calls == [read] + [1] * (new - 1)


def test_a_prompt_begins_a_document_and_does_not_end_it(tiny_bert: Path, tiny_gpt2: Path) -> None:
    bert, gpt2 = (AutoTokenizer.from_pretrained(folder) for folder in (tiny_bert, tiny_gpt2))
    word = bert.convert_tokens_to_ids("good")
    assert prompt_ids(bert, "good") == [bert.cls_token_id, word]  # without [SEP]
    assert prompt_ids(bert, "") == [bert.cls_token_id]
    assert prompt_ids(gpt2, "") == [gpt2.eos_token_id]
    assert prompt_ids(gpt2, "good") == gpt2("good")["input_ids"]


def test_without_a_token_to_begin_with_an_empty_prompt_is_left_out(
    gpt2: tuple[Any, Any], tiny_gpt2: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)
    tokenizer.bos_token = tokenizer.eos_token = None
    samples = write_samples(gpt2[0], tokenizer, ["", "good"], longest=64, seed=0)
    assert [row["prompt"] for row in samples] == ["good"]


def test_the_text_keeps_the_space_that_it_begins_with() -> None:
    from tokenizers import Tokenizer
    from tokenizers.decoders import Metaspace as MetaspaceDecoder
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Metaspace
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(WordLevel({"<unk>": 0, "\u2581one": 1, "\u2581two": 2}, "<unk>"))
    backend.pre_tokenizer, backend.decoder = Metaspace(), MetaspaceDecoder()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    assert tokenizer.decode([2]) == "two"  # Llama's tokenizers do so
    assert continuation(tokenizer.decode, [1], [2, 1]) == " two one"
    assert continuation(tokenizer.decode, [1], []) == ""
