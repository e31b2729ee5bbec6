"""Opening a saved encoder for its answers alone, without transformers' modelling code.

Importing that takes longer than all else that ``hfdl predict`` does. What is opened here computes
what hfdl's own code does in its PreTrainedModel classes, bit for bit; whatever is out of the
ordinary is left to them.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from hfdl.config.recorded_code import recorded
from hfdl.config.schema import ModelConfig
from hfdl.models.answering import AnsweringEncoder
from hfdl.weights.families.name_table import Head
from hfdl.weights.families.registry import Family, family_of
from hfdl.weights.model_config import BROKEN
from hfdl.weights.names import ATTENTION_RECORD, CLASS_RECORD

_HEADS: tuple[Head, ...] = ("sequence", "token")
_DRAWS = {"kaiming_uniform_", "normal_", "trunc_normal_", "uniform_", "xavier_uniform_"}


def open_for_answers(
    folder: Path, asked: ModelConfig, config: Any, head: Head
) -> AnsweringEncoder | None:
    """A saved encoder in eval mode.

    Args:
        folder: the model's.
        asked: the recipe's section that it was trained by, or one that stands in for it.
        config: its transformers config; it is left as it is.
        head: of the task.

    Returns:
        None where the model must be opened in the usual way: a decoder, code or an attention of the
        user's own, transformers' code asked for, a setting that hfdl's code does not have, weights
        in several files, in another type than float32, or under other names.
    """
    family = family_of(config.model_type)
    if family is None or not _is_plain(family, asked, config, head):
        return None
    try:
        core = _filled(family, head, config, folder / "model.safetensors")
    except BROKEN:
        return None  # the usual way says what is wrong, or makes up for it
    return None if core is None else AnsweringEncoder(core, copy.deepcopy(config)).eval()


def _is_plain(family: Family, asked: ModelConfig, config: Any, head: Head) -> bool:
    is_own = asked.own_class is not None or recorded(config, CLASS_RECORD) is not None
    attends = asked.attention is not None or recorded(config, ATTENTION_RECORD) is not None
    names = config.architectures or []
    records = config.output_attentions or config.output_hidden_states
    is_quantized = getattr(config, "quantization_config", None) is not None
    return (
        head in _HEADS
        and not family.decodes
        and asked.implementation != "hf"
        and not (is_own or attends or records or is_quantized)
        and names[:1] == [family.hf_name(head)]
    )


def _filled(family: Family, head: Head, config: Any, file: Path) -> Any:
    """The model with the weights of a file; None where they are not plain float32."""
    from safetensors.torch import load_file

    with torch.device("meta"), _Undrawn():
        core = family.cores[head](family.translate(config))
    shapes = {name: tensor.shape for name, tensor in core.state_dict().items()}
    theirs = load_file(file)
    if any(tensor.dtype != torch.float32 for tensor in theirs.values()):
        return None
    ours = family.table.table(head, shapes, tied=False).to_scratch(theirs)
    core.load_state_dict(ours, assign=True)
    return core


class _Undrawn(TorchFunctionMode):
    """While active, no first weights are drawn: on ``meta`` that would import torch's compiler."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
