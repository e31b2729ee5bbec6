"""The zero-shot-classification pipeline: labels of one's own, by a model of textual entailment.

Yin, Hay and Roth 2019 (https://arxiv.org/abs/1909.00161): each label is put into a sentence, and
the model is asked whether the text entails it. The structures are transformers'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hfdl.config.own_code import no_exit
from hfdl.data.encode import EncodedText
from hfdl.errors import ConfigError, DataError, ModelError
from hfdl.pipelines.inputs import BasePipeline, answer_several, checked_batch_size
from hfdl.pipelines.length_counts import LengthCounts
from hfdl.pipelines.open_model import Located, locate, open_model
from hfdl.tasks.inference import (
    forward_batches,
    inference_batches,
    refuse_non_finite,
)
from hfdl.tasks.text_classification.spec import SPEC

TEMPLATE = "This example is {}."
Answer = dict[str, Any]


class ZeroShotClassificationPipeline(BasePipeline):
    """Scores of labels that the model was not trained on.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model that
            classifies pairs of texts, one of its labels being entailment.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most pairs in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``, or on a CPU ``int8``: faster, its scores a little off.
        candidate_labels, hypothesis_template, multi_label: as at the call.
        entailment_label: the label that means entailment. Default: the one whose name begins so.
        long_text: as ``data.long_text``. Default: the recipe's; for a model without one
            ``truncate``: the text is cut and the hypothesis is not, as in transformers.
        max_length: as ``data.max_length``. Default: the recipe's, else the model's limit.

    Raises:
        ModelError: the model cannot be found, or does not say which of its labels is entailment.
    """

    task = "zero-shot-classification"

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        candidate_labels: str | Sequence[str] | None = None,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
        entailment_label: str | None = None,
        long_text: str | None = None,
        max_length: int | None = None,
    ) -> None:
        located = locate(model) if isinstance(model, str) or hasattr(model, "joinpath") else model
        is_run = isinstance(located, Located) and located.recipe is not None
        options = {
            "long_text": long_text or (None if is_run else "truncate"), "max_length": max_length,
        }  # fmt: skip
        given = {key: value for key, value in options.items() if value is not None}
        opened = open_model(SPEC.name, located, tokenizer, given)
        super().__init__(opened, device, batch_size, precision)
        self._task = opened.task()
        self._labels, self._template = candidate_labels, hypothesis_template
        self._multi_label = multi_label
        self.entailment_id = _entailment(
            self._task.label_names, entailment_label, str(opened.folder)
        )
        self.contradiction_id = _contradiction(self._task.label_names, self.entailment_id)

    def __repr__(self) -> str:
        names = self._task.label_names
        return f"{type(self).__name__}(entailment={names[self.entailment_id]!r} of {names})"

    @no_exit()
    def __call__(
        self,
        sequences: str | Iterable[str],
        candidate_labels: str | Sequence[str] | None = None,
        *,
        hypothesis_template: str | None = None,
        multi_label: bool | None = None,
        batch_size: int | None = None,
    ) -> Any:
        """Score labels for one text, several, or a stream of them.

        Args:
            sequences: a text, a list of texts, or any other iterable of them.
            candidate_labels: the labels: a list, or one text with commas between them.
            hypothesis_template: the sentence that a label is put into, at its ``{}``.
            multi_label: whether each label is judged by itself; else their scores add up to 1. A
                single label is judged by itself in any case.
            batch_size: as for the class, for this call.

        Returns:
            ``{"sequence": ..., "labels": [...], "scores": [...]}``, the best label first; a list of
            these for a list, an iterator of them for another iterable.

        Raises:
            ConfigError: no labels, an empty label or one that is given twice, or a template that
                leaves the label out.
            DataError: an input is no text.
        """
        given = self._labels if candidate_labels is None else candidate_labels
        labels = _read_labels(given)
        template = self._template if hypothesis_template is None else hypothesis_template
        hypotheses = [_hypothesis(template, label) for label in labels]
        each_alone = self._multi_label if multi_label is None else multi_label
        limit = checked_batch_size(batch_size) or self.batch_size

        def answer(texts: list[str]) -> list[Answer]:
            for i, text in enumerate(texts):
                if not isinstance(text, str):
                    raise _not_a_text(text, i)
            logits = self._logits(texts, hypotheses, limit)  # (N, L, C)
            scores = self._scores(logits, each_alone or len(labels) == 1).tolist()
            return [_ranked(text, labels, row) for text, row in zip(texts, scores, strict=True)]

        if isinstance(sequences, str):
            return answer([sequences])[0]
        return answer_several(sequences, answer, limit, _not_a_text)

    def example(self) -> tuple[Any, dict[str, Any]]:
        return "A text of yours.", {"candidate_labels": ["one", "another"]}

    def rows(self, item: Any, options: Mapping[str, Any]) -> int:
        given = options.get("candidate_labels")
        labels = self._labels if given is None else given
        return max(1, labels.count(",") + 1 if isinstance(labels, str) else len(labels or ()))

    def _logits(self, texts: list[str], hypotheses: list[str], limit: int | None) -> torch.Tensor:
        """The model's logits for every text with every hypothesis, (N, L, C)."""
        split = self._task.encode(
            [text for text in texts for _ in hypotheses],
            hypotheses * len(texts),
        )
        self._count(split.encoded, len(hypotheses))
        batches = inference_batches(split.lengths, self.max_tokens, limit)
        rows = torch.zeros(len(split), len(self._task.label_names), dtype=torch.float64)
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            logits = self._task.scores(outputs, batch, "none").cpu()
            refuse_non_finite(logits, batch.examples, lambda i: texts[i // len(hypotheses)])
            rows[list(batch.examples)] = logits
        return rows.view(len(texts), len(hypotheses), rows.shape[1])

    def _count(self, encoded: Sequence[EncodedText], pairs: int) -> None:
        """Warn of texts that were cut; of the pairs that a text stands in, by the one cut most."""
        groups = [encoded[i : i + pairs] for i in range(0, len(encoded), pairs)]
        counts = LengthCounts.of(max(group, key=lambda pair: pair.lost) for group in groups)
        counts.warn(self._task.encoder.max_length, "with a label's sentence")

    def _scores(self, logits: torch.Tensor, each_alone: bool) -> torch.Tensor:
        """Probabilities of the labels, (N, L), by the logits (N, L, C)."""
        if each_alone:
            both = logits[..., [self.contradiction_id, self.entailment_id]]  # (N, L, 2)
            return both.softmax(-1)[..., 1]
        return logits[..., self.entailment_id].softmax(-1)


def _ranked(text: str, labels: list[str], scores: list[float]) -> Answer:
    order = sorted(range(len(labels)), key=lambda i: -scores[i])
    return {
        "sequence": text,
        "labels": [labels[i] for i in order],
        "scores": [scores[i] for i in order],
    }


def _entailment(names: Sequence[str], asked: str | None, where: str) -> int:
    """The id of the label that means entailment."""
    if asked is not None and asked in names:
        return names.index(asked)
    found = [i for i, name in enumerate(names) if name.lower().startswith("entail")]
    if asked is not None or not found or len(names) < 2:
        problem = f"no label {asked!r}" if asked is not None else "no label of it means entailment"
        raise ModelError(
            problem,
            where=where,
            rule=f"a label begins with entail, beside others; the model's are: {', '.join(names)}",
            remedy="choose a model of textual entailment (NLI), or say which label means that the "
            f"first text entails the second, for instance entailment_label={names[-1]!r}",
        )
    return found[0]


def _contradiction(names: Sequence[str], entailment: int) -> int:
    """The id of the label that means the opposite; where no name says so, as transformers has it:
    the first, or the last where entailment is the first."""
    for start in ("contradict", "not"):
        found = [i for i, name in enumerate(names) if name.lower().startswith(start)]
        if found:
            return found[0]
    return len(names) - 1 if entailment == 0 else 0


def _read_labels(labels: Any) -> list[str]:
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    if isinstance(labels, Mapping | bytes) or not isinstance(labels, Iterable):
        labels = [] if labels is None else [labels]
    labels = list(labels)
    problem = _fault_of(labels)
    if problem is not None:
        raise ConfigError(
            problem,
            where="candidate_labels",
            rule="labels are texts, each once: their scores share one",
            remedy='give them, for instance candidate_labels=["sports", "politics"]',
        )
    return labels


def _fault_of(labels: list[Any]) -> str | None:
    """What is wrong with some labels."""
    if not labels:
        return "no labels"
    for label in labels:
        if not isinstance(label, str) or not label.strip():
            return f"{label!r} is no label"
        if labels.count(label) > 1:
            return f"the label {label!r} is given twice"
    return None


def _hypothesis(template: str, label: str) -> str:
    try:
        text, other = template.format(label), template.format(f"{label} ")
    except (IndexError, KeyError, ValueError, AttributeError):
        text = other = ""
    if text == other:
        raise ConfigError(
            f"the template {template!r} has no place for a label",
            where="hypothesis_template",
            rule="the label stands at {}, and other braces are doubled",
            remedy=f"for instance hypothesis_template={TEMPLATE!r}",
        )
    return text


def _not_a_text(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot classify {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text",
        remedy="leave it out, or turn it into a text",
    )
