"""``--max-batch-tokens`` is what the model reads at once, also above a pipeline's own budget."""

from __future__ import annotations

from itertools import islice, permutations
from pathlib import Path
from typing import Any

import pytest
from helpers.serving import save_model, served

from hfdl.tasks.inference import CPU_TOKENS

WORDS = ["a", "good", "film", "was", "long", "and", "bad", "the", "book", "what", "it", "is"]
ENDS = {"text-classification": "", "token-classification": "", "fill-mask": " [MASK]"}
ENDS["feature-extraction"] = ""


@pytest.mark.parametrize("task", ENDS)
def test_a_forward_pass_is_as_large_as_the_option_says(
    task: str, tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path
) -> None:
    folder = save_model(task, tmp_path / "m", tiny_bert, tiny_gpt2)
    # Each another one: the same text is read once for all its masks.
    texts = [" ".join(each) * 2 + ENDS[task] for each in islice(permutations(WORDS), 300)]
    default, raised = (rows_read(folder, task, texts, tokens) for tokens in (None, 1 << 16))
    width = default[0][1]
    assert len(texts) * width > CPU_TOKENS  # not one pass by default
    assert all(rows * width <= CPU_TOKENS for rows, _ in default)
    assert len(default) > len(raised)
    assert sum(rows for rows, _ in default) == sum(rows for rows, _ in raised) == len(texts)


def rows_read(
    folder: Path, task: str, texts: list[str], tokens: int | None
) -> list[tuple[int, int]]:
    """Rows and columns of each forward pass of a request."""
    passes: list[tuple[int, int]] = []

    def note(_: Any, arguments: Any, options: Any) -> None:
        ids = options.get("input_ids", arguments[0] if arguments else None)
        passes.append(tuple(ids.shape))

    limits = {} if tokens is None else {"max_batch_tokens": tokens}
    with served(folder, task, max_texts=1000, **limits) as local:
        local.service.pipe.model.register_forward_pre_hook(note, with_kwargs=True)
        assert local.get("/").json()["limits"]["max_batch_tokens"] == (tokens or CPU_TOKENS)
        answer = local.post({"inputs": texts})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) == len(texts)
    return passes
