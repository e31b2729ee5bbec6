"""Labels for texts of 4 to 300 words in int8, and what that costs in float32's labels."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.claims.classification import CORPUS, Logits, texts_of
from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.clock import measured
from benchmarks.sides import data, models, trained
from benchmarks.sides.answering import BATCH_SIZES, TRIED, answered, fastest
from benchmarks.sides.trained import Answer

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def timed(settings: SimpleNamespace, answer: Answer, **facts: Any) -> Callable[[int], Figures]:
    """A round of a side: all texts, from strings to probabilities in their order."""
    facts = {**facts, **trained.quality(settings, answer)}

    def work(number: int) -> Figures:
        texts = texts_of(settings, number)
        with measured() as took:
            answer(texts)
        return {**took, "texts": len(texts), **facts}

    return work


def in_batches(settings: SimpleNamespace, batch: Answer) -> Callable[[int], Figures]:
    """A round of what answers batches: sorted ones, of the size that is fastest."""
    first = texts_of(settings, -1)[:TRIED]
    size = fastest(settings.batch_sizes, lambda size: answered(first, size, batch))
    return timed(settings, lambda texts: answered(texts, size, batch), batch_size=size)


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl's pipeline with ``precision="int8"``."""
    run = trained.trained_classifier(settings)
    return timed(settings, trained.by_pipeline(settings, run, "int8"))


def float32_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The same in float32."""
    run = trained.trained_classifier(settings)
    return timed(settings, trained.by_pipeline(settings, run, "float32"))


def torch_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """torch's dynamic quantisation of transformers' model, by oneDNN."""
    import torch
    from transformers import AutoModelForSequenceClassification

    run = trained.trained_classifier(settings)
    quantization: Any = torch.ao.quantization
    torch.backends.quantized.engine = "onednn"
    model: Any = AutoModelForSequenceClassification.from_pretrained(run).eval()
    kinds = {torch.nn.Linear: quantization.per_channel_dynamic_qconfig}
    quantised = quantization.quantize_dynamic(model, kinds)
    encode = encoder_of(settings, run)

    def batch(texts: list[str]) -> list[float]:
        with torch.inference_mode():
            logits = quantised(**encode(texts, padding=True, return_tensors="pt")).logits  # (B, 2)
            return logits.softmax(-1)[:, 1].tolist()

    return in_batches(settings, batch)


def onnx_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """onnxruntime: a graph with fused attention, its products in int8."""
    import numpy as np
    import onnxruntime

    run = trained.trained_classifier(settings)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    file = int8_graph(settings, run, Path(settings.folder) / f"int8-{os.getpid()}")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    encode = encoder_of(settings, run)
    types = {one.name: np.int32 if "int32" in one.type else np.int64
             for one in session.get_inputs()}  # fmt: skip

    def batch(texts: list[str]) -> list[float]:
        rows = encode(texts, padding=True, return_tensors="np")
        given = {name: rows[name].astype(kind) for name, kind in types.items()}
        return of_two(session.run(None, given)[0])

    return in_batches(settings, batch)


def int8_graph(settings: SimpleNamespace, run: Path, folder: Path) -> Path:
    """onnxruntime's own way for BERT: export, fuse (which knows torch's older exporter), quantise.

    Its graph without fused attention takes a quarter longer.
    """
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model
    from transformers import AutoModelForSequenceClassification

    folder.mkdir(exist_ok=True)
    plain, fused, made = (folder / f"{name}.onnx" for name in ("plain", "fused", "int8"))
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        run, attn_implementation="eager"
    ).eval()
    rows = encoder_of(settings, run)(
        ["a text", "and a longer one"], padding=True, return_tensors="pt"
    )
    torch.onnx.export(
        Logits(model).module, tuple(rows[name] for name in INPUTS), str(plain), dynamo=False,
        input_names=list(INPUTS), output_names=["logits"], opset_version=17,
        dynamic_axes={name: {0: "batch", 1: "length"} for name in INPUTS},
    )  # fmt: skip
    heads, width = model.config.num_attention_heads, model.config.hidden_size
    optimize_model(
        str(plain), model_type="bert", num_heads=heads, hidden_size=width, opt_level=0
    ).save_model_to_file(str(fused))
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        fused, made, op_types_to_quantize=["MatMul", "Gemm", "Attention"], per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip
    return made


def ctranslate2_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """CTranslate2's encoder in int8; the head, which it has not, in NumPy."""
    import ctranslate2  # pyright: ignore[reportMissingImports]  (measured where it is installed)
    import numpy as np

    run = trained.trained_classifier(settings)
    folder = Path(settings.folder) / f"ctranslate2-{os.getpid()}"
    weight, bias = converted(run, folder)
    encoder = ctranslate2.Encoder(
        str(folder / "int8"), compute_type="int8", intra_threads=settings.threads
    )
    encode = encoder_of(settings, run)

    def batch(texts: list[str]) -> list[float]:
        pooled = encoder.forward_batch(encode(texts)["input_ids"]).pooler_output
        states = np.array(pooled.to(ctranslate2.DataType.float32))  # (B, E)
        return of_two(states @ weight.T + bias)

    return in_batches(settings, batch)


