"""Tiny models of every pipeline, and a service in this process that is asked through ASGI."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import torch
import transformers

from helpers import translation_models
from helpers.sentence_models import save_sentence_model
from hfdl.serving.app import make_app
from hfdl.serving.gate import Gate
from hfdl.serving.limits import Limits
from hfdl.serving.service import Service

HEADS = {
    "text-classification": ("AutoModelForSequenceClassification", ["bad", "good", "odd"]),
    "token-classification": ("AutoModelForTokenClassification", ["O", "B-PER", "I-PER"]),
    "zero-shot-classification": (
        "AutoModelForSequenceClassification", ["contradiction", "neutral", "entailment"],
    ),
    "fill-mask": ("AutoModelForMaskedLM", None),
}  # fmt: skip


def save_model(task: str, folder: Path, tiny_bert: Path, tiny_gpt2: Path) -> Path:
    """A model of random weights, wide apart, for a pipeline."""
    if task == "text-generation":
        return tiny_gpt2
    if task == "translation":
        return translation_models.save("t5", folder)
    if task in ("sentence-similarity", "feature-extraction"):
        return save_sentence_model(folder, tiny_bert)
    auto, labels = HEADS[task]
    more = {}
    if labels is not None:
        more["id2label"] = dict(enumerate(labels))
        more["label2id"] = {label: i for i, label in enumerate(labels)}
    torch.manual_seed(0)
    model = getattr(transformers, auto).from_pretrained(tiny_bert, **more)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "classifier" in name:
                weights.normal_(std=1.0)
    model.save_pretrained(folder)
    for file in tiny_bert.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


class Local:
    """A service that is asked without a network.

    Args:
        service: open.
        key: as for ``Gate``.
    """

    def __init__(self, service: Service, key: str | None = None) -> None:
        self.service = service
        self.app = Gate(make_app(service, asks_key=key is not None), service, key)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://hfdl", timeout=60)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask([("GET", path, options)])[0]

    def post(self, json: Any = None, path: str = "/predict", **options: Any) -> httpx.Response:
        options = options if json is None else {**options, "json": json}
        return self.ask([("POST", path, options)])[0]

    def ask(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """The answers of requests that are sent at the same time."""

        async def all_of_them() -> list[httpx.Response]:
            async with self.client() as client:
                sent = (client.request(how, path, **options) for how, path, options in requests)
                return await asyncio.gather(*sent)

        return asyncio.run(all_of_them())

    def together(self, bodies: list[Any]) -> list[httpx.Response]:
        """The answers to bodies that are posted at the same time."""
        return self.ask([("POST", "/predict", {"json": body}) for body in bodies])


@contextmanager
def served(
    model: Path | str, task: str | None = None, *, options: Any = None, **limits: Any
) -> Iterator[Local]:
    """A service of a model, open until the block is left."""
    service = Service(str(model), task, Limits(**limits), options)
    told = threading.Event()
    service.start(told.set)
    assert told.wait(120)
    if service.failure is not None:
        raise service.failure
    try:
        yield Local(service)
    finally:
        service.close()
        service.thread.join(10)
