"""Learning a byte-pair encoding in pure Python, beside the library tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.sides import data

CORPUS = "imdb_unsup_text/corpus.txt"


def texts_of(settings: SimpleNamespace) -> list[str]:
    """Reviews in lower case."""
    return [row.lower() for row in data.lines_of(data.path(settings, CORPUS))[: settings.reviews]]


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl.tokenizers, pure Python."""
    from hfdl.tokenizers.wordpiece import WordPieceTokenizer

    texts = texts_of(settings)

    def work(number: int) -> Figures:
        with measured() as took:
            made = WordPieceTokenizer.train(texts, settings.words)
        return {**took, "pieces": len(made.vocabulary)}

    return work


def library_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The library, in Rust."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.trainers import WordPieceTrainer

    texts = texts_of(settings)

    def work(number: int) -> Figures:
        with measured() as took:
            made = Tokenizer(WordPiece(unk_token="[UNK]"))
            made.pre_tokenizer = BertPreTokenizer()
            made.train_from_iterator(
                texts,
                WordPieceTrainer(
                    vocab_size=settings.words, special_tokens=["[UNK]"], show_progress=False
                ),
            )
        return {**took, "pieces": made.get_vocab_size()}

    return work


PROGRAM = Program(
    name="tokenizers",
    title="learning WordPiece pieces from film reviews; hfdl.tokenizers is Python to be read",
    sides={"hfdl": hfdl_side, "tokenizers": library_side},
    claims=(Claim("tokenizers", "learning WordPiece pieces, pure Python", "tokenizers"),),
    settings={"reviews": 2000, "words": 5000}, quick={"reviews": 300, "words": 2000},
    tiny={"reviews": 10, "words": 120}, quality={"pieces": "pieces"}, files=(CORPUS,),
)  # fmt: skip
