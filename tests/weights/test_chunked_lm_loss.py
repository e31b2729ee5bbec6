"""Chunked losses: the losses and gradients of the plain forward, without its logits."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from hfdl.hf_models.load import to_scratch_model
from hfdl.nn import losses
from hfdl.training.accelerator import forget_device_state
from hfdl.weights.chunked_lm_loss import Scores, enable_chunked_loss

V = 37
_SIZES = {
    "vocab_size": V, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 32, "max_position_embeddings": 40,
}  # fmt: skip
_GROUPED = {**_SIZES, "num_key_value_heads": 2}
_ENDS = {"pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2}

Make = Callable[[], Any]
WHOLE: dict[str, Make] = {
    "bert": lambda: tf.BertForMaskedLM(tf.BertConfig(**_SIZES)),
    "roberta": lambda: tf.RobertaForMaskedLM(tf.RobertaConfig(**_SIZES)),
    "electra": lambda: tf.ElectraForMaskedLM(tf.ElectraConfig(**_SIZES, embedding_size=16)),
    "albert": lambda: tf.AlbertForMaskedLM(tf.AlbertConfig(**_SIZES, embedding_size=8)),
    "distilbert": lambda: tf.DistilBertForMaskedLM(
        tf.DistilBertConfig(
            vocab_size=V, dim=16, n_layers=2, n_heads=4, hidden_dim=32, max_position_embeddings=40
        )
    ),
    "modernbert": lambda: tf.ModernBertForMaskedLM(tf.ModernBertConfig(**_SIZES, **_ENDS)),
    "gpt2": lambda: tf.GPT2LMHeadModel(
        tf.GPT2Config(vocab_size=V, n_embd=16, n_layer=2, n_head=4, n_positions=40)
    ),
    "gpt_neo": lambda: tf.GPTNeoForCausalLM(
        tf.GPTNeoConfig(
            vocab_size=V, hidden_size=16, num_layers=2, num_heads=4, max_position_embeddings=40,
            attention_types=[[["global", "local"], 1]],
        )
    ),
    "gpt_neox": lambda: tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**_SIZES)),
    "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**_GROUPED)),
    "mistral": lambda: tf.MistralForCausalLM(tf.MistralConfig(**_GROUPED)),
    "qwen2": lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**_GROUPED)),
    "phi": lambda: tf.PhiForCausalLM(tf.PhiConfig(**_SIZES)),
}  # fmt: skip
# Models whose logits are more than a linear layer's answer, or whose head takes its states from
# within the body: their logits are formed whole.
PLAIN: dict[str, Make] = {
    "gemma2": lambda: tf.Gemma2ForCausalLM(tf.Gemma2Config(**_GROUPED, head_dim=4)),
    "cohere": lambda: tf.CohereForCausalLM(tf.CohereConfig(**_GROUPED, logit_scale=0.1)),
    "opt": lambda: tf.OPTForCausalLM(
        tf.OPTConfig(
            vocab_size=V, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_dim=32,
            max_position_embeddings=40, word_embed_proj_dim=16,
        )
    ),
}  # fmt: skip
SCRATCH = [
    "albert", "bert", "roberta", "electra", "distilbert", "modernbert", "gpt2", "llama", "mistral",
    "qwen2",
]  # fmt: skip
MODELS: dict[str, Make] = {
    **WHOLE, **PLAIN,
    **{f"{name} in hfdl's code": lambda n=name: to_scratch_model(WHOLE[n]()) for name in SCRATCH},
}  # fmt: skip

PLACES = torch.tensor([0, 3, 9, 16])
TARGETS = torch.tensor([5, 0, 36, 11])


def ids() -> Tensor:
    return torch.randint(3, V, (3, 6), generator=torch.Generator().manual_seed(1))


def made(name: str) -> Any:
    torch.manual_seed(0)
    return MODELS[name]().double().eval()


def test_the_table_covers_what_it_says() -> None:
    assert (len(WHOLE), len(PLAIN), len(SCRATCH), len(MODELS)) == (13, 3, 10, 26)


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_all_gradients_equal_those_of_the_logits(name: str) -> None:
    model = made(name)
    plain = copy.deepcopy(model)
    chunked = enable_chunked_loss(model)
    assert chunked is model
    assert model.scores_in_chunks == (name not in PLAIN)
    found = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    assert isinstance(found, Scores)
    logits = plain(input_ids=ids()).logits.flatten(0, 1)[PLACES]
    expected = F.cross_entropy(logits, TARGETS, reduction="none")
    assert found.losses is None  # training reads the sum alone
    assert found.best is None
    with torch.no_grad():
        judged = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    torch.testing.assert_close(judged.losses, expected.detach(), rtol=1e-12, atol=1e-12)
    assert torch.equal(judged.best, logits.argmax(-1))
    found.total.backward()
    expected.sum().backward()
    compared = 0
    for (n, a), (m, b) in zip(model.named_parameters(), plain.named_parameters(), strict=True):
        assert n == m
        assert (a.grad is None) == (b.grad is None), n
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-13)
            compared += 1
    assert compared >= 15


@pytest.mark.parametrize("name", MODELS)
def test_all_places_are_those_of_the_logits(name: str) -> None:
    """Where all are asked for, nothing is gathered."""
    model = made(name)
    expected_logits = model(input_ids=ids()).logits.flatten(0, 1)  # (18, V)
    targets = torch.randint(3, V, (18,), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = enable_chunked_loss(model)(
            input_ids=ids(), positions=torch.arange(18), targets=targets
        )
    expected = F.cross_entropy(expected_logits, targets, reduction="none")
    torch.testing.assert_close(found.losses, expected.detach(), rtol=1e-12, atol=1e-12)
    assert torch.equal(found.best, expected_logits.argmax(-1))


@pytest.mark.parametrize("name", MODELS)
def test_without_targets_it_is_the_model_that_it_was(name: str, tmp_path: Path) -> None:
    model = made(name)
    plain = copy.deepcopy(model)
    enable_chunked_loss(model)
    assert type(model).__name__ == type(plain).__name__
    assert isinstance(model, type(plain))
    assert torch.equal(model(input_ids=ids()).logits, plain(input_ids=ids()).logits)
    model.save_pretrained(tmp_path)
    config = tf.AutoConfig.from_pretrained(tmp_path)
    assert config.architectures == [type(plain).__name__.removeprefix("Scratch")]


@pytest.mark.parametrize("name", ["gpt2", "llama", "llama in hfdl's code"])
def test_generate_goes_on_working(name: str) -> None:
    model = made(name)
    options: dict[str, Any] = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
    expected = model.generate(ids(), **options)
    enable_chunked_loss(model)
    assert torch.equal(model.generate(ids(), **options), expected)


@pytest.mark.parametrize("name", ["bert", "gpt2", "bert in hfdl's code", "llama in hfdl's code"])
def test_only_the_chosen_rows_reach_the_last_layer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = enable_chunked_loss(made(name))
    seen: list[tuple[int, ...]] = []
    chunked = losses.chunked_loss

    def spy(hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        seen.append(tuple(hidden.shape))
        return chunked(hidden, *args, **kwargs)

    monkeypatch.setattr("hfdl.weights.chunked_lm_loss.chunked_loss", spy)
    formed: list[int] = []
    linear = F.linear

    def watch(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if weight.shape[0] == V:
            formed.append(x.shape[:-1].numel())
        return linear(x, weight, bias)

    monkeypatch.setattr(F, "linear", watch)
    model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    assert seen == [(4, 16)]
    assert formed == [4]


def test_smoothing_and_focus_are_of_training_alone() -> None:
    options = {"label_smoothing": 0.1, "focal_gamma": 2.0}
    model = made("gpt2")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    enable_chunked_loss(model, **options)
    logits = model(input_ids=ids()).logits.flatten(0, 1)[PLACES]
    plain = F.cross_entropy(logits, TARGETS, reduction="sum")
    held_out = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    torch.testing.assert_close(held_out.total, plain, rtol=1e-12, atol=0)
    trained = model.train()(input_ids=ids(), positions=PLACES, targets=TARGETS)
    expected = losses.token_losses(logits, TARGETS, **options).sum()
    torch.testing.assert_close(trained.total, expected, rtol=1e-12, atol=0)
    assert trained.losses is None  # it reads the sum alone
    with torch.no_grad():
        judged = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    torch.testing.assert_close(judged.total, expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(judged.losses.sum(), plain.detach(), rtol=1e-12, atol=0)


def test_gradient_checkpointing_and_copies_go_on_working() -> None:
    model = enable_chunked_loss(made("gpt2"))
    expected = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    copied = copy.deepcopy(model)
    assert torch.equal(
        copied(input_ids=ids(), positions=PLACES, targets=TARGETS).total, expected.total
    )
    copied.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    found = copied.train()(input_ids=ids(), positions=PLACES, targets=TARGETS)
    found.total.backward()
    assert all(p.grad is not None for p in copied.parameters())


def test_accelerates_wrapping_and_unwrapping_keep_the_chunked_loss() -> None:
    forget_device_state()
    model = enable_chunked_loss(made("bert"))
    expected = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    try:
        prepared: Any = accelerator.prepare_model(model)
        with torch.no_grad():
            inside = prepared(input_ids=ids(), positions=PLACES, targets=TARGETS)
        assert isinstance(inside, Scores)
        assert inside.best.dtype == torch.int64
        bare: Any = accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
        found = bare(input_ids=ids(), positions=PLACES, targets=TARGETS)
        assert torch.equal(found.total, expected.total)
        assert bare(input_ids=ids()).logits.shape == (3, 6, V)
    finally:
        forget_device_state()


def test_enabling_twice_is_enabling_once() -> None:
    model = enable_chunked_loss(enable_chunked_loss(made("bert")))
    plain = made("bert")
    logits = plain(input_ids=ids()).logits.flatten(0, 1)[PLACES]
    found = model(input_ids=ids(), positions=PLACES, targets=TARGETS)
    expected = F.cross_entropy(logits, TARGETS, reduction="sum")
    torch.testing.assert_close(found.total, expected, rtol=1e-12, atol=0)
