"""The encoder-decoder without padding, against the padded computation: numbers and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM

from hfdl.hf_models import encoder_decoder
from hfdl.hf_models.encoder_decoder import ScratchTransformerConfig, shift_right
from hfdl.hf_models.unpadded import pair_packings, target_mask
from hfdl.nn.losses import IGNORED
from hfdl.nn.packing import Packing

SIZES = {
    "vocab_size": 17, "hidden_size": 12, "encoder_layers": 2, "decoder_layers": 2,
    "num_attention_heads": 3, "intermediate_size": 20, "dropout": 0.0,
}  # fmt: skip
LENGTHS = {
    "unlike": ([5, 1, 3, 3, 2], [1, 4, 2, 2, 6]),
    "sorted runs": ([5, 5, 3, 1, 1], [4, 4, 4, 2, 2]),
    "sources alike": ([4, 4, 4], [1, 3, 2]),
    "targets alike": ([2, 4, 1], [3, 3, 3]),
}


def batch(lengths: tuple[list[int], list[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask and labels; what stands at padding is not the pad id alone."""
    generator = torch.Generator().manual_seed(1)
    sources, targets = (torch.tensor(x)[:, None] for x in lengths)
    ids = torch.randint(3, 17, (len(sources), int(sources.max())), generator=generator)
    mask = torch.arange(ids.shape[1]) < sources
    labels = torch.randint(3, 17, (len(targets), int(targets.max())), generator=generator)
    return ids, mask.long(), labels.where(torch.arange(labels.shape[1]) < targets, IGNORED)


def model_of(**changed: Any) -> Any:
    torch.manual_seed(0)
    config = ScratchTransformerConfig(**{**SIZES, **changed})
    return AutoModelForSeq2SeqLM.from_config(config).double().train()


def both(model: Any, monkeypatch: pytest.MonkeyPatch, *args: Any, **options: Any) -> list[Any]:
    """The outputs without padding and with it, and how many tokens the layers saw."""
    seen: list[int] = []
    layer = model.core.decoder.layers[0].feed_forward
    handle = layer.register_forward_pre_hook(lambda _, x: seen.append(x[0].dim()))
    unpadded = model(*args, **options)
    with monkeypatch.context() as patch:
        patch.setattr(encoder_decoder, "pair_packings", lambda *_: None)
        padded = model(*args, **options)
    handle.remove()
    return [unpadded, padded, seen]


def gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_same(model: Any, unpadded: Any, padded: Any, mask: Tensor, labels: Tensor) -> None:
    real = labels != IGNORED
    assert (unpadded.logits[~real] == 0).all()
    assert (unpadded.encoder_last_hidden_state[mask == 0] == 0).all()
    for name, at in (("logits", real), ("encoder_last_hidden_state", mask.bool())):
        mine, theirs = unpadded[name][at], padded[name][at]
        assert (mine - theirs).abs().max() <= 1e-12 * theirs.abs().max()
    assert abs((unpadded.loss - padded.loss).item()) < 1e-12
    mine, theirs = (gradients(model, x.loss) for x in (unpadded, padded))
    assert mine.keys() == theirs.keys()
    for name in mine:
        bound = 1e-12 * max(1.0, float(theirs[name].abs().max()))
        assert float((mine[name] - theirs[name]).abs().max()) <= bound, name


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "t5"])
def test_it_is_the_padded_computation(
    lengths: str, positions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, mask, labels = batch(LENGTHS[lengths])
    model = model_of(position_embedding_type=positions, max_position_embeddings=8)
    unpadded, padded, seen = both(model, monkeypatch, ids, mask, labels=labels)
    assert seen == [2, 3]
    assert_same(model, unpadded, padded, mask, labels)


def test_pre_norm_a_mask_in_place_of_labels_and_no_mask_of_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids, mask, labels = batch(LENGTHS["unlike"])
    model = model_of(norm_order="pre", tie_word_embeddings=False)
    read = shift_right(labels, start_token_id=1, pad_token_id=0)
    real = labels != IGNORED
    for source_mask in (mask, None):
        unpadded, padded, seen = both(
            model, monkeypatch, ids, source_mask, read, decoder_attention_mask=real.long()
        )
        assert seen == [2, 3]
        assert (unpadded.logits - padded.logits)[real].abs().max() < 1e-12
        assert (unpadded.logits[~real] == 0).all()


def test_labels_of_a_part_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not scored before the last label is still read."""
    ids, mask, labels = batch(LENGTHS["unlike"])
    labels[1, :3] = IGNORED
    labels[4, 2] = IGNORED
    read = shift_right(labels, start_token_id=1, pad_token_id=0)
    read[1, 1:3] = 9
    model = model_of()
    unpadded, padded, seen = both(model, monkeypatch, ids, mask, read, labels=labels)
    assert seen == [2, 3]
    assert abs((unpadded.loss - padded.loss).item()) < 1e-12


def test_the_padded_path_stays_where_it_must() -> None:
    ids, mask, labels = batch(LENGTHS["unlike"])
    real = labels != IGNORED

    def packs(source: Tensor = ids, m: Tensor | None = mask, t: Tensor | None = real) -> bool:
        return pair_packings(source, m, t) is not None

    assert packs()
    assert not packs(m=mask.flip(1))  # padding on the left
    assert not packs(t=real.flip(1))
    assert not packs(t=None)
    assert not packs(m=torch.ones_like(mask), t=torch.ones_like(real))
    empty = mask.clone()
    empty[2] = 0
    assert not packs(m=empty)
    hole = real.clone()
    hole[4, 2] = False
    assert not packs(t=hole)
    assert target_mask(hole.long(), labels) is None  # a label at padding
    assert target_mask(None, None) is None


@pytest.mark.parametrize("options", [{"use_cache": True}, {"output_attentions": True}])
def test_caches_and_weights_are_of_the_padded_batch(options: dict[str, bool]) -> None:
    ids, mask, labels = batch(LENGTHS["unlike"])
    out = model_of().eval()(ids, mask, labels=labels, **options)
    assert (out.logits[labels == IGNORED] != 0).any()
    model = model_of()
    model.set_attn_implementation("eager")
    assert (model(ids, mask, labels=labels).logits[labels == IGNORED] != 0).any()


def test_it_trains_with_dropout_and_recomputed_blocks() -> None:
    ids, mask, labels = batch(LENGTHS["unlike"])
    model = model_of(dropout=0.2, attention_dropout=0.2)
    torch.manual_seed(3)
    plain = gradients(model, model(ids, mask, labels=labels).loss)
    model.gradient_checkpointing_enable()
    torch.manual_seed(3)
    again = gradients(model, model(ids, mask, labels=labels).loss)
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, rtol=0, atol=1e-12)


def test_both_packings_are_of_the_given_masks() -> None:
    ids, mask, labels = batch(LENGTHS["unlike"])
    found = pair_packings(ids, mask, labels != IGNORED)
    assert found is not None
    assert [p.lengths for p in found] == [tuple(x) for x in LENGTHS["unlike"]]
    assert all(isinstance(p, Packing) for p in found)
