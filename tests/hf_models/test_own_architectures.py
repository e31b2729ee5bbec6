"""hfdl's own architectures: which sizes a recipe may give them."""

from __future__ import annotations

from typing import Any

import pytest

from hfdl.errors import ConfigError
from hfdl.hf_models.own_architectures import OWN


@pytest.mark.parametrize("name", OWN)
def test_the_defaults_are_sizes_that_may_be_given(name: str) -> None:
    own = OWN[name]
    sizes = {key: value for key, value in own.sizes.items() if key not in own.preset}
    own.check_sizes(name, sizes)
    config = own.config_class()
    assert {key: getattr(config, key) for key in sizes} == sizes
    assert not {"pad_token_id", "num_labels"} & {*sizes}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("lstm", {"embedding_size": None, "dropout": 0, "initializer_range": 1}),
        ("lstm", {"embedding_size": 7}),
        ("text-cnn", {"widths": [1, 2]}),
        ("word-average", {"num_hidden_layers": 0}),
    ],
)
def test_these_fit(name: str, sizes: dict[str, Any]) -> None:
    OWN[name].check_sizes(name, sizes)


@pytest.mark.parametrize(
    ("name", "key", "value", "rule"),
    [
        ("lstm", "num_hidden_layers", 0, "a whole number, 1 or more, 1 by default"),
        ("lstm", "hidden_size", 2.5, "a whole number, 1 or more, 256 by default"),
        ("lstm", "hidden_size", True, "a whole number, 1 or more, 256 by default"),
        ("gru", "embedding_size", 0, "a whole number, 1 or more"),
        ("gru", "bidirectional", 1, "true or false, False by default"),
        ("rnn", "dropout", 1.0, "from 0 to below 1, 0.2 by default"),
        ("rnn", "pooling", 3, "a name, 'last' by default"),
        ("text-cnn", "widths", [3, 0], "a list of whole numbers, each 1 or more, (3, 4, 5) by"),
        ("text-cnn", "widths", [], "a list of whole numbers, each 1 or more, (3, 4, 5) by"),
        ("word-average", "num_hidden_layers", -1, "a whole number, 0 or more, 2 by default"),
        ("word-average", "word_dropout", "much", "from 0 to below 1, 0.3 by default"),
        ("bag-of-words", "initializer_range", float("inf"), "a number, 0 or more, 0.0 by default"),
        ("transformer", "encoder_layers", 0, "a whole number, 1 or more, 6 by default"),
        ("transformer", "dropout", "much", "from 0 to below 1, 0.1 by default"),
        ("transformer", "tie_word_embeddings", "yes", "true or false, True by default"),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_refused(
    name: str, key: str, value: Any, rule: str
) -> None:
    with pytest.raises(ConfigError) as error:
        OWN[name].check_sizes(f"hfdl://{name}", {key: value})
    assert str(error.value).startswith(f"model.config.{key}: it cannot be {value!r}; it is {rule}")


@pytest.mark.parametrize("key", ["num_hidden_layers", "pad_token_id", "is_encoder_decoder"])
def test_what_is_no_size_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=f"config.{key}: hfdl://transformer has no size '{key}'"):
        OWN["transformer"].check_sizes("hfdl://transformer", {key: 1})
