"""Names of the modules that are compared, in Hugging Face's models and in hfdl's.

hfdl's models have one set of names. Hugging Face's names of the same modules follow from the
family's table of tensor names: ``layers.{}.attention.o_proj`` is BERT's
``encoder.layer.{}.attention.output.dense``, so its blocks are ``encoder.layer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from hfdl.weights.families.name_rules import Rename
from hfdl.weights.families.name_table import FamilyTable

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


# Parts that a model does not have are skipped.
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


def backbone(model: nn.Module) -> Any:
    """A model of hfdl's without its head; anything else as it is."""
    return getattr(model, "backbone", model)


def find(model: nn.Module, name: str) -> nn.Module | None:
    """The module of that name, or None."""
    return dict(model.named_modules()).get(name)
