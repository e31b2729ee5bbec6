"""Where the components stand in Hugging Face's models, and in hfdl's.

hfdl's models have one set of names. What Hugging Face calls the same modules follows from the
family's table of tensor names: ``layers.{}.attention.o_proj`` is BERT's
``encoder.layer.{}.attention.output.dense``, so its blocks are ``encoder.layer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from hfdl.errors import ModelError
from hfdl.weights.families.name_rules import Rename
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import FAMILIES, Family, family_of

_BLOCK = "layers.{}."


@dataclass(frozen=True)
class Layout:
    """Names of modules within a model without its head.

    Args:
        blocks: the list of blocks.
        block_parts: component -> module within a block.
        model_parts: component -> module within the model.
    """

    blocks: str
    block_parts: Mapping[str, str]
    model_parts: Mapping[str, str]


# Parts that a model has not are passed over.
SCRATCH = Layout(
    blocks="layers",
    block_parts={
        "attention_output": "attention.o_proj",
        "attention_norm": "attention_norm",
        "feed_forward_norm": "feed_forward_norm",
        "feed_forward": "feed_forward.down_proj",
    },
    model_parts={"final_norm": "norm", "rotary": "rotary"},
)


def hf_layout(table: FamilyTable) -> Layout:
    """Hugging Face's names of the modules of ``SCRATCH``, read from a family's name table."""
    theirs = {line.ours: line.theirs for line in table.body if isinstance(line, Rename)}
    blocks, _, _ = theirs[_BLOCK + SCRATCH.block_parts["attention_output"]].partition(".{}.")
    block_parts = {
        component: theirs[_BLOCK + path].removeprefix(f"{blocks}.{{}}.")
        for component, path in SCRATCH.block_parts.items()
    }
    model_parts = {
        component: theirs[path] for component, path in SCRATCH.model_parts.items() if path in theirs
    }
    return Layout(blocks, block_parts, model_parts)


def family_of_model(model: Any) -> Family:
    """The family of a transformers model.

    Raises:
        ModelError: its architecture is none of those that hfdl has from scratch.
    """
    family = family_of(model.config.model_type)
    if family is None:
        raise ModelError(
            f"{type(model).__name__} is of the type {model.config.model_type!r}",
            rule=f"hfdl has from scratch {', '.join(f.model_type for f in FAMILIES)}",
            remedy="choose a model of one of these types",
        )
    return family


def backbone(model: nn.Module) -> Any:
    """A model of hfdl's without its head; anything else as it is."""
    return getattr(model, "backbone", model)


def find(model: nn.Module, name: str) -> nn.Module | None:
    """The module of that name, or None."""
    return dict(model.named_modules()).get(name)
