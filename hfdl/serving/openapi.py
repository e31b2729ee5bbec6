"""The OpenAPI description of a server: its paths, the form of a request and of its errors."""

from __future__ import annotations

import copy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hfdl import __version__
from hfdl.serving.gate import OPEN
from hfdl.serving.service import Service

_ERROR = {
    "type": "object",
    "required": ["error", "error_type"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong, and what to do."},
        "error_type": {"type": "string", "description": "The same for programs."},
    },
    "title": "Error",
}
_POST_ERRORS = {
    400: "The body is no JSON.", 404: "There is no such path.",
    405: "The path has another method: /predict is asked with POST, the others with GET.",
    408: "The body did not come in time.",
    413: "The body is too large.", 415: "The content type is not application/json.",
    422: "The inputs or parameters have another form, or are too many or too long.",
    429: "The queue is full: see Retry-After.", 500: "The model failed on this request.",
    503: "The model is being loaded, or the server is stopping.", 504: "No answer in time.",
}  # fmt: skip
_NO_KEY = "There is no key, or another one: Authorization: Bearer KEY."
_TEXT = {"text/plain": {"schema": {"type": "string"}}}


def openapi(app: FastAPI, service: Service, *, asks_key: bool = False) -> dict[str, Any]:
    """The description, as JSON has it.

    Args:
        app: whose paths.
        service: what answers.
        asks_key: whether a key is asked for.
    """
    made = copy.deepcopy(
        get_openapi(
            title=f"{service.pipe.task}: {service.name}", version=__version__, routes=app.routes,
            description="Answers as transformers.pipeline gives them.",
        )
    )  # fmt: skip
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.clear()
    schemas["Error"] = _ERROR
    form = service.reader.model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(form.pop("$defs", {}))
    schemas["PredictRequest"] = form
    post = made["paths"]["/predict"]["post"]
    post["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": _ref("PredictRequest")}},
    }
    answers: dict[str, Any] = {"application/json": {"schema": {}}}
    if service.can_stream:
        answers["text/event-stream"] = {}
    post["responses"] = {"200": {"description": "The answers.", "content": answers}}
    post["responses"] |= {str(code): _error(words) for code, words in _POST_ERRORS.items()}
    for path in ("/", "/ready"):
        made["paths"][path]["get"]["responses"]["503"] = _error(_POST_ERRORS[503])
    made["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = _TEXT
    if asks_key:
        _add_key(made)
    return made


def _add_key(made: dict[str, Any]) -> None:
    """The key that is asked for, on every path but those that ``Gate`` leaves open."""
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in made["paths"].items():
        if path in OPEN:
            continue
        for method in methods.values():
            method["security"] = [{"key": []}]
            answers = {**method["responses"], "401": _error(_NO_KEY)}
            method["responses"] = dict(sorted(answers.items()))


def _error(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": _ref("Error")}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
