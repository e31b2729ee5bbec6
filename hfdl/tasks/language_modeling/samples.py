"""Texts that a language model writes while it learns, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from hfdl.data.encode import read_template
from hfdl.generation import continuation, generate, stop_at
from hfdl.generation.model_rules import own_value
from hfdl.tasks.protocol import Prediction

NEW_TOKENS = 64
TEMPERATURE, TOP_K = 0.8, 50
"""A little bolder than greedy search, which repeats itself; the unlikely tail left out."""


def write_samples(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, longest: int, seed: int
) -> list[Prediction]:
    """One continuation of each prompt, of up to 64 tokens.

    The draws have a seed of their own, so that a run goes on as if nothing had been written.

    Args:
        model: on any device, in any mode.
        tokenizer: its tokenizer.
        prompts: texts; an empty one begins with the tokenizer's start token, or else the one that
            ends documents. Where it has neither, nothing can be written from an empty prompt, and
            it is left out.
        longest: most tokens that the model was trained to read: a sample ends there. Of a prompt
            that leaves no room the end is read.
        seed: of the run; each prompt has another.

    Returns:
        ``prompt`` and ``text``, what follows it, of each.
    """
    model = getattr(model, "_orig_mod", model)  # compiled for one shape, it would be so for each
    samples = []

    def decode(ids: list[int]) -> str:
        return tokenizer.decode(ids, skip_special_tokens=True)

    for number, prompt in enumerate(prompts):
        kept = max(longest - NEW_TOKENS, longest // 2, 1)  # half is left for what follows
        ids = prompt_ids(tokenizer, prompt)[-kept:]
        if not ids:
            continue
        written = generate(
            model, torch.tensor([ids], device=model.device), do_sample=True, num_beams=1,
            num_return_sequences=1, max_new_tokens=min(NEW_TOKENS, longest - len(ids) + 1),
            temperature=TEMPERATURE, top_k=TOP_K, seed=seed + number,
            stop_text=stop_at(decode, [ids], own_value(model, "stop_strings") or ()),
        )[0].tolist()  # fmt: skip
        text = continuation(decode, ids, written[len(ids) :])
        samples.append({"prompt": prompt, "text": text})
    return samples


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """A prompt as the beginning of a document: what the tokenizer puts before it, and its ids.

    What it puts behind a text (an end token) is left out: the text goes on.
    """
    ids = [*read_template(tokenizer, pair=False).specials[0]]
    ids += tokenizer(prompt, add_special_tokens=False)["input_ids"]
    starts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
    return ids or [start for start in starts if start is not None][:1]
