"""Vectors of texts, beside sentence-transformers' encode."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.claims.classification import CORPUS, TOKENS, texts_of
from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.answering import BATCH_SIZES, TRIED, fastest

MAX_LENGTH = 256
"""What the model's own files say."""


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl's pipeline, the model in its own code."""
    import hfdl

    pipe: Any = hfdl.pipeline(
        "sentence-similarity", model=str(models.source(settings)), implementation="hfdl"
    )
    pipe.encode(texts_of(settings, -1)[:TRIED])
    return timed(settings, pipe.encode)


def other_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """sentence-transformers, which sorts by itself, with the batch size that is fastest."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(models.source(settings)), device="cpu")
    first = texts_of(settings, -1)[:TRIED]

    def encode(texts: list[str], size: int) -> Any:
        return model.encode(texts, batch_size=size, show_progress_bar=False)

    size = fastest(settings.batch_sizes, lambda size: encode(first, size))
    return timed(settings, lambda texts: encode(texts, size), batch_size=size)


def timed(
    settings: SimpleNamespace, encode: Callable[[list[str]], Any], **facts: Any
) -> Callable[[int], Figures]:
    """A round: all texts, from strings to vectors."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(models.source(settings))

    def work(number: int) -> Figures:
        texts = texts_of(settings, number)
        with measured() as took:
            vectors = encode(texts)
        rows = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)["input_ids"]
        lengths = [len(row) for row in rows]
        flops = forward_flops(lengths, models.LAYERS, models.WIDTH, models.INNER)
        some = [round(float(x), 7) for x in vectors[:, 0]]
        return {**took, **facts, "tokens": sum(lengths), "flops": flops, "answers": some}

    return work


TEXT = "vectors of texts of 4 to 300 words (256 tokens at most), float32"
PROGRAM = Program(
    name="embedding",
    title=f"{TEXT}, MiniLM",
    sides={"hfdl": hfdl_side, "sentence-transformers": other_side},
    claims=(Claim("embedding", TEXT, "sentence-transformers"),),
    settings={
        "encoder": models.MINILM, "texts": 2000, "longest": data.LONGEST,
        "batch_sizes": BATCH_SIZES,
    },
    quick={"texts": 200, "batch_sizes": (8, 32)},
    tiny={"texts": 10, "longest": 35, "batch_sizes": (4,)},
    limit=lambda settings: Limit(layer_shapes(TOKENS, models.WIDTH, models.INNER)),
    files=(CORPUS,), packages=("sentence_transformers",),
)  # fmt: skip
