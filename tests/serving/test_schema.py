"""schemathesis reads /openapi.json and sends what it allows and what it does not: no 500."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from helpers.serving import Local, save_model, served
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("HFDL_SERVE_EXAMPLES", "15"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
TASKS = ["text-classification", "token-classification", "text-generation", "fill-mask"]


@pytest.fixture(scope="module", params=TASKS)
def local(request, tmp_path_factory, tiny_bert: Path, tiny_gpt2: Path) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("schema") / "m"
    model = save_model(request.param, folder, tiny_bert, tiny_gpt2)
    with served(model, request.param, timeout=5) as local:
        yield local


def test_no_request_is_answered_with_500(local: Local) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", local.app)
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    codes: dict[int, int] = {}
    operations = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        operations += 1
        for mode in modes:
            if mode is GenerationMode.NEGATIVE and operation.method != "post":
                continue

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
            )  # fmt: skip
            def ask(case: schemathesis.Case) -> None:
                answer = case.call()
                codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
                case.validate_response(answer, checks=CHECKS)

            ask()
    assert operations >= 5
    assert codes[200] >= 5
    assert codes.get(422, 0) + codes.get(400, 0) >= 5
    assert not any(code >= 500 for code in codes)
    print(local.service.pipe.task, sum(codes.values()), codes)
