"""The client of the Hugging Face Hub, as it is, asks hfdl's server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from helpers.serving import save_model, served
from huggingface_hub import InferenceClient

import hfdl
from hfdl.serving.address import listen, url_of


@contextmanager
def client(task: str, folder: Path) -> Iterator[InferenceClient]:
    """A client of a server on loopback."""
    with served(folder, task) as local, listen("127.0.0.1", 0) as opened:
        config = uvicorn.Config(local.app, log_config=None, lifespan="off", ws="none")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, args=([opened],))
        url = f"{url_of(opened)}/predict"
        thread.start()
        try:
            yield InferenceClient(model=url)
        finally:
            running.should_exit = True
            thread.join(30)


def test_tasks_are_answered(
    tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Loopback alone is asked: the client refuses any address in offline mode.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    folder = save_model("token-classification", tmp_path / "ner", tiny_bert, tiny_gpt2)
    with client("token-classification", folder) as asked:
        found = asked.token_classification("good film", aggregation_strategy="simple")
    pipe = hfdl.pipeline("token-classification", model=folder, aggregation_strategy="simple")
    assert [one.entity_group for one in found] == [one["entity_group"] for one in pipe("good film")]
    folder = save_model("fill-mask", tmp_path / "mlm", tiny_bert, tiny_gpt2)
    with client("fill-mask", folder) as asked:
        filled = asked.fill_mask("a [MASK] film", top_k=3)
    pipe = hfdl.pipeline("fill-mask", model=folder)
    assert [one.token_str for one in filled] == [
        one["token_str"] for one in pipe("a [MASK] film", top_k=3)
    ]
    folder = save_model("sentence-similarity", tmp_path / "s", tiny_bert, tiny_gpt2)
    with client("sentence-similarity", folder) as asked:
        scores = asked.sentence_similarity("good film", ["bad film", "odd"])
    pipe = hfdl.pipeline("sentence-similarity", model=folder)
    assert scores == pytest.approx(pipe("good film", ["bad film", "odd"]), abs=1e-6)
