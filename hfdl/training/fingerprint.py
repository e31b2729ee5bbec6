"""Does a run that is continued see what it saw before?

A digest of each thing that enters training or the choice of the best weights. A checkpoint holds
them; where one has become another the run could not end as it would have.
"""

from __future__ import annotations

import hashlib
import inspect
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hfdl.data.arrays import chunks
from hfdl.errors import CheckpointError
from hfdl.tasks.protocol import Digested, Split, Task
from hfdl.training.files import sha256_of

AT_ONCE = 256
"""Examples of a batch that is made only to be looked at."""

_WHAT = {
    "train": "training data",
    "validation": "validation data",
    "labels": "label set",
    "tokenizer": "tokenizer",
    "task": "code of the task",
}


def fingerprint(
    task: Task, train: Split, validation: Split | None, files: Mapping[str, Path]
) -> dict[str, str]:
    """The digests, by what they are of.

    Args:
        task: its labels, its tokenizer, and its code where that is not hfdl's.
        train, validation: every token and target; the second one picks the best weights.
        files: what else is read, by the key of the recipe that names it.
    """
    digests = {"train": split_digest(train)}
    if validation is not None:
        digests["validation"] = split_digest(validation)
    digests["labels"] = hashlib.sha256(repr(task.label_names).encode()).hexdigest()
    digests["tokenizer"] = _tokenizer_digest(task)
    if code := _own_code(task):
        digests["task"] = hashlib.sha256(code).hexdigest()
    return digests | {key: sha256_of(path) for key, path in files.items()}


def refuse_another(old: Any, new: Mapping[str, str], where: str) -> None:
    """Refuse to go on where something is not what the run was started with.

    Args:
        old: what the checkpoint holds.
        new: what is there now.
        where: the run's folder.

    Raises:
        CheckpointError: naming the first that differs.
    """
    old = old if isinstance(old, dict) else {}
    for key in dict.fromkeys([*new, *old]):
        if old.get(key) != new.get(key):
            what = _WHAT.get(key, f"file of {key}")
            again = "data" if what.endswith("data") else "one"
            raise CheckpointError(
                f"the {what} is not the {again} that the run was started with",
                where=where,
                rule="a resumed run must see the same examples"
                if key in ("train", "validation")
                else "a resumed run must end as it would have without the stop",
                remedy=f"put the old {again} back, or start again with --overwrite in place of "
                "--resume",
            )


def split_digest(split: Split) -> str:
    """Of every tensor that the split gives, and of the right answers."""
    digest = hashlib.blake2b()
    for part in chunks(split.lengths):
        digest.update(part.tobytes())
    digest.update(repr(list(split.references())).encode("utf-8", "surrogatepass"))
    if isinstance(split, Digested):
        digest.update(split.digest().encode())
        return digest.hexdigest()
    for start in range(0, len(split), AT_ONCE):
        examples = list(range(start, min(start + AT_ONCE, len(split))))
        batch = split.batch(examples, seed=0, epoch=0)
        for name, value in sorted([*batch.inputs.items(), *batch.targets.items()]):
            digest.update(name.encode())
            digest.update(_bytes(value))
    return digest.hexdigest()


def _bytes(value: Any) -> bytes | memoryview:
    if not isinstance(value, torch.Tensor):
        return repr(value).encode("utf-8", "surrogatepass")
    return value.contiguous().flatten().view(torch.uint8).numpy().data


def _tokenizer_digest(task: Task) -> str:
    """Of the files that the task saves beside the weights."""
    digest = hashlib.blake2b()
    with tempfile.TemporaryDirectory() as folder:
        task.save(Path(folder))
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()


def _own_code(task: Task) -> bytes:
    """The code of the classes of a task that are not hfdl's, with the whole files they are from.

    Of a class in a script, or one that was typed in, it is the class alone: the script itself says
    whether a run is resumed.
    """
    code: dict[str, bytes] = {}
    for kind in type(task).__mro__:
        if kind.__module__.partition(".")[0] in ("hfdl", "builtins", "abc", "typing"):
            continue
        try:
            source = inspect.getsource(kind)
            if kind.__module__ != "__main__" and (file := inspect.getsourcefile(kind)):
                source = Path(file).read_text(encoding="utf-8")
        except (OSError, TypeError):
            continue
        code[kind.__module__] = source.encode()
    return b"".join(code.values())
