"""Tokenizers learned from the training texts, for models with random weights.

Each is a fast tokenizer of transformers and opens in plain transformers once saved. The same texts
give the same tokenizer in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hfdl.errors import ConfigError, did_you_mean

END = "<|endoftext|>"
"""GPT-2's mark behind each text."""
_UNKNOWN, _MASK, _PAD, _START, _STOP = "<unk>", "<mask>", "<pad>", "<s>", "</s>"
_ROBERTA = [_START, _PAD, _STOP, _UNKNOWN, _MASK]
_BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def learn_bpe(texts: Iterable[str], size: int) -> Any:
    """The byte-level BPE tokenizer of an encoder-decoder, one for sources and targets.

    Texts end with ``</s>``; targets are begun with ``<s>``. A word is the same piece at the start
    of a text as behind a space.

    Args:
        texts: the training texts, of source and target together.
        size: the most pieces, special tokens and the 256 bytes included. Few texts give fewer.

    Returns:
        a fast tokenizer of transformers; ``<pad>`` has the id 0.

    Raises:
        ConfigError: a size that does not hold the special tokens and bytes.
    """
    backend = _byte_level_bpe(texts, size, [_PAD, _START, _STOP], leading_space=True)
    _put_around(backend, f"$A {_STOP}")
    return _fast(backend, pad_token=_PAD, bos_token=_START, eos_token=_STOP)


def learn_tokenizer(kind: str, texts: Iterable[str], size: int, *, masks: bool) -> Any:
    """A tokenizer of a kind, learned from texts.

    Args:
        kind: ``bpe``, ``wordpiece``, ``words`` or ``characters``.
        texts: the training texts; where they are not an iterator they may be read twice.
        size: the most pieces, special tokens included; ``characters`` takes all there are.
        masks: whether it is for an encoder: it then has a mask token, and puts special tokens
            around a text.

    Raises:
        ConfigError: no such kind, or a size that does not hold the special tokens and bytes.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"no tokenizer {kind!r} to learn",
            where="model.tokenizer",
            rule=f"{', '.join(KINDS)} are learned; a folder or Hub id gives its own",
            remedy=did_you_mean(kind, KINDS),
        )
    return KINDS[kind](texts, size, masks)


def _bpe(texts: Iterable[str], size: int, masks: bool) -> Any:
    """Byte-level BPE: whatever is encoded decodes to itself."""
    special = _ROBERTA if masks else [END]
    backend = _byte_level_bpe(texts, size, special, leading_space=False)
    return _masked(backend) if masks else _causal(backend, unknown=END)


def _byte_level_bpe(
    texts: Iterable[str], size: int, special: list[str], *, leading_space: bool
) -> Any:
    """BPE (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909), merged from bytes, so that no
    character is unknown (Radford et al. 2019, section 2.2).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    _check_size(size, 256 + len(special), "every byte and special token is one")
    backend: Any = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=leading_space)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    backend.train_from_iterator(texts, trainer)
    return backend


def _characters(texts: Iterable[str], size: int, masks: bool) -> Any:
    """An id for each character, in the order of their code points; line ends are characters too."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    special = _ROBERTA if masks else [END, _UNKNOWN]
    vocabulary = {piece: i for i, piece in enumerate([*special, *sorted(_alphabet(texts))])}
    backend: Any = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return _masked(backend) if masks else _causal(backend, unknown=_UNKNOWN)


def _alphabet(texts: Iterable[str]) -> set[str]:
    characters: set[str] = set()
    for text in texts:
        characters.update(text)
    return characters


def _wordpiece(texts: Iterable[str], size: int, masks: bool) -> Any:
    """WordPiece as BERT has it (Devlin et al. 2019, section 3), in lower case."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    special = _BERT if masks else [*_BERT, END]
    _check_size(size, len(special) + 2, "special tokens are pieces too")
    texts = list(texts) if isinstance(texts, Iterator) else texts
    training: Any = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    training.normalizer = normalizers.BertNormalizer(lowercase=True)
    training.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # The trainer numbers the pieces ##x in the order of a hash table, which differs from process to
    # process, and breaks ties by these numbers. So they are given to it in a fixed order.
    first = [*special, *_continuing(texts, training)]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
    training.train_from_iterator(texts, trainer)
    vocabulary = training.get_vocab()
    _check_size(size, len(vocabulary), "every character is a piece, and most are one behind ## too")
    backend: Any = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = training.normalizer, training.pre_tokenizer
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens(special)
    if not masks:
        return _fast(backend, unk_token="[UNK]", pad_token="[PAD]", bos_token=END, eos_token=END)
    _put_around(backend, "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")
    return _fast(
        backend, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def _words(texts: Iterable[str], size: int, masks: bool) -> Any:
    """Whole words in lower case, punctuation apart, the most frequent first.

    Equally frequent words are sorted by code point. Words that the training texts do not have are
    unknown. Accents stay, as in the files of word vectors.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = _ROBERTA if masks else [_PAD, _UNKNOWN, END]
    _check_size(size, len(special) + 1, "special tokens are words too")
    backend: Any = Tokenizer(models.WordLevel(unk_token=_UNKNOWN))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, special_tokens=special, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    if masks:
        return _masked(backend)
    _put_around(backend, "$A", f"$A {END} $B")
    return _fast(backend, bos_token=END, eos_token=END, pad_token=_PAD, unk_token=_UNKNOWN)


def _continuing(texts: Iterable[str], backend: Any) -> list[str]:
    """``##x`` for each character x that can stand in a word behind another, sorted.

    Characters are normalised one by one; Chinese ones and punctuation are words of their own.
    """
    normalize, words = backend.normalizer.normalize_str, backend.pre_tokenizer.pre_tokenize_str
    plain = sorted({c for char in _alphabet(texts) for c in normalize(char).strip()})
    return [f"##{c}" for c in plain if len(words(normalize(f"a{c}"))) == 1]


KINDS: dict[str, Callable[[Iterable[str], int, bool], Any]] = {
    "bpe": _bpe, "wordpiece": _wordpiece, "words": _words, "characters": _characters,
}  # fmt: skip
"""What can be learned, by name."""


def _causal(backend: Any, *, unknown: str) -> Any:
    """A tokenizer for causal language models: no special tokens around a text."""
    return _fast(backend, bos_token=END, eos_token=END, pad_token=END, unk_token=unknown)


def _masked(backend: Any) -> Any:
    """A tokenizer for masked language models, with RoBERTa's special tokens around a text."""
    _put_around(backend, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    return _fast(
        backend, bos_token=_START, cls_token=_START, eos_token=_STOP, sep_token=_STOP,
        pad_token=_PAD, unk_token=_UNKNOWN, mask_token=_MASK,
    )  # fmt: skip


def _put_around(backend: Any, single: str, pair: str | None = None) -> None:
    """Let a tokenizer put special tokens around one text, or around a pair."""
    from tokenizers.processors import TemplateProcessing

    parts = {part.partition(":")[0] for part in f"{single} {pair or ''}".split()} - {"$A", "$B"}
    special = [(token, backend.token_to_id(token)) for token in sorted(parts)]
    backend.post_processor = TemplateProcessing(single=single, pair=pair, special_tokens=special)


def _fast(backend: Any, **special_tokens: str) -> Any:
    """A tokenizer of transformers; the special tokens by their role, as ``pad_token``."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False, **special_tokens,
    )  # fmt: skip


def _check_size(size: int, least: int, why: str) -> None:
    if size < least:
        raise ConfigError(
            f"{size} pieces are too few",
            where="model.config.vocab_size",
            rule=f"{why}: {least} at least",
            remedy="raise it",
        )
