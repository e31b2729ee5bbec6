"""How many tokens texts have, counted beside the thread that owns the model and its tokenizer."""

from __future__ import annotations

import copy
from typing import Any


class TokenCounter:
    """Counts with a copy of the tokenizer: a tokenizer's settings change while it is used.

    Args:
        tokenizer: the model's. One without a fast backend is not copied: a token is then taken to
            be of four characters.
    """

    def __init__(self, tokenizer: Any) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._backend = None if backend is None else copy.deepcopy(backend)
        if self._backend is not None:
            self._backend.no_truncation()
            self._backend.no_padding()

    def __call__(self, texts: list[str]) -> int:
        """Tokens of some texts together, at least one."""
        if self._backend is None:
            return max(1, sum(len(text) // 4 + 1 for text in texts))
        found = (self._backend.encode(text, add_special_tokens=True) for text in texts)
        return max(1, sum(len(each.ids) for each in found))
