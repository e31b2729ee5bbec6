"""The library `tokenizers`, trained with the settings of ``hfdl.tokenizers``, and hostile texts.

The library numbers the marked characters (``##a``, ``a</w>``) in the order of a hash table, which
is another in each process, and breaks ties by these numbers. As in ``hfdl.data.train_tokenizer``
they are therefore given to it in an order of their own, as special tokens: here the alphabet by
code point, then the marked characters, sorted, which is the order in which hfdl numbers them.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer
from tokenizers import decoders as library_decoders
from tokenizers import models as library_models
from tokenizers import normalizers as library_normalizers
from tokenizers import pre_tokenizers as library_pre_tokenizers
from tokenizers import trainers as library_trainers

from hfdl.tokenizers import BertNormalizer, Marks
from hfdl.tokenizers.pre_tokenizers import GPT2_PATTERN, bert

HOSTILE = [
    "", " ", "   \n\n\t ", "a\r\nb\rc\n", "\u00a0\u2003\u200b\ufeff", "e\u0301 é \u0301 \u0345x",
    "👩\u200d🚀🏳️\u200d🌈 👍🏽👍🏽", "\x00\x01\x7f\x85\u2028\u2029\x1c\x1f", "日本語 漢字かな한국어",
    "'s 'T n't don't''ll 'd", "ﬁ Å Ω İ ß ẞ ΣΑΣ", "\U0010ffff\U000e0001\U00020000\U0002a6df",
    "a" * 101 + " " + "b" * 100, "ab" * 700, "\ufffd\ufffe\uffff\ufdd0", "สวัสดีชาวโลก ภาษาไทย",
    "مرحبا بالعالم ١٢٣ العَرَبِيَّة", "नमस्ते दुनिया क्षत्रिय १२३", "a\u200cb\u200dc\u2060d\u00ade",
    "½ ² Ⅷ ⓐ ٣ 1,000.5", "$5+3=8 <b>x</b> `~^| ¿qué? «où» „wo“ …", "_a_ __ a-b a—b",
    "##a # ## a##b [UNK] [MASK]x", "</w> a</w>b", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈𐌰 🂡", "\ud7ff\ue000\uf8ff",
    "unhappiness", "x\u0300\u0301\u0302" * 40, "<|endoftext|>a<|endoftext|>",
]  # fmt: skip
"""Combining marks, joined emoji, line ends, NUL, far planes, scripts without spaces, long words."""

KNOWN_CHARACTERS = st.characters(exclude_categories=("Cs", "Cn"))
"""Not what Python's Unicode does not know yet: the library's is newer."""
ANY = st.text(KNOWN_CHARACTERS, max_size=60)
FEW = st.lists(st.text("ab c#'.é", max_size=12), min_size=1, max_size=12)
"""Texts of a few characters, in which most pairs are equally frequent."""

PRE_TOKENIZERS: dict[str, Any] = {
    "whitespace": library_pre_tokenizers.WhitespaceSplit(),
    "words": library_pre_tokenizers.Whitespace(),
    "bert": library_pre_tokenizers.BertPreTokenizer(),
    "gpt2": library_pre_tokenizers.Split(Regex(GPT2_PATTERN), "isolated"),
    "characters": library_pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"),
}


def library_normalizer(normalizer: BertNormalizer | None) -> Any:
    return normalizer and library_normalizers.BertNormalizer(
        clean_text=normalizer.clean_text, handle_chinese_chars=normalizer.chinese,
        strip_accents=normalizer.strip_accents, lowercase=normalizer.lowercase,
    )  # fmt: skip


def library_byte_level(
    texts: Iterable[str], vocab_size: int, *, min_frequency: int = 0,
    special: Sequence[str] = ("<|endoftext|>",), add_prefix_space: bool = False,
) -> Any:  # fmt: skip
    found: Any = Tokenizer(library_models.BPE())
    found.pre_tokenizer = library_pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    found.decoder = library_decoders.ByteLevel()
    trainer = library_trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=list(special),
        initial_alphabet=library_pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    found.train_from_iterator(list(texts), trainer)
    return found


def library_bpe(
    texts: Iterable[str], vocab_size: int, *, special: Sequence[str] = ("<unk>",),
    unknown: str | None = "<unk>", marks: Marks, pre_tokenizer: str = "words",
    normalizer: BertNormalizer | None = None, **settings: Any,
) -> Any:  # fmt: skip
    texts = list(texts)
    found: Any = Tokenizer(library_models.BPE(unk_token=unknown))
    found.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
    if normalizer is not None:
        found.normalizer = library_normalizer(normalizer)
    if marks.suffix:
        found.decoder = library_decoders.BPEDecoder(marks.suffix)
    elif marks.prefix:
        found.decoder = library_decoders.WordPiece(marks.prefix, cleanup=False)
    given = first_tokens(found, texts, special, marks, **settings)
    if marks.prefix:
        settings["continuing_subword_prefix"] = marks.prefix
    if marks.suffix:
        settings["end_of_word_suffix"] = marks.suffix
    trainer = library_trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=list(given), show_progress=False, **settings
    )
    found.train_from_iterator(texts, trainer)
    return without_given(found, special)


def library_wordpiece(
    texts: Iterable[str], vocab_size: int, *, special: Sequence[str], unknown: str = "[UNK]",
    prefix: str = "##", pre_tokenizer: str = "bert", normalizer: BertNormalizer | None,
    **settings: Any,
) -> Any:  # fmt: skip
    texts = list(texts)
    found: Any = Tokenizer(library_models.WordPiece(unk_token=unknown))
    found.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
    found.decoder = library_decoders.WordPiece(prefix)
    if normalizer is not None:
        found.normalizer = library_normalizer(normalizer)
    given = first_tokens(found, texts, special, Marks(prefix=prefix), **settings)
    trainer = library_trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=list(given), show_progress=False,
        continuing_subword_prefix=prefix, **settings,
    )  # fmt: skip
    found.train_from_iterator(texts, trainer)
    # The trainer makes a model anew, whose prefix is ## and unknown token [UNK].
    found.model.continuing_subword_prefix, found.model.unk_token = prefix, unknown
    return without_given(found, special)


def without_given(backend: Any, special: Iterable[str]) -> Any:
    """The trained tokenizer, in which these tokens alone are special."""
    content = json.loads(backend.to_str())
    keep = set(special)
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] in keep]
    return Tokenizer.from_str(json.dumps(content))


def library_words(backend: Any, texts: Iterable[str]) -> Counter[str]:
    """The words that the library trains on."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(library_list(backend, text))
    return counts


