"""The protocol of pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Pipeline(Protocol):
    """A trained model as a function of texts.

    Which options a call takes, and what it answers, is each task's own: see
    ``TextClassificationPipeline`` and ``TranslationPipeline``.
    """

    task: str
    """The task as transformers names it."""
    model: torch.nn.Module
    """In eval mode, on ``device``."""
    tokenizer: Any
    device: torch.device
    batch_size: int | None
    """Most texts in one forward pass; None: as many as fit a budget of tokens."""

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """An answer for a text, a list of them for a list, an iterator for a stream."""
        ...
