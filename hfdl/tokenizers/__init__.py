"""Tokenizers in plain Python, to read: words, characters, byte-pair encoding, WordPiece.

Read them in this order: ``vocabulary``, ``tokenizer`` (the base class), ``word``, ``character``,
``pre_tokenizers`` and ``normalizers``, ``bpe`` with ``learn_merges``, ``byte_level_bpe``,
``wordpiece``. What they learn and their ids equal those of the library `tokenizers`, which is
written in Rust; ``save`` writes its file, ``load_tokenizer`` reads it back.

    >>> tokenizer = WordPieceTokenizer.train(["happy", "unhappy", "happiness"] * 3, 40)
    >>> tokenizer.decode(tokenizer.encode("Unhappy happiness"))
    'unhappy happiness'
"""

from hfdl.tokenizers.alphabet import Marks
from hfdl.tokenizers.bpe import BPETokenizer
from hfdl.tokenizers.byte_level_bpe import ByteLevelBPETokenizer, bytes_to_unicode
from hfdl.tokenizers.character import CharacterTokenizer
from hfdl.tokenizers.load import load_bert, load_gpt2, load_tokenizer
from hfdl.tokenizers.normalizers import BertNormalizer
from hfdl.tokenizers.tokenizer import Tokenizer
from hfdl.tokenizers.vocabulary import Vocabulary
from hfdl.tokenizers.word import WordTokenizer
from hfdl.tokenizers.wordpiece import WordPieceTokenizer

__all__ = [
    "BPETokenizer",
    "BertNormalizer",
    "ByteLevelBPETokenizer",
    "CharacterTokenizer",
    "Marks",
    "Tokenizer",
    "Vocabulary",
    "WordPieceTokenizer",
    "WordTokenizer",
    "bytes_to_unicode",
    "load_bert",
    "load_gpt2",
    "load_tokenizer",
]
