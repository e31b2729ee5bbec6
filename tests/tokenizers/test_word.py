"""Words and characters as tokens, beside the library's WordLevel."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.tokenizer_library import ANY, FEW, HOSTILE, PRE_TOKENIZERS
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import WordLevelTrainer

from hfdl.data.train_tokenizer import END, learn_tokenizer
from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers import BertNormalizer, CharacterTokenizer, Vocabulary, WordTokenizer
from hfdl.tokenizers.tokenizer import tokenizer_json


def library_words(texts: list[str], size: int, least: int, name: str) -> Any:
    found: Any = Tokenizer(WordLevel(unk_token="[UNK]"))
    found.pre_tokenizer = PRE_TOKENIZERS[name]
    trainer = WordLevelTrainer(
        vocab_size=size, min_frequency=least, special_tokens=["[UNK]"], show_progress=False
    )
    found.train_from_iterator(texts, trainer)
    return found


def same(ours: WordTokenizer, library: Any, texts: list[str]) -> None:
    assert tokenizer_json(ours) == json.loads(library.to_str())
    for text in texts:
        found = library.encode(text)
        assert ours.encode(text) == found.ids
        assert ours.decode(found.ids) == library.decode(found.ids, skip_special_tokens=False)


def test_corpora_give_the_library_s_words_and_ids(corpus: list[str]) -> None:
    ours = WordTokenizer.train(corpus, 800, min_frequency=2)
    assert len(ours.vocabulary) > 30
    same(ours, library_words(corpus, 800, 2, "words"), [*corpus[:200], *HOSTILE])


@given(FEW, st.integers(2, 12), st.integers(0, 3),
       st.sampled_from(["whitespace", "words", "bert", "gpt2"]), ANY)  # fmt: skip
def test_any_texts_give_the_library_s_words_and_ids(
    texts: list[str], size: int, least: int, name: str, text: str
) -> None:
    if not "".join(texts).strip():
        return
    ours = WordTokenizer.train(texts, size, min_frequency=least, pre_tokenizer=name)
    library = library_words(texts, size, least, name)
    texts = [text, *texts] if name != "bert" else texts
    same(ours, library, texts)


@given(FEW, ANY)
def test_characters_are_the_package_s_own_learned_ones(texts: list[str], text: str) -> None:
    if not any(texts):
        return
    ours = CharacterTokenizer.train(texts, special_tokens=[END, "<unk>"])
    learned = learn_tokenizer("characters", texts, 0, masks=False)
    assert list(ours.vocabulary) == learned.convert_ids_to_tokens(range(len(learned)))
    for own in [text, *texts]:
        ids = ours.encode(own)
        assert ids == learned(own)["input_ids"]
        assert ours.decode(ids) == learned.decode(ids)


def test_characters_in_the_library_s_file(corpus: list[str]) -> None:
    ours = CharacterTokenizer.train(corpus)
    library: Any = Tokenizer(WordLevel(dict(ours.model_json()["vocab"]), unk_token="<unk>"))
    library.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    library.decoder = decoders.Fuse()
    library.add_special_tokens(["<unk>"])
    same(ours, library, [*corpus[:100], *HOSTILE])
    assert all(ours.decode(ours.encode(text)) == text for text in corpus)


def test_the_most_frequent_are_kept() -> None:
    words = WordTokenizer.train(["b b a c c c d"], 4)
    assert list(words.vocabulary) == ["[UNK]", "c", "b", "a"]
    assert words.tokenize("a b d") == ["a", "b", "[UNK]"]
    characters = CharacterTokenizer.train(["bbacccd"], 4)
    assert list(characters.vocabulary) == ["<unk>", "a", "b", "c"]
    assert list(CharacterTokenizer.train(["bbacccd"], min_frequency=2).vocabulary) == [
        "<unk>", "b", "c"
    ]  # fmt: skip


def test_a_special_token_that_is_a_word_has_one_id() -> None:
    ours = WordTokenizer.train(["unk a unk"], 5, special_tokens=["pad"], unknown="unk")
    assert list(ours.vocabulary) == ["unk", "pad", "a"]
    assert ours.vocabulary.special == ("unk", "pad")


def test_normalizers() -> None:
    ours = WordTokenizer.train(["Été, ÉTÉ"], 5, normalizer=BertNormalizer())
    assert ours.tokenize("été ete!") == ["ete", "ete", "[UNK]"]
    characters = CharacterTokenizer.train(["É"], normalizer=BertNormalizer())
    assert characters.tokenize("é") == ["e"]


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError) as small:
        WordTokenizer.train(["a"], 1)
    assert_wording(small.value)
    with pytest.raises(ConfigError, match="special tokens and one character are tokens: 2 at"):
        CharacterTokenizer.train(["a"], 1)
    for kind in (WordTokenizer, CharacterTokenizer):
        with pytest.raises(DataError, match="there is no word in the texts"):
            kind.train([""])
        with pytest.raises(DataError, match=r"vocabulary: no token '.*unk.*'"):
            kind(Vocabulary(["a"]), unknown="<unk>")
        with pytest.raises(DataError, match="no token has the id 9; ids are 0 to 1"):
            kind.train(["a"]).decode([9])
