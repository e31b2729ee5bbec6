"""The sentence-similarity pipeline: against the definition of each similarity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.sentence_models import save_sentence_model
from helpers.wording import assert_wording
from scipy.spatial import distance

import hfdl
from hfdl.errors import ConfigError, DataError
from hfdl.weights.sentence.modules import SIMILARITIES

OTHERS = ["what a bad film", "the book", "", "what a good film"]
SOURCE = "what a good film"
DEFINITIONS = {
    "cosine": lambda a, b: 1 - distance.cosine(a, b),
    "dot": np.dot,
    "euclidean": lambda a, b: -distance.euclidean(a, b),
    "manhattan": lambda a, b: -distance.cityblock(a, b),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_similarity_is_its_definition(tiny_bert: Path, tmp_path: Path, name: str) -> None:
    folder = save_sentence_model(tmp_path / "m", tiny_bert, settings={"similarity_fn_name": name})
    pipe = hfdl.pipeline("sentence-similarity", model=folder)
    assert pipe.similarity_fn_name == name
    source, *others = pipe.encode([SOURCE, *OTHERS]).astype(np.float64)
    expected = [DEFINITIONS[name](source, other) for other in others]
    scores = pipe(SOURCE, OTHERS)
    np.testing.assert_allclose(scores, expected, atol=2e-5)
    assert all(type(score) is float for score in scores)
    assert pipe({"source_sentence": SOURCE, "sentences": OTHERS}) == scores
    assert pipe([{"source_sentence": SOURCE, "sentences": OTHERS}] * 2) == [scores, scores]
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder), device="cpu")
    other = theirs.similarity(theirs.encode(SOURCE), theirs.encode(OTHERS))[0].tolist()
    np.testing.assert_allclose(scores, other, atol=1e-5)
    assert set(DEFINITIONS) == set(SIMILARITIES)


def test_forms(tiny_bert: Path, tmp_path: Path) -> None:
    pipe = hfdl.pipeline(model=save_sentence_model(tmp_path / "m", tiny_bert))
    assert pipe.task == "sentence-similarity"
    assert pipe(SOURCE, []) == []
    assert pipe([]) == []
    assert pipe(SOURCE, "the book") == pytest.approx(pipe(SOURCE, ["the book"]))
    assert len(pipe(SOURCE, (text for text in OTHERS))) == 4
    assert pipe.similarity(np.zeros((2, 32)), np.zeros((3, 32))).shape == (2, 3)


def test_search_orders_all_documents(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"prompts": {"query": "they say ", "document": "the "}}
    pipe = hfdl.pipeline(
        "sentence-similarity",
        model=save_sentence_model(tmp_path / "m", tiny_bert, settings=settings),
    )
    found = pipe.search([SOURCE, "book"], OTHERS, top_k=3)
    documents = pipe.encode([f"the {text}" for text in OTHERS])
    for query, hits in zip([SOURCE, "book"], found, strict=True):
        vector = pipe.encode(f"they say {query}")
        scores = [1 - distance.cosine(vector, document) for document in documents]
        assert [hit["corpus_id"] for hit in hits] == np.argsort(-np.array(scores))[:3].tolist()
        assert [hit["score"] for hit in hits] == pytest.approx(sorted(scores)[::-1][:3], abs=1e-5)
    assert len(pipe.search("film", OTHERS, top_k=100)[0]) == 4
    assert pipe.search("film", []) == [[]]
    with pytest.raises(ConfigError, match="top_k: it cannot be 0"):
        pipe.search("film", OTHERS, top_k=0)


WRONG: list[tuple[Any, Any]] = [
    ("a", None),
    ({"source_sentence": "a"}, None),
    ({"source_sentence": ["a"], "sentences": ["b"]}, None),
    ({"source_sentence": "a", "sentences": {"b": 1}}, None),
    (["a", "b"], None),
    (["a"], ["b"]),
    ("a", ["b", None]),
    (3, None),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_other_forms_are_refused(tiny_bert: Path, case: int) -> None:
    inputs, sentences = WRONG[case]
    with pytest.raises(DataError) as caught:
        hfdl.pipeline("sentence-similarity", model=tiny_bert, pooling="mean")(inputs, sentences)
    assert_wording(caught.value)
