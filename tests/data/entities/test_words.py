"""Words of raw text: fine enough for names in any script, and never within one character."""

import itertools
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.entities.words import further_words, kind_of, split_words

WORDS = {
    "take 14ml": "take 14 ml",
    "B2B covid19 3rd": "B 2 B covid 19 3 rd",
    "l'Italie John’s don't": "l ' Italie John ’ s don ' t",
    "U.S.-based x_1 a/b": "U . S . - based x _ 1 a / b",
    "王小明昨天": "王 小 明 昨 天",
    "トーキョーへ": "ト ー キ ョ ー へ",
    "佐々木〆切": "佐 々 木 〆 切",
    "二〇二四年": "二 〇 二 四 年",
    "서울에서": "서 울 에 서",
    "ไทยน้ำ": "ไ ท ย น้ำ",
    "ລາວ": "ລ າ ວ",
    "ភ្នំ ពេញ": "ភ្នំ ពេ ញ",
    "မြန်": "မြ န်",
    "iPhone手机15Pro": "iPhone 手 机 15 Pro",
    "𠮷野家𝒳𝒴": "𠮷 野 家 𝒳𝒴",
    "हिन्दी العَرَبِيَّة קָפֶה": "हिन्दी العَرَبِيَّة קָפֶה",
    "cafe\u0301s Straße": "cafe\u0301s Straße",
    "می\u200cخواهم": "می\u200cخواهم",
    "👩\u200d👩\u200d👧👍🏽❤\ufe0f🇮🇹🇫🇷1\ufe0f\u20e3": (
        "👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f 🇮🇹 🇫🇷 1\ufe0f\u20e3"
    ),
    "١٢٣kg ๑๒": "١٢٣ kg ๑๒",
    "。「東」": "。 「 東 」",
    " \t\u00a0\u3000\n": "",
}


@pytest.mark.parametrize("text", WORDS)
def test_words_of_many_scripts(text):
    assert [text[start:end] for start, end in split_words(text)] == WORDS[text].split()


SOME = st.text("aÉß中한กា\u0e33\u0301\u200d\ufe0f👩🏽🇮1٣.-'_ \t\x1c\u00a0𠮷\u3099か", max_size=20)


@given(st.text(max_size=30) | SOME)
def test_words_hold_all_but_white_space_and_cut_no_character(text):
    words = split_words(text)
    # A mark on a blank stands on nothing that is kept.
    assert "".join(text[s:e] for s, e in words) == "".join(text.split())
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(words))
    assert not any(text[s:e].split() != [text[s:e]] for s, e in words)
    borders = {0, *itertools.accumulate(len(one) for one in regex.findall(r"\X", text))}
    edges = {edge for word in words for edge in word}
    on_blanks = {
        i for i, char in enumerate(text) if text[max(i - 1, 0)].isspace() or char.isspace()
    }
    assert edges <= borders | on_blanks | {len(text)}


def test_kinds():
    kinds = {"a": "L", "É": "X", "Éa": "L", "14": "D", "中": "U", "〇": "U", "한": "H", "น้ำ": "U",
             ".": ".", "_": "_", "’": "S", "👍🏽": "S", "1\ufe0f\u20e3": "S"}  # fmt: skip
    assert {word: kind_of(word) for word in kinds} == kinds
    assert unicodedata.name("X")  # of ASCII all signs are kinds of their own
    assert all(kind_of(c) == c for c in map(chr, range(33, 127)) if not c.isalnum())


def test_further_words_of_scripts_without_blanks():
    assert further_words("王小明") == [1, 2]
    assert further_words("iPhone手机") == [7]
    assert further_words("서울") == further_words("14ml-x") == further_words("") == []
