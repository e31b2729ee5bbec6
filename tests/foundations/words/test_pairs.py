"""Pairs, corpora and blocks, against slow loops over the same words."""

from collections import Counter

import numpy as np
import pytest
from helpers.wording import assert_wording
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ConfigError, DataError, ShapeError
from hfdl.foundations.words.adagrad_rows import sums_by_key
from hfdl.foundations.words.blocks import cbow_blocks, different, skipgram_blocks
from hfdl.foundations.words.corpus import Corpus, chunks, keep_probabilities, read_corpus
from hfdl.foundations.words.pairs import draw_reaches, pairs, spans

TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=9), min_size=1, max_size=6)


def slow_pairs(lengths: list[int], reach: list[int]) -> list[tuple[int, int]]:
    """One pair at a time, sentence by sentence."""
    found, begin = [], 0
    for length in lengths:
        for i in range(begin, begin + length):
            for j in range(begin, begin + length):
                if i != j and abs(i - j) <= reach[i]:
                    found.append((i, j))
        begin += length
    return found


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(1, 6), st.integers(0, 99))
def test_pairs_are_those_of_a_plain_loop(lengths: list[int], window: int, seed: int) -> None:
    sentence = np.repeat(np.arange(len(lengths)), np.array(lengths, dtype=int))
    reach = draw_reaches(len(sentence), window, np.random.default_rng(seed))
    centre, context = pairs(*spans(sentence, reach))
    assert list(zip(centre, context, strict=True)) == slow_pairs(lengths, list(reach))


def test_one_reach_for_all_and_the_sentence_as_limit() -> None:
    first, last = spans(np.array([0, 0, 0, 4, 4]), 2)
    assert first.tolist() == [0, 0, 0, 3, 3]
    assert last.tolist() == [2, 2, 2, 4, 4]


def test_every_reach_is_as_probable_as_the_others() -> None:
    reach = draw_reaches(50_000, 5, np.random.default_rng(0))
    values, counts = np.unique(reach, return_counts=True)
    assert values.tolist() == [1, 2, 3, 4, 5]
    assert np.sum((counts - 10_000) ** 2 / 10_000) < 18.5  # chi-square, 4 degrees, p = 0.001


def test_what_makes_no_pairs_is_refused() -> None:
    with pytest.raises(ConfigError, match="window is 0; a window reaches at least 1 word"):
        draw_reaches(3, 0, np.random.default_rng(0))
    with pytest.raises(ShapeError, match=r"reach \(2,\), sentence \(3,\); one reach for each"):
        spans(np.zeros(3, int), np.ones(2, int))


@given(TEXTS, st.integers(1, 3))
def test_a_corpus_counts_and_numbers_words(text: list[list[str]], min_count: int) -> None:
    counts = Counter(word for sentence in text for word in sentence)
    frequent = [word for word, n in counts.most_common() if n >= min_count]
    if not frequent:
        with pytest.raises(DataError, match=f"words occurs {min_count} times; .* min_count"):
            read_corpus(text, min_count=min_count)
        return
    corpus = read_corpus((sentence for sentence in text), min_count=min_count)  # a generator
    assert corpus.words == frequent  # most_common too gives equals in the order of the text
    assert corpus.counts.tolist() == [counts[word] for word in frequent]
    kept = [[word for word in sentence if word in frequent] for sentence in text]
    assert corpus.lengths.tolist() == [len(sentence) for sentence in kept]
    assert [corpus.words[i] for i in corpus.ids] == [word for part in kept for word in part]


def test_a_string_for_a_sentence_is_refused() -> None:
    with pytest.raises(DataError) as error:
        read_corpus([["a"], "a king"])
    assert_wording(error.value)
    with pytest.raises(ConfigError, match="min_count is 0"):
        read_corpus([["a"]], min_count=0)


def test_frequent_words_are_thinned_out() -> None:
    counts = np.array([9000, 990, 10])
    keep = keep_probabilities(counts, 1e-2)
    expected = [np.sqrt(1e-2 / 0.9) + 1e-2 / 0.9, np.sqrt(1e-2 / 0.099) + 1e-2 / 0.099, 1.0]
    np.testing.assert_allclose(keep, expected, rtol=1e-12)
    assert keep_probabilities(counts, 0.0).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ConfigError, match="sample is -1"):
        keep_probabilities(counts, -1)


