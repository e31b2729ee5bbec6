"""Vectors made of parts: against gensim's, and saved and read back."""

import io
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.words.fasttext import train_fasttext
from hfdl.foundations.words.part_files import load_parts, save_parts
from hfdl.foundations.words.similarity import RatedPair, rate_similarity
from hfdl.foundations.words.subword_vectors import Parts, SubwordVectors
from hfdl.foundations.words.subwords import Subwords
from hfdl.foundations.words.vectors import WordVectors

TEXT = [["harbour", "master", "walks", "slowly"], ["harbours", "mastery", "walked", "slow"]] * 20
UNSEEN = ["harbourmaster", "walking", "slower", "Harbour", "masters"]


@pytest.fixture(scope="module")
def vectors() -> SubwordVectors:
    return train_fasttext(TEXT, size=8, min_count=1)


def test_joined_as_gensim_joins() -> None:
    """gensim's vectors of words and n-grams, joined here: the same directions.

    Few buckets, so that all of them occur: gensim also takes those that no word trained.
    """
    model = FastText(TEXT, sg=1, vector_size=8, min_count=1, bucket=50, seed=1, workers=1)
    words = list(map(str, model.wv.index_to_key))
    parts = Parts(words, Subwords(3, 6, 50))
    table = np.concatenate([model.wv.vectors_vocab, model.wv.vectors_ngrams[parts.buckets]])
    ours = SubwordVectors(words, table, parts)
    compared = 0
    for word in [*words, *UNSEEN]:
        rows = parts.subwords.buckets_of(word)
        if word in ours.ids or set(rows) <= set(parts.buckets.tolist()):
            theirs = model.wv.get_vector(word, norm=True)
            np.testing.assert_allclose(ours.unit_vector(word), theirs, rtol=0, atol=1e-6)
            compared += 1
    assert compared > len(words)  # unseen words too


def test_a_word_is_the_sum_of_its_parts_over_their_root(vectors: SubwordVectors) -> None:
    row = vectors.ids["slow"]
    parts = [vectors.table[row]]
    for bucket in vectors.parts.subwords.buckets_of("slow"):
        at = len(vectors) + int(np.flatnonzero(vectors.parts.buckets == bucket)[0])
        parts.append(vectors.table[at])
    np.testing.assert_allclose(vectors["slow"], sum(parts) / len(parts) ** 0.5, atol=1e-6)
    np.testing.assert_allclose(vectors.unit_vector("slow"), vectors.unit[row], atol=1e-6)


def test_an_unseen_word_has_the_ngrams_that_are_known(vectors: SubwordVectors) -> None:
    assert "harbourmaster" not in vectors
    assert vectors.can_make("harbourmaster")
    nearest = [word for word, _ in vectors.nearest("harbourmaster", 4)]
    assert set(nearest) == {"harbour", "harbours", "master", "mastery"}
    assert vectors.similarity("harbourmaster", "harbour") > 0.5
    assert len(vectors.nearest("harbourmaster", 99)) == len(vectors)
    assert len(vectors.nearest("harbour", 99)) == len(vectors) - 1  # not itself
    assert vectors.analogy(["harbourmaster", "walks"], ["walking"], 1)
    with pytest.raises(DataError, match="'xyzzy' has no n-gram that the text has"):
        vectors["xyzzy"]
    assert not vectors.can_make("xyzzy")
    assert not vectors.can_make("")


def test_unseen_words_are_rated_as_well(vectors: SubwordVectors) -> None:
    rated = [
        RatedPair("harbour", "harbourmaster", 8),
        RatedPair("walk", "walks", 9),
        RatedPair("walk", "harbour", 1),
        RatedPair("xyzzy", "walk", 1),
    ]
    agreement = rate_similarity(vectors, rated)
    assert (agreement.used, agreement.missing) == (3, 1)
    words_alone = WordVectors(vectors.words, vectors.vectors)
    with pytest.raises(DataError, match="0 of 4 pairs"):
        rate_similarity(words_alone, rated)


def test_the_word2vec_format_holds_the_words_that_are_asked_for(
    vectors: SubwordVectors, tmp_path: Path
) -> None:
    file = tmp_path / "v.txt"
    vectors.save(file, unseen=["walking", "slow", "xyzzy", "walking"])
    theirs = KeyedVectors.load_word2vec_format(str(file))
    assert theirs.index_to_key == [*vectors.words, "walking"]
    np.testing.assert_allclose(theirs["walking"], vectors["walking"], rtol=0, atol=1e-7)
    assert (WordVectors.load(file)["slow"] == vectors["slow"]).all()
    vectors.save(file)
    assert WordVectors.load(file).words == vectors.words


def test_saved_with_parts_and_read_back(vectors: SubwordVectors, tmp_path: Path) -> None:
    file = tmp_path / "parts.bin"  # the name is kept as it is
    save_parts(vectors, file)
    again = load_parts(file)
    assert [path.name for path in tmp_path.iterdir()] == ["parts.bin"]
    assert again.words == vectors.words
    assert again.counts is not None
    assert (again.counts == vectors.counts).all()
    for word in (*vectors.words, "harbourmaster"):
        assert (again[word] == vectors[word]).all()
    bare = SubwordVectors(vectors.words, vectors.table, vectors.parts)
    save_parts(bare, file)
    assert load_parts(file).counts is None


def test_awkward_words_are_read_back(tmp_path: Path) -> None:
    words = ["", "a b", "日本", "\ud800", "\r", "tab\t"]
    parts = Parts(words, Subwords(1, 3))
    table = np.random.default_rng(0).standard_normal((len(parts), 3))
    save_parts(SubwordVectors(words, table, parts), tmp_path / "f")
    assert load_parts(tmp_path / "f").words == words
    parts = Parts(["a\nb"], Subwords())
    with pytest.raises(DataError, match="a word is on one line"):
        save_parts(SubwordVectors(["a\nb"], np.zeros((len(parts), 2)), parts), tmp_path / "f")
    assert load_parts(tmp_path / "f").words == words


def test_damaged_files_are_refused(vectors: SubwordVectors, tmp_path: Path) -> None:
    file = tmp_path / "parts"
    save_parts(vectors, file)
    whole = file.read_bytes()
    for damaged in (b"", b"not a file of vectors", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged or of another kind"):
            load_parts(file)
    with np.load(io.BytesIO(whole), allow_pickle=False) as stored:
        arrays = dict(stored)
    for change in ({"cut": np.array([3, 5, 2_000_000])}, {"table": arrays["table"][1:]},
                   {"table": arrays["table"] * np.nan}, {"cut": np.array([0, 5, 9])}):  # fmt: skip
        np.savez(tmp_path / "changed.npz", **{**arrays, **change})
        with pytest.raises(DataError, match="damaged or of another kind"):
            load_parts(tmp_path / "changed.npz")
    np.savez(tmp_path / "pickle.npz", **{**arrays, "words": np.array([object()])})
    with pytest.raises(DataError, match="damaged or of another kind"):
        load_parts(tmp_path / "pickle.npz")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_parts(tmp_path / "absent")


def test_a_table_that_does_not_fit_is_refused(vectors: SubwordVectors) -> None:
    with pytest.raises(ShapeError, match="there are"):
        SubwordVectors(vectors.words, vectors.table[1:], vectors.parts)
