"""hfdl and gensim learn word vectors from the same text, in turn.

    python benchmarks/word_vectors_vs_gensim.py corpus.txt word_eval --seeds 1 2 --model skipgram

    python benchmarks/word_vectors_vs_gensim.py corpus.txt word_eval --seeds 1 2 --model fasttext

The corpus has one text a line, which is one sentence here: its words in lower case. Both learn 100
numbers a word with window 5, 5 noise words, min_count 5, sample 1e-3 and 5 epochs, on one thread
(gensim: workers=1). The learning rate is each program's own; ``--rate`` sets it for both. EVAL is a
folder with wordsim353.tsv, simlex999.txt and questions-words.txt, and all vectors are scored by
hfdl's functions. FastText rates pairs with unseen words as well, under ``all_...``. Time begins
with lists of words, and has the counting of the vocabulary in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
from pairs import Side, run

from hfdl.foundations.words.analogies import read_analogies, score_analogies, total
from hfdl.foundations.words.fasttext import train_fasttext
from hfdl.foundations.words.similarity import rate_similarity, read_rated_pairs
from hfdl.foundations.words.vectors import WordVectors
from hfdl.foundations.words.word2vec import train_word2vec

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")  # letters and digits, an apostrophe within
SIZE, WINDOW, NEGATIVE, MIN_COUNT, SAMPLE, EPOCHS = 100, 5, 5, 5, 1e-3, 5
FASTTEXT = 0.05  # fastText's learning rate
RATED = ("wordsim353.tsv", "simlex999.txt")


def read_sentences(arguments: argparse.Namespace) -> list[list[str]]:
    """The words of each line, in lower case."""
    with Path(arguments.corpus).open(encoding="utf-8") as file:
        lines = file.readlines(arguments.bytes or -1)
    return [WORD.findall(line.lower()) for line in lines]


def run_hfdl(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Train with NumPy."""
    sentences = read_sentences(arguments)
    clocks = time.perf_counter(), time.process_time()
    settings: dict[str, Any] = {
        "size": SIZE, "window": WINDOW, "negative": NEGATIVE, "min_count": MIN_COUNT,
        "sample": SAMPLE, "epochs": EPOCHS, "seed": seed,
    }  # fmt: skip
    if arguments.model == "fasttext":
        vectors = train_fasttext(sentences, learning_rate=arguments.rate or FASTTEXT, **settings)
        return _figures(arguments, vectors, sentences, clocks, vectors)
    vectors = train_word2vec(
        sentences, model=arguments.model, learning_rate=arguments.rate, **settings
    )
    return _figures(arguments, vectors, sentences, clocks)


def run_gensim(arguments: argparse.Namespace, seed: int, folder: str) -> dict[str, Any]:
    """Train with gensim, one worker."""
    from gensim.models import FastText, Word2Vec

    sentences = read_sentences(arguments)
    fasttext = arguments.model == "fasttext"
    clocks = time.perf_counter(), time.process_time()
    model = (FastText if fasttext else Word2Vec)(
        sentences, sg=int(arguments.model != "cbow"), vector_size=SIZE, window=WINDOW,
        negative=NEGATIVE, min_count=MIN_COUNT, sample=SAMPLE, epochs=EPOCHS,
        alpha=arguments.rate or (FASTTEXT if fasttext else 0.025), seed=seed, workers=1,
    )  # fmt: skip
    words = list(map(str, model.wv.index_to_key))
    vectors, more = WordVectors(words, model.wv.vectors), None
    if fasttext:
        rated = [pair for file in RATED for pair in read_rated_pairs(Path(arguments.eval) / file)]
        unseen = {word.lower() for pair in rated for word in pair[:2]} - set(words)
        unseen = sorted(word for word in unseen if word in model.wv)
        added = [model.wv.get_vector(word)[None] for word in unseen]
        more = WordVectors([*words, *unseen], np.concatenate([model.wv.vectors, *added]))
    return _figures(arguments, vectors, sentences, clocks, more)


def _figures(
    arguments: argparse.Namespace,
    vectors: WordVectors,
    sentences: list[list[str]],
    clocks: tuple[float, float],
    unseen_too: WordVectors | None = None,
) -> dict[str, Any]:
    seconds, processor = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
    folder = Path(arguments.eval)
    seen = WordVectors(vectors.words, vectors.vectors)
    wordsim, simlex = (rate_similarity(seen, read_rated_pairs(folder / file)) for file in RATED)
    further: dict[str, Any] = {}
    if unseen_too is not None:
        every = [rate_similarity(unseen_too, read_rated_pairs(folder / file)) for file in RATED]
        further = {
            f"all_{name}": {"spearman": found.spearman, "used": found.used}
            for name, found in zip(("wordsim353", "simlex999"), every, strict=True)
        }
    analogies = total(score_analogies(vectors, read_analogies(folder / "questions-words.txt")))
    return {
        "wordsim353": wordsim.spearman,
        "simlex999": simlex.spearman,
        "analogies": analogies.accuracy,
        **further,
        "words": len(vectors),
        "pairs_used": {"wordsim353": wordsim.used, "simlex999": simlex.used},
        "train_seconds": seconds,
        "processor_seconds": processor,
        "tokens_per_second": EPOCHS * sum(map(len, sentences)) / seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


SIDES: dict[str, Side] = {"hfdl": run_hfdl, "gensim": run_gensim}


def summary(path: str) -> None:
    """The other figures of each side: their mean over the seeds, and the seconds of each."""
    results = json.loads(Path(path).read_text(encoding="utf-8"))
    for side in SIDES:
        runs = [r for r in results if r["side"] == side]
        for figure in ("wordsim353", "simlex999", "analogies"):
            found = [r[figure] for r in runs]
            print(f"{side}: {figure} {statistics.mean(found):.4f}  {[round(x, 4) for x in found]}")
        # On a busy machine only these compare: a process that waits does not use the processor.
        print(f"{side}: processor seconds {[round(r['processor_seconds'], 1) for r in runs]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", help="text, one document a line")
    parser.add_argument("eval", help="folder of the word pairs and analogies")
    parser.add_argument("--model", choices=["skipgram", "cbow", "fasttext"], default="skipgram")
    parser.add_argument("--rate", type=float, help="learning rate of both; else each one's own")
    parser.add_argument("--bytes", type=int, help="read only about so much of the corpus")
    if "--side" in sys.argv:
        run(parser, SIDES, "wordsim353")
    else:
        with tempfile.TemporaryDirectory() as folder:
            if "--output" not in sys.argv:
                sys.argv += ["--output", f"{folder}/figures.json"]
            run(parser, SIDES, "wordsim353")
            summary(sys.argv[sys.argv.index("--output") + 1])
