"""``hfdl.verify``: compare hfdl's model, or yours, with Hugging Face's, part by part.

Every component of the forward pass, the loss and every gradient are compared with transformers'
model under its explicit ("eager") attention, on padded, unpadded and cached batches of real text.
``hfdl.parity.bounds`` says how each number is judged; nothing that did not run passes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from hfdl.custom_attention.recipe import attend_by, attention_of, recorded_attention
from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.parity.bounds import Bounds
from hfdl.parity.compare import compare
from hfdl.parity.components import Trace
from hfdl.parity.diagnose import diagnose
from hfdl.parity.implementations import KERNELS, Foreign, HuggingFace, Implementation, Scratch
from hfdl.parity.opening import Reference, core_of, kernel_of, open_reference, own_core
from hfdl.parity.report import Report, Row
from hfdl.parity.variants import VARIANTS, Batch, make_batch, token_rows, variants_for
from hfdl.progress import track
from hfdl.weights.pretrained import quiet_transformers

DTYPES = {"float32": torch.float32, "float64": torch.float64}
CANDIDATE = "candidate"
TRAINED = "trained"
"""The implementation with the attention that a run was trained with."""


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
        candidate: what is compared instead of hfdl's own: one of hfdl's models, bare or as
            ``load_scratch`` gives it, or any module that is called with transformers' keywords and
            returns logits or last hidden states; for such a module only the output, the loss and,
            where its parameters have transformers' names, the gradients are compared. It is
            copied, and runs with its own attention (``attn_implementation``), part by part and as
            it is called.
        dtypes: "float32", "float64".
        variants: names of ``hfdl.parity.variants.VARIANTS``; None: all that the model has.
        bounds: the greatest differences that pass.
        text: replaces the first text.
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
        reference = open_reference(model)
        _refuse_non_finite(reference)
        config = reference.model.config
        comparison = _Comparison(reference, copy.deepcopy(candidate), bounds or Bounds())
        rows = token_rows(config, tokenizer=reference.tokenizer, text=text, seed=seed)
        theirs = getattr(candidate, "config", None)
        batches = [
            make_batch(name, rows, config, candidate=theirs)
            for name in comparison.variants(variants)
        ]
        for name in dtypes:
            comparison.run(DTYPES[name], batches)
        return comparison.report()


def _refuse_non_finite(reference: Reference) -> None:
    """Refuse weights that are no numbers: two models that answer NaN would be neither.

    Raises:
        ModelError: naming the first tensor that holds one.
    """
    for name, parameter in reference.model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError(
                f"the weights {name} hold numbers that are not finite",
                where=reference.name,
                rule="what is not a number is equal to nothing",
                remedy="train the model again with a lower learning rate, or take another copy",
            )


@dataclass
class _Comparison:
    """The work of one call."""

    reference: Reference
    candidate: nn.Module | None
    bounds: Bounds
    rows: list[Row] = field(default_factory=list)

    @cached_property
    def own(self) -> nn.Module | None:
        """The candidate as a model of ``hfdl.models``; None where it is none, or there is none."""
        return core_of(self.candidate, self.reference.model)

    @property
    def is_foreign(self) -> bool:
        """Whether only the candidate's output is seen."""
        return self.candidate is not None and self.own is None

    def variants(self, names: Sequence[str] | None) -> list[str]:
        """The chosen variants, or all that the model has.

        Raises:
            ConfigError: one is unknown, or the model does not have it.
        """
        has = list(variants_for(self.reference.model.config, self.reference.head))
        if self.is_foreign:
            has = [name for name in has if not name.startswith("cached")]
        for name in names or ():
            if name not in VARIANTS:
                raise ConfigError(f"unknown variant {name!r}", remedy=did_you_mean(name, VARIANTS))
            if name not in has:
                cached = name.startswith("cached")
                raise ConfigError(
                    f"the variant {name!r} is not one of this model's",
                    rule="only hfdl's and transformers' decoders are run with a cache"
                    if cached
                    else "its head would read a padding token",
                    remedy=f"choose one of: {', '.join(has)}",
                )
        return has if names is None else list(names)

    def run(self, dtype: torch.dtype, batches: Sequence[Batch]) -> None:
        """All implementations in one type."""
        model = self.reference.model.to(dtype)
        implementations = self._implementations(model, dtype)
        eager = HuggingFace(model, "eager")
        pairs = [
            (batch, implementation)
            for batch in batches
            for implementation in implementations
            if not (batch.is_cached and isinstance(implementation, Foreign))
        ]
        expected: Trace | None = None
        before: Batch | None = None
        name = str(dtype).removeprefix("torch.")
        for batch, implementation in track(
            pairs, f"comparing in {name}", total=len(pairs), unit="models"
        ):
            if batch is not before or expected is None:
                before, expected = batch, eager.trace(_reference_batch(batch))
            self._compare(implementation, expected, batch, dtype)

    def report(self) -> Report:
        """The report, with a diagnosis where a bound is broken."""
        report = Report(self.reference.name, tuple(self.rows), tuple(self._notes()))
        if all(row.ok for row in self.rows if row.implementation in (CANDIDATE, *KERNELS)):
            return report
        model = self.reference.model
        suspect = own_core(model) if self.candidate is None else self.candidate
        return replace(report, diagnosis=diagnose(suspect, model))

    def _implementations(self, model: Any, dtype: torch.dtype) -> list[Implementation]:
        if self.candidate is None:
            core = own_core(model)
            return [
                HuggingFace(model, "numpy"),
                *(Scratch(core, name, kernel, model) for name, kernel in KERNELS.items()),
                HuggingFace(model, "sdpa"),
                *self._trained_with(model),
            ]
        self.candidate.to(dtype)
        as_called = Foreign(self.candidate, CANDIDATE, model)
        if self.own is None:
            return [as_called]
        kernel = kernel_of(self.candidate, self.own)
        return [Scratch(self.own, CANDIDATE, kernel, model), as_called]

    def _trained_with(self, model: Any) -> list[HuggingFace]:
        """The attention that the weights were trained with, where it is one of the user's own."""
        path = attention_of(model.config, None, self.reference.name)
        return [] if path is None else [HuggingFace(model, TRAINED, attend_by(model, path))]

    def _compare(
        self, implementation: Implementation, expected: Trace, batch: Batch, dtype: torch.dtype
    ) -> None:
        trace = implementation.trace(batch)
        if isinstance(implementation, Foreign):
            expected = expected.only(trace)
        if batch.variant == "cached_full":
            expected = expected.forward_only()
        row = Row(implementation.name, batch.variant, dtype)
        self.rows += compare(trace, expected, batch, row=row, bounds=self.bounds)

    def _notes(self) -> list[str]:
        notes = list(self.reference.notes)
        has_float64 = any(row.dtype == torch.float64 for row in self.rows)
        if self.reference.family.casts_to_float32 and has_float64:
            notes.append(
                "transformers casts parts of this architecture to float32 whatever its type is; in "
                "float64 those casts are left out while it runs"
            )
        if self.reference.head == "base":
            notes.append("the model has no head: the loss is made up, to have gradients")
        if record := recorded_attention(self.reference.model.config):
            notes.append(
                f"the weights were trained with the attention {record['name']}: {TRAINED} is "
                "transformers' model with it, and its distance is what that attention changes"
            )
        if self.is_foreign:
            notes.append("the candidate is none of hfdl's models: only its answers are seen")
        return notes


def _reference_batch(batch: Batch) -> Batch:
    """``cached_full`` is compared with one pass over the whole texts."""
    if batch.variant != "cached_full":
        return batch
    return replace(batch, passes=(sum(batch.passes),))
