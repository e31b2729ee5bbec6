"""Models with positions by name as PreTrainedModels: files, weights, gradients, embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.positioned_models import EVERY, STACKS, built, padded, read, texts
from transformers import AutoModel

from hfdl.hf_models.own_architectures import OWN
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.weights.chunked_lm_loss import enable_chunked_loss


@pytest.mark.parametrize(("name", "head", "kind"), EVERY)
def test_what_is_saved_and_opened_is_bitwise_the_same(
    name: str, head: Any, kind: str, tmp_path: Path
) -> None:
    model = built(name, head, kind).float()
    model.save_pretrained(tmp_path)
    again, info = OWN[name].heads[head].from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    assert again.config.position_embedding_type == kind
    assert again.config.max_position_embeddings == (512 if kind == "learned" else None)
    batch = padded(texts())
    assert torch.equal(read(again.eval(), head, **batch), read(model, head, **batch))


@pytest.mark.parametrize(("name", "head", "kind"), STACKS)
def test_what_a_head_stands_upon_is_opened_without_it(
    name: str, head: Any, kind: str, tmp_path: Path
) -> None:
    model = built(name, head, kind).float()
    model.save_pretrained(tmp_path)
    bare, info = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert type(bare) is OWN[name].heads["base"]
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]
    batch = padded(texts())
    states = model.last_states(**batch)
    assert torch.equal(bare.eval()(**batch).last_hidden_state, states)


@pytest.mark.parametrize(("name", "head", "kind"), EVERY)
def test_the_weights_are_those_of_the_type(name: str, head: Any, kind: str) -> None:
    found = [n for n, _ in built(name, head, kind).named_parameters() if _of_positions(n)]
    assert len(found) == {"learned": 1, "t5": 1}.get(kind, 0) * (2 if head == "seq2seq" else 1)


def _of_positions(name: str) -> bool:
    return ".positions." in name or ".relative." in name


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("name", "head", "kind"), EVERY)
def test_every_weight_is_trained_alike_where_activations_are_computed_again(
    name: str, head: str, kind: str, checkpointing: bool
) -> None:
    grads = []
    for again in (False, checkpointing):
        model = built(name, head, kind).train()
        if again:
            model.gradient_checkpointing_enable()
        read(model, head, **padded(texts())).sin().sum().backward()
        grads.append({n: p.grad for n, p in model.named_parameters()})
    assert all(g is not None and g.abs().max() > 0 for g in grads[0].values() if g is not None)
    unused = [n for n, g in grads[0].items() if g is None]
    assert unused == []
    for name_, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name_], grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", POSITION_TYPES)
@pytest.mark.parametrize(("name", "head"), [("encoder", "masked_lm"), ("decoder", "causal_lm")])
def test_a_language_model_forms_the_logits_of_chosen_tokens_alone(
    name: str, head: str, kind: str
) -> None:
    model = built(name, head, kind)
    batch = padded(texts())
    logits = model(**batch).logits.flatten(0, 1)
    enable_chunked_loss(model)
    assert model.scores_in_chunks
    places, targets = torch.tensor([0, 3, 11]), torch.tensor([4, 5, 6])
    with torch.no_grad():
        found = model(**batch, positions=places, targets=targets).losses
    expected = torch.nn.functional.cross_entropy(logits[places], targets, reduction="none")
    assert (found - expected).abs().max() < 1e-10


@pytest.mark.parametrize(("name", "head", "kind"), STACKS)
def test_embeddings_in_the_place_of_ids_are_read_alike(name: str, head: str, kind: str) -> None:
    model = built(name, head, kind)
    ids = texts()[0][None]
    embeds = model.get_input_embeddings()(ids)
    assert (model(ids).logits - model(inputs_embeds=embeds).logits).abs().max() < 1e-12
