"""Where a case may put its files, and commands that would work."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

GOOD_TEXT = "a superb movie and a good film\n\n" * 40
CONLL = "ann B-PER\nsaw O\nrome B-LOC\n\n" * 20


@dataclass(frozen=True)
class Place:
    """A folder for the files of a case, two tiny models and a good file."""

    folder: Path
    model: Path
    decoder: Path
    good: Path
    runs: dict[str, Path]

    @property
    def output(self) -> Path:
        return self.folder / "out" / "run"

    def fresh(self, number: int) -> Place:
        """Another folder."""
        folder = self.folder / f"again {number}"
        folder.mkdir()
        os.chdir(folder)  # a fixture goes back
        return replace(self, folder=folder)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def train(self, *overrides: str, recipe: str = "sentiment", output: Any = None) -> list[str]:
        """A training that works, but for what the overrides break."""
        return [
            "train", recipe, f"model.name={self.model}", "data.max_length=32", "train.steps=1",
            "train.precision=float32", f"data.train={self.good}", *overrides,
            "--output", str(output or self.output),
        ]  # fmt: skip

    def on(self, content: str | bytes, *overrides: str, name: str = "bad.csv") -> list[str]:
        return self.train(f"data.train={self.write(name, content)}", *overrides)

    def tag(self, *overrides: str, content: str | bytes = CONLL, name: str = "bad.conll"):
        """A training of named entities that works, but for what is given."""
        file = self.write(name, content)
        return self.train(f"data.train={file}", *overrides, recipe="ner")

    def read(
        self, recipe: str, *overrides: str, content: str | bytes = GOOD_TEXT, name: str = "bad.txt"
    ) -> list[str]:
        """The same of a language model: ``mlm``, or ``clm`` on a pretrained one."""
        settings = [f"data.train={self.write(name, content)}"]
        if recipe == "clm":
            settings += [f"model.name={self.decoder}", "model.tokenizer=null", "model.config=null"]
        return self.train(*settings, *overrides, recipe=recipe)
