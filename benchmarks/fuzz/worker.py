"""Fuzz one target with atheris: ``python -m benchmarks.fuzz.worker TARGET SECONDS SEED FOLDER``.

A process of its own: libFuzzer ends the one it runs in. Findings go to ``FOLDER/findings``, a file
each, and do not stop it; an input that hangs, or that ends the process, libFuzzer itself leaves in
``FOLDER``. What it counted is on stderr.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from pathlib import Path
from typing import Any

SLOW = 20
"""Seconds after which libFuzzer ends the process."""
MEGABYTES = 4096
INSTRUMENTED = ["hfdl", "yaml"]


def main(words: list[str]) -> None:
    """Fuzz until the time is over."""
    atheris: Any = importlib.import_module("atheris")  # an optional tool

    name, seconds, seed, place = words
    folder = Path(place)
    corpus, findings, scratch = (folder / part for part in ("corpus", "findings", "scratch"))
    for made in (corpus, findings, scratch):
        made.mkdir(exist_ok=True)
    with atheris.instrument_imports(include=INSTRUMENTED):
        targets = importlib.import_module("benchmarks.fuzz.targets")
        from benchmarks.fuzz.mutate import MOST, mutated, mutated_json
        from benchmarks.fuzz.target import Finding, tried

        target = targets.BY_NAME[name]
        for data in target.seeds:  # what they import is followed, too
            tried(target, data, scratch)
    for number, data in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(data)

    def once(data: bytes) -> None:
        found = tried(target, data, scratch)
        if isinstance(found, Finding):
            write(found, findings)

    def change(data: bytes, most: int, number: int) -> bytes:
        draw = random.Random(number)
        made = None
        if target.is_json and draw.random() < 0.5:
            made = mutated_json(data, draw, target.words)
        if made is None and draw.random() < 0.3:
            made = mutated(data, draw, target.words)
        return (made if made is not None else atheris.Mutate(data, most))[:most]

    options = [
        f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MOST}", f"-timeout={SLOW}",
        f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={folder}{os.sep}",
        "-print_final_stats=1", "-len_control=20",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], once, custom_mutator=change)
    atheris.Fuzz()


def write(found: object, folder: Path) -> None:
    """A finding's input, once a kind: the shortest."""
    from benchmarks.fuzz.target import Finding

    assert isinstance(found, Finding)
    path = folder / found.digest
    if not path.exists() or path.stat().st_size > len(found.data):
        path.write_bytes(found.data)
        path.with_suffix(".txt").write_text(f"{found.kind}\n{found.message}\n", encoding="utf-8",
                                            errors="backslashreplace")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
