"""Decoders without their padding, against the padded computation: numbers and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.scratch_models import DECODERS, hf_model
from torch import Tensor

from hfdl.hf_models import decoder
from hfdl.hf_models.load import to_scratch_model
from hfdl.hf_models.unpadded import row_packing
from hfdl.weights.chunked_lm_loss import enable_chunked_loss

LENGTHS = {
    "unlike": (5, 1, 9, 3, 9, 2),
    "sorted runs": (9, 9, 4, 4, 4, 1),
    "one is short": (9, 9, 1),
    "all alike but one": (3, 3, 3, 4),
    "one row": (4,),
}
WIDTH = 10
"""Of the rows: their longest text does not reach the edge either."""


def batch(lengths: tuple[int, ...], side: str) -> tuple[Tensor, Tensor]:
    """Ids and mask, (B, T)."""
    ids = torch.randint(4, 40, (len(lengths), WIDTH), generator=torch.Generator().manual_seed(2))
    real = torch.arange(WIDTH) < torch.tensor(lengths)[:, None]
    mask = (real if side == "right" else real.flip(1)).long()
    return ids * mask, mask  # the pad id of these models is 0


def model_of(variant: str, head: str) -> Any:
    config = {"pad_token_id": 0} if head == "sequence" else {}
    model: Any = to_scratch_model(hf_model(variant, head)).double().eval()
    for name, value in config.items():
        setattr(model.config, name, value)
    model.config.use_cache = False  # as in training
    return model


def both(
    model: Any, monkeypatch: pytest.MonkeyPatch, forward: Any
) -> list[tuple[Any, dict[str, Tensor], int]]:
    """What is answered without padding and with it, gradients, and dimensions in the layers."""
    found: list[tuple[Any, dict[str, Tensor], int]] = []
    for keep in (False, True):
        seen: list[int] = []
        layer = model.backbone.layers[0].feed_forward
        handle = layer.register_forward_pre_hook(lambda _, x, s=seen: s.append(x[0].dim()))
        with monkeypatch.context() as patch:
            if keep:
                patch.setattr(decoder, "row_packing", lambda *_: None)
            out, loss = forward()
        handle.remove()
        model.zero_grad()
        loss.backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found.append((out, gradients, seen[0]))
    return found


def assert_same(found: list[tuple[Any, dict[str, Tensor], int]]) -> None:
    (mine, grads, packed), (theirs, expected, padded) = found
    assert (packed, padded) == (2, 3)
    assert (mine - theirs).abs().max() < 1e-12
    assert grads.keys() == expected.keys()
    for name, gradient in expected.items():
        bound = 1e-12 * max(1.0, float(gradient.abs().max()))
        assert float((grads[name] - gradient).abs().max()) <= bound, name


@pytest.mark.parametrize("variant", DECODERS)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_language_models(
    variant: str, side: str, lengths: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, mask = batch(LENGTHS[lengths], side)
    labels = ids.masked_fill(mask == 0, -100)
    read = (mask[:, :-1] & mask[:, 1:]).bool()
    labels[:, 1:][~read] = -100  # no word of the text is read at padding
    model = model_of(variant, "causal_lm")

    def forward() -> tuple[Tensor, Tensor]:
        out = model(input_ids=ids, attention_mask=mask, labels=labels)
        return out.logits[mask.bool()], out.loss

    assert_same(both(model, monkeypatch, forward))


@pytest.mark.parametrize("variant", DECODERS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_classifiers_of_texts_and_of_tokens(
    variant: str, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, mask = batch(LENGTHS["unlike"], side)
    for head in ("sequence", "token"):
        model = model_of(variant, head)
        labels = torch.tensor([0, 1, 1, 0, 0, 1])
        if head == "token":
            labels = (ids % 2).masked_fill(mask == 0, -100)

        def forward(model: Any = model, labels: Tensor = labels) -> tuple[Tensor, Tensor]:
            out = model(input_ids=ids, attention_mask=mask, labels=labels)
            return out.logits[mask.bool()] if out.logits.dim() == 3 else out.logits, out.loss

        assert_same(both(model, monkeypatch, forward))


@pytest.mark.parametrize("given", ["row", "rows"])
def test_positions_that_are_given_stay_the_tokens_own(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, mask = batch(LENGTHS["unlike"], "left")
    positions = (mask.cumsum(1) - 1).clamp(min=0) if given == "rows" else torch.arange(3, 13)[None]
    model = model_of("gpt2", "causal_lm")
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, 1:][~(mask[:, :-1] & mask[:, 1:]).bool()] = -100

    def forward() -> tuple[Tensor, Tensor]:
        out = model(input_ids=ids, attention_mask=mask, position_ids=positions, labels=labels)
        return out.logits[mask.bool()], out.loss

    assert_same(both(model, monkeypatch, forward))


def test_the_chunked_loss_reads_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, mask = batch(LENGTHS["unlike"], "right")
    model = enable_chunked_loss(model_of("llama", "causal_lm"))
    read = (mask[:, :-1] & mask[:, 1:]).bool()  # (B, T - 1)
    places = torch.arange(ids.numel()).view(ids.shape)[:, :-1][read]
    targets = ids[:, 1:][read]

    def forward() -> tuple[Tensor, Tensor]:
        out = model(input_ids=ids, attention_mask=mask, positions=places, targets=targets)
        return out.total, out.total

    assert_same(both(model, monkeypatch, forward))


def test_the_padded_path_stays_where_an_answer_at_padding_may_be_read() -> None:
    ids, mask = batch(LENGTHS["unlike"], "right")
    everywhere, real = torch.ones_like(mask).bool(), mask.bool()
    assert row_packing(mask, real) is not None
    assert row_packing(mask, everywhere) is None
    assert row_packing(mask, None) is None
    assert row_packing(None, real) is None
    assert row_packing(torch.ones_like(mask), everywhere) is None
    for row, what in ((0, [0] * 10), (2, [1, 1, 0, 1, 1, 1, 0, 0, 0, 0])):
        changed = mask.clone()  # no token at all, and padding between tokens
        changed[row] = torch.tensor(what)
        assert row_packing(changed, changed.bool()) is None
    model = model_of("gpt2", "causal_lm")
    assert (model(input_ids=ids, attention_mask=mask).logits[mask == 0] != 0).any()
    scored = model(input_ids=ids, attention_mask=mask, labels=ids)  # the pads' labels, too
    assert (scored.logits[mask == 0] != 0).any()


def test_a_text_whose_last_word_is_masked_is_read_as_it_was() -> None:
    ids, mask = batch((5, 3), "right")
    ids[1, 3] = 7  # not the pad id, but masked: it is the last token all the same
    model = model_of("gpt2", "sequence")
    seen: list[int] = []
    model.backbone.layers[0].register_forward_pre_hook(lambda _, x: seen.append(x[0].dim()))
    model(input_ids=ids, attention_mask=mask)
    assert seen == [3]


def test_weights_caches_and_other_kernels_are_of_the_padded_batch() -> None:
    ids, mask = batch(LENGTHS["unlike"], "right")
    labels = ids.masked_fill(mask == 0, -100)
    model = model_of("llama", "causal_lm")
    for options in (
        {"use_cache": True}, {"output_attentions": True}, {"output_hidden_states": True},
        {"logits_to_keep": 10},
    ):  # fmt: skip
        out = model(input_ids=ids, attention_mask=mask, labels=labels, **options)
        assert (out.logits[mask == 0] != 0).any(), options
    model.set_attn_implementation("eager")
    out = model(input_ids=ids, attention_mask=mask, labels=labels)
    assert (out.logits[mask == 0] != 0).any()
