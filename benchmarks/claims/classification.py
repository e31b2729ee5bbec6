"""Labels for texts of 4 to 300 words, beside transformers.pipeline and onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.answering import BATCH_SIZES, TRIED, answered, fastest, of_label

CORPUS = "imdb_unsup_text/corpus.txt"
LABEL = "LABEL_1"
TOKENS = 2048  # of a batch
Answer = Callable[[list[str]], list[float]]


def texts_of(settings: SimpleNamespace, seed: int) -> list[str]:
    """The texts of a round."""
    return data.mixed_texts(data.path(settings, CORPUS), settings.texts, seed, settings.longest)


def timed(settings: SimpleNamespace, answer: Answer, **facts: Any) -> Callable[[int], Figures]:
    """A round of a side: all texts, from strings to probabilities in their order."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(models.source(settings))

    def work(number: int) -> Figures:
        texts = texts_of(settings, number)
        with measured() as took:
            scores = answer(texts)
        lengths = [len(row) for row in tokenizer(texts, truncation=True)["input_ids"]]
        flops = forward_flops(lengths, models.LAYERS, models.WIDTH, models.INNER)
        figures = {**took, "texts": len(texts), "tokens": sum(lengths), "flops": flops}
        return {**figures, **facts, "answers": [round(score, 7) for score in scores]}

    return work


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl's pipeline, on a model in its own code."""
    import hfdl

    folder = models.saved_classifier(settings)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    pipe: Any = hfdl.pipeline("sentiment", hfdl.load_scratch(str(folder)), tokenizer=tokenizer)

    def answer(texts: list[str]) -> list[float]:
        return [of_label(one, LABEL) for one in pipe(texts, truncation=True)]

    answer(texts_of(settings, -1)[:TRIED])
    return timed(settings, answer)


def default_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """transformers.pipeline as it comes."""
    pipe = transformers_pipeline(settings)

    def answer(texts: list[str]) -> list[float]:
        return [of_label(one, LABEL) for one in pipe(texts, truncation=True)]

    answer(texts_of(settings, -1)[:TRIED])
    return timed(settings, answer)


def best_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """transformers.pipeline, its texts sorted by us, with the batch size that is fastest."""
    pipe = transformers_pipeline(settings)
    first = texts_of(settings, -1)[:TRIED]

    def scores(texts: Sequence[str], size: int) -> list[float]:
        return [of_label(one, LABEL) for one in pipe(list(texts), batch_size=size, truncation=True)]

    def of_size(texts: list[str], size: int) -> list[float]:
        return answered(texts, len(texts), lambda sorted_: scores(sorted_, size))

    size = fastest(settings.batch_sizes, lambda size: of_size(first, size))
    return timed(settings, lambda texts: of_size(texts, size), batch_size=size)


def transformers_pipeline(settings: SimpleNamespace) -> Any:
    """The text-classification pipeline of the same weights."""
    from transformers import pipeline

    return pipeline("text-classification", model=str(models.saved_classifier(settings)), device=-1)


def onnx_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """onnxruntime, sorted batches of the size that is fastest."""
    import numpy as np

    session, tokenizer = onnx_session(settings)
    names = [one.name for one in session.get_inputs()]

    def batch(texts: list[str]) -> list[float]:
        rows = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
        (logits,) = session.run(None, {name: rows[name] for name in names})  # (B, 2)
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return (powers[:, 1] / powers.sum(-1)).tolist()

    first = texts_of(settings, -1)[:TRIED]
    size = fastest(settings.batch_sizes, lambda size: answered(first, size, batch))
    return timed(settings, lambda texts: answered(texts, size, batch), batch_size=size)


def onnx_session(settings: SimpleNamespace) -> tuple[Any, Any]:
    """The same weights, exported by torch with free batch and length, and the tokenizer."""
    import onnxruntime
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = models.saved_classifier(settings)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows = tokenizer(["a text", "and a longer one"], padding=True, return_tensors="pt")
    names = ["input_ids", "attention_mask", "token_type_ids"]
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=512)}
    file = Path(settings.folder) / f"model-{os.getpid()}.onnx"
    torch.onnx.export(
        Logits(model).module, tuple(rows[name] for name in names), str(file), dynamo=True,
        input_names=names, output_names=["logits"], dynamic_shapes=(free,) * len(names),
        verbose=False,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session, tokenizer


class Logits:
    """A model as a module of three tensors that gives one."""

    def __init__(self, model: Any) -> None:
        from torch import nn

        class Module(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = model

            def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
                """(B, T) three times -> (B, 2)."""
                return self.inner(
                    input_ids=input_ids, attention_mask=attention_mask,
                    token_type_ids=token_type_ids,
                ).logits  # fmt: skip

        self.module = Module()


def limit(settings: SimpleNamespace) -> Limit:
    """The products of a layer."""
    return Limit(layer_shapes(TOKENS, models.WIDTH, models.INNER))


TEXT = "labels for texts of 4 to 300 words, float32"
PROGRAM = Program(
    name="classification",
    title="labels for texts of 4 to 300 words, seven in ten of them short, MiniLM, float32",
    sides={
        "hfdl": hfdl_side,
        "transformers.pipeline at its best": best_side,
        "transformers.pipeline": default_side,
        "onnxruntime": onnx_side,
    },
    claims=(
        Claim("classification", TEXT, "transformers.pipeline at its best", at_least=1.5),
        Claim("classification-defaults", TEXT, "transformers.pipeline", at_least=1.5),
        Claim("classification-onnxruntime", TEXT, "onnxruntime", at_least=1.0),
    ),
    settings={
        "encoder": models.MINILM, "texts": 2000, "longest": data.LONGEST,
        "batch_sizes": BATCH_SIZES,
    },
    quick={"texts": 200, "batch_sizes": (1, 8, 32)},
    tiny={"texts": 10, "longest": 35, "batch_sizes": (1, 4)},
    limit=limit, files=(CORPUS,), packages=("onnxruntime", "onnxscript"),
)  # fmt: skip
