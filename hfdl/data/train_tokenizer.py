"""Tokenizers that are learned from the training texts of a model that is trained from nothing.

Each is a fast tokenizer of transformers, opens in plain transformers once saved, and is the same
for the same texts in whatever process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hfdl.errors import ConfigError, did_you_mean

# ---- A vocabulary learned from the training texts, for models that have none ---------------------

PAD, START, STOP = "<pad>", "<s>", "</s>"
_TRANSLATION = [PAD, START, STOP]


def learn_bpe(texts: Iterable[str], size: int) -> Any:
    """A byte-level BPE tokenizer (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909).

    The pieces are merged from bytes (Radford et al. 2019, section 2.2), so that no character is
    unknown. Texts end with ``</s>``; targets are begun with ``<s>``. The same texts give the same
    tokenizer, in whatever process.

    Args:
        texts: the training texts; of source and target together, their vocabulary is shared.
        size: the most pieces, special tokens and the 256 bytes included. Few texts give fewer.

    Returns:
        a fast tokenizer of transformers; ``<pad>`` has the id 0.
    """
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(BPE())
    # A word is the same piece at the start of a text as behind a space.
    backend.pre_tokenizer = ByteLevel(add_prefix_space=True)
    backend.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=size, special_tokens=_TRANSLATION, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    backend.train_from_iterator(texts, trainer)
    end = (STOP, backend.token_to_id(STOP))
    backend.post_processor = TemplateProcessing(single=f"$A {STOP}", special_tokens=[end])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, bos_token=START, eos_token=STOP,
        model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False,
    )  # fmt: skip


END = "<|endoftext|>"
"""GPT-2's mark behind each text."""
_UNKNOWN, _MASK, _PAD = "<unk>", "<mask>", "<pad>"
_ROBERTA = ["<s>", _PAD, "</s>", _UNKNOWN, _MASK]
_BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_INPUTS = ["input_ids", "attention_mask"]


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
    """Byte-level BPE (Radford et al. 2019, section 2.2): whatever is encoded decodes to itself."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    special = _ROBERTA if masks else [END]
    _check_size(size, 256 + len(special), "every byte and special token is one")
    backend: Any = Tokenizer(BPE())
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevelDecoder()
    backend.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=size, special_tokens=special, initial_alphabet=ByteLevel.alphabet(),
            show_progress=False,
        ),
    )  # fmt: skip
    return _masked(backend) if masks else _causal(backend, unknown=END)


def _characters(texts: Iterable[str], size: int, masks: bool) -> Any:
    """An id for each character, in the order of their code points; line ends are characters too."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    special = _ROBERTA if masks else [END, _UNKNOWN]
    known: set[str] = set()
    for text in texts:
        known.update(text)
    vocabulary = {piece: i for i, piece in enumerate([*special, *sorted(known)])}
    backend: Any = Tokenizer(WordLevel(vocabulary, unk_token=_UNKNOWN))
    backend.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = Fuse()
    return _masked(backend) if masks else _causal(backend, unknown=_UNKNOWN)


def _wordpiece(texts: Iterable[str], size: int, masks: bool) -> Any:
    """WordPiece as BERT has it (Devlin et al. 2019, section 3), in lower case."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import WordPiece as WordPieceDecoder
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import WordPieceTrainer
    from transformers import PreTrainedTokenizerFast

    special = _BERT if masks else [*_BERT, END]
    _check_size(size, len(special) + 2, "special tokens are pieces too")
    texts = list(texts) if isinstance(texts, Iterator) else texts
    training: Any = Tokenizer(WordPiece(unk_token="[UNK]"))
    training.normalizer = BertNormalizer(lowercase=True)
    training.pre_tokenizer = BertPreTokenizer()
    # The trainer numbers the pieces ##x in the order of a hash table, which is another in each
    # process, and breaks ties by these numbers. So they are given to it, in an order of their own.
    given = [*special, *_continuing(texts, training)]
    trainer = WordPieceTrainer(vocab_size=size, special_tokens=given, show_progress=False)
    training.train_from_iterator(texts, trainer)
    vocabulary = training.get_vocab()
    _check_size(size, len(vocabulary), "every character is a piece, and most are one behind ## too")
    backend: Any = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = training.normalizer, training.pre_tokenizer
    backend.decoder = WordPieceDecoder()
    backend.add_special_tokens(special)
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    if masks:
        ends = [(token, backend.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
        backend.post_processor = TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=ends,
        )  # fmt: skip
        names |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    else:
        names |= {"bos_token": END, "eos_token": END}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_input_names=_INPUTS, clean_up_tokenization_spaces=False,
        **names,
    )  # fmt: skip


def _words(texts: Iterable[str], size: int, masks: bool) -> Any:
    """Whole words in lower case, punctuation apart, the most frequent first.

    Of equally frequent words the first by code point. What did not come in training is unknown.
    Accents stay, as in the files of word vectors.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import WordLevelTrainer
    from transformers import PreTrainedTokenizerFast

    special = _ROBERTA if masks else [_PAD, _UNKNOWN, END]
    _check_size(size, len(special) + 1, "special tokens are words too")
    backend: Any = Tokenizer(WordLevel(unk_token=_UNKNOWN))
    backend.normalizer = BertNormalizer(lowercase=True, strip_accents=False)
    backend.pre_tokenizer = BertPreTokenizer()
    backend.train_from_iterator(
        texts, WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    if masks:
        return _masked(backend)
    backend.post_processor = TemplateProcessing(
        single="$A", pair=f"$A {END} $B", special_tokens=[(END, backend.token_to_id(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=END, eos_token=END, pad_token=_PAD, unk_token=_UNKNOWN,
        model_input_names=_INPUTS, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def _continuing(texts: Iterable[str], backend: Any) -> list[str]:
    """``##x`` for each character x that can stand in a word behind another, sorted.

    Characters are normalised one by one; Chinese ones and punctuation are words of their own.
    """
    known: set[str] = set()
    for text in texts:
        known.update(text)
    plain = sorted({c for char in known for c in backend.normalizer.normalize_str(char).strip()})
    words = backend.pre_tokenizer.pre_tokenize_str
    return [f"##{c}" for c in plain if len(words(backend.normalizer.normalize_str(f"a{c}"))) == 1]


KINDS: dict[str, Callable[[Iterable[str], int, bool], Any]] = {
    "bpe": _bpe, "wordpiece": _wordpiece, "words": _words, "characters": _characters,
}  # fmt: skip
"""What can be learned, by name."""


def _causal(backend: Any, *, unknown: str) -> Any:
    """A tokenizer for texts that go on: nothing stands around them."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=END, eos_token=END, pad_token=END, unk_token=unknown,
        model_input_names=_INPUTS, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def _masked(backend: Any) -> Any:
    """A tokenizer for texts with masks, framed as RoBERTa's are."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    ends = [(token, backend.token_to_id(token)) for token in ("<s>", "</s>")]
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token=_PAD, unk_token=_UNKNOWN, mask_token=_MASK,
        model_input_names=_INPUTS, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def _check_size(size: int, least: int, why: str) -> None:
    if size < least:
        raise ConfigError(
            f"{size} pieces are too few",
            where="model.config.vocab_size",
            rule=f"{why}: {least} at least",
            remedy="raise it",
        )
