"""YAML as a recipe reads it: the 1.2 core schema, with a line number for every key.

PyYAML speaks YAML 1.1, where ``no`` is false, ``5e-5`` is a text and ``12:30`` is 750. Here only
``true`` and ``false`` are booleans, numbers look as they do everywhere else, dates stay texts, and
the keys of a mapping are always texts. A key given twice is an error, and so is an alias: each key
has one line.

ruamel.yaml speaks 1.2, but takes more for numbers (``1_000``, ``0b11``), makes dates, merges
``<<`` and follows aliases. To refuse those takes as many lines as here, and transformers brings
PyYAML in any case.

Reference: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError

CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)


@dataclass(frozen=True)
class Document:
    """A YAML file in memory.

    Args:
        source: the file's name, for messages.
        data: its mapping.
        lines: line of each key, counted from 1, by dotted key; items of lists by their index.
    """

    source: str
    data: dict[str, Any]
    lines: dict[str, int]


class RecipeLoader(yaml.SafeLoader):
    """A safe loader with the core schema, no aliases and no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(
                None, None, "aliases are not supported: write the value out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (AttributeError, KeyError, TypeError, ValueError):
            # What PyYAML lets through where a tag is written out: !!bool x, !!timestamp x, !!map 1.
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise yaml.constructor.ConstructorError(
                None, None, f"the value does not fit the tag {tag}", node.start_mark
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # !!map x, filled after construct_object
            raise yaml.constructor.ConstructorError(
                None, None, "the value does not fit the tag !!map", node.start_mark
            )
        pairs: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a text", key_node.start_mark
                )
            if key_node.value in pairs:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is given twice", key_node.start_mark
                )
            pairs[key_node.value] = self.construct_object(value_node, deep=True)
        return pairs


def _construct_int(loader: RecipeLoader, node: yaml.ScalarNode) -> int:
    base = {"0o": 8, "0x": 16}.get(node.value[:2], 10)
    try:
        value = int(node.value, base)
        str(value)  # has as many digits as Python converts, of 8 and 16 too
        return value
    except ValueError:
        if base == 10 and not node.value.lstrip("+-").isdecimal():
            raise
        raise yaml.constructor.ConstructorError(
            None, None, f"a number of {len(node.value)} digits is too long", node.start_mark
        ) from None


def _construct_float(loader: RecipeLoader, node: yaml.ScalarNode) -> float:
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


def add_core_schema(resolver: Any) -> None:
    """Make a PyYAML loader or dumper class recognise the scalars of the core schema."""
    for name, pattern, first in CORE_SCHEMA:
        resolver.add_implicit_resolver(
            f"tag:yaml.org,2002:{name}", re.compile(rf"^(?:{pattern})$"), first
        )


add_core_schema(RecipeLoader)
RecipeLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
RecipeLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def read_text(path: Path) -> str:
    """The text of a recipe file.

    Raises:
        ConfigError: the file is missing, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "no such file", where=str(path), remedy="see the shipped ones with: hfdl recipes list"
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"byte {error.object[error.start]:#04x} is not UTF-8",
            where=f"{path}, line {line}",
            remedy="save the file as UTF-8",
        ) from None


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ConfigError: the file is missing, not UTF-8, not YAML, or not a mapping.
    """
    return parse_document(read_text(path), str(path))


def parse_document(text: str, source: str) -> Document:
    """Parse YAML text whose top level is a mapping; ``source`` names it in messages.

    Raises:
        ConfigError: the text is not YAML, holds a key twice or an alias, or is not a mapping.
    """
    try:
        node, data = _construct(text)
    except (yaml.YAMLError, RecursionError) as error:
        problem, line = _explain(error, text)
        where = f"{source}, line {line}" if line else source
        raise ConfigError(problem, where=where) from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"holds {_kind(data)}",
            where=source,
            rule="the top level must be keys and values, as in 'task: text_classification'",
        )
    return Document(source, data, _key_lines(node))


def parse_value(text: str) -> Any:
    """The value that ``text`` has after ``key=`` on the command line.

    ``[...]``, ``{...}`` and quoted texts are YAML; all else is one scalar of the core schema, so
    that ``a: b`` and ``#`` need no quotes. Nothing at all is the empty text.

    Raises:
        ValueError: the text starts as YAML and is not; the message says why.
    """
    bare = text.strip()
    if not bare:
        return text
    if bare[0] in "[{\"'":
        try:
            return _construct(bare)[1]
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(_explain(error, bare)[0]) from None
    loader = RecipeLoader("")
    tag = loader.resolve(yaml.ScalarNode, bare, (True, False))
    try:
        value = loader.construct_object(yaml.ScalarNode(tag, bare))
    except yaml.YAMLError as error:
        raise ValueError(_explain(error, bare)[0]) from None
    return text if isinstance(value, str) else value


def _construct(text: str) -> tuple[yaml.Node | None, Any]:
    loader = RecipeLoader(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _explain(error: Exception, text: str) -> tuple[str, int | None]:
    """What is wrong, and in which line."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "it cannot be read"
        if problem.startswith("but ") and error.context:
            problem = f"{error.context}, {problem}"
        kind = "" if isinstance(error, yaml.constructor.ConstructorError) else "not YAML: "
        return kind + problem, mark.line + 1 if mark else None
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"not YAML: the character {chr(error.character)!a} is not allowed", line
    if isinstance(error, RecursionError):
        return "it is nested too deeply", None
    return str(error), None


def _key_lines(node: yaml.Node | None, prefix: str = "") -> dict[str, int]:
    lines: dict[str, int] = {}
    children: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(str(index), item, item) for index, item in enumerate(node.value)]
    for name, marked, value in children:
        lines[prefix + name] = marked.start_mark.line + 1
        lines |= _key_lines(value, f"{prefix}{name}.")
    return lines


def _kind(data: Any) -> str:
    if data is None:
        return "nothing"
    return "a list" if isinstance(data, list) else f"only the value {data!r}"


# ---- A recipe as YAML that loads back to the same recipe -----------------------------------------


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
    return dump_values(recipe.as_written(), file)


def dump_values(values: dict[str, Any], file: str = "FILE") -> str:
    """The values of a recipe as ``dump_recipe`` writes them, unchecked and as they are."""
    return f"# hfdl train {file}\n{_dump(values)}"


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
