"""The models older than transformers as transformers' own: saved, opened, called, continued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.small_architectures import PAIRS, model_section
from safetensors.torch import load_file
from torch.nn import functional as F

from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_tokenizer
from hfdl.errors import ConfigError, ModelError
from hfdl.generation import generate
from hfdl.hf_models.from_config import build_new_model
from hfdl.hf_models.own_architectures import OWN
from hfdl.hf_models.word_base import SmallModel
from hfdl.tasks.registry import task_class
from hfdl.weights.chunked_lm_loss import enable_chunked_loss
from hfdl.weights.pretrained import build_pretrained

TEXTS = ["a good film, and a long one", "not good at all", "bad"]
LABELS = {"text_classification": 3, "token_classification": 4}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer("words", TEXTS, 100, masks=False)


def build(task: str, name: str, tokenizer: Any, **more: Any) -> Any:
    """A model in eval mode with weights so wide that no two answers are alike."""
    torch.manual_seed(0)
    settings = {"num_labels": LABELS[task]} if task in LABELS else {}
    section = ModelConfig.model_validate(model_section(task, name, **more))
    model, names = build_new_model(task_class(task).head, section, tokenizer, **settings)
    assert names == [own for own, _ in model.named_parameters()]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return model.eval()


def batch(tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    found = tokenizer(TEXTS, padding=True, return_tensors="pt")
    return found["input_ids"], found["attention_mask"]


def test_every_architecture_has_its_heads() -> None:
    assert sum(architecture.reads_words for architecture in OWN.values()) == 6
    assert len(PAIRS) == 12
    assert sum(task == "text_classification" for task, _ in PAIRS) == 6
    assert sum(task == "token_classification" for task, _ in PAIRS) == 3
    assert sum(task == "causal_lm" for task, _ in PAIRS) == 3


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_what_is_saved_is_opened_again_to_the_bit(
    task: str, name: str, tokenizer: Any, tmp_path: Path
) -> None:
    model = build(task, name, tokenizer)
    model.save_pretrained(tmp_path)
    auto = getattr(transformers, task_class(task).auto_class)
    opened, info = auto.from_pretrained(tmp_path, output_loading_info=True)
    assert {key: len(found) for key, found in info.items()} == dict.fromkeys(info, 0)
    assert type(opened) is type(model)
    assert model.config.architectures == [type(model).__name__]
    config: Any = transformers.AutoConfig.from_pretrained(tmp_path)
    assert config.core() == model.config.core()
    assert (opened.config.vocab_size, opened.config.pad_token_id) == (len(tokenizer), 0)
    tensors = dict(opened.named_parameters())
    assert {*tensors} == {own for own, _ in model.named_parameters()}
    assert {*tensors} <= {*load_file(tmp_path / "model.safetensors")}
    for own, parameter in model.named_parameters():
        assert torch.equal(tensors[own], parameter), own
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        found = opened.eval()(ids, mask).logits  # an RNN's rounding depends on where tensors lie
        torch.testing.assert_close(found, model(ids, mask).logits, rtol=1e-5, atol=1e-6)
        assert torch.equal(model.core(ids, mask), model(ids, mask).logits)


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_padding_makes_no_difference(task: str, name: str, tokenizer: Any) -> None:
    model = build(task, name, tokenizer).double()
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        together = model(ids, mask).logits
        for row, (own, real) in enumerate(zip(ids, mask.bool(), strict=True)):
            alone = model(own[real][None]).logits[0]
            found = together[row][real] if task != "text_classification" else together[row]
            torch.testing.assert_close(found, alone, rtol=1e-12, atol=1e-12)
            assert found.std() > 1e-3


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_labels_give_the_mean_loss(task: str, name: str, tokenizer: Any) -> None:
    model = build(task, name, tokenizer)
    ids, mask = batch(tokenizer)
    if task == "text_classification":
        labels = torch.tensor([0, 2, 1])
    else:
        labels = torch.where(mask.bool(), ids % (4 if task in LABELS else len(tokenizer)), -100)
    out = model(ids, mask, labels=labels)
    logits, asked = out.logits, labels
    if task == "causal_lm":
        logits, asked = logits[:, :-1], labels[:, 1:]
    expected = F.cross_entropy(logits.flatten(0, -2), asked.flatten())
    torch.testing.assert_close(out.loss, expected)
    items = model(ids, mask, labels=labels, num_items_in_batch=10)
    torch.testing.assert_close(items.loss * 10, expected * (asked != -100).sum())
    assert model(ids, mask, labels=labels, return_dict=False)[0] == out.loss


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_embeddings_take_the_place_of_ids_and_never_stand_beside_them(
    task: str, name: str, tokenizer: Any
) -> None:
    model = build(task, name, tokenizer)
    ids, mask = batch(tokenizer)
    vectors = model.get_input_embeddings()(ids)
    with torch.no_grad():
        assert torch.equal(
            model(inputs_embeds=vectors, attention_mask=mask).logits, model(ids, mask).logits
        )
    for given in ({}, {"input_ids": ids, "inputs_embeds": vectors}):
        with pytest.raises(ModelError, match="exactly one of the two"):
            model(**given)
    with pytest.raises(ModelError, match=r"output_hidden_states is asked of Scratch\w+; it ans"):
        model(ids, mask, output_hidden_states=True)


@pytest.mark.parametrize(("task", "name"), [pair for pair in PAIRS if pair[0] in LABELS])
def test_a_head_for_other_labels_is_drawn_anew(
    task: str, name: str, tokenizer: Any, tmp_path: Path
) -> None:
    """Of a bag of words nothing can be kept: each of its weights is about a label."""
    build(task, name, tokenizer).save_pretrained(tmp_path)
    section = ModelConfig(name=str(tmp_path))
    if name == "bag-of-words":
        with pytest.raises(ModelError, match="2 of the 2 tensors of the model's body are not in"):
            build_pretrained(task_class(task).auto_class, tmp_path, section, num_labels=7)
        return
    torch.manual_seed(3)
    opened, fresh = build_pretrained(task_class(task).auto_class, tmp_path, section, num_labels=7)
    assert fresh == ["core.head.out.bias", "core.head.out.weight"]
    saved = load_file(tmp_path / "model.safetensors")
    for own, parameter in opened.named_parameters():
        if own not in fresh:
            assert torch.equal(parameter, saved[own]), own
    assert isinstance(opened, SmallModel)
    weight = opened.core.head.out.weight.detach()
    assert weight.shape[0] == 7
    bound = weight.shape[1] ** -0.5  # as torch draws a linear layer
    assert 0.5 * bound < float(weight.abs().max()) <= bound


def test_what_a_file_lacks_is_drawn_as_in_a_new_model(tokenizer: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = build("text_classification", "lstm", tokenizer)
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    lost = "core.backbone.layers.weight_hh_l0"
    del tensors[lost]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    opened: Any = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    weight = opened.get_parameter(lost)
    assert 0.9 * 8**-0.5 < float(weight.abs().max()) <= 8**-0.5
    other = "core.backbone.layers.weight_hh_l1"
    assert torch.equal(opened.get_parameter(other), tensors[other])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_first_weights_are_the_models_own(tokenizer: Any, dtype: Any) -> None:
    section = ModelConfig(name="hfdl://lstm", config={"hidden_size": 64}, dtype=dtype)
    model, _ = build_new_model("sequence", section, tokenizer)
    assert isinstance(model, SmallModel)
    assert model.dtype == getattr(torch, dtype)
    vectors = model.embeddings.tokens.weight
    assert (vectors[0] == 0).all()
    assert float(vectors[1:].std()) == pytest.approx(0.1, rel=0.1)
    assert float(model.core.backbone.layers.weight_hh_l0.abs().max()) <= 64**-0.5


# ---- the language model ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_word_by_word_is_as_all_at_once(kind: str, tokenizer: Any) -> None:
    model = build("causal_lm", kind, tokenizer).double()
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        whole = model(ids, mask).logits
        past, steps = None, []
        for end in range(1, ids.shape[1] + 1):
            out = model(ids[:, end - 1 : end], mask[:, :end], past_key_values=past, use_cache=True)
            past = out.past_key_values
            steps.append(out.logits)
        assert past.get_seq_length() == ids.shape[1]
        real = mask.bool()
        torch.testing.assert_close(torch.cat(steps, 1)[real], whole[real], rtol=1e-12, atol=1e-12)
        last = model(ids, mask, logits_to_keep=1).logits
        torch.testing.assert_close(last, whole[:, -1:], rtol=1e-12, atol=1e-12)
        assert model(ids, mask).past_key_values is None


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 1}])
def test_it_writes_the_same_with_and_without_its_state(
    search: dict[str, Any], tokenizer: Any
) -> None:
    model = build("causal_lm", "lstm", tokenizer).double()
    ids = torch.tensor([[0, 0, 5, 6], [7, 3, 4, 9]])
    mask = (ids != 0).long()
    options = {"max_new_tokens": 6, "stop_tokens": (), "pad_token_id": 0, **search}
    quick = generate(model, ids, mask, **options)
    slow = generate(model, ids, mask, use_cache=False, **options)
    assert torch.equal(quick, slow)
    alone = generate(model, ids[:1, 2:], None, **options)
    if not search.get("do_sample"):
        assert torch.equal(alone[0, 2:], quick[0, 4:])


def test_tied_words_are_one_matrix_and_saved_once(tokenizer: Any, tmp_path: Path) -> None:
    model = build("causal_lm", "gru", tokenizer)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path)
    opened: Any = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert opened.get_output_embeddings().weight is opened.get_input_embeddings().weight


def test_it_scores_in_chunks(tokenizer: Any) -> None:
    model = build("causal_lm", "lstm", tokenizer)
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        logits = model(ids, mask).logits.flatten(0, 1)
        enable_chunked_loss(model)
        assert model.scores_in_chunks
        places, targets = torch.tensor([0, 2, 9]), torch.tensor([4, 3, 5])
        scores = model(ids, mask, positions=places, targets=targets)
    expected = F.cross_entropy(logits[places], targets, reduction="none")
    torch.testing.assert_close(scores.losses, expected)
    assert torch.equal(scores.best, logits[places].argmax(-1))


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "section", "message"),
    [
        ("text_classification", {"name": "hfdl://lstm", "config": {"kind": "gru"}},
         "model.config.kind: the name hfdl://lstm already says it; it is 'lstm'. Leave it out, or "
         "name another model"),
        ("text_classification", {"name": "hfdl://lstm", "config": {"hiden_size": 4}},
         "model.config.hiden_size: hfdl://lstm has no size 'hiden_size'. Did you mean "
         "'hidden_size'?"),
        ("text_classification", {"name": "hfdl://lstm", "config": {"num_hidden_layers": 0}},
         "model.config.num_hidden_layers: it cannot be 0; it is a whole number, 1 or more, 1 by "
         "default. Correct or remove it"),
        ("text_classification", {"name": "hfdl://gru", "config": {"pooling": "max-pool"}},
         "model.config: unknown pooling 'max-pool'; there are last, mean, max, attention."),
        ("causal_lm", {"name": "hfdl://rnn", "config": {"bidirectional": True}},
         "model.config: bidirectional is True in a model of the next word;"),
        ("causal_lm", {"name": "hfdl://rnn", "config": {"embedding_size": 5}},
         "tied embeddings with embedding_size 5 and hidden_size 256"),
        ("text_classification", {"name": "hfdl://lstm", "implementation": "hf"},
         "model.implementation: transformers has no class of its own for hfdl://lstm; hf asks for "
         "transformers' own code. Set model.implementation=auto"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(
    task: str, section: dict[str, Any], message: str, tokenizer: Any
) -> None:
    with pytest.raises(ConfigError) as error:
        build_new_model(task_class(task).head, ModelConfig.model_validate(section), tokenizer)
    assert message in str(error.value)
