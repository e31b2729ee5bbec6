"""Which files of a folder are uploaded: what the model needs, and what is asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hfdl.errors import ConfigError, HubError, did_you_mean

_MODEL = (
    "config.json", "generation_config.json", "model.safetensors", "model-*-of-*.safetensors",
    "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "*.model", "*.spm", "chat_template.jinja", "chat_template.json", "adapter_config.json",
    "adapter_model.safetensors", "modules.json", "config_sentence_transformers.json",
    "sentence_bert_config.json", "sentence_*_config.json", "[0-9]_*/config.json",
    "[0-9]_*/model.safetensors", "recipe.yaml", "metrics.json", "README.md", "LICENSE",
)  # fmt: skip
"""What a model folder is made of: weights, tokenizer, how they are used and what they reach."""

BY_CHOICE = {
    "predictions": ("predictions.jsonl", "it holds texts of the data"),
    "mistakes": ("mistakes.jsonl", "it holds texts of the data"),
    "report": ("report.html", "it shows texts of the data"),
    "log": ("log.jsonl", "it holds paths of this machine"),
}
"""Files of a run by the names that ``include`` knows them by, and why they stay otherwise."""

_NEVER = (
    ("checkpoints", "only --resume reads it"),
    (".*", "hidden"),
    ("*.lock", "a lock"),
    ("*.bin", "a pickle: it can run code"),
    ("*.pt", "a pickle: it can run code"),
    ("*.pth", "a pickle: it can run code"),
    ("*.pkl", "a pickle: it can run code"),
    ("*.pickle", "a pickle: it can run code"),
    ("*.ckpt", "a pickle: it can run code"),
    ("__pycache__", "made by Python"),
)


@dataclass(frozen=True)
class Choice:
    """Files by their paths in the repository.

    Args:
        files: that go.
        left: a name or pattern and why it stays, such as ``("checkpoints/", "...")``.
    """

    files: dict[str, Path]
    left: list[tuple[str, str]]


def choose(folder: Path, include: Sequence[str] = ()) -> Choice:
    """The files of a run or a model folder that are uploaded.

    Args:
        folder: of the run.
        include: names of ``BY_CHOICE``, names of files or patterns such as ``plots/*.svg``.

    Raises:
        ConfigError: one of ``include`` is nothing that may go.
        HubError: a file of the model's is a link that leads out of the folder.
    """
    patterns = [BY_CHOICE[name][0] if name in BY_CHOICE else name for name in include]
    files: dict[str, Path] = {}
    left: dict[str, str] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        asked = any(fnmatchcase(name, pattern) for pattern in patterns)
        if reason := _never(name):
            left.setdefault(*reason)
        elif not asked and not any(fnmatchcase(name, pattern) for pattern in _MODEL):
            left[name] = _why(name)
        elif _leads_out(path, folder):
            if asked or name not in ("README.md", "LICENSE"):
                raise _link(path, name)
            left[name] = "a link that leads out of the folder"
        else:
            files[name] = path
    _check_included(include, patterns, files, left)
    return Choice(files, list(left.items()))


def _files(folder: Path) -> Iterable[Path]:
    """Files below a folder, by name; folders that never go are not walked through."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not _never(entry.name):
            yield from (path for path in sorted(entry.rglob("*")) if not path.is_dir())
        else:
            yield entry


def _never(name: str) -> tuple[str, str] | None:
    for part in PurePosixPath(name).parts:
        for pattern, reason in _NEVER:
            if fnmatchcase(part.casefold(), pattern):
                return (f"{part}/" if part in ("checkpoints", "__pycache__") else name), reason
    if "\\" in name:
        return name, "a path in a repository has no \\"
    return None


def _why(name: str) -> str:
    reasons = dict(BY_CHOICE.values())
    return reasons.get(name, "no part of a model")


def _leads_out(path: Path, folder: Path) -> bool:
    """Whether a link's target lies elsewhere; those of the Hub's cache into its blobs do not."""
    root, target = folder.resolve(), path.resolve()
    roots = [root]
    if root.parent.name == "snapshots":
        roots.append(root.parent.parent / "blobs")
    return not any(target.is_relative_to(each) for each in roots)


def _link(path: Path, name: str) -> HubError:
    return HubError(
        f"{name} is a link that leads out of the folder, to {path.resolve()}",
        where=str(path.parent),
        rule="only files of the folder itself are uploaded",
        remedy="copy the file into the folder, in the place of the link",
    )


def _check_included(
    include: Sequence[str],
    patterns: Sequence[str],
    files: dict[str, Path],
    left: dict[str, str],
) -> None:
    for asked, pattern in zip(include, patterns, strict=True):
        if any(fnmatchcase(name, pattern) for name in files):
            continue
        barred = next((n for n in left if fnmatchcase(n, pattern) and _never(n)), pattern)
        never = _never(barred)
        stays = f"{barred} is never uploaded ({never[1]})" if never else None
        may = [name for name in left if not _never(name) and not name.endswith("/")]
        named = {file: name for name, (file, _) in BY_CHOICE.items()}
        known = [named.get(name, name) for name in may]
        raise ConfigError(
            stays or f"no file of the run is {asked!r}",
            where="--include",
            rule="it takes names of files, patterns, and predictions, mistakes, report, log",
            remedy="leave it out" if never else did_you_mean(asked, known),
        )
