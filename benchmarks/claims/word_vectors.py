"""Word vectors of film reviews, beside gensim's, each on one thread.

The corpus has one text a line, which is one sentence here: its words in lower case. Both learn 100
numbers a word with window 5, 5 noise words, min_count 5, sample 1e-3 and 5 epochs (gensim:
workers=1). ``--set model=cbow`` (skipgram, fasttext) chooses the model; the learning rate is each
program's own, and ``--set rate=0.025`` sets it for both. All vectors are scored by hfdl's
functions. FastText rates pairs with unseen words as well, under ``all_...``. Time begins with
lists of words, and has the counting of the vocabulary in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.sides import data

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")  # letters and digits, an apostrophe within
SIZE, WINDOW, NEGATIVE, SAMPLE = 100, 5, 5, 1e-3
FASTTEXT = 0.05  # fastText's learning rate
CORPUS = "imdb_unsup_text/corpus.txt"
RATED = ("word_eval/wordsim353.tsv", "word_eval/simlex999.txt")
ANALOGIES = "word_eval/questions-words.txt"


def read_sentences(settings: SimpleNamespace) -> list[list[str]]:
    """The words of each line, in lower case."""
    with data.path(settings, CORPUS).open(encoding="utf-8") as file:
        lines = file.readlines(settings.bytes or -1)
    return [WORD.findall(line.lower()) for line in lines]


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl, in NumPy."""
    from hfdl.foundations.words.fasttext import train_fasttext
    from hfdl.foundations.words.word2vec import train_word2vec

    sentences = read_sentences(settings)

    def work(number: int) -> Figures:
        asked: dict[str, Any] = {
            "size": SIZE, "window": WINDOW, "negative": NEGATIVE, "sample": SAMPLE,
            "min_count": settings.min_count, "epochs": settings.epochs, "seed": number,
        }  # fmt: skip
        fasttext = settings.model == "fasttext"
        with measured() as took:
            if fasttext:
                rate = settings.rate or FASTTEXT
                vectors = train_fasttext(sentences, learning_rate=rate, **asked)
            else:
                vectors = train_word2vec(
                    sentences, model=settings.model, learning_rate=settings.rate, **asked
                )
        return {**took, **scores(settings, vectors, vectors if fasttext else None)}

    return work


def gensim_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """gensim, one worker."""
    from gensim.models import FastText, Word2Vec

    from hfdl.foundations.words.vectors import WordVectors

    sentences = read_sentences(settings)
    fasttext = settings.model == "fasttext"

    def work(number: int) -> Figures:
        with measured() as took:
            model = (FastText if fasttext else Word2Vec)(
                sentences, sg=int(settings.model != "cbow"), vector_size=SIZE, window=WINDOW,
                negative=NEGATIVE, min_count=settings.min_count, sample=SAMPLE,
                epochs=settings.epochs, seed=number, workers=1,
                alpha=settings.rate or (FASTTEXT if fasttext else 0.025),
            )  # fmt: skip
        vectors = WordVectors(list(map(str, model.wv.index_to_key)), model.wv.vectors)
        more = _with_unseen(settings, model, vectors) if fasttext else None
        return {**took, **scores(settings, vectors, more)}

    return work


def _with_unseen(settings: SimpleNamespace, model: Any, vectors: Any) -> Any:
    """gensim's FastText vectors, and those of the rated words that it has not seen."""
    import numpy as np

    from hfdl.foundations.words.similarity import read_rated_pairs
    from hfdl.foundations.words.vectors import WordVectors

    rated = [pair for file in RATED for pair in read_rated_pairs(data.path(settings, file))]
    unseen = {word.lower() for pair in rated for word in pair[:2]} - set(vectors.words)
    found = sorted(word for word in unseen if word in model.wv)
    added = [model.wv.get_vector(word)[None] for word in found]
    numbers = np.concatenate([model.wv.vectors, *added])
    return WordVectors([*vectors.words, *found], numbers)


def scores(settings: SimpleNamespace, vectors: Any, unseen_too: Any) -> Figures:
    """How well vectors agree with people, and solve analogies."""
    from hfdl.foundations.words.analogies import read_analogies, score_analogies, total
    from hfdl.foundations.words.similarity import rate_similarity, read_rated_pairs
    from hfdl.foundations.words.vectors import WordVectors

    seen = WordVectors(vectors.words, vectors.vectors)
    names = ("wordsim353", "simlex999")
    pairs = [read_rated_pairs(data.path(settings, file)) for file in RATED]
    figures: dict[str, Any] = {"words": len(vectors)}
    for name, rated in zip(names, pairs, strict=True):
        found = rate_similarity(seen, rated)
        figures[name], figures[f"{name}_pairs"] = found.spearman, found.used
        if unseen_too is not None:
            figures[f"all_{name}"] = rate_similarity(unseen_too, rated).spearman
    asked = read_analogies(Path(data.path(settings, ANALOGIES)))
    figures["analogies"] = total(score_analogies(vectors, asked)).accuracy
    return figures


PROGRAM = Program(
    name="word_vectors",
    title="word vectors of film reviews, NumPy beside gensim's C, one thread",
    sides={"hfdl": hfdl_side, "gensim": gensim_side},
    claims=(Claim("word-vectors", "word vectors of film reviews", "gensim"),),
    settings={
        "model": "skipgram", "rate": None, "bytes": None, "min_count": 5, "epochs": 5,
    },
    quick={"bytes": 1_000_000, "epochs": 2},
    tiny={"bytes": 20_000, "epochs": 1, "min_count": 2},
    quality={"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "analogies": "analogies"},
    files=(CORPUS, *RATED, ANALOGIES), packages=("gensim",),
)  # fmt: skip
