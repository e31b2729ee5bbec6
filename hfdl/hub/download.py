"""Model folders of the Hub: what its cache holds, whether that is the newest, and the download.

Only what a model is opened with comes: weights in safetensors, configs, tokenizer and recipe. Code
and pickles stay where they are.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

WANTED = [
    "*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.spm", "*.jinja",
    "recipe.yaml",
]  # fmt: skip
# Other runtimes' copies of the same weights, and the pickled ones.
UNWANTED = ["onnx/*", "openvino/*", "*.onnx", "*.bin", "*.pt", "*.h5", "*.msgpack", "*.ot"]
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 4.0
"""How long the Hub may take to say which commit is the newest; the cache serves otherwise."""
_TRUSTED = 5.0
"""For how long an answer holds: one command opens a model several times."""
_SILENT = 60.0
"""For how long it is not asked again where it could not be reached."""

_answers: dict[tuple[str, str, str | None], tuple[float, str | None]] = {}


def cached(name: str, revision: str | None) -> Path | None:
    """The snapshot of a repository in the Hugging Face cache, whole or not; None: there is none."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE is set, so that the Hub is not asked at all."""
    from huggingface_hub import constants

    return constants.is_offline_mode()


def is_outdated(name: str, revision: str | None, snapshot: Path) -> bool:
    """Whether the Hub has a newer commit of a branch; False where it cannot be asked.

    Args:
        name: the Hub id.
        revision: branch, tag or commit; None: ``main``.
        snapshot: what ``cached`` gave.
    """
    from huggingface_hub import constants

    if is_offline() or (revision and _COMMIT.fullmatch(revision)):
        return False
    key = (constants.ENDPOINT, name, revision)
    now = time.monotonic()
    if key not in _answers or _answers[key][0] < now:
        sha = _newest(name, revision)
        _answers[key] = (now + (_TRUSTED if sha else _SILENT), sha)
    return _answers[key][1] not in (None, snapshot.name)


def _newest(name: str, revision: str | None) -> str | None:
    from huggingface_hub import HfApi

    try:
        return HfApi(library_name="hfdl").model_info(name, revision=revision, timeout=_SECONDS).sha
    except Exception:  # no network, a repository that is gone, a token that is not known
        return None


def download(name: str, revision: str | None) -> Path:
    """The newest snapshot, with all that is needed of it.

    Raises:
        Exception: whatever huggingface_hub and the network raise.
    """
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(name, revision=revision, allow_patterns=WANTED, ignore_patterns=UNWANTED)
    )


def is_snapshot(folder: Path) -> bool:
    """Whether a folder is one that the Hub's cache keeps."""
    return folder.parent.name == "snapshots"


def files_of(name: str, snapshot: Path) -> set[str] | None:
    """Every file of the repository at a snapshot, those that were not downloaded too.

    None where the cache does not know.
    """
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError, HFValidationError

    try:
        return {each.path for each in get_cached_repo_tree(name, revision=snapshot.name)}
    except (CachedRepoTreeNotFoundError, HFValidationError, OSError):
        return None


def is_absent(name: str, revision: str | None, snapshot: Path, file: str) -> bool:
    """Whether the repository is known to have no such file."""
    from huggingface_hub import try_to_load_from_cache

    files = files_of(name, snapshot)
    if files is not None:
        return file not in files
    # A marker that is no path: somebody asked the Hub, which has no such file.
    return try_to_load_from_cache(name, file, revision=revision) is not None
