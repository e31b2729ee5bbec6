"""``hfdl.verify``: is hfdl's model, or yours, the same as Hugging Face's, part by part?

Every component of the forward pass, the loss and every gradient are compared with transformers'
model under its explicit ("eager") attention, on padded, unpadded and cached batches of real text.
How each number is judged stands in ``hfdl.parity.bounds``; nothing that did not run passes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from hfdl.errors import ConfigError, did_you_mean
from hfdl.nn.functional import attention
from hfdl.parity.bounds import Bounds
from hfdl.parity.compare import compare
from hfdl.parity.components import Trace
from hfdl.parity.diagnose import diagnose
from hfdl.parity.implementations import (
    KERNELS,
    Foreign,
    HuggingFace,
    Implementation,
    Scratch,
)
from hfdl.parity.layouts import family_of_model
from hfdl.parity.opening import Opened, open_for_verify
from hfdl.parity.report import Report, Row
from hfdl.parity.twin import head_of, twin_in, twin_of
from hfdl.parity.variants import VARIANTS, Batch, make_batch, token_rows, variants_for
from hfdl.weights.pretrained import quiet_transformers

DTYPES = {"float32": torch.float32, "float64": torch.float64}
CANDIDATE = "candidate"


def verify(
    model: Any,
    candidate: nn.Module | None = None,
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
    variants: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    text: str | None = None,
    seed: int = 0,
) -> Report:
    """Compare implementations of a model with Hugging Face's, component by component.

    Without a candidate these are: ``explicit`` and ``fused``, hfdl's model with its two kernels;
    ``numpy``, Hugging Face's model with hfdl's attention in NumPy; and ``sdpa``, Hugging Face's
    model with torch's kernel, which shows how far two correct implementations lie apart.

    It needs about three times the memory of the weights, in float64.

    Args:
        model: a folder, a Hub id, or an open transformers model, which is copied.
        candidate: what is to be proven instead of hfdl's own: one of hfdl's models, bare or as
            ``load_scratch`` gives it, or any module that is called with transformers' keywords and
            answers with logits or last hidden states; of such a one only the answer, the loss and,
            where its parameters have transformers' names, the gradients are seen. It is copied.
        dtypes: "float32", "float64".
        variants: names of ``hfdl.parity.variants.VARIANTS``; None: all that the model has.
        bounds: the greatest differences that pass.
        text: stands in the place of the first text.
        seed: of the ids, where the model has no tokenizer.

    Returns:
        the report, with a diagnosis where a bound is broken.

    Raises:
        ModelError: the model cannot be opened, or hfdl has none of its kind.
        ConfigError: a type or variant is unknown, or the model has no such variant.
    """
    for name in dtypes:
        if name not in DTYPES:
            raise ConfigError(f"unknown type {name!r}", remedy=did_you_mean(name, DTYPES))
    with quiet_transformers():
        opened = open_for_verify(model)
        comparison = _Comparison(opened, copy.deepcopy(candidate), bounds or Bounds())
        chosen = _variants(opened.model, variants, candidate)
        rows = token_rows(opened.model.config, tokenizer=opened.tokenizer, text=text, seed=seed)
        batches = [make_batch(name, rows, opened.model.config) for name in chosen]
        for name in dtypes:
            comparison.run(DTYPES[name], batches)
        return comparison.report()


@dataclass
class _Comparison:
    """The work of one call."""

    opened: Opened
    candidate: nn.Module | None
    bounds: Bounds
    rows: list[Row] = field(default_factory=list)

    def run(self, dtype: torch.dtype, batches: Sequence[Batch]) -> None:
        """All implementations in one type."""
        model = self.opened.model.to(dtype)
        implementations = self._implementations(model, dtype)
        reference = HuggingFace(model, "eager")
        for batch in batches:
            wanted = reference.trace(_reference_batch(batch))
            for implementation in implementations:
                self._compare(implementation, wanted, batch, dtype)

    def report(self) -> Report:
        """What was found, and why where something is wrong."""
        report = Report(self.opened.name, tuple(self.rows), tuple(self._notes()))
        if all(row.ok for row in self.rows if row.implementation in (CANDIDATE, *KERNELS)):
            return report
        model = self.opened.model
        suspect = twin_of(model).core if self.candidate is None else self.candidate
        return replace(report, diagnosis=diagnose(suspect, model))

    def _implementations(self, model: Any, dtype: torch.dtype) -> list[Implementation]:
        if self.candidate is None:
            twin = twin_of(model)
            return [
                HuggingFace(model, "numpy"),
                *(Scratch(twin, name, kernel, model.config) for name, kernel in KERNELS.items()),
                HuggingFace(model, "sdpa"),
            ]
        own = twin_in(self.candidate.to(dtype), model)
        if own is None:
            return [Foreign(self.candidate, CANDIDATE, model)]
        return [Scratch(own, CANDIDATE, attention, model.config)]

    def _compare(
        self, implementation: Implementation, wanted: Trace, batch: Batch, dtype: torch.dtype
    ) -> None:
        trace = implementation.trace(batch)
        if isinstance(implementation, Foreign):
            wanted = wanted.only(trace)
        if batch.variant == "cached_full":
            wanted = wanted.forward_only()
        row = Row(implementation.name, batch.variant, dtype)
        self.rows += compare(trace, wanted, batch, row=row, bounds=self.bounds)

    def _notes(self) -> list[str]:
        notes, family = list(self.opened.notes), family_of_model(self.opened.model)
        if family.casts_to_float32 and any(row.dtype == torch.float64 for row in self.rows):
            notes.append(
                "transformers casts parts of this architecture to float32 whatever its type is; in "
                "float64 those casts are left out while it runs"
            )
        if head_of(self.opened.model) == "base":
            notes.append("the model has no head: the loss is made up, to have gradients")
        if self.candidate is not None and twin_in(self.candidate, self.opened.model) is None:
            notes.append("the candidate is none of hfdl's models: only its answers are seen")
        return notes


def _variants(model: Any, asked: Sequence[str] | None, candidate: nn.Module | None) -> list[str]:
    """Those that were asked for, or all that there are.

    Raises:
        ConfigError: one is unknown, or the model has it not.
    """
    has = list(variants_for(model.config, classifies=head_of(model) in ("sequence", "token")))
    if candidate is not None and twin_in(candidate, model) is None:
        has = [name for name in has if not name.startswith("cached")]
    if asked is None:
        return has
    for name in asked:
        if name not in VARIANTS:
            raise ConfigError(f"unknown variant {name!r}", remedy=did_you_mean(name, VARIANTS))
        if name not in has:
            raise ConfigError(
                f"the variant {name!r} is not one of this model's",
                rule="only hfdl's and transformers' decoders are run with a cache",
                remedy=f"choose among {', '.join(has)}",
            )
    return list(asked)


def _reference_batch(batch: Batch) -> Batch:
    """``cached_full`` is held against one pass over the whole texts."""
    if batch.variant != "cached_full":
        return batch
    return replace(batch, passes=(sum(batch.passes),))
