"""Learning and making merges: by hand, and beside a trainer that counts anew each time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hfdl.tokenizers.alphabet import Marks, Symbols, spaced
from hfdl.tokenizers.learn_merges import apply_merges, learn_merges, merge_in

NONE = Marks()
WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 9), min_size=1)


def slowly(counts: dict[str, int], size: int, least: int) -> list[tuple[str, str]]:
    """Sennrich et al.'s figure 1: count all pairs, merge the best one, and again."""
    tokens = sorted({char for word in counts for char in word})
    words = {tuple(word): count for word, count in counts.items()}
    merges = []
    while len(tokens) < size:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs or max(pairs.values()) < max(least, 1):
            break
        best = min(pairs, key=lambda p: (-pairs[p], tokens.index(p[0]), tokens.index(p[1])))
        merges.append(best)
        tokens.append("".join(best))
        words = {merged(word, best): count for word, count in words.items()}
    return merges


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    found, i = [], 0
    while i < len(word):
        step = 2 if word[i : i + 2] == pair else 1
        found.append("".join(word[i : i + step]))
        i += step
    return tuple(found)


@given(WORDS, st.integers(3, 20), st.integers(0, 4))
def test_kept_counts_give_what_counting_anew_gives(
    counts: dict[str, int], size: int, least: int
) -> None:
    expected = slowly(counts, size, least)
    made = ["".join(pair) for pair in expected]
    if len(set(made)) < len(made):  # two pairs make one token: there the two part, see test_bpe
        return
    symbols = Symbols(counts, marks=NONE)
    found = learn_merges(
        counts, symbols, vocab_size=max(size, len(symbols.tokens)), min_frequency=least
    )
    assert found.merges == expected


@given(WORDS, st.data())
def test_a_training_word_is_encoded_as_training_left_it(
    counts: dict[str, int], data: st.DataObject
) -> None:
    learned = learn_merges(counts, Symbols(counts, marks=NONE), vocab_size=12, min_frequency=0)
    ranks = {pair: rank for rank, pair in enumerate(learned.merges)}
    word = data.draw(st.text("abc", max_size=20))
    expected = tuple(word)
    for pair in learned.merges:  # one merge after the other, over the whole word
        expected = merged(expected, pair)
    assert tuple(apply_merges(list(word), ranks, NONE)) == expected


@given(st.lists(st.integers(0, 2), max_size=12), st.integers(0, 2), st.integers(0, 2))
def test_changes_of_a_merge_are_the_counts_after_and_before(
    word: list[int], left: int, right: int
) -> None:
    made, changes = merge_in(word, (left, right), 9)
    before, after = Counter(pairwise(word)), Counter(pairwise(made))
    merges = made.count(9)
    for pair, by in changes:
        before[pair] += by
    before[left, right] -= merges  # the pair itself is not counted down: it is made no more
    if left != right:
        assert +before == +after
    else:  # in a run of one character a pair overlaps the next, and keeps what overlapped
        assert all(before[pair] == after[pair] for pair in after if pair != (left, right))
    assert made.count(left) == word.count(left) - merges * (1 + (left == right))


def test_a_merge_by_hand() -> None:
    assert merge_in([5, 1, 2, 7], (1, 2), 9) == (
        [5, 9, 7], [((5, 1), -1), ((5, 9), 1), ((2, 7), -1), ((9, 7), 1)]
    )  # fmt: skip
    assert merge_in([1, 1, 1], (1, 1), 9) == ([9, 1], [((1, 1), -1), ((9, 1), 1)])
    assert merge_in([], (1, 1), 9) == ([], [])


def test_the_paper_s_words() -> None:
    """Sennrich et al. 2016, section 3.2: low lower newest widest."""
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    symbols = Symbols(counts, marks=Marks(suffix="</w>"))
    found = learn_merges(counts, symbols, vocab_size=len(symbols.tokens) + 3, min_frequency=0)
    assert found.merges == [("e", "s"), ("es", "t</w>"), ("l", "o")]
    assert found.tokens[-3:] == ["es", "est</w>", "lo"]


def test_of_equally_frequent_pairs_the_smaller_ids_win() -> None:
    counts = {"ba": 1, "ab": 1}
    found = learn_merges(counts, Symbols(counts, marks=NONE), vocab_size=4, min_frequency=0)
    assert found.merges == [("a", "b"), ("b", "a")]
    first = Symbols(counts, first=["b"], marks=NONE)
    assert learn_merges(counts, first, vocab_size=4, min_frequency=0).merges[0] == ("b", "a")


def test_the_earliest_merge_goes_first_and_the_leftmost_place() -> None:
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("a", "a"): 2}
    assert apply_merges(list("abc"), ranks, NONE) == ["a", "bc"]
    assert apply_merges(list("aaa"), ranks, NONE) == ["aa", "a"]
    assert apply_merges([], ranks, NONE) == []


def test_marks() -> None:
    assert Marks("##", "</w>").characters("abc") == [
        ("a", "a"), ("b", "##b"), ("c", "##c</w>")
    ]  # fmt: skip
    assert Marks(suffix="</w>").characters("a") == [("a", "a</w>")]
    assert Marks("##").merge("##a", "##b") == "##ab"
    assert Marks("##").merge("a", "b") == "ab"
    assert spaced(["##a", "##b", "c"], "##") == ["##a", "b", " c"]
    assert spaced([], "##") == []


def test_the_order_of_the_first_tokens() -> None:
    symbols = Symbols(
        {"ba": 2, "cab": 1}, first=["<unk>", "##b"], marks=Marks("##"), initial_alphabet="z"
    )
    assert symbols.tokens == ["<unk>", "##b", "a", "b", "c", "z", "##a"]
