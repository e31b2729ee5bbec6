"""A graph in ONNX as a model: what ``hfdl export`` wrote, run by onnxruntime.

The module has the forward of the model that it was made of, so that tasks and pipelines read,
window and decode as they do for any other.

Shapes: B rows, T tokens, C labels (or words of the vocabulary), D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from hfdl.errors import ModelError, import_extra

EXTRA = "onnx"
"""The extra that has the packages."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""The tensors that graphs take, those among them that the model reads."""


def import_onnxruntime() -> Any:
    """The package that runs graphs.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_extra("onnxruntime", feature="a model in ONNX", extra=EXTRA)


@dataclass
class GraphOutput(ModelOutput):
    """What a graph answers: the one that its output is named after.

    Args:
        logits: (B, C), or (B, T, C) of a model that labels or fills in tokens.
        last_hidden_state: (B, T, D) of a model without a head.
    """

    logits: Tensor | None = None
    last_hidden_state: Tensor | None = None


class GraphModel(nn.Module):
    """An exported graph with a model's forward, always in eval mode: it has nothing to train.

    Args:
        file: of the graph.
        config: the transformers config beside it.
        output_name: what it is to answer with, a field of ``GraphOutput``.

    Attributes:
        input_names: the tensors that the graph takes.

    Raises:
        ModelError: onnxruntime cannot open the graph, or it has other inputs or another output.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, file: Path, config: Any, output_name: str = "logits") -> None:
        super().__init__()
        self.config, self.output_name = config, output_name
        self.session = _session(file)
        self.input_names: list[str] = [each.name for each in self.session.get_inputs()]
        outputs = [each.name for each in self.session.get_outputs()]
        _refuse_other_graphs(file, self.input_names, outputs, output_name)
        self.eval()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> GraphOutput:
        """Run the graph.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T). Default: every token is real.
            token_type_ids: (B, T). Default: all of them 0.

        Returns:
            its answer, on the device of ``input_ids``.
        """
        given = {
            "input_ids": input_ids,
            "attention_mask": torch.ones_like(input_ids)
            if attention_mask is None
            else attention_mask,
            "token_type_ids": torch.zeros_like(input_ids)
            if token_type_ids is None
            else token_type_ids,
        }
        feeds = {name: given[name].long().cpu().numpy() for name in self.input_names}
        (answer,) = self.session.run([self.output_name], feeds)
        return GraphOutput(**{self.output_name: torch.from_numpy(answer).to(input_ids.device)})

    def get_output_embeddings(self) -> None:
        """No layer of words: logits come out of the graph whole."""
        return


def _session(file: Path) -> Any:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # what it says of a graph that runs is for its own makers
    try:
        return runtime.InferenceSession(
            str(file), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # classes of its own, all of them below RuntimeError or Exception
        raise ModelError(
            f"onnxruntime cannot open it: {str(error).strip().splitlines()[0]}",
            where=str(file),
            rule="it is a graph in ONNX with all of its weights",
            remedy="export the model again",
        ) from error


def _refuse_other_graphs(
    file: Path, inputs: list[str], outputs: list[str], output_name: str
) -> None:
    if strange := [name for name in inputs if name not in INPUTS]:
        raise ModelError(
            f"the graph takes {strange[0]}",
            where=str(file),
            rule=f"a graph takes {', '.join(INPUTS)}",
            remedy="export the model again",
        )
    if output_name not in outputs:
        is_body = output_name == "last_hidden_state"
        raise ModelError(
            f"the graph answers with {outputs[0]}",
            where=str(file),
            rule=f"{'vectors of texts are' if is_body else 'the task is'} made of {output_name}",
            remedy="export the model for it: hfdl export MODEL"
            + (" --task feature-extraction" if is_body else ""),
        )