def library_list(backend: Any, text: str) -> list[str]:
    """The library's words of a text, in their order."""
    plain = backend.normalizer.normalize_str(text) if backend.normalizer else text
    return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(plain)]


def first_tokens(
    backend: Any, texts: Iterable[str], special: Sequence[str], marks: Marks, *,
    initial_alphabet: Sequence[str] = (), limit_alphabet: int | None = None, **_: Any,
) -> list[str]:  # fmt: skip
    """Special tokens, the alphabet by code point, marked characters sorted."""
    if marks == Marks():
        return list(special)
    counts = library_words(backend, texts)
    frequency: Counter[str] = Counter()
    for word, count in counts.items():
        frequency.update(dict.fromkeys(word, 0))
        for char in word:
            frequency[char] += count
    for char in initial_alphabet:
        frequency[char] = 10**9
    kept = {char for char, _ in frequency.most_common(limit_alphabet)}
    marked = set()
    for word in counts:
        for i, char in enumerate(word):
            if char in kept or char in special:
                last = i == len(word) - 1
                marked.add(marks.prefix * (i > 0) + char + marks.suffix * last)
    return list(dict.fromkeys([*special, *sorted(kept), *sorted(marked)]))


def tie_free_limits(texts: Iterable[str]) -> list[int]:
    """Sizes of the alphabet where the last character kept is more frequent than the next.

    Between equally frequent ones the library chooses by its hash table.
    """
    counts = [count for _, count in Counter("".join(texts)).most_common()]
    return [i for i in range(1, len(counts)) if counts[i - 1] > counts[i]]


ASSIGNED = [
    chr(c) for c in range(0x110000)
    if unicodedata.category(chr(c)) not in ("Cs", "Cn") and not 0xF0100 <= c <= 0x10FF00
]  # fmt: skip
"""Every character of Python's Unicode, but for the many that are private."""


def differing(
    ours: Callable[[str], Any], library: Callable[[str], Any],
    shown: str = "a{0}a 1{0}1 !{0}! {0} ",
) -> set[str]:  # fmt: skip
    """The characters in ``ASSIGNED`` on which two functions of a text differ.

    Each is looked at between letters, digits, signs, spaces and alone; many in one text first.
    """
    found: set[str] = set()
    for start in range(0, len(ASSIGNED), 500):
        chars = ASSIGNED[start : start + 500]
        text = "".join(shown.format(char) for char in chars)
        if ours(text) != library(text):
            own = ((char, shown.format(char)) for char in chars)
            found |= {char for char, text in own if ours(text) != library(text)}
    return found


@cache
def newer_than_bert() -> frozenset[str]:
    """Characters that BERT's steps take for another kind in the library.

    Its tables for these stay at Unicode 8, and it takes what is newer for letters.
    """
    backend: Any = Tokenizer(library_models.WordPiece())
    backend.normalizer = library_normalizer(BertNormalizer())
    backend.pre_tokenizer = PRE_TOKENIZERS["bert"]
    return frozenset(
        differing(
            lambda text: bert(BertNormalizer()(text)),
            lambda text: library_list(backend, text),
            shown="a{0}a {0} ",
        )
        | differing(BertNormalizer(), backend.normalizer.normalize_str)
    )
