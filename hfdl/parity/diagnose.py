"""Find the known mistake that explains how a model differs from transformers'.

The mistakes of ``hfdl.parity.mistakes`` are tried one by one, in two directions. Each is made in
a correct model of hfdl's: if its answers are then the candidate's, the candidate has this mistake;
the candidate may be any callable. And where the candidate is one of hfdl's models itself, each
change is made in it: if its answers are then transformers', the change is what it lacked.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.custom_attention.switch import use_attention
from hfdl.display import Shown
from hfdl.hf_models.load import hf_class_of
from hfdl.parity.ask import Model, answers, gap
from hfdl.parity.mistakes import MISTAKES, Mistake
from hfdl.parity.opening import core_of, own_core
from hfdl.parity.variants import (
    MIXED,
    Batch,
    make_batch,
    past_windows,
    token_rows,
    variants_for,
)
from hfdl.progress import track

# In float64 mistakes lie far apart: an eps of 1e-6 moves a norm by 1e-6, rounding by 1e-15.
BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-5}


def diagnose(
    candidate: Model,
    reference: Any,
    batches: Sequence[Batch] | None = None,
    *,
    mistakes: Iterable[Mistake] = MISTAKES,
) -> Diagnosis:
    """Find the single known mistake that explains how a model differs from transformers'.

    A module is copied and computed with in float64, where even a wrong eps stands out. A function
    that is no module is called as it is, in the reference's type; in float32 some mistakes cannot
    be told apart, and all that fit are named.

    Args:
        candidate: the model in question: one of hfdl's, a transformers model with an attention of
            your own (``hfdl.register_attention``), any module, or a function; called with
            transformers' keywords, as far as it declares them, it returns logits or last hidden
            states, as a tensor or in an output.
        reference: the open transformers model that it should equal, with the same weights.
        batches: what they are compared on; by default texts padded on either side, since a mistake
            in a mask does not show without padding.
        mistakes: which to try.

    Returns:
        the mistake, or that there is none, or that none of them explains it.

    Raises:
        ModelError: hfdl has no model of its own for the reference, or the candidate's answer is
            no tensor.
    """
    dtype = torch.float64 if isinstance(candidate, nn.Module) else reference.dtype
    reference = copy.deepcopy(reference).to(dtype).eval()
    if reference.config.pad_token_id is None:
        reference.config.pad_token_id = 0
    use_attention(reference, "eager")
    if isinstance(candidate, nn.Module):
        candidate = copy.deepcopy(candidate).to(dtype)
    if batches is None:
        first, *others = token_rows(reference.config)
        rows = [past_windows(first, reference.config, getattr(candidate, "config", None)), *others]
        left = "left" in variants_for(reference.config, hf_class_of(reference).head)
        batches = [make_batch(MIXED if left else "right", rows, reference.config)]
    return _Search(candidate, reference, batches, BOUNDS[dtype]).run(list(mistakes))


class _Search:
    """One candidate against all mistakes."""

    def __init__(
        self, candidate: Model, reference: Any, batches: Sequence[Batch], bound: float
    ) -> None:
        self.batches, self.bound = batches, bound
        self.candidate, self.reference = candidate, reference
        self.said = answers(candidate, batches)
        self.expected = answers(reference, batches)
        self.before = gap(self.said, self.expected)

    def run(self, mistakes: list[Mistake]) -> Diagnosis:
        """Try all mistakes, in both directions."""
        repeated = gap(answers(self.candidate, self.batches), self.said)
        if repeated > 0.0:
            return self._at_random(mistakes)
        if self.before <= self.bound:
            says = "the two are equal"
            if not all(bool(torch.isfinite(answer).all()) for answer in self.said):
                says = "the answers of both are not finite, which says nothing of either"
            return Diagnosis(
                None, says, gap_before=self.before, gap_after=self.before,
                bound=self.bound,
            )  # fmt: skip
        tried: dict[str, float] = {}
        for says, gaps in self._directions(mistakes):
            if min(gaps.values(), default=math.inf) <= self.bound:
                return self._explained(mistakes, gaps, says)
            tried |= {name: min(left, tried.get(name, math.inf)) for name, left in gaps.items()}
        return self._unexplained(tried)

    def _directions(self, mistakes: list[Mistake]) -> Iterator[tuple[str, dict[str, float]]]:
        """For each direction the beginning of its sentence, and the gaps that mistakes leave."""
        correct = own_core(self.reference)
        if gap(answers(correct, self.batches), self.expected) <= self.bound:
            gaps = self._gaps(correct, mistakes, self.said)
            yield "the model behaves as one in which", gaps
        if isinstance(self.candidate, nn.Module):
            own = core_of(self.candidate, self.reference)
            # With another attention than the candidate's own it would be another model.
            if own is not None and gap(answers(own, self.batches), self.said) <= self.bound:
                gaps = self._gaps(own, mistakes, self.expected)
                yield "the model becomes transformers' if", gaps

    def _gaps(
        self, model: nn.Module, mistakes: list[Mistake], expected: list[Tensor]
    ) -> dict[str, float]:
        """How far from ``expected`` a model is with each of the mistakes."""
        gaps = {}
        for mistake in track(
            mistakes, "trying known mistakes", total=len(mistakes), unit="mistakes"
        ):
            changed = mistake.apply(model)
            if changed is not None:
                gaps[mistake.name] = gap(answers(changed, self.batches), expected)
        return gaps

    def _explained(self, mistakes: list[Mistake], tried: dict[str, float], says: str) -> Diagnosis:
        best = min(tried, key=lambda name: tried[name])
        mistake = next(m for m in mistakes if m.name == best)
        others = tuple(n for n, left in tried.items() if left <= self.bound and n != best)
        text = f"{says} {mistake.explanation} ({best})"
        if others:
            text += f"; on these inputs that cannot be told from {', '.join(others)}"
        return Diagnosis(
            best, text, mistake.look_at, self.before, tried[best], self.bound, others, tried
        )

    def _at_random(self, mistakes: list[Mistake]) -> Diagnosis:
        """The diagnosis of a model that gives two answers to one input."""
        text = "the model answers differently when it is asked again"
        dropout = next((m for m in mistakes if m.name == "dropout_left_on"), None)
        training = not isinstance(self.candidate, nn.Module) or self.candidate.training
        if dropout is None or not training:
            return Diagnosis(None, text, gap_before=self.before, bound=self.bound)
        text = f"{text}: {dropout.explanation} ({dropout.name})"
        return Diagnosis(dropout.name, text, dropout.look_at, self.before, bound=self.bound)

    def _unexplained(self, tried: dict[str, float]) -> Diagnosis:
        text = f"none of the {len(tried)} known mistakes that this model can have explains it"
        closest = min(tried, key=lambda name: tried[name], default=None)
        if closest is not None:
            text += f"; the closest, {closest}, leaves a gap of {tried[closest]:.1e}"
        return Diagnosis(
            None, text, gap_before=self.before, gap_after=min(tried.values(), default=math.inf),
            bound=self.bound, tried=tried,
        )  # fmt: skip


# ---- The result ----------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Diagnosis(Shown):
    """Which known single mistake explains a mismatch, if one does.

    Args:
        name: of the mistake, ``hfdl.parity.mistakes.MISTAKES``; None where none explains it.
        explanation: in words, what was found.
        look_at: where the right thing stands.
        gap_before: how far the candidate lies from the reference, see ``bounds``.
        gap_after: how far from it, or from the model with the mistake, it lies once the mistake is
            taken into account; the smallest such gap where none explains it.
        bound: what counts as none.
        also: other mistakes that explain it as well: on these inputs they cannot be told apart.
        tried: the gap that each mistake leaves, by name.
    """

    name: str | None
    explanation: str
    look_at: str = ""
    gap_before: float = 0.0
    gap_after: float = math.inf
    bound: float = 0.0
    also: tuple[str, ...] = ()
    tried: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For JSON, which has no infinity: null."""
        values = asdict(self)
        values["tried"] = {k: None if math.isinf(v) else v for k, v in self.tried.items()}
        return {k: None if v == math.inf else v for k, v in values.items()}

    def __str__(self) -> str:
        return self.explanation

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows: list[tuple[str, Any]] = [("found", self.explanation)]
        if self.look_at:
            rows.append(("look at", self.look_at))
        rows += [("gap before", f"{self.gap_before:.1e}"), ("gap after", f"{self.gap_after:.1e}")]
        return f"Diagnosis: {self.name or 'no known mistake'}", rows