def converted(run: Path, folder: Path) -> tuple[Any, Any]:
    """Write the encoder in CTranslate2's form; the head's weight (2, E) and bias (2,)."""
    from ctranslate2.converters import TransformersConverter  # pyright: ignore[reportMissingImports]
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(run).eval()
    # The converter asks for it; transformers 5 writes it no more, and has no other kind.
    model.config.position_embedding_type = "absolute"
    model.base_model.save_pretrained(folder / "body")
    tokenizer: Any = AutoTokenizer.from_pretrained(run)
    tokenizer.save_pretrained(folder / "body")
    converter = TransformersConverter(str(folder / "body"), load_as_float16=False)
    converter.convert(str(folder / "int8"), quantization="int8")
    head = model.classifier
    return head.weight.detach().numpy(), head.bias.detach().numpy()


def encoder_of(settings: SimpleNamespace, run: Path) -> Callable[..., Any]:
    """The run's tokenizer; long texts are cut."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(run)
    return partial(tokenizer, truncation=True, max_length=settings.most_tokens)


def of_two(logits: Any) -> list[float]:
    """The second of two labels' probability, of logits (B, 2)."""
    import numpy as np

    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return (powers[:, 1] / powers.sum(-1)).tolist()


TEXT = "labels for texts of 4 to 300 words, int8"
PROGRAM = Program(
    name="int8",
    title="labels for texts of 4 to 300 words, seven in ten of them short, MiniLM, int8",
    sides={
        "hfdl": hfdl_side,
        "onnxruntime int8": onnx_side,
        "CTranslate2 int8": ctranslate2_side,
        "torch's quantize_dynamic": torch_side,
        "hfdl float32": float32_side,
    },
    claims=(
        Claim("int8-onnxruntime", TEXT, "onnxruntime int8", at_least=1.0, aim=1.3),
        Claim("int8-ctranslate2", TEXT, "CTranslate2 int8", at_least=0.9),
        Claim("int8-torch", TEXT, "torch's quantize_dynamic"),
        Claim("int8-float32", TEXT, "hfdl float32"),
    ),
    settings={
        "encoder": models.MINILM, "texts": 2000, "longest": data.LONGEST,
        "batch_sizes": BATCH_SIZES, "rows": None, "dev_rows": None, "epochs": 3,
        "train_length": 128, "most_tokens": 512,
    },
    quick={"texts": 200, "batch_sizes": (1, 8, 32), "rows": 1024, "epochs": 1},
    tiny={
        "texts": 10, "longest": 35, "batch_sizes": (1, 4), "rows": 16, "dev_rows": 8, "epochs": 1,
        "train_length": 32, "most_tokens": 64,
    },
    quality={
        "accuracy": "accuracy", "agreement": "labels as float32's",
        "score_error": "scores off by",
    },
    files=(CORPUS, *trained.FILES),
    optional={
        "onnxruntime int8": ("onnxruntime", "onnx"), "CTranslate2 int8": ("ctranslate2",),
    },
)  # fmt: skip
