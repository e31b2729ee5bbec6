"""hfdl's own model beside an open transformers model, and gradients under transformers' names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from hfdl.hf_models import HfModel
from hfdl.hf_models.load import hf_class_of, to_scratch_model
from hfdl.weights.families.name_table import Head, Table


@dataclass(frozen=True, eq=False)
class Twin:
    """A model of ``hfdl.models`` that has the weights of a transformers model.

    Args:
        core: the model, in eval mode.
        table: the names of its tensors in transformers.
        head: what it has on its body.
    """

    core: nn.Module
    table: Table
    head: Head


def twin_of(hf_model: Any) -> Twin:
    """hfdl's model with copies of the weights of a transformers model, in their type.

    Raises:
        ModelError: hfdl has no such architecture or head, or not with these settings.
    """
    model = to_scratch_model(hf_model).eval()
    return Twin(model.core, model.table, model.head)


def twin_in(candidate: Any, hf_model: Any) -> Twin | None:
    """The model of ``hfdl.models`` that a candidate is, bare or wrapped; None where it is none.

    Args:
        candidate: what somebody wants compared.
        hf_model: with what.
    """
    core = candidate.core if isinstance(candidate, HfModel) else candidate
    own_class = hf_class_of(hf_model)
    if not isinstance(core, own_class.family.cores[own_class.head]):
        return None
    shapes = {name: tensor.shape for name, tensor in core.state_dict().items()}
    tied = bool(hf_model.config.tie_word_embeddings)
    table = own_class.family.table.table(own_class.head, shapes, tied=tied)
    return Twin(core, table, own_class.head)


def head_of(hf_model: Any) -> Head:
    """What a transformers model has on its body.

    Raises:
        ModelError: hfdl has no such architecture or head.
    """
    return hf_class_of(hf_model).head
