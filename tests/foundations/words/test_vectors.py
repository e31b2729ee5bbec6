"""Word vectors: nearest words, analogies, and files that other tools read and damage."""

from pathlib import Path

import numpy as np
import pytest
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.words.vectors import WordVectors

# Royal, male, female: king - man + woman is queen exactly.
FAMILY = {
    "man": [0, 1, 0],
    "woman": [0, 0, 1],
    "king": [2, 1, 0],
    "queen": [2, 0, 1],
    "ape": [0, 3, 0],
}


def family() -> WordVectors:
    return WordVectors(list(FAMILY), np.array(list(FAMILY.values()), dtype=np.float64))


def random(words: int, width: int, dtype: type = np.float32, seed: int = 0) -> WordVectors:
    numbers = np.random.default_rng(seed).standard_normal((words, width)).astype(dtype)
    return WordVectors([f"word{i}" for i in range(words)], numbers)


def test_words_and_their_vectors() -> None:
    vectors = family()
    assert len(vectors) == 5
    assert vectors.width == 3
    assert "king" in vectors
    assert "duke" not in vectors
    assert vectors["queen"].tolist() == [2, 0, 1]
    assert repr(vectors) == "WordVectors(5 words, width 3)"
    assert vectors.similarity("man", "woman") == 0.0
    assert vectors.similarity("king", "queen") == pytest.approx(4 / 5)


def test_king_less_man_plus_woman_is_queen() -> None:
    assert family().analogy(["king", "woman"], ["man"], 1)[0][0] == "queen"
    # Each word counts at length 1: "ape" points where "man" does and is longer.
    longer = family().analogy(["king", "woman"], ["ape"], 1)
    assert longer == family().analogy(["king", "woman"], ["man"], 1)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 14), st.integers(0, 99))
def test_nearest_is_a_plain_sort_of_cosines(words: int, width: int, k: int, seed: int) -> None:
    vectors = random(words, width, np.float64, seed)
    x = vectors["word0"]
    cosines = [
        (word, x @ vectors[word] / np.linalg.norm(x) / np.linalg.norm(vectors[word]))
        for word in vectors.words[1:]
    ]
    expected = sorted(cosines, key=lambda pair: -pair[1])[:k]
    found = vectors.nearest("word0", k)
    np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=1e-12)
    if width > 1:  # with one number all cosines are 1 or -1
        assert [word for word, _ in found] == [word for word, _ in expected]


def test_equals_come_most_frequent_first_and_zeros_are_no_trouble() -> None:
    vectors = WordVectors(["a", "b", "c", "zero"], np.array([[1.0], [2.0], [3.0], [0.0]]))
    assert vectors.nearest("a", 9) == [("b", 1.0), ("c", 1.0), ("zero", 0.0)]
    assert vectors.nearest("zero", 1) == [("a", 0.0)]
    assert vectors.nearest("a", 0) == []


