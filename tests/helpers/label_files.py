"""Files of labelled texts in several formats, and what hfdl says of them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from typer.testing import CliRunner

from helpers.support import write_csv
from hfdl.cli.app import app


def labelled(labels: Sequence[Any], count: int = 30) -> list[dict[str, Any]]:
    """Rows with each of some labels in turn."""
    return [{"text": f"good {i}", "label": labels[i % len(labels)]} for i in range(count)]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as a file of the kind that its name ends in."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        write_csv(path, rows)
    return path


def checked(path: Path, *keys: str) -> dict[str, Any]:
    """What ``hfdl data check --json`` prints, but for labels of few rows that are not held out."""
    result = CliRunner().invoke(app, ["data", "check", str(path), *keys, "--json"])
    found = json.loads(result.stdout)
    few = "validation, held out from train"
    found["warnings"] = [line for line in found["warnings"] if not line.startswith(few)]
    return found


def remedy(line: str, before: str = r"(?:are one|no label|mean so): ") -> list[str]:
    """The words that a line tells to type behind a text, as a shell hands them on."""
    parts = re.split(before, line)[1:]
    words = [word for part in parts for word in shlex.split(part)]
    return [re.sub("(?<!=)[;,]$", "", word) for word in words if word.startswith("data.")]
