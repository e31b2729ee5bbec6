"""FastText: gradients by central differences, and what it learns beside gensim's."""

import re

import numpy as np
import pytest
from gensim.models import FastText

from hfdl.data.readers.embedded import read_embedded
from hfdl.errors import ConfigError, DataError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.words.blocks import Block
from hfdl.foundations.words.fasttext import of_parts, train_fasttext
from hfdl.foundations.words.negative_sampling import block_loss
from hfdl.foundations.words.subword_vectors import Parts
from hfdl.foundations.words.subwords import Subwords
from hfdl.foundations.words.vectors import WordVectors
from hfdl.foundations.words.word2vec import update

WORDS = ["banana", "bandana", "an", "cab"]  # "ana" comes twice in the first


def example() -> tuple[Block, Parts, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    parts = Parts(WORDS, Subwords(2, 4))
    counts = rng.integers(0, 3, (3, 4)).astype(float)
    block = Block(np.array([0, 1, 3]), np.arange(4), None, counts, 2 * rng.random((3, 4)))
    return (
        block,
        parts,
        rng.standard_normal((len(parts), 3)),
        rng.standard_normal((4, 3)),
    )


def loss_by_hand(table: np.ndarray, outputs: np.ndarray, block: Block, parts: Parts) -> float:
    """The formula, pair by pair, with no matrix of shares."""
    total = 0.0
    for r, word in enumerate(block.inputs):
        rows = parts.of(int(word))
        u = sum(table[row] for row in rows) / len(rows) ** 0.5
        for j, other in enumerate(block.outputs):
            score = u @ outputs[other]
            total += block.positive[r, j] * np.log1p(np.exp(-score))
            total += block.negative[r, j] * np.log1p(np.exp(score))
    return float(total)


def test_an_update_goes_down_the_gradient() -> None:
    block, parts, table, outputs = example()
    made = of_parts(block, parts)
    assert made.mean is not None
    made = Block(made.inputs, made.outputs, made.mean.astype(float), made.positive, made.negative)
    shares = np.sort(made.mean[0][made.mean[0] > 0])
    n = len(parts.of(0))
    np.testing.assert_allclose(np.unique(shares.round(6) * n**0.5), [1, 2], atol=1e-5)
    loss, _ = block_loss(table[made.inputs], outputs[made.outputs], made)
    assert loss == pytest.approx(loss_by_hand(table, outputs, block, parts), rel=1e-6)
    gradients = [
        central_differences(lambda _: loss_by_hand(table, outputs, block, parts), x)
        for x in (table, outputs)
    ]
    before = table.copy(), outputs.copy()
    update(table, outputs, made, 0.1)
    for x, old, gradient in zip((table, outputs), before, gradients, strict=True):
        np.testing.assert_allclose(x, old - 0.1 * gradient, rtol=0, atol=1e-6)
    others = np.setdiff1d(np.arange(len(parts)), made.inputs)
    assert len(others)  # "an" was not in the block
    assert (table[others] == before[0][others]).all()


def prose() -> list[list[str]]:
    paragraphs = read_embedded("prose")["train"].column("text", "data.text")
    return [re.findall(r"[a-z']+", text.lower()) for text in paragraphs]


SETTINGS = {"min_count": 2, "epochs": 30, "window": 5, "negative": 5, "sample": 1e-3}


def gensim_vectors(seed: int) -> tuple[FastText, WordVectors]:
    model = FastText(
        prose(), sg=1, vector_size=50, alpha=0.05, seed=seed, workers=1, bucket=100_000, **SETTINGS
    )
    return model, WordVectors(list(map(str, model.wv.index_to_key)), model.wv.vectors)


def overlap(first: WordVectors, second: WordVectors, k: int = 10) -> float:
    """The mean share of a word's k nearest words that the other has among its own."""
    both = [dict(v.nearest(w, k)).keys() for w in first.words for v in (first, second)]
    shared = sum(len(a & b) for a, b in zip(both[::2], both[1::2], strict=True))
    return shared / (k * len(first))


def test_it_learns_from_prose_what_gensim_learns() -> None:
    """Two trainings of gensim's agree to a share; ours agree with it almost as much."""
    ours = train_fasttext(prose(), size=50, **SETTINGS)
    (_, first), (_, second) = gensim_vectors(1), gensim_vectors(2)
    assert ours.words[:5] == first.words[:5]
    assert set(ours.words) == set(first.words)
    between_theirs, with_theirs = overlap(first, second), overlap(ours, first)
    assert between_theirs > 0.5
    assert with_theirs > between_theirs - 0.08


def test_unseen_words_are_near_their_relatives() -> None:
    """Of words left out of the text, the nearest shares a stem."""
    hidden = {"walking": "walk", "boatman": "boat", "sailing": "sail"}
    rng = np.random.default_rng(0)
    groups = [
        ["walk", "walked", "walks", "talking", "path", "road"],
        ["boat", "boats", "waterman", "river", "oar", "quay"],
        ["sail", "sails", "sailed", "mending", "mast", "wind"],
    ]
    text = [list(rng.choice(groups[i % 3], 6)) for i in range(900)]
    vectors = train_fasttext(text, size=16, min_count=1, epochs=10, sample=0)
    for word, stem in hidden.items():
        assert word not in vectors
        assert vectors.can_make(word)
        own = next(group for group in groups if stem in group)
        assert {found for found, _ in vectors.nearest(word, 3)} <= set(own), word


def test_the_seed_decides() -> None:
    text = [["one", "two", "three"]] * 50
    first, again, other = (train_fasttext(text, size=5, epochs=2, seed=seed) for seed in (3, 3, 4))
    assert (first.vectors == again.vectors).all()
    assert not np.allclose(first.vectors, other.vectors)
    assert first.vectors.dtype == np.float32


def test_without_ngrams_it_is_word2vec_with_one_part() -> None:
    """Words are shorter than any n-gram: each is its own only part."""
    text = [["a", "b", "c"]] * 50
    vectors = train_fasttext(text, size=4, shortest=4, longest=4, min_count=1)
    assert len(vectors.parts) == 3
    assert (vectors.vectors == vectors.table).all()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 0}, "size is 0; it is at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it is above 0"),
        ({"shortest": 7}, "n-grams of 7 to 6 characters"),
        ({"buckets": 0}, "0 buckets"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        train_fasttext([["a", "b"]], **{"min_count": 1, **setting})
    assert message in str(error.value)


def test_text_without_frequent_words_is_refused() -> None:
    with pytest.raises(DataError, match="none of the 2 words occurs 5 times"):
        train_fasttext([["a", "b"]])
