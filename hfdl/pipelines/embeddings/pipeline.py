"""Vectors of texts: what the pipelines that have ``encode`` share.

The vectors are sentence-transformers' for its models (Reimers and Gurevych 2019,
https://arxiv.org/abs/1908.10084). A text is computed without regard to what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from hfdl.data.encode import EncodedText, TextEncoder
from hfdl.errors import ConfigError, DataError, ModelError, did_you_mean
from hfdl.models.sentence_head import SentenceHead
from hfdl.pipelines.embeddings.open_embedder import Embedder, open_embedder
from hfdl.pipelines.inputs import (
    BasePipeline,
    at_least_one,
    can_iterate,
    checked_batch_size,
    warn,
)
from hfdl.pipelines.length_counts import LengthCounts
from hfdl.tasks.inference import (
    forward_batches,
    inference_batches,
    refuse_non_finite,
)
from hfdl.tasks.split import Padding, RowSplit

QUERY, DOCUMENTS = ("query",), ("document", "passage", "corpus")
"""Names of the prompts for what is searched with, and for what is searched."""
_UNLIMITED = 1 << 40


class EmbeddingPipeline(BasePipeline):
    """A model as an encoder of texts; a subclass adds ``task`` and ``__call__``.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model. Of a
            fine-tuned model the body is read, without its head.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``, or on a CPU ``int8``: faster, its scores a little off.
        pooling: ``cls``, ``max``, ``mean``, ``mean_sqrt_len_tokens``, ``weightedmean``,
            ``lasttoken``, or several of them side by side. Default: as the model's modules.json
            says, with its layers; without one the mean, or for a causal language model the last
            token.
        max_length: most tokens of a text. Default: the model's own limit.
        implementation: whose code runs: ``hfdl`` hfdl's own, ``hf`` transformers', ``auto`` hfdl's
            where there is some for the model; of an open model ``auto`` leaves it as it is.

    Attributes:
        notes: what a person should know of how the vectors are made, a line each.
        counts: the texts that were read so far, and those that were cut.
        prompts: the model's own, by name.
        similarity_fn_name: the similarity that the model was made for.
        dimension: how many numbers a vector has.
        max_length: most tokens of a text that a vector is of; None: no limit.
    """

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        pooling: str | Sequence[str] | None = None,
        max_length: int | None = None,
        implementation: str = "auto",
    ) -> None:
        self._opened = opened = open_embedder(
            model, tokenizer, pooling=pooling, max_length=max_length, implementation=implementation
        )
        own_code = implementation != "hf"
        super().__init__(opened, device, batch_size, precision, own_code=own_code)
        self._modules = opened.modules
        self._head: SentenceHead = opened.modules.head.to(self.device)
        self._encoder = encoder_of(opened.text_tokenizer, opened.max_length)
        self._padding = Padding.of(opened.tokenizer, self.model.config)
        self.notes = list(opened.notes)
        self.counts = LengthCounts()
        self.prompts = dict(self._modules.prompts)
        self.similarity_fn_name = self._modules.similarity
        self._width: int = _width(opened, self._head)
        self._has_said = False
        self.max_length = opened.max_length
        self.dimension = min(self._width, self._modules.truncate_dim or self._width)

    def __repr__(self) -> str:
        head = self._head
        steps = ["+".join(head.poolings), *(type(layer).__name__ for layer in head.layers)]
        limit = self._opened.max_length
        room = "" if limit is None else f", at most {limit} tokens"
        return (
            f"{type(self).__name__}({self._opened.name!r}: {self.dimension} numbers, "
            f"{' -> '.join(steps)}{room})"
        )

    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        convert_to_tensor: bool = False,
    ) -> Any:
        """The vectors of texts, as ``SentenceTransformer.encode`` gives them.

        Args:
            sentences: a text, or several: a list, a column, or any other iterable.
            prompt_name: one of ``prompts``, put in front of each text. Default: the model's
                default, if it has one.
            prompt: a text to put in front of each, instead.
            batch_size: as for the class, for this call.
            normalize_embeddings: whether to bring vectors to length 1, if the model does not.
            truncate_dim: how many numbers to keep of each vector, for models that were trained so.
            convert_to_tensor: a tensor on the pipeline's device instead of a NumPy array.

        Returns:
            float32, of shape (N, E) for N texts, (0, E) for none, and (E,) for a single text.

        Raises:
            DataError: something among them is no text.
            ConfigError: an unknown prompt, or a wrong number.
            NotFiniteError: a vector has a number that is none.
        """
        texts = _texts(sentences)
        self._say_notes()
        prompt = self._prompt(prompt, prompt_name)
        keep = self._kept(truncate_dim)
        limit = checked_batch_size(batch_size) or self.batch_size
        encoded = self._encoder([prompt + text for text in texts])
        vectors = self._vectors(encoded, self._prompt_length(prompt), limit)[:, :keep]  # (N, E)
        refuse_non_finite(vectors, range(len(texts)), texts.__getitem__)
        if normalize_embeddings:
            vectors = F.normalize(vectors, dim=-1)
        counts = LengthCounts.of(encoded)
        self.counts.add(counts)
        counts.warn(self._opened.max_length, self._opened.limit_from)
        vectors = vectors[0] if isinstance(sentences, str) else vectors
        return vectors if convert_to_tensor else vectors.cpu().numpy()

    def encode_query(self, sentences: str | Iterable[str], **options: Any) -> Any:
        """``encode`` for what is searched with: with the model's prompt for queries, if any."""
        return self.encode(sentences, **self._with_role(QUERY, options))

    def encode_document(self, sentences: str | Iterable[str], **options: Any) -> Any:
        """``encode`` for what is searched: with the model's prompt for documents, if any."""
        return self.encode(sentences, **self._with_role(DOCUMENTS, options))

    def cut_line(self) -> str | None:
        """What was cut of all texts so far, for a person; None: nothing."""
        if not self.counts.cut:
            return None
        return self.counts.line(self._opened.max_length, self._opened.limit_from)

    @torch.inference_mode()
    def _vectors(
        self, encoded: Sequence[EncodedText], prompt_length: int, limit: int | None
    ) -> torch.Tensor:
        """Whole vectors (N, E) of texts, in their order."""
        vectors = torch.zeros(len(encoded), self._width, device=self.device)
        for states, mask, examples in self._states(encoded, limit):
            vectors[list(examples)] = self._head(states, mask, prompt_length).float()
        return vectors

    def _states(self, encoded: Sequence[EncodedText], limit: int | None) -> Any:
        """The last states (B, T, D) of each batch, its mask (B, T), and which texts it holds."""
        rows = [text.rows[0] for text in encoded]
        types = [
            text.types[0] if text.types else [0] * len(row)
            for text, row in zip(encoded, rows, strict=True)
        ]
        split = RowSplit(rows, self._padding, types)
        batches = inference_batches(split.lengths, self.max_tokens, limit)
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            yield outputs[0], batch.inputs["attention_mask"], batch.examples

    def _say_notes(self) -> None:
        """Once, and only to who asks for vectors of texts."""
        for note in [] if self._has_said else self.notes:
            warn(note)
        self._has_said = True

    def _prompt(self, prompt: str | None, name: str | None) -> str:
        if prompt is not None:
            return prompt
        name = self._modules.default_prompt_name if name is None else name
        if name is None:
            return ""
        if name not in self.prompts:
            raise ConfigError(
                f"the model has no prompt {name!r}",
                where="prompt_name",
                rule=f"its prompts are: {', '.join(self.prompts) or 'none'}",
                remedy=did_you_mean(name, self.prompts)
                if self.prompts
                else "give prompt=TEXT, on the command line --prompt TEXT",
            )
        return self.prompts[name]

    def _prompt_length(self, prompt: str) -> int:
        """How many tokens a prompt has, the special ones in front of it included."""
        if not prompt or self._head.include_prompt:
            return 0
        row = self._encoder([prompt])[0].rows[0]
        return len(row) - (row[-1] in self.tokenizer.all_special_ids)

    def _with_role(self, names: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
        """A model with no prompt for a role reads its texts without any, as its makers do."""
        if options.get("prompt") is not None or options.get("prompt_name") is not None:
            return dict(options)
        prompts = [self.prompts[name] for name in names if self.prompts.get(name)]
        return {**options, "prompt": prompts[0] if prompts else ""}

    def _kept(self, truncate_dim: int | None) -> int:
        if truncate_dim is None:
            return self.dimension
        if at_least_one("truncate_dim", truncate_dim) > self.dimension:
            raise ConfigError(
                f"it cannot be {truncate_dim}",
                where="truncate_dim",
                rule=f"the model's vectors have {self.dimension} numbers",
                remedy="lower it, or leave it out",
            )
        return truncate_dim


def encoder_of(tokenizer: Any, max_length: int | None) -> TextEncoder:
    """Texts to rows of at most so many tokens; None: whole."""
    return TextEncoder(tokenizer, max_length=max_length or _UNLIMITED, long_text="truncate")


def _width(opened: Embedder, head: SentenceHead) -> int:
    """How many numbers a vector has.

    Raises:
        ModelError: the layers do not fit the model.
    """
    config: Any = opened.model.config
    hidden: int = config.hidden_size
    device = next((each.device for each in opened.model.parameters()), None)  # a graph has none
    try:
        with torch.inference_mode():
            states = torch.zeros(1, 1, hidden, device=device)
            return head(states, torch.ones(1, 1, device=device, dtype=torch.long)).shape[1]
    except RuntimeError as error:
        raise ModelError(
            f"the layers behind its pooling do not fit: {str(error).splitlines()[0]}",
            where=opened.name,
            rule=f"the model's states have {hidden} numbers",
            remedy="check the folder, or download the model again",
        ) from None


def _texts(sentences: Any) -> list[str]:
    """Texts as a list.

    Raises:
        DataError: something is no text.
    """
    if isinstance(sentences, str):
        return [sentences]
    if isinstance(sentences, bytes | Mapping) or not can_iterate(sentences):
        raise not_a_text(sentences, 0)
    texts = list(sentences)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise not_a_text(text, i)
    return texts


def not_a_text(value: Any, index: int) -> DataError:
    """The error for an input that has no vector."""
    return DataError(
        f"cannot make a vector of {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text, or several texts",
        remedy="leave it out, or turn it into a text",
    )
