"""Masks against loops over positions, torch's modules, and transformers' own masks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DynamicCache, LlamaConfig, MistralConfig, ModernBertConfig
from transformers.masking_utils import (
    create_bidirectional_mask,
    create_bidirectional_sliding_window_mask,
    create_causal_mask,
    create_sliding_window_causal_mask,
)

from hfdl.errors import HfdlError, ShapeError
from hfdl.nn.masks import (
    causal_mask,
    combine,
    document_mask,
    from_additive,
    padding_mask,
    show,
    sliding_window_mask,
    to_additive,
    to_attention_mask,
    to_key_padding_mask,
    to_multihead_attention,
)

SIZES = [(1, 1), (1, 5), (4, 4), (3, 7), (7, 7), (0, 0)]
ATTENTION_MASK = torch.tensor(
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 0, 0, 0]]
)  # none, right and left padding, and a single token


def sizes_of(config_class: type, **settings: object) -> LlamaConfig | MistralConfig:
    """A tiny config whose masks are made for eager attention."""
    heads = {} if config_class is ModernBertConfig else {"num_key_value_heads": 2}
    config = config_class(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, **heads, **settings
    )
    config._attn_implementation = "eager"
    return config


def cache_of(length: int, batch: int) -> DynamicCache | None:
    """A cache that holds some positions already."""
    if length == 0:
        return None
    cache = DynamicCache()
    past = torch.zeros(batch, 2, length, 4)
    cache.update(past, past, 0)
    return cache


@pytest.mark.parametrize(("t", "s"), SIZES)
def test_causal_mask_allows_the_past(t: int, s: int) -> None:
    wanted = [[k <= s - t + q for k in range(s)] for q in range(t)]
    assert causal_mask(t, s).tolist() == wanted
    assert causal_mask(t, s).shape == (t, s)
    if t == s:
        assert torch.equal(causal_mask(t), causal_mask(t, s))


@pytest.mark.parametrize("window", [1, 2, 3, 100])
@pytest.mark.parametrize(("t", "s"), SIZES)
def test_sliding_window_allows_the_near_past(t: int, s: int, window: int) -> None:
    wanted = [[s - t + q - window < k <= s - t + q for k in range(s)] for q in range(t)]
    assert sliding_window_mask(t, s, window=window).tolist() == wanted
    if t == s:
        assert torch.equal(sliding_window_mask(t, window=window), torch.tensor(wanted).view(t, s))


@pytest.mark.parametrize("past", [0, 1, 3])
def test_causal_and_padding_masks_are_those_of_transformers(past: int) -> None:
    t, s = 5 - past, 5
    embeds = torch.zeros(4, t, 8)
    theirs = create_causal_mask(
        config=sizes_of(LlamaConfig), inputs_embeds=embeds, attention_mask=ATTENTION_MASK,
        past_key_values=cache_of(past, 4),
    )  # fmt: skip
    assert isinstance(theirs, Tensor)
    assert theirs.shape == (4, 1, t, s)
    ours = combine(causal_mask(t, s), padding_mask(ATTENTION_MASK))
    assert ours is not None
    assert torch.equal(to_additive(ours), theirs)
    assert torch.equal(from_additive(theirs), ours)
    assert ours.any()
    assert not ours.all()


@pytest.mark.parametrize("past", [0, 2])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_sliding_window_is_that_of_mistral(window: int, past: int) -> None:
    t, s = 5 - past, 5
    # This cache knows of no window, so the mask spans all S keys.
    theirs = create_sliding_window_causal_mask(
        config=sizes_of(MistralConfig, sliding_window=window), inputs_embeds=torch.zeros(4, t, 8),
        attention_mask=ATTENTION_MASK, past_key_values=cache_of(past, 4),
    )  # fmt: skip
    assert isinstance(theirs, Tensor)
    assert theirs.shape == (4, 1, t, s)
    ours = combine(sliding_window_mask(t, s, window=window), padding_mask(ATTENTION_MASK))
    assert ours is not None
    assert torch.equal(to_additive(ours), theirs)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_window_to_both_sides_is_that_of_modernbert(window: int) -> None:
    theirs = create_bidirectional_sliding_window_mask(
        config=sizes_of(ModernBertConfig, local_attention=2 * (window - 1)),
        inputs_embeds=torch.zeros(4, 5, 8), attention_mask=ATTENTION_MASK,
    )  # fmt: skip
    assert isinstance(theirs, Tensor)
    near = sliding_window_mask(5, window=window, causal=False)
    ours = combine(near, padding_mask(ATTENTION_MASK))
    assert ours is not None
    assert torch.equal(to_additive(ours), theirs)


def test_padding_mask_is_that_of_transformers_for_encoders() -> None:
    theirs = create_bidirectional_mask(
        config=sizes_of(LlamaConfig), inputs_embeds=torch.zeros(4, 5, 8),
        attention_mask=ATTENTION_MASK,
    )  # fmt: skip
    assert isinstance(theirs, Tensor)
    ours = padding_mask(ATTENTION_MASK)
    assert ours.shape == (4, 1, 1, 5)
    assert torch.equal(to_additive(ours).expand(-1, -1, 5, -1), theirs)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.float32])
def test_padding_mask_takes_ones_and_zeros_of_any_type(dtype: torch.dtype) -> None:
    mask = padding_mask(ATTENTION_MASK.to(dtype))
    assert mask.dtype == torch.bool
    assert torch.equal(to_attention_mask(mask), ATTENTION_MASK)
    assert to_attention_mask(mask).dtype == torch.int64


def test_document_mask_joins_equal_numbers() -> None:
    ids = torch.tensor([[0, 0, 1, 1, 1], [7, 3, 3, 7, 2]])
    mask = document_mask(ids)
    assert mask.shape == (2, 1, 5, 5)
    for b, row in enumerate(ids.tolist()):
        assert mask[b, 0].tolist() == [[x == y for y in row] for x in row]


def test_packed_documents_see_what_each_sees_alone() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 7, 4, dtype=torch.float64)
    mask = combine(causal_mask(7), document_mask(torch.tensor([[0, 0, 0, 1, 2, 2, 2]])))
    packed = F.scaled_dot_product_attention(x, x, x, mask)
    alone = [F.scaled_dot_product_attention(p, p, p, is_causal=True) for p in x.split([3, 1, 3], 2)]
    torch.testing.assert_close(packed, torch.cat(alone, 2), rtol=0, atol=1e-14)


def test_combine_is_a_conjunction_and_none_allows_everything() -> None:
    causal, padding = causal_mask(5), padding_mask(ATTENTION_MASK)
    both = combine(None, causal, None, padding)
    assert both is not None
    assert both.shape == (4, 1, 5, 5)
    for b, q, k in [(b, q, k) for b in range(4) for q in range(5) for k in range(5)]:
        assert both[b, 0, q, k] == (k <= q and bool(ATTENTION_MASK[b, k]))
    assert combine(None, causal) is causal
    assert combine(None, None) is None
    assert combine() is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_additive_masks_go_there_and_back(dtype: torch.dtype) -> None:
    mask = torch.rand(2, 1, 3, 5) > 0.5
    additive = to_additive(mask, dtype)
    assert additive.dtype == dtype
    assert additive.isfinite().all()
    assert torch.equal(from_additive(additive), mask)
    for barred in (-10000.0, float("-inf")):
        other = torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, barred)
        assert torch.equal(from_additive(other), mask)


def test_an_additive_mask_gives_the_probabilities_of_a_boolean_one() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 5, 4, dtype=torch.float64)
    mask = combine(causal_mask(5), padding_mask(ATTENTION_MASK[:2]))
    assert mask is not None
    by_bool = F.scaled_dot_product_attention(q, k, v, mask)
    scores = q @ k.transpose(-2, -1) / 2 + to_additive(mask, torch.float64)
    torch.testing.assert_close(scores.softmax(-1) @ v, by_bool, rtol=0, atol=1e-14)
    assert not torch.allclose(by_bool, F.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("per_head", [False, True])
def test_multihead_attention_reads_the_converted_mask(per_head: bool) -> None:
    """Two ways into the module, one for each converter, and our own meaning by the formula."""
    torch.manual_seed(0)
    heads = 2
    module = nn.MultiheadAttention(6, heads, batch_first=True, dtype=torch.float64)
    x = torch.randn(3, 5, 6, dtype=torch.float64)
    padding = padding_mask(ATTENTION_MASK[:3])
    padding = padding | torch.eye(5, dtype=torch.bool)[:, :1].T  # each query sees something: key 0
    causal = causal_mask(5)
    if per_head:
        causal = torch.stack([causal, sliding_window_mask(5, window=2) | (torch.arange(5) == 0)])
    whole = combine(causal, padding)
    assert whole is not None
    in_one = module(
        x, x, x, attn_mask=to_multihead_attention(whole, heads), average_attn_weights=False
    )
    q, k, v = (
        y.unflatten(-1, (heads, 3)).transpose(1, 2)
        for y in F.linear(x, module.in_proj_weight, module.in_proj_bias).chunk(3, -1)
    )
    out = F.scaled_dot_product_attention(q, k, v, whole).transpose(1, 2).flatten(2)
    torch.testing.assert_close(module.out_proj(out), in_one[0], rtol=0, atol=1e-14)
    assert torch.equal(in_one[1] > 0, whole.expand(-1, heads, -1, -1))
    if not per_head:
        in_two = module(
            x, x, x, attn_mask=to_multihead_attention(causal),
            key_padding_mask=to_key_padding_mask(padding),
        )  # fmt: skip
        torch.testing.assert_close(in_two[0], in_one[0], rtol=0, atol=1e-14)
    unmasked, _ = module(x, x, x)
    assert not torch.allclose(unmasked, in_one[0])


def test_show_prints_tokens_at_rows_and_columns() -> None:
    assert show(causal_mask(3), ["the", "cat", "sat"]).splitlines() == [
        "    the cat sat",
        "the  ■   ·   ·",
        "cat  ■   ■   ·",
        "sat  ■   ■   ■",
    ]


def test_show_numbers_what_has_no_label_and_keeps_lines_whole() -> None:
    assert show(causal_mask(2, 3)[None, None]).splitlines() == ["  0 1 2", "0 ■ ■ ·", "1 ■ ■ ■"]
    assert show(causal_mask(1, 2), ["\n"], ["a", "b\tc"]).splitlines() == [
        "   a b\\tc",
        "\\n ■  ■",
    ]
    assert show(causal_mask(0)) == ""


BOOL = torch.ones(2, 3, dtype=torch.bool)
MISTAKES: list[tuple[Callable[[], object], str]] = [
    (lambda: causal_mask(5, 3), "5 queries and 3 keys; the queries are the last of the positions"),
    (lambda: sliding_window_mask(5, 3, window=2), "5 queries and 3 keys"),
    (lambda: sliding_window_mask(3, window=0), "a window of 0; a query sees at least itself"),
    (lambda: padding_mask(torch.ones(3)), r"shape \(3,\); a padding mask is made of \(B, S\)"),
    (
        lambda: padding_mask(torch.tensor([[0.0, -1e9]])),
        "other numbers than 0 and 1.*from_additive",
    ),
    (lambda: document_mask(torch.ones(3)), r"shape \(3,\); a document mask is made of \(B, T\)"),
    (lambda: combine(BOOL, BOOL.T), r"shapes \(2, 3\) and \(3, 2\); masks must broadcast"),
    (lambda: combine(BOOL.long()), "type int64; masks are bool.*Use padding_mask for 0 and 1"),
    (lambda: combine(BOOL, BOOL.float()), "type float32; masks are bool"),
    (lambda: to_additive(BOOL.float()), "type float32; masks are bool"),
    (lambda: from_additive(torch.tensor([0.0, -0.5])), "holds -0.5; it holds 0 where.*as the bias"),
    (lambda: from_additive(torch.tensor([float("nan")])), "holds nan"),
    (lambda: to_multihead_attention(BOOL[None]), r"shape \(1, 2, 3\) for 1 heads"),
    (lambda: to_multihead_attention(BOOL[None, None].expand(1, 3, 2, 3), 4), "for 4 heads"),
    (lambda: to_key_padding_mask(BOOL), r"shape \(2, 3\); a mask of padding alone is \(B, 1, 1"),
    (lambda: to_attention_mask(BOOL[None, None]), r"Use to_multihead_attention or to_additive"),
    (lambda: show(BOOL[0]), r"shape \(3,\); one table \(T, S\) is shown at a time"),
    (lambda: show(BOOL.expand(2, 2, 3)), r"Choose one, such as mask\[0, 0\]"),
    (lambda: show(BOOL, ["a"]), "1 labels for 2 rows; each row and column has one label"),
    (lambda: show(BOOL, columns=["a"]), "1 labels for 3 columns"),
    (lambda: show(BOOL.int()), "type int32"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes_are_named(mistake: Callable[[], object], message: str) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        mistake()
    assert isinstance(caught.value, HfdlError)
    assert isinstance(caught.value, ValueError)
