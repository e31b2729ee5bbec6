"""A recipe as YAML that loads back to the same recipe."""

from __future__ import annotations

from io import StringIO
from typing import Any

import yaml

from hfdl.config.schema import Recipe
from hfdl.config.yaml import add_core_schema


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or 1.2 would take for something else."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Only double quotes have escapes, without which YAML folds U+0085 and its like into spaces.
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


add_core_schema(_Dumper)
_Dumper.add_representer(str, _represent_text)


def dump_recipe(recipe: Recipe, file: str = "FILE") -> str:
    """Every key of a recipe with its value, as YAML; ``hfdl train FILE`` runs it again.

    Args:
        recipe: the recipe.
        file: the name that stands in the first line's command.
    """
    return f"# hfdl train {file}\n{_dump(recipe.model_dump(mode='json'))}"


def _dump(data: dict[str, Any]) -> str:
    dumper = _Dumper(StringIO(), sort_keys=False)
    node = dumper.represent_data(data)
    _set_style(node, depth=0)
    return yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=100)


def _set_style(node: yaml.Node, depth: int) -> None:
    """One key a line in the sections; lists and maps inside them on one line."""
    if not isinstance(node, yaml.CollectionNode):
        return
    node.flow_style = depth > 1 or isinstance(node, yaml.SequenceNode)
    for item in node.value:
        for child in item if isinstance(item, tuple) else (item,):
            _set_style(child, depth + 1)
