"""The text generation pipeline: transformers' answers in its structures, and where it differs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.tiny_models import tiny_config

import hfdl
from hfdl.errors import HfdlError
from hfdl.pipelines.text_generation import TextGenerationPipeline

PROMPTS = [
    "a man sleeps", "two", " leading and trailing ", "\n\n", "e\u0301 combining", "😀 emoji 👩‍👩‍👧",
    "line\r\nline", "no\u00a0break", "x", "long " * 20, "tab\tand <|endoftext|> inside", "ß ﬁ İ",
]  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
NEW = 12


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>", "<pad>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    backend.train_from_iterator(PROMPTS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|endoftext|>", eos_token="<|endoftext|>",
        pad_token="<pad>", model_max_length=160, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def model_of(family: str, tokenizer: Any) -> Any:
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    size = "n_positions" if family == "gpt2" else "max_position_embeddings"
    config = tiny_config(family, vocab_size=len(tokenizer), **{**ends, size: 160})
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():  # wide, so that no two logits lie near each other
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest, tokenizer: Any) -> Any:
    return model_of(request.param, tokenizer)


@pytest.fixture
def pipe(model: Any, tokenizer: Any) -> TextGenerationPipeline:
    made = hfdl.pipeline(
        "text-generation", model=model, tokenizer=tokenizer, max_new_tokens=NEW, device="cpu"
    )
    assert isinstance(made, TextGenerationPipeline)
    return made


@pytest.fixture
def theirs(model: Any, tokenizer: Any) -> Any:
    return transformers.pipeline(
        "text-generation", model=copy.deepcopy(model), tokenizer=copy.deepcopy(tokenizer),
        device="cpu",
    )  # fmt: skip


def ask(theirs: Any, prompt: Any, **options: Any) -> Any:
    return theirs(prompt, **{"do_sample": False, "max_new_tokens": NEW, **options})


# ---- equal to transformers' ----------------------------------------------------------------------


def test_greedy_answers_are_those_of_transformers(pipe: Any, theirs: Any) -> None:
    compared = 0
    for prompt in PROMPTS:
        assert pipe(prompt) == ask(theirs, prompt), prompt
        new = {"return_full_text": False}
        assert pipe(prompt, **new) == ask(theirs, prompt, **new), prompt
        ids = {"return_tensors": True}
        assert pipe(prompt, **ids) == ask(theirs, prompt, **ids), prompt
        compared += 3
    assert compared == 36
    assert len({pipe(p, return_full_text=False)[0]["generated_text"] for p in PROMPTS}) >= 8


@pytest.mark.parametrize("size", [1, 5, 12])
def test_a_list_is_answered_in_its_order_whatever_the_batches(
    pipe: Any, theirs: Any, size: int
) -> None:
    expected = [ask(theirs, prompt) for prompt in PROMPTS]
    assert pipe(PROMPTS, batch_size=size) == expected
    assert pipe(tuple(PROMPTS), batch_size=size) == expected
    assert pipe(["two"]) == ask(theirs, ["two"])


def test_beams_and_their_number_are_those_of_transformers(pipe: Any, theirs: Any) -> None:
    options = {"num_beams": 3, "num_return_sequences": 2}
    for prompt in PROMPTS[:4]:
        found = pipe(prompt, **options)
        assert len(found) == 2
        assert found == ask(theirs, prompt, **options)


def test_a_chat_gets_an_answer_behind_it(pipe: Any, theirs: Any) -> None:
    asked = [{"role": "user", "content": "two"}]
    begun = [*asked, {"role": "assistant", "content": "a man"}]
    for tokenizer in (pipe.tokenizer, theirs.tokenizer):
        tokenizer.chat_template = TEMPLATE
    try:
        for chat in (asked, begun):
            assert pipe(chat) == ask(theirs, chat)
        assert pipe([asked, begun]) == ask(theirs, [asked, begun])
        (answer,) = pipe(asked)
        assert answer["generated_text"][:-1] == asked
        assert answer["generated_text"][-1]["role"] == "assistant"
    finally:
        pipe.tokenizer.chat_template = None


@pytest.mark.needs_shared
def test_the_trained_model_of_the_shared_folder(shared: Callable[[str], Path]) -> None:
    folder = shared("models/stories260K/hf")
    pipe = hfdl.pipeline("text-generation", model=folder, max_new_tokens=20, device="cpu")
    theirs = transformers.pipeline("text-generation", model=str(folder), device="cpu")
    prompt = "Once upon a time"  # a comma follows, which needs no blank
    assert pipe(prompt) == ask(theirs, prompt, max_new_tokens=20)


@pytest.mark.needs_shared
def test_a_word_keeps_its_blank_behind_the_prompt(shared: Callable[[str], Path]) -> None:
    """sentencepiece takes the blank off the first word that it decodes: of all, and not of new."""
    folder = shared("models/stories260K/hf")
    pipe: Any = hfdl.pipeline("text-generation", model=folder, max_new_tokens=8, device="cpu")
    assert pipe("She went to") == [{"generated_text": "She went to the park with her mom."}]
    assert pipe("She went to", return_full_text=False) == [
        {"generated_text": " the park with her mom."}
    ]
    assert "".join(pipe.stream("She went to")) == " the park with her mom."
    beams = pipe("She went to", num_beams=2, num_return_sequences=2)
    assert all(found["generated_text"].startswith("She went to the") for found in beams)


@pytest.mark.needs_shared
@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 1}])
@pytest.mark.parametrize("stop", ["k w", "park", " mom.", ["zzz", "he"], "."])
def test_nothing_is_written_behind_a_stop(
    shared: Callable[[str], Path], how: dict[str, Any], stop: Any
) -> None:
    folder = shared("models/stories260K/hf")
    pipe: Any = hfdl.pipeline(
        "text-generation", model=folder, max_new_tokens=200, device="cpu", **how
    )
    passes: list[int] = []
    pipe.model.register_forward_pre_hook(lambda *_: passes.append(1))
    stops = [stop] if isinstance(stop, str) else stop
    (found,) = pipe("She went to", stop=stop, return_full_text=False)
    counted = len(passes)
    (ids,) = pipe("She went to", stop=stop, return_tensors=True)
    new = ids["generated_token_ids"][len(pipe._read("She went to", 0).ids) :]
    assert not any(end in found["generated_text"] for end in stops)
    if not how or stop == ".":  # other beams need not come to it
        assert counted < 40, "of 200"
    assert how or counted == len(new)
    both = pipe(["She went to", "Tom and his"], stop=stop, return_full_text=False, batch_size=2)
    assert both[0] == [found]
    assert not any(end in one[0]["generated_text"] for one in both for end in stops)


# ---- different on purpose ------------------------------------------------------------------------


def test_an_empty_prompt_begins_with_the_start_token(pipe: Any, model: Any) -> None:
    (found,) = pipe("", return_tensors=True)
    start = torch.tensor([[0]])
    mask = torch.ones_like(start)
    expected = model.generate(start, attention_mask=mask, max_new_tokens=NEW, do_sample=False)
    assert found["generated_token_ids"] == expected[0].tolist()
    assert pipe("", return_full_text=False) == pipe("")
    assert pipe([]) == []


def test_a_stream_is_read_as_it_is_answered(pipe: Any) -> None:
    read: list[str] = []

    def texts() -> Iterator[str]:
        for text in PROMPTS[:5]:
            read.append(text)
            yield text

    answers = pipe(texts(), batch_size=2)
    first = next(answers)
    assert read == PROMPTS[:2]
    assert [first, *answers] == pipe(PROMPTS[:5])


def test_draws_repeat_by_their_seed_and_leave_the_global_generator_alone(pipe: Any) -> None:
    options = {"do_sample": True, "temperature": 2.0, "num_return_sequences": 3}
    state = torch.get_rng_state()
    found = pipe(PROMPTS[:3], seed=4, **options)
    assert torch.equal(torch.get_rng_state(), state)
    assert found == pipe(PROMPTS[:3], seed=4, batch_size=3, **options)
    assert found == list(pipe(iter(PROMPTS[:3]), seed=4, **options))
    assert found != pipe(PROMPTS[:3], seed=5, **options)
    assert [len(answers) for answers in found] == [3, 3, 3]
    assert len({answer["generated_text"] for answer in found[0]}) == 3


def test_writing_ends_before_a_stop_text(pipe: Any) -> None:
    whole = pipe("two", return_full_text=False)[0]["generated_text"]
    stop = whole[3:5]
    place = whole.index(stop)
    assert pipe("two", stop=stop) == [{"generated_text": "two" + whole[:place]}]
    assert pipe("two", stop=["nowhere to be found", stop]) == pipe("two", stop=stop)


def test_scores_are_those_that_transformers_computes(pipe: Any, model: Any) -> None:
    compared = 0
    for prompt in PROMPTS[:4]:
        for how in ({}, {"num_beams": 3, "num_return_sequences": 2}, {"repetition_penalty": 1.4}):
            found = pipe(prompt, return_scores=True, **how)
            ids = torch.tensor([pipe._read(prompt, 0).ids])
            theirs = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False,
                output_scores=True, output_logits=True, return_dict_in_generate=True, **how,
            )  # fmt: skip
            beams = getattr(theirs, "beam_indices", None)
            scores = model.compute_transition_scores(
                theirs.sequences, theirs.scores, beams, normalize_logits=beams is None
            )
            for row, one in enumerate(found):
                new, length = theirs.sequences[row, ids.shape[1] :], len(one["token_ids"])
                assert one["token_ids"] == new[:length].tolist()
                expected = scores[row, :length].tolist()
                assert one["token_log_probs"] == pytest.approx(expected, abs=1e-5, rel=1e-5)
                total = sum(expected) if beams is None else theirs.sequences_scores[row].item()
                assert one["score"] == pytest.approx(total, abs=1e-5, rel=1e-5)
                compared += 1
    assert compared == 16


def test_settings_of_generation_are_options(pipe: Any, theirs: Any) -> None:
    settings: list[dict[str, Any]] = [
        {"repetition_penalty": 1.5}, {"no_repeat_ngram_size": 2}, {"min_new_tokens": 6},
        {"bad_words_ids": [[60], [70, 71]]}, {"suppress_tokens": [*range(40, 90)]},
        {"num_beams": 2, "length_penalty": 0.2, "early_stopping": True},
    ]  # fmt: skip
    for setting in settings:
        for prompt in PROMPTS[:3]:
            assert pipe(prompt, **setting) == ask(theirs, prompt, **setting), setting


def test_a_model_in_training_mode_is_put_in_eval_mode(model: Any, tokenizer: Any) -> None:
    training = copy.deepcopy(model).train()
    pipe = TextGenerationPipeline(training, tokenizer=tokenizer, device="cpu", max_new_tokens=NEW)
    assert not pipe.model.training
    assert pipe("two") == pipe("two")


def test_without_a_number_as_many_tokens_as_there_is_room_for(pipe: Any) -> None:
    ids = pipe(PROMPTS[9], max_new_tokens=None, return_tensors=True)[0]["generated_token_ids"]
    assert len(ids) == 160 or ids[-1] == 0


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (["two", 5], {}, "input 2: cannot continue 5; an input is a text, or a chat"),
        (7, {}, "input 1: cannot continue 7"),
        ({"a": 1}, {}, "input 1: cannot continue {'a': 1}"),
        ([{"role": "user"}], {}, "input 1: cannot continue {'role': 'user'}"),
        ([{"role": "user", "content": "a"}], {}, "the tokenizer has no chat template"),
        ("two", {"max_new_tokens": 160}, "160 new tokens cannot follow the"),
        (
            "a" * 500,
            {"max_new_tokens": None},
            "1 new token cannot follow the 500 of the prompt; the model reads 160 tokens. Shorten",
        ),
        ("two", {"max_length": 3}, "counts the prompt, too. Did you mean 'max_new_tokens'?"),
        ("two", {"stop_strings": ["a"]}, "Did you mean 'stop'?"),
        ("two", {"stop_sequence": "a"}, "Did you mean 'stop'?"),
        ("two", {"return_dict_in_generate": True}, "Did you mean 'return_scores'?"),
        ("two", {"return_text": True}, "Did you mean 'return_full_text'?"),
        ("two", {"num_beam": 2}, "text generation has no option 'num_beam'. Did you mean 'num_b"),
        ("two", {"top_k": 3}, "no effect"),
        ("two", {"stop": ""}, "cannot end a text"),
        ("two", {"batch_size": 0}, "batch_size cannot be 0"),
        ("two", {"num_return_sequences": 2}, "it may be at most num_beams"),
    ],
)
def test_what_cannot_be_is_refused(pipe: Any, inputs: Any, options: Any, message: str) -> None:
    with pytest.raises(HfdlError) as error:
        pipe(inputs, **options)
    assert message in str(error.value)
