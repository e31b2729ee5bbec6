"""Which text of a tokenizer is settled while more tokens come: what a stream must hold back."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_PROBE = "do not , it"


def changes_ends(tokenizer: Any) -> bool:
    """Whether decoding takes blanks away that stood there before more was read ("do n't")."""
    if getattr(tokenizer, "clean_up_tokenization_spaces", False):
        return True
    ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    texts = [tokenizer.decode(ids[:n], skip_special_tokens=True) for n in range(1, len(ids) + 1)]
    if any(not longer.startswith(text) for text, longer in itertools.pairwise(texts)):
        return True
    return "," in texts[-1] and " ," not in texts[-1]


def single_bytes(tokenizer: Any) -> Callable[[int], bool]:
    """Whether a token is a byte of sentencepiece's: of a row of them all are read, or none."""

    def is_byte(token: int) -> bool:
        return _BYTE.fullmatch(str(tokenizer.convert_ids_to_tokens(token))) is not None

    return is_byte
