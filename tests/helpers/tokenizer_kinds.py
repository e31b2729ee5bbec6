"""A small fast tokenizer of every kind: those that hfdl learns, and sentencepiece's two forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from transformers import PreTrainedTokenizerFast

from hfdl.data.train_tokenizer import learn_bpe, learn_tokenizer

TEXTS = [
    "she went to the park with her mom .", "a man sleeps , and the dog runs",
    "do n't stop it 's late", "naïve café 日本語 👩‍👩‍👧 emoji", "he said : no !", "The Park It Was",
]  # fmt: skip
PROMPTS = [
    "she went to", "a man", "the dog runs ,", "do n", "it", "naïve café", "日本", "the park .",
    "mom", "he said :", "she", "👩‍👩‍👧",
]  # fmt: skip


def metaspace(prepend_scheme: str = "first", fallback: bool = True) -> Any:
    """As sentencepiece in Llama: the blank before a word is the first character of its piece."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    special = ["<pad>", "<s>", "</s>", "<unk>"]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256))] if fallback else special
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=fallback, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme)
    trainer = trainers.BpeTrainer(vocab_size=480, special_tokens=pieces, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    content = json.loads(backend.to_str())
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] in special]
    backend = Tokenizer.from_str(json.dumps(content))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
        if fallback else [decoders.Metaspace(prepend_scheme=prepend_scheme)]
    )  # fmt: skip
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", clean_up_tokenization_spaces=False,
    )  # fmt: skip


def learned(kind: str, *, masks: bool, cleaning: bool = False) -> Any:
    """A tokenizer that hfdl learns, with an end of texts."""
    tokenizer = learn_tokenizer(kind, TEXTS, 400, masks=masks)
    tokenizer.clean_up_tokenization_spaces = cleaning
    return tokenizer


KINDS: dict[str, Callable[[], Any]] = {
    "llama": metaspace,
    "t5": lambda: metaspace("always", fallback=False),
    "bpe": lambda: learned("bpe", masks=False),
    "bpe of encoders": lambda: learned("bpe", masks=True),
    "bpe of translations": lambda: learn_bpe(TEXTS, 400),
    "wordpiece": lambda: learned("wordpiece", masks=True),
    "wordpiece, causal": lambda: learned("wordpiece", masks=False),
    "wordpiece, cleaning": lambda: learned("wordpiece", masks=True, cleaning=True),
    "words": lambda: learned("words", masks=False),
    "words, cleaning": lambda: learned("words", masks=False, cleaning=True),
    "characters": lambda: learned("characters", masks=False),
}
