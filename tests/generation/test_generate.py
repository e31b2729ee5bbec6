"""``generate`` gives the ids that transformers' own ``generate`` gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from hfdl.generation import generate

CAUSAL, SEQ2SEQ = ["gpt2", "llama", "mistral"], ["marian", "t5"]
STOPS = {"none": None, "one": 3, "several": [3, 5, 7, 9], "many": [*range(3, 25)]}
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 3},
    "return several": {"num_beams": 4, "length_penalty": 0.3, "num_return_sequences": 3},
    "early stopping": {"num_beams": 2, "early_stopping": True},
    "never stopping": {"num_beams": 3, "early_stopping": "never", "length_penalty": 2.0},
    "short": {"num_beams": 3, "length_penalty": -1.0, "num_return_sequences": 2},
    "canonical": {"num_beams": 3, "early_stopping": "never", "length_penalty": 0.0},
}
Prompts = Callable[..., tuple[Tensor, Tensor]]


def reference(model: Any, ids: Tensor, mask: Tensor, **settings: Any) -> Tensor:
    return model.generate(ids, attention_mask=mask, do_sample=False, **settings)


def no_reference(*args: Any, **kwargs: Any) -> Tensor:
    raise AssertionError("the reference was asked for its own result")


@pytest.mark.parametrize("stops", STOPS)
@pytest.mark.parametrize("kind", [*CAUSAL, *SEQ2SEQ])
def test_ids_equal_transformers(
    kind: str,
    stops: str,
    tiny: Callable[..., Any],
    prompts: Prompts,
    forwards: Callable[[Any], list[tuple[int, int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids, mask = prompts("right" if kind in SEQ2SEQ else "left")
    model = tiny(kind, 0, eos_token_id=STOPS[stops])
    expected = {
        name: reference(model, ids, mask, max_new_tokens=12, **settings)
        for name, settings in SEARCHES.items()
    }
    monkeypatch.setattr(model, "generate", no_reference)
    calls = forwards(model)
    lengths = []
    for name, settings in SEARCHES.items():
        before = len(calls)
        result = generate(model, ids, mask, max_new_tokens=12, **settings)
        assert len(calls) > before
        assert torch.equal(result, expected[name]), name
        lengths.append(result.shape[1])
    assert len(lengths) == 7
    if stops == "none":
        assert set(lengths) == {13 if kind in SEQ2SEQ else 19}


def test_rows_end_at_different_places_in_what_was_compared(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    """The comparison above would be weak if nothing ever stopped early."""
    ids, mask = prompts()
    ends = set()
    for kind in CAUSAL:
        model = tiny(kind, 0, eos_token_id=STOPS["several"])
        new = generate(model, ids, mask, max_new_tokens=12, num_beams=4, num_return_sequences=4)[
            :, 7:
        ]
        ends |= {int((row != 2).sum()) for row in new}
    assert len(ends) >= 5


@pytest.mark.parametrize("kind", ["gpt2", "mistral", "marian"])
@pytest.mark.parametrize("search", ["greedy", "return several"])
def test_without_a_cache_the_ids_are_the_same(
    kind: str, search: str, tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model = tiny(kind, 1, eos_token_id=[3, 5])
    ids, mask = prompts("right" if kind in SEQ2SEQ else "left")
    settings = SEARCHES[search]
    expected = reference(model, ids, mask, max_new_tokens=9, use_cache=False, **settings)
    assert torch.equal(
        generate(model, ids, mask, max_new_tokens=9, use_cache=False, **settings), expected
    )


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("search", ["greedy", "beams"])
def test_a_row_of_a_padded_batch_equals_the_row_alone(
    kind: str, search: str, tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, (ids, mask) = tiny(kind, eos_token_id=None), prompts()
    together = generate(model, ids, mask, max_new_tokens=10, **SEARCHES[search])
    for row, length in enumerate([4, 6, 7]):
        alone = generate(model, ids[row : row + 1, -length:], max_new_tokens=10, **SEARCHES[search])
        assert torch.equal(alone[0, length:], together[row, 7:])


def test_beams_are_padded_with_the_pad_token_even_if_it_is_0(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    """transformers takes a pad id of 0 for none, and fills its beams (not greedy) with the eos."""
    ids, mask = prompts()
    model = tiny("llama", 0, eos_token_id=[3, 5, 7], pad_token_id=0)
    settings = {"max_new_tokens": 12, "num_beams": 3, "num_return_sequences": 3}
    expected = reference(model, ids, mask, **settings)
    filled_with_eos = generate(model, ids, mask, pad_token_id=3, **settings)
    result = generate(model, ids, mask, **settings)
    assert torch.equal(filled_with_eos, expected)
    assert not torch.equal(result, expected)
    padded = result != filled_with_eos
    assert (result[padded] == 0).all()
    assert padded[:, -1].any()


def test_stop_tokens_given_come_before_the_models(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    ids, mask = prompts()
    model = tiny("gpt2", eos_token_id=None)
    free = generate(model, ids, mask, max_new_tokens=8)
    stops = free[:, 9].tolist()
    stopped = generate(model, ids, mask, max_new_tokens=8, stop_tokens=stops, pad_token_id=36)
    for row in range(3):
        new = free[row, 7:].tolist()
        end = next(i for i, token in enumerate(new) if token in stops) + 1
        assert end <= 3
        expected = new[:end] + [36] * (stopped.shape[1] - 7 - end)
        assert stopped[row, 7:].tolist() == expected
    ended = tiny("gpt2", eos_token_id=stops)
    assert torch.equal(generate(ended, ids, mask, max_new_tokens=8, stop_tokens=()), free)
    assert not torch.equal(generate(ended, ids, mask, max_new_tokens=8), free)


def test_without_a_pad_token_the_first_stop_token_pads(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    ids, mask = prompts()
    model = tiny("gpt2", eos_token_id=[3, 5, 7, 9], pad_token_id=None)
    expected = reference(model, ids, mask, max_new_tokens=30)
    assert torch.equal(generate(model, ids, mask, max_new_tokens=30), expected)


@pytest.mark.parametrize("settings", [{}, {"num_beams": 2}, {"do_sample": True}])
def test_eval_mode_meanwhile_and_the_old_modes_after(
    settings: dict[str, Any], tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, (ids, mask) = tiny("gpt2", resid_pdrop=0.5, embd_pdrop=0.5), prompts()
    expected = generate(model, ids, mask, seed=1, **settings)
    model.train()
    model.transformer.h[1].eval()
    modes = [module.training for module in model.modules()]
    assert torch.equal(generate(model, ids, mask, seed=1, **settings), expected)
    assert [module.training for module in model.modules()] == modes
    assert True in modes
    assert False in modes


def test_modes_come_back_after_an_error(tiny: Callable[..., Any]) -> None:
    model = tiny("gpt2").train()
    with pytest.raises(IndexError):
        generate(model, torch.tensor([[99]]))
    assert all(module.training for module in model.modules())


def test_no_graph_is_made(tiny: Callable[..., Any], prompts: Prompts) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    graphs: list[bool] = []
    model.register_forward_hook(lambda m, args, out: graphs.append(out.logits.requires_grad))
    generate(model, ids, mask, max_new_tokens=3)
    assert graphs == [False] * 3
    assert torch.is_grad_enabled()
    model(ids).logits.sum().backward()


@pytest.mark.needs_shared
def test_a_pretrained_llama_tells_the_story_that_transformers_tells(
    shared: Callable[[str], Any],
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shared("models/stories260K/hf")
    model, tokenizer = (
        factory.from_pretrained(folder) for factory in (AutoModelForCausalLM, AutoTokenizer)
    )
    batch = tokenizer(["Once upon a time"], return_tensors="pt")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    result = generate(model, ids, mask, max_new_tokens=200)
    assert torch.equal(result, reference(model, ids, mask, max_new_tokens=200))
    assert result.shape == (1, ids.shape[1] + 200)
    assert "there was a little girl named Lily" in tokenizer.decode(result[0])


@pytest.mark.needs_shared
def test_a_pretrained_translator_spells_as_transformers_does(
    shared: Callable[[str], Any],
) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = shared("models/translit_aren/hf")
    model, tokenizer = (
        factory.from_pretrained(folder) for factory in (AutoModelForSeq2SeqLM, AutoTokenizer)
    )
    batch = tokenizer(["محمد", "القاهرة", "سلام"], return_tensors="pt", padding=True)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    assert 0 in mask
    for name, settings in SEARCHES.items():
        # Its pad id is 0: see the test of that above.
        pad = 0 if name == "greedy" else 2
        result = generate(model, ids, mask, max_new_tokens=20, pad_token_id=pad, **settings)
        expected = reference(model, ids, mask, max_new_tokens=20, **settings)
        assert torch.equal(result, expected), name
        assert tokenizer.decode(result[0], skip_special_tokens=True) == "mahmad"
