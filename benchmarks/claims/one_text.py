"""One short text after the other, the model warm, beside transformers.pipeline."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.claims.classification import CORPUS, LABEL, transformers_pipeline
from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.answering import of_label


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl's pipeline, on a model in its own code."""
    from transformers import AutoTokenizer

    import hfdl

    folder = models.saved_classifier(settings)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pipe = hfdl.pipeline("sentiment", hfdl.load_scratch(str(folder)), tokenizer=tokenizer)
    return timed(settings, pipe)


def transformers_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """transformers.pipeline."""
    return timed(settings, transformers_pipeline(settings))


def timed(settings: SimpleNamespace, pipe: Any) -> Callable[[int], Figures]:
    """A round: a call for each text."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(models.source(settings))
    words = data.path(settings, CORPUS).read_text(encoding="utf-8").split()

    def work(number: int) -> Figures:
        starts = range(number * 1000, number * 1000 + 10 * settings.texts, 10)
        texts = [" ".join(words[start : start + 10]) for start in starts]
        with measured() as took:
            answers = [pipe(text) for text in texts]
        lengths = [len(row) for row in tokenizer(texts)["input_ids"]]
        flops = forward_flops(lengths, models.LAYERS, models.WIDTH, models.INNER)
        scores = [round(of_label(answer, LABEL), 7) for answer in answers]
        ms = 1e3 * took["processor_seconds"] / len(texts)
        return {**took, "ms_per_text": ms, "flops": flops, "answers": scores}

    for number in range(2):
        work(-number)
    return work


PROGRAM = Program(
    name="one_text",
    title="the label of one text of 10 words, a call each, MiniLM, float32",
    sides={"hfdl": hfdl_side, "transformers.pipeline": transformers_side},
    claims=(
        Claim(
            "one-text", "one short text, a call each, float32", "transformers.pipeline",
            figure="ms_per_text", at_most=0.8,
        ),
    ),
    settings={"encoder": models.MINILM, "texts": 300}, quick={"texts": 100}, tiny={"texts": 3},
    limit=lambda settings: Limit(layer_shapes(14, models.WIDTH, models.INNER)),
    quality={"ms_per_text": "ms a text"}, files=(CORPUS,),
)  # fmt: skip
