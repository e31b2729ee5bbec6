"""The page at /docs: the paths, and a form to try them. Nothing of it comes from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from hfdl.errors import shell_word
from hfdl.serving.limits import OPTIONS, WORDS

Schema = Mapping[str, Any]
_SHOWN = 400
"""Characters of an answer: a vector has thousands."""


def docs_page(description: Schema, facts: Schema, answer: Any) -> str:
    """The page.

    Args:
        description: in OpenAPI.
        facts: about the server.
        answer: to the example.
    """
    schemas = description["components"]["schemas"]
    fields = schemas["PredictRequest"]["properties"]
    example = _example(fields)
    post = description["paths"]["/predict"]["post"]
    return _template().render(
        facts=facts,
        example=json.dumps(example, indent=2, ensure_ascii=False, allow_nan=False),
        shell_example=shell_word(json.dumps(example, ensure_ascii=False, allow_nan=False)),
        inputs=fields["inputs"]["description"],
        can_stream="stream" in fields,
        parameters=[
            (name, _words(schema, schemas), schema.get("description", ""))
            for name, schema in schemas["Parameters"].get("properties", {}).items()
        ],
        paths=[
            (path, methods["get"]["summary"])
            for path, methods in description["paths"].items()
            if "get" in methods
        ],
        errors=[
            (code, answer["description"]) for code, answer in post["responses"].items()
            if code != "200"
        ],
        limits=[
            (OPTIONS[name], f"{value:,.15g} {WORDS[name][0]}", WORDS[name][1])
            for name, value in facts["limits"].items()
        ],
        asks_key="securitySchemes" in description["components"],
        answer=_shortened(json.dumps(answer, ensure_ascii=False, allow_nan=False)),
    )  # fmt: skip


def _example(fields: Schema) -> dict[str, Any]:
    sent = {name: fields[name]["examples"][0] for name in ("inputs", "parameters")}
    return {name: value for name, value in sent.items() if value}


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _words(schema: Schema, schemas: Schema) -> str:
    """A type of JSON in words."""
    if "$ref" in schema:
        return _words(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return " or ".join(_words(each, schemas) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = str(schema.get("type", "anything"))
    if kind == "array" and "items" in schema:
        return f"list of {_words(schema['items'], schemas)}"
    if kind == "integer" and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f"integer, {schema['minimum']} to {schema['maximum']}"
    if kind == "integer" and schema.get("minimum", -1) >= 0:
        return f"integer, {schema['minimum']} or more"
    return kind


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True)
    return environment.get_template("docs.html")
