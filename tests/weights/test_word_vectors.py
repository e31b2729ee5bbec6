"""Word vectors from a file: which words are found, and where their vectors go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.wording import assert_wording

from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_tokenizer
from hfdl.errors import ConfigError, DataError
from hfdl.foundations.words.fasttext import train_fasttext
from hfdl.hf_models.own_architectures import OWN
from hfdl.tasks.new_model import NewModel
from hfdl.weights.word_vectors import find_vectors

TEXTS = ["Paris is a good film", "a bad film"]
FILE = "4 3\ngood 1 2 3\nParis 4 5 6\nPARIS 7 8 9\nqueen 0 0 1\n"


@pytest.fixture
def vectors(tmp_path: Path) -> str:
    file = tmp_path / "vectors.txt"
    file.write_text(FILE, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer("words", TEXTS, 50, masks=False)


def beginning(name: str, path: str | None, **config: Any) -> NewModel:
    section = ModelConfig(name=f"hfdl://{name}", vectors=path, config=config or None)
    return NewModel("sequence", section)


def test_words_are_found_as_they_stand_or_else_in_other_cases(vectors: str, tokenizer: Any) -> None:
    found = find_vectors(vectors, tokenizer)
    by_word = {tokenizer.convert_ids_to_tokens(int(i)): v.tolist()
               for i, v in zip(found.ids, found.vectors, strict=True)}  # fmt: skip
    assert by_word == {"good": [1, 2, 3], "paris": [4, 5, 6]}
    assert (found.words, found.width) == (6, 3)
    assert found.fact == (
        f"word vectors: 2 of the vocabulary's 6 words (33.3 %) are in {vectors}; the others begin "
        "at random"
    )


def test_vectors_of_subwords_fill_unseen_words_too(tmp_path: Path, tokenizer: Any) -> None:
    """FastText knows "film" only by its n-grams; named when saved, it is in the file."""
    text = [["films", "filmed", "good", "paris"], ["filmy", "bad", "goodness", "is"]] * 9
    learned = train_fasttext(text, size=3, min_count=1)
    assert "film" not in learned
    file = tmp_path / "fasttext.txt"
    learned.save(file)
    assert len(find_vectors(str(file), tokenizer).ids) == 4
    learned.save(file, unseen=tokenizer.get_vocab())
    found = find_vectors(str(file), tokenizer)
    rows = dict(
        zip(tokenizer.convert_ids_to_tokens(found.ids.tolist()), found.vectors, strict=True)
    )
    assert set(rows) == {"film", "good", "paris", "bad", "is"}  # "a" has no n-gram of the text
    assert rows["film"].tolist() == learned["film"].tolist()


@pytest.mark.parametrize("name", [n for n, small in OWN.items() if small.has_vectors])
def test_embeddings_are_filled_and_as_wide_as_the_vectors(name: str, vectors: str) -> None:
    fresh = beginning(name, vectors)
    fresh.learn(TEXTS)
    assert fresh.facts == ["vocabulary: 9 words learned from train", fresh.vectors.fact]  # pyright: ignore
    torch.manual_seed(0)
    model, names = fresh.build(num_labels=2)
    plain, _ = _unfilled(name, fresh)
    weight = model.get_input_embeddings().weight  # pyright: ignore
    words = fresh.tokenizer.convert_tokens_to_ids(["good", "paris"])
    assert weight[words].tolist() == [[1, 2, 3], [4, 5, 6]]
    others = [i for i in range(len(fresh.tokenizer)) if i not in words]
    assert torch.equal(weight[others], plain.get_input_embeddings().weight[others])
    assert (weight[0] == 0).all()
    assert {*dict(model.named_parameters())} - {*names} == {
        "core.backbone.embeddings.tokens.weight"
    }


def _unfilled(name: str, fresh: NewModel) -> Any:
    from hfdl.hf_models.from_config import build_new_model

    torch.manual_seed(0)
    section = ModelConfig(name=f"hfdl://{name}", config={"embedding_size": 3})
    return build_new_model("sequence", section, fresh.tokenizer, num_labels=2)


def test_five_architectures_take_vectors() -> None:
    assert sorted(n for n, small in OWN.items() if small.has_vectors) == [
        "gru", "lstm", "rnn", "text-cnn", "word-average"
    ]  # fmt: skip


def test_frozen_vectors_are_not_trained(vectors: str) -> None:
    fresh = beginning("word-average", vectors, freeze_embeddings=True)
    fresh.learn(TEXTS)
    model, _ = fresh.build(num_labels=2)
    still = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert still == ["core.backbone.embeddings.tokens.weight"]


def test_another_width_is_refused(vectors: str) -> None:
    with pytest.raises(ConfigError) as error:
        beginning("lstm", vectors, embedding_size=4).learn(TEXTS)
    assert_wording(error.value)


@pytest.mark.parametrize("name", ["bag-of-words", "bert"])
def test_a_model_without_vectors_of_words_is_refused(name: str, vectors: str) -> None:
    with pytest.raises(ConfigError) as error:
        beginning(name, vectors)
    assert_wording(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 3\ngood 1 2 3\nfilm 1 2\n", "vectors.txt, line 3: 2 numbers after 'film'"),
        ("good 1 2 3\n", "vectors.txt, line 1: the file begins 'good 1 2 3'"),
        ("1 2\nking 1 2\n", "vectors.txt: it has none of the 6 words of the vocabulary, "),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    text: str | None, message: str, vectors: str
) -> None:
    if text is None:
        Path(vectors).unlink()
    else:
        Path(vectors).write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        beginning("lstm", vectors).learn(TEXTS)
    assert message in str(error.value)
