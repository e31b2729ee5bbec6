"""The encoder-decoder transformer as transformers' own: saved, opened, called, generating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForSeq2SeqLM
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from hfdl.errors import ConfigError
from hfdl.generation import generate
from hfdl.hf_models.encoder_decoder import (
    ScratchTransformerConfig,
    ScratchTransformerForConditionalGeneration,
    shift_right,
)

SIZES = {
    "vocab_size": 17, "hidden_size": 12, "encoder_layers": 2, "decoder_layers": 3,
    "num_attention_heads": 3, "intermediate_size": 20, "dropout": 0.0,
}  # fmt: skip
SOURCE = torch.tensor([[5, 9, 3, 16, 2], [7, 7, 2, 0, 0], [4, 2, 0, 0, 0]])
MASK = (SOURCE != 0).long()
LABELS = torch.tensor([[6, 8, 2, -100], [3, 2, -100, -100], [11, 12, 13, 2]])


def model_of(**changed: Any) -> Any:
    torch.manual_seed(0)
    model = AutoModelForSeq2SeqLM.from_config(ScratchTransformerConfig(**{**SIZES, **changed}))
    with torch.no_grad():
        for parameter in model.parameters():  # wide, so that no two logits lie near each other
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    return model.double().eval()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("order", ["post", "pre"])
def test_what_is_saved_is_opened_again_to_the_bit(tied: bool, order: str, tmp_path: Path) -> None:
    model = model_of(tie_word_embeddings=tied, norm_order=order)
    assert type(model) is ScratchTransformerForConditionalGeneration
    model.save_pretrained(tmp_path)
    opened, info = AutoModelForSeq2SeqLM.from_pretrained(
        tmp_path, dtype=torch.float64, output_loading_info=True
    )
    assert {name: len(found) for name, found in info.items()} == dict.fromkeys(info, 0)
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.core() == model.core.config
    assert (config.tie_word_embeddings, config.norm_order) == (tied, order)
    names = {name for name, _ in opened.named_parameters()}
    assert names == {name for name, _ in model.named_parameters()}
    assert ("core.head.decoder.weight" in names) != tied
    read = shift_right(LABELS, start_token_id=1, pad_token_id=0)
    a, b = (m(SOURCE, MASK, read).logits for m in (model, opened.eval()))
    assert torch.equal(a, b)


def test_first_weights_are_the_models_own_and_not_transformers() -> None:
    torch.manual_seed(0)
    config = ScratchTransformerConfig(**{**SIZES, "vocab_size": 3000, "hidden_size": 48})
    model = AutoModelForSeq2SeqLM.from_config(config)
    tokens = model.core.encoder.embeddings.tokens.weight[1:]  # without padding
    assert tokens.std().item() == pytest.approx(48**-0.5, rel=0.02)
    norm = model.core.encoder.layers[0].attention_norm
    assert (norm.weight == 1).all()
    assert (norm.bias == 0).all()


def test_missing_weights_are_drawn_as_in_a_new_model(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model_of().float().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    lost = "core.encoder.layers.0.feed_forward_norm.weight"
    del tensors[lost]
    save_file(tensors, file, metadata={"format": "pt"})
    opened, info = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert {*info["missing_keys"]} == {lost}
    assert (opened.get_parameter(lost) == 1).all()


def test_labels_give_the_mean_loss_of_real_words() -> None:
    model = model_of()
    outputs = model(SOURCE, MASK, labels=LABELS)
    read = torch.tensor([[1, 6, 8, 2], [1, 3, 2, 0], [1, 11, 12, 13]])
    assert torch.equal(model.prepare_decoder_input_ids_from_labels(LABELS), read)
    real = LABELS != -100  # at padding there are zeros, see test_unpadded_pairs.py
    whole = model(SOURCE, MASK, read).logits
    assert (outputs.logits - whole)[real].abs().max() < 1e-12
    expected = F.cross_entropy(outputs.logits.flatten(0, 1), LABELS.flatten())
    assert float(outputs.loss) == float(expected)
    as_tuple = model(SOURCE, MASK, read, labels=LABELS, return_dict=False)
    assert torch.equal(as_tuple[0], outputs.loss)


@pytest.mark.parametrize("order", ["post", "pre"])
def test_cached_steps_equal_one_pass_and_project_the_memory_once(order: str) -> None:
    model = model_of(norm_order=order)
    target = torch.tensor([[1, 6, 8, 2], [1, 3, 2, 5], [1, 11, 12, 13]])
    whole = model(SOURCE, MASK, target).logits
    encoded = model.get_encoder()(SOURCE, MASK)
    calls: list[int] = []
    for block in model.core.decoder.layers:
        block.cross_attention.k_proj.register_forward_hook(lambda *_: calls.append(1))
    past, steps = None, []
    for part in target.split([2, 1, 1], dim=1):
        out = model(
            encoder_outputs=encoded, attention_mask=MASK, decoder_input_ids=part,
            past_key_values=past, use_cache=True,
        )  # fmt: skip
        past = out.past_key_values
        steps.append(out.logits)
    assert isinstance(past, EncoderDecoderCache)
    assert past.get_seq_length() == 4
    assert len(calls) == 3
    assert (torch.cat(steps, 1) - whole).abs().max() < 1e-12
    assert model(SOURCE, MASK, target).past_key_values is None


@pytest.mark.parametrize(
    "options",
    [{}, {"num_beams": 3}, {"num_beams": 4, "length_penalty": 2.0, "num_return_sequences": 2}],
)
def test_transformers_generates_what_hfdl_generates(options: dict[str, Any]) -> None:
    model = model_of(tie_word_embeddings=False)  # a tied one, untrained, says what it read
    theirs = model.generate(
        SOURCE, attention_mask=MASK, max_new_tokens=12, do_sample=False, **options
    )
    uncached = model.generate(
        SOURCE, attention_mask=MASK, max_new_tokens=12, do_sample=False, use_cache=False, **options
    )
    assert torch.equal(theirs, uncached)
    ours = generate(model, SOURCE, MASK, max_new_tokens=12, **options)
    assert [words(row) for row in ours] == [words(row) for row in theirs]
    assert len({tuple(words(row)) for row in ours}) > 1
    for i, row in enumerate(SOURCE):  # no padding: the same
        alone = model.generate(
            row[None, : int(MASK[i].sum())], max_new_tokens=12, do_sample=False, **options
        )
        assert words(alone[0]) == words(theirs[i * len(alone)])


def words(ids: torch.Tensor) -> list[int]:
    """The ids up to the end token."""
    row = ids.tolist()
    return row[: row.index(2) + 1] if 2 in row else row


def test_attention_weights_are_given_where_they_are_asked_for() -> None:
    model = model_of()
    plain = model(SOURCE, MASK, labels=LABELS)
    assert plain.cross_attentions is None
    asked = model(SOURCE, MASK, labels=LABELS, output_attentions=True)
    assert [tuple(w.shape) for w in asked.encoder_attentions] == [(3, 3, 5, 5)] * 2
    assert [tuple(w.shape) for w in asked.decoder_attentions] == [(3, 3, 4, 4)] * 3
    assert [tuple(w.shape) for w in asked.cross_attentions] == [(3, 3, 4, 5)] * 3
    assert (asked.cross_attentions[0].sum(-1) - 1).abs().max() < 1e-12
    assert (asked.logits - plain.logits)[LABELS != -100].abs().max() < 1e-12


@pytest.mark.parametrize(
    "given",
    [
        {"output_hidden_states": True},
        {"inputs_embeds": torch.zeros(3, 5, 12)},
        {"decoder_inputs_embeds": torch.zeros(3, 4, 12)},
    ],
)
def test_what_the_model_does_not_have_is_refused(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(ConfigError, match=f"^{name}: this model does not have it; it reads ids"):
        model_of()(SOURCE, MASK, labels=LABELS, **given)


def test_gradient_checkpointing_is_switched_on_by_transformers_switch() -> None:
    grads = []
    for checkpointing in (False, True):
        model = model_of().train()
        if checkpointing:
            model.activation_checkpointing_enable()
        assert model.core.encoder.layers.gradient_checkpointing is checkpointing
        assert model.core.decoder.layers.gradient_checkpointing is checkpointing
        model(SOURCE, MASK, labels=LABELS).loss.backward()
        grads.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_lora_of_peft_trains_it() -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(task_type="SEQ_2_SEQ_LM", target_modules=["q_proj", "v_proj"], r=2)
    model = peft.get_peft_model(model_of(), config).train()
    model(input_ids=SOURCE, attention_mask=MASK, labels=LABELS).loss.backward()
    trained = {n for n, p in model.named_parameters() if p.grad is not None}
    # Two matrices for each of two projections, in 2 + 3 * 2 attentions.
    assert len(trained) == 32
    assert all("lora_" in name for name in trained)


def test_a_cache_that_someone_else_made_is_used() -> None:
    model = model_of()
    past = EncoderDecoderCache(DynamicCache(), DynamicCache())
    out = model(SOURCE, MASK, torch.tensor([[1], [1], [1]]), past_key_values=past)
    assert out.past_key_values is past
    assert past.cross_attention_cache.get_seq_length() == 5
