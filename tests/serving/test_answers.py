"""Every pipeline behind HTTP answers what it answers in Python, and what transformers answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers
from helpers.serving import Local, save_model, served

import hfdl
from hfdl.pipelines.registry import WITHOUT_TASK
from hfdl.tasks.registry import TASKS

TEXTS = [
    "good film", "a dull plot and a very long story that goes on and on", "great", "", "bad film",
    "I liked the actors, the plot and the music of this wonderful film", "odd",
]  # fmt: skip
FILLED = ["good film", "a dull plot", "great", "bad film", "odd"]
MASKED = [text + " [MASK]" for text in TEXTS]
LABELS = {"candidate_labels": ["film", "music", "plot"]}
PAIRS = [
    {"text": text, "text_pair": other} for text, other in zip(FILLED, FILLED[::-1], strict=True)
]
REQUESTS = [
    {"source_sentence": "good film", "sentences": ["bad film", "great"]},
    {"source_sentence": "a dull plot", "sentences": ["odd"]},
    {"source_sentence": "great", "sentences": []},
]
# pipeline -> (inputs, parameters)
CALLS: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "text-classification": [
        (TEXTS[0], {}), (TEXTS[0], {"top_k": 2}), (TEXTS[0], {"top_k": None}), (TEXTS, {}),
        ([TEXTS[0]], {}), (TEXTS, {"top_k": 3}), (PAIRS[0], {}), (PAIRS, {"top_k": 1}), ([], {}),
        (TEXTS, {"function_to_apply": "none"}), ({"text": TEXTS[0]}, {}),
        (TEXTS[1], {"truncation": True, "max_length": 8}),
    ],
    "token-classification": [
        (TEXTS[0], {}), (TEXTS, {}), (TEXTS, {"aggregation_strategy": "simple"}),
        (TEXTS[1], {"aggregation_strategy": "max", "ignore_labels": []}),
        (TEXTS, {"aggregation_strategy": "viterbi"}), ([TEXTS[0]], {}),
        (["good", "film"], {"is_split_into_words": True}),
        ([["good", "film"], ["odd"]], {"is_split_into_words": True}),
    ],
    "fill-mask": [
        (MASKED[0], {}), (MASKED, {"top_k": 2}), (MASKED[0], {"targets": ["good", "bad"]}),
        ("[MASK] film [MASK]", {}), ("[MASK] film [MASK]", {"joint": True, "num_beams": 3}),
        ([MASKED[0]], {}),
    ],
    "text-generation": [
        (TEXTS[0], {"max_new_tokens": 5}), (TEXTS, {"max_new_tokens": 4}),
        (TEXTS[0], {"max_new_tokens": 4, "return_full_text": False}),
        (TEXTS[:3], {"max_new_tokens": 6, "do_sample": True, "seed": 3}),
        (TEXTS[0], {"max_new_tokens": 4, "num_beams": 3, "num_return_sequences": 2}),
        (TEXTS[0], {"max_new_tokens": 4, "return_scores": True}),
    ],
    "translation": [
        (TEXTS[0], {"max_new_tokens": 5}), (TEXTS, {"max_new_tokens": 4}), ([TEXTS[0]], {}),
        (TEXTS[:2], {"max_new_tokens": 4, "num_beams": 2, "num_return_sequences": 2}),
        (TEXTS[:3], {"max_new_tokens": 6, "do_sample": True, "num_beams": 1, "seed": 3}),
    ],
    "zero-shot-classification": [
        (TEXTS[0], LABELS), (FILLED, LABELS), ([TEXTS[0]], LABELS),
        (TEXTS[0], {"candidate_labels": "film, music", "multi_label": True}),
        (FILLED, {**LABELS, "hypothesis_template": "It is about {}."}),
    ],
    "feature-extraction": [(TEXTS[0], {}), (TEXTS, {}), ([TEXTS[0]], {"truncation": True})],
    "sentence-similarity": [(REQUESTS[0], {}), (REQUESTS, {}), ([REQUESTS[1]], {})],
}  # fmt: skip
# What plain transformers is told where its defaults are others.
THEIRS: dict[str, dict[str, Any]] = {"text-generation": {"do_sample": False}}
SERVED: dict[str, dict[str, Any]] = {
    "zero-shot-classification": LABELS, "translation": {"src_lang": "en", "tgt_lang": "de"},
}  # fmt: skip
"""Options that the server and the pipeline are opened with."""
WITHOUT_THEIRS = {"translation", "sentence-similarity"}
OURS_ALONE = ({"seed"}, {"joint"}, {"return_scores"}, {"stride"}, {"max_length"})


@pytest.fixture(scope="module", params=sorted(CALLS))
def task(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(task: str, tmp_path_factory: Any, tiny_bert: Path, tiny_gpt2: Path) -> Path:
    return save_model(task, tmp_path_factory.mktemp("served") / "m", tiny_bert, tiny_gpt2)


@pytest.fixture(scope="module")
def local(task: str, folder: Path) -> Iterator[Local]:
    with served(folder, task, options=SERVED.get(task)) as local:
        yield local


def same(ours: Any, theirs: Any, tolerance: float = 1e-6) -> int:
    """Compare two answers, and count their numbers."""
    if isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=tolerance, rel=tolerance)
        return 1
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        return sum(same(ours[name], theirs[name], tolerance) for name in theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        return sum(same(mine, their, tolerance) for mine, their in zip(ours, theirs, strict=True))
    assert ours == theirs
    return 0


def test_every_pipeline_is_among_them() -> None:
    assert set(CALLS) == {str(spec.hub_task) for spec in TASKS.values()} | set(WITHOUT_TASK)


def test_answers_are_those_of_the_pipeline(task: str, folder: Path, local: Local) -> None:
    pipe = hfdl.pipeline(task, model=folder, **SERVED.get(task, {}))
    for inputs, parameters in CALLS[task]:
        answer = local.post({"inputs": inputs, "parameters": parameters})
        assert answer.status_code == 200, answer.text
        expected = json.loads(json.dumps(pipe(inputs, **parameters)))
        same(answer.json(), expected)
    assert local.service.metrics.registry.get_sample_value("hfdl_batch_texts_count")


def test_answers_of_requests_at_once_are_those_of_each_alone(
    task: str, folder: Path, local: Local
) -> None:
    """Also those that share a batch, whose last bits the padding may change."""
    pipe = hfdl.pipeline(task, model=folder, **SERVED.get(task, {}))
    bodies = [{"inputs": i, "parameters": p} for i, p in CALLS[task] for _ in range(3)]
    before = local.service.metrics.registry.get_sample_value("hfdl_batch_texts_count") or 0
    answers = local.together(bodies)
    for body, answer in zip(bodies, answers, strict=True):
        assert answer.status_code == 200, answer.text
        same(answer.json(), json.loads(json.dumps(pipe(body["inputs"], **body["parameters"]))))
    count = local.service.metrics.registry.get_sample_value("hfdl_batch_texts_count")
    texts = sum(
        1 if local.service.pipe.is_one(i, p) else len(i) for i, p in CALLS[task] for _ in range(3)
    )
    assert count is not None
    assert count - before < texts  # some shared a batch


def test_answers_are_those_of_transformers(task: str, folder: Path, local: Local) -> None:
    if task in WITHOUT_THEIRS:
        pytest.skip("transformers has no such pipeline")
    theirs: Any = transformers.pipeline(
        task,  # pyright: ignore[reportArgumentType, reportCallIssue]
        model=str(folder), tokenizer=str(folder), device=-1,
    )  # fmt: skip
    compared = 0
    for inputs, parameters in CALLS[task]:
        own = parameters.get("aggregation_strategy") == "viterbi"
        if own or not inputs or any(name & parameters.keys() for name in OURS_ALONE):
            continue
        if task == "fill-mask" and isinstance(inputs, list) and len(inputs) == 1:
            continue  # the bare answer there: docs/pipelines.md
        expected = theirs(inputs, **{**THEIRS.get(task, {}), **parameters})
        answer = local.post({"inputs": inputs, "parameters": parameters}).json()
        expected = json.loads(json.dumps(expected, default=float))
        compared += same(answer, expected, 1e-5) or 1
    assert compared >= 3
