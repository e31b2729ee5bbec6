"""Writing a model as a graph in ONNX, in float32 or with its products in 8-bit integers."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import import_extra
from hfdl.exporting.refusals import no_graph, recurrent
from hfdl.nn.recurrent import Recurrent
from hfdl.weights.graph_model import EXTRA, import_onnxruntime

OPSET = 18
"""Of the operators: the first with all that torch writes; onnxruntime has run it since 1.14."""
_FEATURE = "hfdl export"


def import_exporters() -> None:
    """Refuse now, rather than after the data were read, where a package is missing.

    Raises:
        MissingExtraError: naming it.
    """
    import_onnxruntime()
    for package in ("onnx", "onnxscript"):
        import_extra(package, feature=_FEATURE, extra=EXTRA)


class _Answer(nn.Module):
    """A model with the first of its outputs alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types)[0]


def write_graph(
    model: nn.Module, input_names: Sequence[str], output_name: str, file: Path, where: str
) -> None:
    """Write a model's forward with batch and length left open.

    Args:
        model: in eval mode, on the CPU.
        input_names: the tensors (B, T) that it takes.
        output_name: what its answer is called in the graph.
        file: where to.
        where: the model's name, for the message.

    Raises:
        ModelError: it is recurrent, or torch cannot write it as one graph.
    """
    if any(isinstance(module, Recurrent) for module in model.modules()):
        raise recurrent(where)
    inputs = _example(input_names)
    every = {name: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for name in inputs}
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                _Answer(model), (), kwargs=inputs, dynamo=True, dynamic_shapes=every,
                input_names=list(inputs), output_names=[output_name], opset_version=OPSET,
                verbose=False,
            )  # fmt: skip
            program.save(str(file))
    except Exception as error:  # whatever torch's tracing, decomposing and writing raise
        raise no_graph(error, where) from error


def _example(names: Sequence[str]) -> dict[str, Tensor]:
    """Two rows of 6 and 4 tokens: sizes that no model has for itself."""
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    made = {"input_ids": mask * 3, "attention_mask": mask, "token_type_ids": mask * 0}
    return {name: made[name] for name in names}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells its own makers: packages that are not there, whole graphs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
