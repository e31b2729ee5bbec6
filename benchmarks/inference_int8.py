"""What answering texts costs a CPU: float32 and int8, by torch, onnxruntime and CTranslate2.

    python benchmarks/inference_int8.py --run RUN [--texts 200] [--rounds 6] [--output FILE.json]

RUN is a fine-tuned BERT-like classifier. The texts have 4 to 300 words: seven in ten have 4 to 20,
the others 40 to 300. Every way answers all of them in batches of similar lengths (hfdl's pipeline,
4,096 padded tokens a batch), tokenising included. Measured is the time of the processor, in turn,
each second round backwards (A B B A), on one thread; the medians are printed, and the ratios to the
first way within each round with their quartiles. CTranslate2 joins in if it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import hfdl
from hfdl.environment import machine, versions
from hfdl.hf_models.load import to_scratch_model
from hfdl.quantization.convert import int8_copy

# fmt: off
WORDS = [
    "a", "the", "film", "was", "long", "and", "its", "plot", "is", "not", "what", "they", "say",
    "of", "music", "from", "first", "to", "last", "minute", "very", "good", "bad", "dull", "scene",
    "story",
]
# fmt: on

Way = Callable[[list[str]], np.ndarray]


def texts(count: int, seed: int) -> list[str]:
    """Texts of random words, seven in ten of them short."""
    random = np.random.default_rng(seed)
    sizes = np.where(
        random.random(count) < 0.7, random.integers(4, 21, count), random.integers(40, 301, count)
    )
    return [" ".join(random.choice(WORDS, size)) for size in sizes]


def by_pipeline(pipe: Any) -> Way:
    """Scores of hfdl's pipeline, (N, C), labels in the order of their names."""

    def answer(some: list[str]) -> np.ndarray:
        rows = pipe(some, top_k=None, long_text="truncate", max_length=512)
        names = sorted(each["label"] for each in rows[0])
        scores = [{each["label"]: each["score"] for each in row} for row in rows]
        return np.array([[row[name] for name in names] for row in scores])

    return answer


def with_model(run: Path, change: Callable[[Any], Any]) -> Any:
    """A pipeline whose model is exchanged."""
    pipe: Any = hfdl.pipeline(model=run)
    pipe.model = change(pipe.model)
    return pipe


def by_torch_ao(run: Path) -> Way:
    """torch.ao's dynamic quantisation: a scale for each batch, seven bits, oneDNN."""
    quantization: Any = torch.ao.quantization
    torch.backends.quantized.engine = "onednn"
    kinds = {torch.nn.Linear: quantization.per_channel_dynamic_qconfig}
    return by_pipeline(with_model(run, lambda m: quantization.quantize_dynamic(m, kinds)))


def by_ctranslate2(run: Path, folder: Path) -> Way | None:
    """CTranslate2's encoder in int8, the head in torch; None where it is not installed."""
    try:
        import ctranslate2  # pyright: ignore[reportMissingImports]
        from ctranslate2.converters import (  # pyright: ignore[reportMissingImports]
            TransformersConverter,
        )
        from transformers import BertModel
    except ImportError:
        return None
    pipe: Any = hfdl.pipeline(model=run)
    body = folder / "body"
    BertModel.from_pretrained(run).save_pretrained(body)
    pipe.tokenizer.save_pretrained(body)
    converter = TransformersConverter(str(body), load_as_float16=False)
    converter.convert(str(folder / "ct2"), quantization="int8")
    encoder = ctranslate2.Encoder(str(folder / "ct2"), compute_type="int8", intra_threads=1)

    class Model(torch.nn.Module):
        def __init__(self, own: Any) -> None:
            super().__init__()
            self.own, self.config = own, own.config

        def forward(self, input_ids: Any, attention_mask: Any, **types: Any) -> Any:
            lengths = attention_mask.sum(1).tolist()
            rows = [r[:n] for r, n in zip(input_ids.tolist(), lengths, strict=True)]
            states = encoder.forward_batch(rows).pooler_output
            pooled = torch.from_numpy(np.array(states.to(ctranslate2.DataType.float32)))
            return type("Output", (), {"logits": self.own.classifier(pooled)})()

    pipe.model = Model(pipe.model)
    return by_pipeline(pipe)


def ways(run: Path, folder: Path) -> dict[str, Way]:
    """Every way of answering, the first being what the others are compared with."""
    hfdl.export(run, output=folder / "onnx", listener=lambda event: None)
    hfdl.export(run, output=folder / "onnx8", int8=True, listener=lambda event: None)
    found: dict[str, Way | None] = {
        "float32, transformers' code": by_pipeline(hfdl.pipeline(model=run)),
        "float32, hfdl's code": by_pipeline(with_model(run, to_scratch_model)),
        "float32, onnxruntime": by_pipeline(hfdl.pipeline(model=folder / "onnx")),
        'precision="int8"': by_pipeline(hfdl.pipeline(model=run, precision="int8")),
        "int8, transformers' code": by_pipeline(
            with_model(run, lambda model: int8_copy(model, str(run)))
        ),
        "int8, onnxruntime": by_pipeline(hfdl.pipeline(model=folder / "onnx8")),
        "int8, torch.ao": by_torch_ao(run),
        "int8, CTranslate2": by_ctranslate2(run, folder),
    }
    return {name: way for name, way in found.items() if way is not None}


def measure(asked: dict[str, Way], some: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of the processor, a number a round."""
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(rounds):
        for name in list(asked) if number % 2 == 0 else list(asked)[::-1]:
            began = time.process_time()
            asked[name](some)
            seconds[name].append(time.process_time() - began)
    return seconds


def main() -> None:
    """Measure, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    some = texts(given.texts, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        asked = ways(given.run, Path(folder))
        answers = {name: way(some) for name, way in asked.items()}
        seconds = measure(asked, some, given.rounds)
    first = next(iter(asked))
    rows = []
    for name in asked:
        ratios = np.array(seconds[first]) / np.array(seconds[name])
        error = np.abs(answers[name] - answers[first])
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75]).tolist()
        rows.append({
            "way": name, "seconds": float(np.median(seconds[name])), "faster": middle,
            "quartiles": [low, high], "mean_difference": float(error.mean()),
            "largest_difference": float(error.max()),
        })  # fmt: skip
        speed = f"{np.median(seconds[name]):7.2f} s  {middle:5.2f} x ({low:.2f} to {high:.2f})"
        print(f"{name:30} {speed}  scores off by {error.mean():.1e}, at most {error.max():.1e}")
    if given.output:
        found = {"texts": given.texts, "seed": given.seed, "rounds": given.rounds, "rows": rows}
        found["environment"] = {**versions(), **machine()}
        given.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
