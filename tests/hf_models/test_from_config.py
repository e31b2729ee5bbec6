"""Models that begin with random weights: architecture by name, sizes, special ids.

The models over whole words are in ``test_small_models.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_bpe, learn_tokenizer
from hfdl.errors import HfdlError
from hfdl.hf_models import HfModel
from hfdl.hf_models.from_config import (
    HEADS,
    architectures,
    build_new_model,
    new_config,
    own_architecture,
)
from hfdl.weights.chunked_lm_loss import enable_chunked_loss
from hfdl.weights.names import is_new_model

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
CASES = [
    (kind, name)
    for kind in HEADS
    for name in architectures(kind)
    if own_architecture(ModelConfig(name=name)) is None
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_bpe(["a man sleeps on the sofa"], 270)


def build(kind: Any, name: str, tokenizer: Any, **options: Any) -> tuple[Any, list[str]]:
    torch.manual_seed(0)
    return build_new_model(kind, ModelConfig(name=name, config=SIZES, **options), tokenizer)


def test_the_architectures_are_those_of_the_families() -> None:
    causal, masked = architectures("causal_lm"), architectures("masked_lm")
    assert {"hfdl://gpt2", "hfdl://llama", "hfdl://mistral", "hfdl://qwen2"} < {*causal}
    assert {"hfdl://albert", "hfdl://modernbert", "hfdl://bert", "hfdl://distilbert"} < {*masked}
    assert "hfdl://qwen3" in causal
    assert not {*causal} & {*masked}
    texts, tokens = architectures("sequence"), architectures("token")
    assert texts[:8] == [
        "hfdl://lstm", "hfdl://gru", "hfdl://rnn", "hfdl://text-cnn", "hfdl://word-average",
        "hfdl://bag-of-words", "hfdl://encoder", "hfdl://decoder",
    ]  # fmt: skip
    assert tokens[:3] == ["hfdl://lstm", "hfdl://gru", "hfdl://rnn"]
    assert {*causal, *masked} < {*texts}
    assert [len(each) for each in (causal, masked, texts, tokens)] == [9, 8, 20, 17]
    assert architectures("seq2seq") == ["hfdl://transformer"]
    assert len(CASES) == 36
    assert is_new_model(ModelConfig(name="hfdl://gpt2"))
    assert not is_new_model(ModelConfig(name="gpt2"))


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_weights_are_drawn_as_transformers_draws_them(kind: Any, name: str, tokenizer: Any) -> None:
    model, names = build(kind, name, tokenizer, implementation="hf")
    assert isinstance(model, transformers.PreTrainedModel)
    assert not isinstance(model, HfModel)
    config: Any = model.config
    assert config.vocab_size == len(tokenizer)
    assert (config.hidden_size, config.num_hidden_layers) == (16, 2)
    for end in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if hasattr(config, end):
            assert getattr(config, end) == getattr(tokenizer, end)
    torch.manual_seed(0)
    expected = type(model)(config)
    for (own, ours), (other, theirs) in zip(
        model.named_parameters(), expected.named_parameters(), strict=True
    ):
        assert own == other
        assert torch.equal(ours, theirs)
    assert names == [own for own, _ in model.named_parameters()]
    if kind in ("causal_lm", "masked_lm"):
        assert enable_chunked_loss(model).scores_in_chunks


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_our_own_code_begins_with_the_same_weights(kind: Any, name: str, tokenizer: Any) -> None:
    theirs, names = build(kind, name, tokenizer, implementation="hf")
    ours, same = build(kind, name, tokenizer)
    assert isinstance(ours, HfModel)
    assert names == same
    ids = torch.tensor([[5, 9, 3, 7]])
    with torch.no_grad():
        torch.testing.assert_close(
            ours.eval()(ids).logits, theirs.eval()(ids).logits, rtol=1e-4, atol=1e-5
        )


def test_the_vocabulary_is_the_tokenizers_whatever_was_asked_for(tokenizer: Any) -> None:
    model = ModelConfig(name="hfdl://gpt2", config={"vocab_size": 9})
    assert new_config("causal_lm", model, tokenizer).vocab_size == len(tokenizer)


def test_what_ends_documents_and_pads_too_is_no_padding_of_a_language_model(tokenizer: Any) -> None:
    end = learn_tokenizer("bpe", ["a man sleeps"], 270, masks=False)
    assert end.pad_token_id == end.eos_token_id
    model = ModelConfig(name="hfdl://llama")
    assert new_config("causal_lm", model, end).pad_token_id is None
    assert new_config("sequence", model, end).pad_token_id == end.pad_token_id
    assert new_config("causal_lm", model, tokenizer).pad_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize(
    ("kind", "model", "message"),
    [
        ("causal_lm", {"name": "hfdl://gpt3"}, "no architecture 'hfdl://gpt3' for a causal LM"),
        ("causal_lm", {"name": "hfdl://bert"}, "no architecture 'hfdl://bert' for a causal LM"),
        ("masked_lm", {"name": "hfdl://bert", "config": {"hiden_size": 8}}, "'hidden_size'"),
        ("causal_lm", {"name": "hfdl://gpt2", "config": {"hidden_size": 10}},
         "the sizes of a model must fit each other"),
        ("token", {"name": "hfdl://text-cnn"},
         "no architecture 'hfdl://text-cnn' for labels of tokens; there are: hfdl://lstm, "
         "hfdl://gru, hfdl://rnn, hfdl://encoder, hfdl://decoder, hfdl://albert, hfdl://bert"),
        ("sequence", {"name": "hfdl://ltsm"}, "Did you mean 'hfdl://lstm'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(
    kind: Any, model: dict[str, Any], message: str, tokenizer: Any
) -> None:
    with pytest.raises(HfdlError) as error:
        build_new_model(kind, ModelConfig(**model), tokenizer)
    assert message in str(error.value)
