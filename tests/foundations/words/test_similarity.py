"""Spearman's rho against scipy, and the files of rated pairs and of analogies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.words.analogies import AnalogyScore, read_analogies, score_analogies, total
from hfdl.foundations.words.similarity import (
    RatedPair,
    ranks,
    rate_similarity,
    read_rated_pairs,
    spearman,
)
from hfdl.foundations.words.vectors import WordVectors


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9)), min_size=2, max_size=30))
def test_rho_is_scipy_s_ties_included(both: list[tuple[int, float]]) -> None:
    a, b = zip(*both, strict=True)
    np.testing.assert_array_equal(ranks(a), stats.rankdata(a))
    np.testing.assert_array_equal(ranks(b), stats.rankdata(b))
    if len(set(a)) > 1 and len(set(b)) > 1:
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    else:
        assert np.isnan(spearman(a, b))


def test_rho_of_known_orders() -> None:
    assert spearman([1, 2, 3], [10, 200, 3000]) == pytest.approx(1.0)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert ranks([30, 10, 30, 20]).tolist() == [3.5, 1.0, 3.5, 2.0]
    with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\)"):
        spearman([1, 2], [1, 2, 3])
    with pytest.raises(ShapeError, match=r"length >= 2"):
        spearman([1], [1])


def line_of_words() -> WordVectors:
    """Words that turn from the first by 0, 10, ... 80 degrees."""
    angle = np.deg2rad(np.arange(9) * 10)
    return WordVectors(list("abcdefghi"), np.stack([np.cos(angle), np.sin(angle)], axis=1))


def test_pairs_without_a_vector_are_counted() -> None:
    of = [("a", "B", 9), ("a", "c", 8), ("a", "z", 1), ("d", "i", 2)]
    rated = [RatedPair(*pair) for pair in of]
    found = rate_similarity(line_of_words(), rated)
    assert (found.spearman, found.used, found.missing) == (pytest.approx(1.0), 3, 1)
    assert rate_similarity(line_of_words(), rated, lower=False).used == 2
    with pytest.raises(DataError, match="1 of 1 pairs have vectors for both words"):
        rate_similarity(line_of_words(), rated[:1])


def test_files_of_rated_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b"# a comment\nlove\tsex\t6.77\r\n\ntiger\tcat\t7\n")
    assert read_rated_pairs(path) == [("love", "sex", 6.77), ("tiger", "cat", 7.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# c\na\tb\n", ", line 2: 'a\\tb'; a line is word, tab, word, tab, rating"),
        ("a\tb\t1\t2\n", ", line 1: 'a\\tb\\t1\\t2'"),
        ("a\t \t1\n", ", line 1: 'a\\t \\t1'"),
        ("a\tb\t1\na\tb\tx\n", ", line 2: the rating 'x'; a rating is a number"),
        ("a\tb\tnan\n", ", line 1: the rating 'nan'"),
        ("# c\n", ": there are no pairs"),
    ],
)
def test_damaged_pairs_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_rated_pairs(path)
    assert f"{path}{message}" in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.tsv").write_bytes(b"caf\xe9\tb\t1\n")
    with pytest.raises(DataError, match="byte 3 is not UTF-8"):
        read_rated_pairs(tmp_path / "latin.tsv")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_analogies(tmp_path / "absent.txt")


FAMILY = {
    "man": [0, 1, 0],
    "woman": [0, 0, 1],
    "king": [2, 1, 0],
    "queen": [2, 0, 1],
    "ape": [0, 3, 0],
}


def test_analogies_are_scored_by_section(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(
        ": family\nman king woman queen\nMan King Woman Ape\nman king woman duke\n"
        ": empty\n: other\nwoman queen man king\n",
        encoding="utf-8",
    )
    sections = read_analogies(path)
    sizes = {name: len(asked) for name, asked in sections.items()}
    assert sizes == {"family": 3, "empty": 0, "other": 1}
    vectors = WordVectors(list(FAMILY), np.array(list(FAMILY.values()), dtype=np.float32))
    scores = score_analogies(vectors, sections)
    assert scores == {
        "family": AnalogyScore(1, 2, 1),
        "empty": AnalogyScore(0, 0, 0),
        "other": AnalogyScore(1, 1, 0),
    }
    assert total(scores) == AnalogyScore(2, 3, 1)
    assert total(scores).accuracy == pytest.approx(2 / 3)
    assert np.isnan(scores["empty"].accuracy)
    assert score_analogies(vectors, sections, lower=False)["family"].asked == 1


def test_answers_are_those_of_one_question_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import hfdl.foundations.words.analogies as module

    rng = np.random.default_rng(0)
    vectors = WordVectors([f"w{i}" for i in range(12)], rng.standard_normal((12, 3)))
    asked = [tuple(f"w{i}" for i in rng.permutation(12)[:4]) for _ in range(200)]
    expected = sum(vectors.analogy([b, c], [a], 1)[0][0] == d for a, b, c, d in asked)
    assert 0 < expected < 200
    for at_once in (1, 7, 256):
        monkeypatch.setattr(module, "AT_ONCE", at_once)
        assert score_analogies(vectors, {"x": asked})["x"] == AnalogyScore(expected, 200, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (": a\nx y z\n", ", line 2: 'x y z'; a question is four words"),
        ("x y z w\n", ", line 1: 'x y z w'; a file begins with ': section'"),
        ("", ": there are no questions"),
    ],
)
def test_damaged_analogies_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_analogies(path)
    assert f"{path}{message}" in str(error.value)


@pytest.mark.needs_shared
def test_the_real_files_are_read_whole(shared: Callable[[str], Path]) -> None:
    sizes = {
        "wordsim353.tsv": 353,
        "EN-WS-353-ALL.txt": 353,
        "simlex999.txt": 999,
        "EN-SIMLEX-999.txt": 999,
    }
    for name, size in sizes.items():
        rated = read_rated_pairs(shared(f"data/word_eval/{name}"))
        assert len(rated) == size
        assert all(0 <= pair.rating <= 10 for pair in rated)
    sections = read_analogies(shared("data/word_eval/questions-words.txt"))
    assert len(sections) == 14
    assert sum(map(len, sections.values())) == 19_544
    assert sections["family"][0] == ("boy", "girl", "brother", "sister")


@pytest.mark.needs_shared
def test_gensim_gives_the_same_figures(shared: Callable[[str], Path], tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    path = shared("data/word_eval/wordsim353.tsv")
    rated = read_rated_pairs(path)
    words = sorted({word.lower() for pair in rated for word in pair[:2]})
    vectors = WordVectors(words, np.random.default_rng(0).standard_normal((len(words), 9)))
    theirs = models.KeyedVectors(9)
    theirs.add_vectors(words, vectors.vectors)
    found = rate_similarity(vectors, rated)
    _, (rho, _), missing = theirs.evaluate_word_pairs(str(path))
    assert found.spearman == pytest.approx(rho, abs=1e-6)
    assert found.missing == missing == 0
