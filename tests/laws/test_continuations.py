"""What a model wrote reads as it does behind its prompt, for every kind of tokenizer.

The text of an answer is the decoding of prompt and new tokens together, whichever way it is asked
for: whole, new alone, from beams, in batches, as a stream, up to a text to stop at.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import transformers
from helpers.tiny_models import tiny_config
from helpers.tokenizer_kinds import KINDS, PROMPTS

import hfdl
from hfdl.generation.text import continuation
from hfdl.tasks.language_modeling.samples import prompt_ids, write_samples

NEW = 14


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A pipeline over a random model, and transformers' own."""
    tokenizer = KINDS[request.param]()
    torch.manual_seed(0)
    config = tiny_config("gpt2", vocab_size=len(tokenizer), n_positions=256, bos_token_id=None,
                         eos_token_id=None, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    model: Any = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():  # wide, so that no two logits lie near each other
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    model.generation_config.suppress_tokens = tokenizer.all_special_ids
    made = hfdl.pipeline(
        "text-generation", model=model.eval(), tokenizer=tokenizer, max_new_tokens=NEW, device="cpu"
    )
    theirs = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer)
    return made, theirs


def both(pipe: Any, prompt: str, **options: Any) -> tuple[list[int], list[int], str, str]:
    """Prompt, new ids, and their texts: of all and of the prompt."""
    ids = pipe(prompt, return_tensors=True, **options)[0]["generated_token_ids"]
    before = prompt_ids(pipe.tokenizer, prompt)
    assert ids[: len(before)] == before
    decode = decoder(pipe)
    return before, ids[len(before) :], decode(ids), decode(before)


def decoder(pipe: Any) -> Any:
    return lambda ids: pipe.tokenizer.decode(ids, skip_special_tokens=True)


def test_the_text_is_the_decoding_of_prompt_and_new_tokens(kind: Any) -> None:
    pipe, _ = kind
    exact = 0
    for prompt, how in itertools.product(PROMPTS[::2], ({}, {"num_beams": 3})):
        _, _, whole, before = both(pipe, prompt, **how)
        full = pipe(prompt, **how)[0]["generated_text"]
        new = pipe(prompt, return_full_text=False, **how)[0]["generated_text"]
        if before.lstrip() == prompt:  # some read a blank before every first word
            assert full == whole.lstrip()
            exact += 1
        if whole.startswith(before):
            assert full == prompt + new
            assert new == whole[len(before) :]
        assert pipe([prompt, "a man"], batch_size=2, **how)[0][0]["generated_text"] == full
    assert exact >= 4, "most prompts are read back as they were written"


def test_it_is_transformers_text_where_a_token_says_the_same_alone(kind: Any) -> None:
    pipe, theirs = kind
    same = 0
    for prompt in PROMPTS[1::2]:
        _, new, whole, read = both(pipe, prompt)
        if prompt_ids(pipe.tokenizer, prompt) != pipe.tokenizer(prompt)["input_ids"]:
            continue  # a pipeline of theirs goes on behind the end token
        (found,) = theirs(prompt, max_new_tokens=NEW, do_sample=False, return_full_text=False)
        alone = pipe.tokenizer.decode(new, skip_special_tokens=True)
        assert found["generated_text"] == alone
        if whole == read + alone:
            (full,) = theirs(prompt, max_new_tokens=NEW, do_sample=False)
            assert pipe(prompt) == [full]
            same += 1
    ids = pipe.tokenizer("a", add_special_tokens=False)["input_ids"]
    goes_on = pipe.tokenizer("a")["input_ids"] == ids
    if goes_on and pipe.tokenizer.decode(ids * 2) == "aa":
        assert same >= 4, "of bytes and characters all are the same"


def test_a_stream_joins_to_the_text(kind: Any) -> None:
    pipe, _ = kind
    pieces_seen = 0
    for prompt in PROMPTS[::2]:
        pieces = list(pipe.stream(prompt))
        assert "".join(pieces) == pipe(prompt, return_full_text=False)[0]["generated_text"]
        assert all(pieces)
        pieces_seen += len(pieces)
    assert pieces_seen >= 20


def test_a_stop_cuts_the_text_wherever_it_begins_in_a_token(kind: Any) -> None:
    pipe, _ = kind
    cuts = shorter = 0
    for prompt, (first, width) in itertools.product(PROMPTS[::3], [(0, 1), (3, 2), (5, 4), (7, 1)]):
        text = pipe(prompt, return_full_text=False)[0]["generated_text"]
        stop = text[first : first + width]
        if not stop or "\ufffd" in stop:
            continue
        found = pipe(prompt, stop=[stop, "nowhere at all"], return_full_text=False)
        assert found == [{"generated_text": text[: text.index(stop)]}]
        assert "".join(pipe.stream(prompt, stop=stop)) == found[0]["generated_text"]
        ids = pipe(prompt, stop=stop, return_tensors=True)[0]["generated_token_ids"]
        before, new, *_ = both(pipe, prompt)
        assert ids == [*before, *new][: len(ids)]
        written = ids[len(before) :]
        assert stop in continuation(decoder(pipe), before, written)
        assert stop not in continuation(decoder(pipe), before, written[:-1])
        shorter += len(written) < NEW
        cuts += 1
    assert cuts >= 5
    assert shorter >= cuts // 2


def test_samples_of_a_run_read_so_too(kind: Any) -> None:
    pipe, _ = kind
    for sample in write_samples(pipe.model, pipe.tokenizer, PROMPTS[:3], longest=40, seed=1):
        (found,) = pipe(
            sample["prompt"], do_sample=True, temperature=0.8, top_k=50, max_new_tokens=5,
            seed=1 + PROMPTS.index(sample["prompt"]), return_full_text=False,
        )  # fmt: skip
        assert sample["text"].startswith(found["generated_text"].rstrip("\ufffd")[:3])


def test_there_are_as_many_kinds_as_hfdl_learns_and_more() -> None:
    assert len(KINDS) == 11
