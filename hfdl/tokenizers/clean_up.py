"""Punctuation where English has it, after tokens were joined with spaces."""

from __future__ import annotations

_CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def clean_up(text: str) -> str:
    """``hello , I 'm`` -> ``hello, I'm``: what the library and `transformers` do for BERT."""
    for found, instead in _CLEAN_UP:
        text = text.replace(found, instead)
    return text
