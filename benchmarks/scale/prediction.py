"""Labels for 2,000 to 200,000 lines, by a small classifier from random weights: memory.

``hfdl predict RUN --file LINES --output ANSWERS``, and the pipeline over a generator, each in a
process of its own. Neither may hold what it has answered.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.scale.examples import write_rows

SIZES = (2e3, 2e4, 2e5)
FLAT = ("command_peak_bytes", "generator_peak_bytes", "command_us_per_line",
        "generator_us_per_line")  # fmt: skip


def measure(size: float, folder: Path) -> dict[str, Any]:
    """The most memory of a whole process, and its processor time by line, either way."""
    lines = folder / "lines.txt"
    write_lines(lines, int(size))
    _alone(make_model, folder)
    command = _alone(_of_command, folder)
    generator = _alone(_of_generator, folder)
    return {
        "command_peak_bytes": command["peak_bytes"],
        "generator_peak_bytes": generator["peak_bytes"],
        "command_us_per_line": 1e6 * command["processor_seconds"] / size,
        "generator_us_per_line": 1e6 * generator["processor_seconds"] / size,
    }


def _alone(work: Callable[[Path], Any], folder: Path) -> Any:
    """In a process of its own: what another has freed is not there."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, folder).result()


def write_lines(path: Path, count: int) -> None:
    """Made-up sentences of 4 to 30 words, a line each."""
    rows = path.with_suffix(".tsv")
    write_rows(rows, count)
    with rows.open(encoding="utf-8") as source, path.open("w", encoding="utf-8") as target:
        next(source)
        target.writelines(row.partition("\t")[0] + "\n" for row in source)
    rows.unlink()


def make_model(folder: Path) -> None:
    """A classifier of one layer of width 32, trained for two updates."""
    import hfdl

    rows = folder / "rows.tsv"
    write_rows(rows, 500)
    hfdl.train(
        "sentiment",
        {
            "data.train": str(rows), "data.validation": str(rows), "data.max_length": 64,
            "model.name": "hfdl://encoder", "model.tokenizer": "wordpiece",
            "model.config": {"vocab_size": 500, "hidden_size": 32, "num_hidden_layers": 1,
                             "num_attention_heads": 2, "intermediate_size": 64},
            "train.steps": 2, "train.evaluate_every": 2, "train.precision": "float32",
        },
        output=folder / "run", report=False, listener=lambda event: None,
    )  # fmt: skip


def _of_command(folder: Path) -> dict[str, float]:
    from benchmarks.harness.clock import measured, peak_bytes

    # A checkout has the folder cli/ under another name than an installed package.
    run: Any = importlib.import_module("hfdl.cli.errors").run
    words = ["predict", str(folder / "run"), "--file", str(folder / "lines.txt"),
             "--output", str(folder / "answers.jsonl")]  # fmt: skip
    with measured() as took, contextlib.redirect_stderr(io.StringIO()):
        code = run(words)
    if code:
        raise RuntimeError(f"hfdl {' '.join(words)}: exit code {code}")
    return {**took, "peak_bytes": float(peak_bytes())}


def _of_generator(folder: Path) -> dict[str, float]:
    import hfdl
    from benchmarks.harness.clock import measured, peak_bytes

    pipe: Any = hfdl.pipeline("sentiment", str(folder / "run"))
    with measured() as took:
        answered = sum(1 for _ in pipe(_lines(folder / "lines.txt")))
    if not answered:
        raise RuntimeError("nothing was answered")
    return {**took, "peak_bytes": float(peak_bytes())}


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")
