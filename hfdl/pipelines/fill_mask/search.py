"""Answers for all masks of a text together: beam search over the ways to fill them.

``hfdl.pipelines.fill_mask.answers`` says why from the left, and what the score means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from hfdl.pipelines.fill_mask.answers import Answer, MaskedText, Word, Writer
from hfdl.pipelines.fill_mask.rows import MaskModel


def fill_together(
    model: MaskModel,
    writer: Writer,
    texts: Sequence[MaskedText],
    words: list[Word] | None,
    top_k: int,
    beams: int,
    batch_size: int | None,
) -> list[list[Answer]]:
    """All masks of a text so that they fit each other: beam search from the left.

    Args:
        model, writer, texts, top_k, batch_size: as for ``fill_alone``.
        words: to choose from, of one piece each.
        beams: ways of filling a text that are followed.

    Returns:
        for each text its answers, likeliest first; their ``token`` and ``token_str`` have an item
        a mask.
    """
    allowed = None if words is None else torch.tensor([token for (token,) in words])
    return [
        [
            {
                "score": math.exp(score),
                "token": list(word),
                "token_str": [writer.tokenizer.decode([token]) for token in word],
                "sequence": writer.sequence(_with(text, word), bare=True),
            }
            for score, word in _search(model, text, allowed, beams, batch_size)[:top_k]
        ]
        for text in texts
    ]


def _search(
    model: MaskModel,
    text: MaskedText,
    allowed: torch.Tensor | None,
    beams: int,
    batch_size: int | None,
) -> list[tuple[float, Word]]:
    """The likeliest ways to fill all masks of a text that the search finds."""
    ways: list[tuple[float, Word]] = [(0.0, ())]
    for position in text.masks:
        questions = [text.question(position, _with(text, word)) for _, word in ways]
        scores = torch.stack(model.log_probabilities(questions, batch_size))  # (W, V)
        scores = scores if allowed is None else scores[:, allowed]  # (W, A)
        so_far = torch.tensor([[score] for score, _ in ways], dtype=scores.dtype)  # (W, 1)
        total = (scores + so_far).flatten()  # (W * A,)
        best = total.topk(min(beams, len(total)))
        width, longer = scores.shape[1], []
        for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            token = index % width if allowed is None else int(allowed[index % width])
            longer.append((score, (*ways[index // width][1], token)))
        ways = longer
    return ways


def _with(text: MaskedText, word: Word) -> list[int]:
    """The text with its first masks filled."""
    ids = list(text.ids)
    for position, token in zip(text.masks, word, strict=False):
        ids[position] = token
    return ids
