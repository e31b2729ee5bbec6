"""The sentence-similarity pipeline, in the structures of the Hub's inference of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import TypedDict

from hfdl.errors import DataError
from hfdl.pipelines.embeddings.pipeline import EmbeddingPipeline, not_a_text
from hfdl.pipelines.inputs import at_least_one


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return a @ b.T


def _minus_distance(p: float) -> Callable[[Tensor, Tensor], Tensor]:
    # Not by way of |a|^2 + |b|^2 - 2ab, which is no 0 between equal vectors.
    return lambda a, b: -torch.cdist(a, b, p=p, compute_mode="donot_use_mm_for_euclid_dist")


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _minus_distance(2.0),
    "manhattan": _minus_distance(1.0),
}


class SimilarityRequest(TypedDict):
    """A text, and those that it is compared with."""

    source_sentence: str
    sentences: list[str]


class SentenceSimilarityPipeline(EmbeddingPipeline):
    """How similar texts are to a text; ``encode`` gives the vectors themselves.

    Args:
        model, tokenizer, device, batch_size, pooling, max_length, implementation: as for
            ``EmbeddingPipeline``.
    """

    task = "sentence-similarity"
    item = SimilarityRequest
    item_words = '{"source_sentence": ..., "sentences": [...]}'
    not_sent = EmbeddingPipeline.not_sent | {"sentences"}

    def __call__(
        self,
        inputs: str | Mapping[str, Any] | Iterable[Mapping[str, Any]],
        sentences: Iterable[str] | str | None = None,
        *,
        batch_size: int | None = None,
    ) -> Any:
        """The similarity of a text to each of some others, the greater the more alike.

        Args:
            inputs: the text; or a dict ``{"source_sentence": TEXT, "sentences": [TEXT, ...]}``, as
                the Hub's inference takes it, or a list of such dicts.
            sentences: the others, where ``inputs`` is a text.
            batch_size: as for the class, for this call.

        Returns:
            a list of floats, one for each of the others; for a list of dicts a list of such lists.
            By ``similarity_fn_name``: cosines, unless the model was made for something else.

        Raises:
            DataError: the inputs have another form.
        """
        if isinstance(inputs, str):
            if sentences is None:
                raise _no_others()
            inputs = {"source_sentence": inputs, "sentences": sentences}
        elif sentences is not None:
            raise not_a_text(inputs, 0)
        if isinstance(inputs, Mapping):
            return self._scores([inputs], batch_size)[0]
        if isinstance(inputs, bytes) or not isinstance(inputs, Iterable):
            raise not_a_text(inputs, 0)
        return self._scores([*inputs], batch_size)

    def example(self) -> tuple[Any, dict[str, Any]]:
        return {"source_sentence": "A text of yours.", "sentences": ["Another.", "A third."]}, {}

    def similarity(self, a: Any, b: Any) -> Tensor:
        """The similarity of every vector of one array to every vector of another.

        Args:
            a: an array or a tensor (N, E); or one vector (E,).
            b: the same, (M, E).

        Returns:
            (N, M), float32.
        """
        first, second = (
            torch.as_tensor(each, dtype=torch.float32, device=self.device) for each in (a, b)
        )
        function = _FUNCTIONS[self.similarity_fn_name]
        return function(torch.atleast_2d(first), torch.atleast_2d(second))

    def search(
        self,
        queries: str | Iterable[str],
        documents: Iterable[str],
        *,
        top_k: int = 5,
        **options: Any,
    ) -> list[list[dict[str, Any]]]:
        """The texts that are nearest to each query, by comparing all of them.

        Args:
            queries: a text or several; read with the model's prompt for queries, if it has one.
            documents: the texts to choose from; read with the model's prompt for documents.
            top_k: how many of them each query gets.
            options: as for ``encode``.

        Returns:
            a list for each query: ``{"corpus_id": place in documents, "score": similarity}``, the
            nearest first, as sentence-transformers' ``semantic_search`` gives them.

        Raises:
            DataError: an input is no text.
        """
        asked = [queries] if isinstance(queries, str) else list(queries)
        texts = list(documents)
        options = {**options, "convert_to_tensor": True}
        scores = self.similarity(
            self.encode_query(asked, **options), self.encode_document(texts, **options)
        )  # (Q, N)
        best = scores.sort(dim=-1, descending=True, stable=True)
        kept = at_least_one("top_k", top_k)
        return [
            [{"corpus_id": i, "score": score} for i, score in zip(places, values, strict=True)]
            for places, values in zip(
                best.indices[:, :kept].tolist(), best.values[:, :kept].tolist(), strict=True
            )
        ]

    def _scores(self, requests: list[Any], batch_size: int | None) -> list[list[float]]:
        """The similarities of each request, all texts in one go."""
        groups = [_texts_of(request, i) for i, request in enumerate(requests)]
        vectors = self.encode(
            [text for texts in groups for text in texts],
            batch_size=batch_size, convert_to_tensor=True,
        )  # fmt: skip
        each = vectors.split([len(texts) for texts in groups])
        return [self.similarity(own[0], own[1:])[0].tolist() for own in each]


def _texts_of(request: Any, index: int) -> list[Any]:
    """The text of a request, and behind it the others."""
    if not isinstance(request, Mapping) or not {"source_sentence", "sentences"} <= {*request}:
        raise _not_a_request(request, index)
    source, others = request["source_sentence"], request["sentences"]
    if not isinstance(source, str) or isinstance(others, Mapping):
        raise _not_a_request(request, index)
    return [source, *([others] if isinstance(others, str) else others)]


def _not_a_request(value: Any, index: int) -> DataError:
    return DataError(
        f"no request: {value!r:.80}",
        where=f"input {index + 1}",
        rule='a request is {"source_sentence": TEXT, "sentences": [TEXT, ...]}',
        remedy="call the pipeline with a text and a list of texts, or with such a dict",
    )


def _no_others() -> DataError:
    return DataError(
        "a text alone",
        where="input 1",
        rule="a text is compared with others",
        remedy="give them too: pipe(TEXT, [TEXT, ...]); for the vector of a text call pipe.encode",
    )