def test_unknown_words_say_what_was_meant() -> None:
    with pytest.raises(DataError) as error:
        family()["quen"]
    assert_wording(error.value)
    with pytest.raises(DataError, match=r"Did you mean 'king'[?] these words are in lower case"):
        family()["King"]
    with pytest.raises(DataError, match="It was not in the text, or too rare"):
        family().similarity("zzzzzz", "king")
    with pytest.raises(DataError, match="no word is given"):
        family().analogy([], [])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"2 words, vectors \(3, 1\)"):
        WordVectors(["a", "b"], np.ones((3, 1)))
    with pytest.raises(ShapeError, match="2 words, 1 counts"):
        WordVectors(["a", "b"], np.ones((2, 1)), np.ones(1, dtype=int))
    with pytest.raises(DataError, match="the word 'a' comes twice; a word has one vector"):
        WordVectors(["a", "b", "a"], np.ones((3, 1)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_vectors_come_back_to_the_last_bit(tmp_path: Path, dtype: type) -> None:
    words = ["the", "don't", "naïve", "x\u00ady", "東京", "<s>"]
    scale = np.array([1e-30, 1, 1e9, 1, 1, 1, 1], dtype)
    numbers = np.random.default_rng(0).standard_normal((6, 7)).astype(dtype) * scale
    path = tmp_path / "vectors.txt"
    WordVectors(words, numbers).save(path)
    back = WordVectors.load(path, dtype)
    assert back.words == words
    assert back.vectors.dtype == dtype
    assert (back.vectors == numbers).all()
    assert list(tmp_path.iterdir()) == [path]


def test_the_format_is_word2vec_s(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    WordVectors(["a", "b"], np.array([[0.5, -2.0], [1e-7, 3.0]])).save(path)
    assert path.read_bytes() == b"2 2\na 0.5 -2\nb 9.9999999999999995e-08 3\n"
    path.write_bytes(b"2 2\na 0.5 -2 \nb 1 3 \n")  # as the C program: a space at each end
    assert WordVectors.load(path).vectors.tolist() == [[0.5, -2], [1, 3]]


def test_gensim_reads_what_hfdl_writes_and_the_other_way(tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    ours = random(50, 8)
    ours.save(tmp_path / "ours.txt")
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.txt"), binary=False)
    assert theirs.index_to_key == ours.words
    assert (theirs.vectors == ours.vectors).all()
    for found, expected in (
        (ours.nearest("word3", 5), theirs.most_similar("word3", topn=5)),
        (
            ours.analogy(["word3", "word9"], ["word4"], 5),
            theirs.most_similar(positive=["word3", "word9"], negative=["word4"], topn=5),
        ),
    ):
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=1e-6)
    theirs.save_word2vec_format(str(tmp_path / "theirs.txt"), binary=False)
    back = WordVectors.load(tmp_path / "theirs.txt")
    assert back.words == ours.words
    assert (back.vectors == ours.vectors).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "line 1: the file begins ''; line 1 is the number of words and their width"),
        (b"a 1 2\n", "line 1: the file begins 'a 1 2'"),
        (b"1 0\na\n", "line 1: the file begins '1 0'"),
        (b"2 2\na 1 2\nb 1\n", "line 3: 1 numbers after 'b'; line 1 says 2"),
        (b"2 2\na 1 2\nb 1 2 3\n", "line 3: 3 numbers after 'b'; line 1 says 2"),
        (b"2 2\na 1 2\n\n", "line 3: 0 numbers after ''; line 1 says 2"),
        (b"2 2\na 1 x\nb 1 2\n", "line 2: could not convert string to float: 'x'"),
        (b"1 2\na 1 nan\n", "line 2: a number is not finite"),
        (b"1 2\na 1 1e999\n", "line 2: a number is not finite"),
        (b"3 2\na 1 2\nb 1 2\n", "line 3: the file ends after 2 words; line 1 says 3"),
        (b"1 2\na 1 2\nb 1 2\n", "line 3: word number 2; line 1 says 1"),
        (b"2 2\na 1 2\na 1 2\n", "line 3: 'a' comes again; a word has one vector"),
        (b"2 2\na 1 2\n\xff 1 2\n", "line 3: byte 0 is not UTF-8"),
    ],
)
def test_damaged_files_name_the_line(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "damaged.txt"
    path.write_bytes(text)
    with pytest.raises(DataError) as error:
        WordVectors.load(path)
    assert f"{path}, {message}" in str(error.value)


def test_files_that_are_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent[.]txt: cannot be read: No such file"):
        WordVectors.load(tmp_path / "absent.txt")
    with pytest.raises(DataError, match="the word 'new york'; a word has no white space"):
        WordVectors(["new york"], np.ones((1, 2))).save(tmp_path / "out.txt")
    with pytest.raises(DataError, match="the vector of 'a' is not finite"):
        WordVectors(["a"], np.array([[np.nan]])).save(tmp_path / "out.txt")
    assert not list(tmp_path.iterdir())
