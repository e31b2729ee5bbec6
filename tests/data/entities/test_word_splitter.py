"""Raw text is split as the words of the training data are."""

from types import SimpleNamespace

import pytest

from hfdl.data.entities.word_splitter import CONFIG_KEY, WordSplitter
from hfdl.data.entities.words import split_words

# The sentences in the words of a treebank, of a tokenizer of tweets, and of some French data.
NEWS = (
    "The U.S. firm , J. Smith 's well-known client , paid $ 5,000 at 10:30 ( a 3rd time ) .|"
    "I do n't know long-lost Mr. Brown of so-called L.A. or google.com and bing.com , he said .|"
    'Ann \'s " big " 14ml cup - so they say - costs 5 % of 1,200 .|It is said , by AT&T , to end .'
)
TWEETS = "RT @user_1 : go #NLP now !!! http://t.co/aB1x|@ann don't , it's John's|is 50% @bob :)"
FRENCH = "L' Italie et l' Espagne , aujourd'hui|d' abord l' Allemagne|qu' il aille là-bas"
CHINESE = "王 小 明 在 北 京 。|他 爱 北 京 2008 年"
KOREAN = "서울에서 김 선생님을 만났다 .|부산까지 갔다 ."

CASES = [
    (NEWS, "In the U.S., Ann's (old) 20kg bag.", "In the U.S. , Ann 's ( old ) 20kg bag ."),
    (NEWS, 'J. Doe said: "1,500 or 11:45?"', 'J. Doe said : " 1,500 or 11:45 ? "'),
    (NEWS, "A better-known site is yahoo.com.", "A better-known site is yahoo.com ."),
    (TWEETS, "@me_2 can't say #WOW!!!", "@me_2 can't say #WOW !!!"),
    (FRENCH, "d'Italie, l'Est", "d' Italie , l' Est"),
    (CHINESE, "李小龙住在2009年的北京。", "李 小 龙 住 在 2009 年 的 北 京 。"),
    (KOREAN, "광주에서 왔다.", "광주에서 왔다 ."),
    ("광 주 에 서|부 산", "서울에서", "서 울 에 서"),
]


def words(splitter, text):
    return [text[start:end] for start, end in splitter(text)]


def trained_on(data):
    return WordSplitter.of_training_words([line.split() for line in data.split("|")])


@pytest.mark.parametrize(("data", "text", "expected"), CASES)
def test_raw_text_is_split_as_training_words_are(data, text, expected):
    splitter = trained_on(data)
    assert words(splitter, text) == expected.split()
    kept = WordSplitter.of_config(SimpleNamespace(**{CONFIG_KEY: splitter.settings}))
    assert words(kept, text) == expected.split()
    assert kept.of_words


@pytest.mark.parametrize("data", [NEWS, TWEETS, FRENCH, CHINESE, KOREAN])
def test_blanks_always_separate_and_every_edge_is_one_of_the_smallest_words(data):
    splitter = trained_on(data)
    for _, text, _ in CASES:
        found, smallest = splitter(text), split_words(text)
        assert {edge for word in found for edge in word} <= {e for w in smallest for e in w}
        assert "".join(words(splitter, text)) == "".join(text.split())


def test_of_annotated_text_the_smallest_words_are_taken():
    spans = WordSplitter.of_config(SimpleNamespace(**{CONFIG_KEY: WordSplitter().settings}))
    assert words(spans, "14ml l'Italie") == ["14", "ml", "l", "'", "Italie"]
    assert not spans.of_words


def test_of_an_unknown_model_runs_of_letters_and_digits_are_words():
    unknown = WordSplitter.of_config(SimpleNamespace())
    text = "14ml x_1 서울에서 U.S. 北京"
    assert words(unknown, text) == ["14ml", "x_1", "서울에서", "U", ".", "S", ".", "北", "京"]
    assert not unknown.of_words
