"""The batches that models are compared on: one text, padded right and left, equal lengths, cached.

Every batch says which of its positions are real. Outputs at padding are ignored: they differ
between attentions that are all correct.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import family_of

VARIANTS: dict[str, str] = {
    "plain": "one text, no mask",
    "right": "texts of unequal length, padded on the right",
    "left": "the same padded on the left; decoders are given position_ids, as generate() does",
    "batched": "texts of equal length, no mask",
    "cached": "as left, first half at once and then token by token, against HF doing the same",
    "cached_full": "the same steps, against HF's one pass over the whole texts",
}
TEXTS = (
    "The library opens at nine, and by ten every chair near the window has been taken by somebody "
    "with a thermos, three books and no intention of leaving before the evening.",
    "She asked the second question first.",
    "Rain again: the train from Leipzig was 42 minutes late, so we walked.",
    "No.",
)
MIXED = "mixed"  # one text whole, the others padded on either side: all in one batch
_LONGEST = 48  # tokens of a text, at most
_PAST_WINDOW = 8  # tokens that the plain text has beyond a window of attention
_LARGEST_WINDOW = 1024  # explicit attention of longer texts takes gigabytes
_RANDOM_LENGTHS = (19, 7, 12, 3)  # awkward ones, for models without a tokenizer


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs of a model, and which of their positions are real.

    Args:
        variant: its name in ``VARIANTS``.
        inputs: keywords of the forward pass; ``attention_mask`` only where there is padding.
        real: (B, T), True at tokens that are not padding.
        passes: how many positions each forward pass takes; one pass of all of them, or decoding
            with a cache.
    """

    variant: str
    inputs: dict[str, Tensor]
    real: Tensor
    passes: tuple[int, ...] = field(default=())

    @property
    def is_cached(self) -> bool:
        """Whether it is decoded step by step."""
        return len(self.passes) > 1

    def steps(self) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """The end and the inputs of each pass; the mask always covers the whole past."""
        start = 0
        for length in self.passes:
            stop = start + length
            yield (
                stop,
                {
                    name: x[:, :stop] if name == "attention_mask" else x[:, start:stop]
                    for name, x in self.inputs.items()
                },
            )
            start = stop


def token_rows(
    config: Any, *, tokenizer: Any = None, text: str | None = None, seed: int = 0
) -> list[list[int]]:
    """Texts as ids: by the tokenizer where there is one, else random.

    Args:
        config: of the transformers model.
        tokenizer: its tokenizer, or None.
        text: replaces the first text.
        seed: of the random ids.

    Returns:
        four rows of unequal length, none of which holds the padding id.
    """
    longest = min(_LONGEST, _positions(config))
    if tokenizer is None:
        generator = torch.Generator().manual_seed(seed)
        ids = torch.tensor([i for i in range(config.vocab_size) if i != pad_id(config)])
        drawn = [torch.randint(len(ids), (n,), generator=generator) for n in _RANDOM_LENGTHS]
        return [ids[row].tolist()[:longest] for row in drawn]
    texts = TEXTS if text is None else (text, *TEXTS[1:])
    rows = [tokenizer(t)["input_ids"][:longest] for t in texts]
    return [[i for i in row if i != pad_id(config)] for row in rows]


def make_batch(
    variant: str, rows: Sequence[Sequence[int]], config: Any, *, candidate: Any = None
) -> Batch:
    """The batch of a variant, or of ``MIXED``.

    Args:
        variant: its name.
        rows: the texts as ids.
        config: of the reference.
        candidate: the config of what is compared with it, or None. The plain text is longer than
            the windows of attention of both, else a wrong window would show nothing.
    """
    if variant == "plain":
        return _unpadded(variant, [past_windows(rows[0], config, candidate)], config)
    if variant == "batched":
        shortest = min(len(row) for row in rows[:3])
        return _unpadded(variant, [row[:shortest] for row in rows[:3]], config)
    lefts = {"right": [False] * len(rows), MIXED: [i % 2 == 0 for i in range(len(rows))]}
    batch = _padded(variant, rows, config, lefts.get(variant, [True] * len(rows)))
    if not variant.startswith("cached"):
        return batch
    length = batch.real.shape[1]
    first = (length + 1) // 2
    return Batch(variant, batch.inputs, batch.real, (first, *[1] * (length - first)))


def variants_for(config: Any, head: Head) -> tuple[str, ...]:
    """The variants that a model has.

    Encoders and classifiers decode nothing. A head that reads a padding token has no texts padded
    on the left: what that token's state is differs between attentions that are all correct.
    """
    family = family_of(config.model_type)
    cached = _decodes(config) and head not in ("sequence", "token")
    left = family is None or not family.reads_padding(config, head)
    has = {"cached": cached, "cached_full": cached, "left": left}
    return tuple(name for name in VARIANTS if has.get(name, True))


def pad_id(config: Any) -> int:
    """The padding id; 0 where the config names none."""
    return 0 if config.pad_token_id is None else config.pad_token_id


def past_windows(row: Sequence[int], config: Any, candidate: Any) -> list[int]:
    """The text, repeated until it is longer than every window of up to 1,024 tokens."""
    sizes = [
        getattr(one, name, None)
        for one in (config, candidate)
        for name in ("sliding_window", "local_attention")
    ]
    windows = [size for size in sizes if isinstance(size, int) and 0 < size <= _LARGEST_WINDOW]
    longest = max(len(row), min(max(windows, default=0) + _PAST_WINDOW, _positions(config)))
    times = -(-longest // len(row))
    return (list(row) * times)[: longest if windows else len(row)]


def _positions(config: Any) -> int:
    family = family_of(config.model_type)
    from_padding = family is not None and family.positions_from_padding
    return config.max_position_embeddings - (pad_id(config) + 1 if from_padding else 0)


def _decodes(config: Any) -> bool:
    family = family_of(config.model_type)
    return family is not None and family.decodes


def _unpadded(variant: str, rows: Sequence[Sequence[int]], config: Any) -> Batch:
    ids = torch.tensor(rows)  # (B, T)
    real = torch.ones_like(ids, dtype=torch.bool)
    return Batch(variant, {"input_ids": ids, **_token_types(ids, config)}, real, (ids.shape[1],))


def _padded(
    variant: str, rows: Sequence[Sequence[int]], config: Any, lefts: Sequence[bool]
) -> Batch:
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id(config))  # (B, T)
    real = torch.zeros_like(ids, dtype=torch.bool)
    for i, (row, left) in enumerate(zip(rows, lefts, strict=True)):
        columns = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[i, columns], real[i, columns] = torch.tensor(row), True
    inputs = {"input_ids": ids, "attention_mask": real.long(), **_token_types(ids, config)}
    if any(lefts) and _decodes(config):
        inputs["position_ids"] = (real.long().cumsum(1) - 1).clamp(min=0)
    return Batch(variant, inputs, real, (longest,))


def _token_types(ids: Tensor, config: Any) -> dict[str, Tensor]:
    """Two segments where the model distinguishes them."""
    if (getattr(config, "type_vocab_size", 0) or 0) < 2:
        return {}
    types = (torch.arange(ids.shape[1]) >= ids.shape[1] // 2).long()
    return {"token_type_ids": types.expand_as(ids).contiguous()}