@given(TEXTS, st.integers(1, 20))
def test_chunks_are_whole_sentences_in_order(text: list[list[str]], tokens: int) -> None:
    if not any(text):
        return
    corpus = read_corpus(text, min_count=1)
    parts = list(chunks(corpus, tokens))
    assert np.concatenate([ids for ids, _ in parts]).tolist() == corpus.ids.tolist()
    number = np.repeat(np.arange(len(text)), corpus.lengths)
    assert np.concatenate([of for _, of in parts]).tolist() == number.tolist()
    for (ids, of), (_, later) in zip(parts, [*parts[1:], ([], [len(text)])], strict=True):
        assert of[-1] < later[0]  # no sentence in two parts
        assert len(ids) <= tokens or of[0] == of[-1]


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 99))
def test_different_finds_each_row_s_numbers(n: int, m: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 5, (n, m))
    values, sizes, place = different(table)
    for k in range(n):
        assert values[k, : sizes[k]].tolist() == sorted(set(table[k].tolist()))
        assert values[k][place[k]].tolist() == table[k].tolist()


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_blocks_hold_every_pair_once(n: int, block: int, window: int, seed: int) -> None:
    """Blocks as dense matrices over all words, against one pair at a time."""
    rng, words, negative = np.random.default_rng(seed), 6, 3
    ids, sentence = rng.integers(0, words, n), np.sort(rng.integers(0, 3, n))
    centre, context = pairs(*spans(sentence, draw_reaches(n, window, rng)))
    noise = rng.integers(0, words, (-(-n // block), 4))
    arguments = {"block": block, "window": window, "negative": negative}
    skipgram = list(skipgram_blocks(ids, centre, context, noise, **arguments))
    cbow = list(cbow_blocks(ids, centre, context, noise, **arguments))
    assert len(skipgram) == len(cbow) == len(noise)
    for k, (part, other) in enumerate(zip(skipgram, cbow, strict=True)):
        positive, negatives = np.zeros((words, words)), np.zeros((words, words))
        for i, j in zip(centre, context, strict=True):
            if i // block == k:
                positive[ids[i], ids[j]] += 1
                for word in noise[k]:
                    negatives[ids[i], word] += (word != ids[j]) * negative / noise.shape[1]
        for got, expected in ((part.positive, positive), (part.negative, negatives)):
            whole = np.zeros((words, words))
            whole[np.ix_(part.inputs, part.outputs)] = got
            np.testing.assert_allclose(whole, expected, atol=1e-5)
        assert other.mean is not None
        for row, i in enumerate(range(k * block, min(n, (k + 1) * block))):
            of = context[centre == i]
            mean, target = np.zeros(words), np.zeros(words)
            drawn = np.bincount(noise[k], minlength=words) * negative / noise.shape[1]
            if len(of):
                mean = np.bincount(ids[of], minlength=words) / len(of)
                target[ids[i]] = 1
            drawn = drawn * (np.arange(words) != ids[i]) * bool(len(of))
            for at, got, expected in (
                (other.inputs, other.mean, mean),
                (other.outputs, other.positive, target),
                (other.outputs, other.negative, drawn),
            ):
                whole = np.zeros(words)
                whole[at] = got[row]
                np.testing.assert_allclose(whole, expected, atol=1e-5)


@given(st.integers(0, 30), st.integers(0, 99))
def test_sums_by_key_are_those_of_add_at(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys, values = rng.integers(0, 7, n), rng.standard_normal((n, 3))
    expected = np.zeros((7, 3))
    np.add.at(expected, keys, values)
    different_keys, sums = sums_by_key(keys, values)
    assert different_keys.tolist() == sorted(set(keys.tolist()))
    np.testing.assert_allclose(sums, expected[different_keys], atol=1e-12)


def test_the_corpus_is_plain_data() -> None:
    assert read_corpus([["b", "a", "b"], []], min_count=1).lengths.tolist() == [3, 0]
    assert isinstance(read_corpus([["b"]], min_count=1), Corpus)
