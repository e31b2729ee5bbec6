"""Files for a repository, compared with what it holds, and sent in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hfdl.hub.faults import asking, no_token, redact_logs

_UNFINISHED = (
    "the repository is as it was, for a commit is made when all files have arrived, and those that "
    "have are not sent again"
)


@dataclass(frozen=True)
class Item:
    """A file of a repository to be.

    Args:
        path: in the repository, with slashes.
        source: the file, which is read in pieces, or its content.
    """

    path: str
    source: Path | bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def is_same(self, remote: Any) -> bool:
        """Whether a file of the Hub (``RepoFile``) has this content."""
        if remote.size != self.size:
            return False
        if remote.lfs is not None:
            return self._digest(hashlib.sha256()) == remote.lfs.sha256
        return self._digest(hashlib.sha1(b"blob %d\0" % self.size)) == remote.blob_id

    def _digest(self, digest: Any) -> str:
        if isinstance(self.source, bytes):
            digest.update(self.source)
            return digest.hexdigest()
        with self.source.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


@dataclass(frozen=True)
class Remote:
    """What a repository holds: nothing where it is not there yet.

    Args:
        exists: whether it is there.
        private: whether it is private; None: it is not there.
        sha: the commit of the branch; None: the branch is not there.
        files: of that commit, ``RepoFile`` by path.
        tags: their names.
    """

    exists: bool = False
    private: bool | None = None
    sha: str | None = None
    files: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def check_token(repo: str) -> None:
    """Refuse to go on where nobody is logged in.

    Raises:
        HubAnswerError: there is no token.
    """
    from huggingface_hub import get_token

    with asking(repo, writing=True):
        if get_token() is None:
            raise no_token(repo)


def user_name(repo: str) -> str:
    """Whose token it is.

    Raises:
        HubAnswerError: there is none, or the Hub does not know it.
    """
    with asking(repo, writing=True):
        return _api().whoami()["name"]


def look(repo: str, branch: str) -> Remote:
    """What a repository holds.

    Raises:
        HubAnswerError: the Hub cannot be asked.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.hf_api import RepoFile

    api = _api()
    with asking(repo, writing=True):
        try:
            info = api.model_info(repo)
            refs = api.list_repo_refs(repo)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 404:
                return Remote()
            raise
        tags = tuple(each.name for each in refs.tags)
        try:
            sha = api.model_info(repo, revision=branch).sha
        except RevisionNotFoundError:
            return Remote(True, bool(info.private), None, {}, tags)
        found = api.list_repo_tree(repo, recursive=True, revision=sha)
        files = {each.path: each for each in found if isinstance(each, RepoFile)}
        return Remote(True, bool(info.private), sha, files, tags)


def told_before(repo: str, remote: Remote) -> tuple[str | None, tuple[str, ...]]:
    """License and languages that the card of a repository names.

    Raises:
        HubAnswerError: the Hub cannot be asked.
    """
    from huggingface_hub import ModelCard

    if "README.md" not in remote.files:
        return None, ()
    # Not by way of the cache, which would then hold a snapshot without the model.
    with asking(repo, writing=True), TemporaryDirectory() as place:
        file = _api().hf_hub_download(repo, "README.md", revision=remote.sha, local_dir=place)
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    try:
        data = ModelCard(text, ignore_metadata_errors=True).data
    except Exception:  # whatever somebody wrote at its head
        return None, ()
    license, language = data.get("license"), data.get("language")
    codes = language if isinstance(language, list) else [language]
    return (
        license if isinstance(license, str) else None,
        tuple(code for code in codes if isinstance(code, str)),
    )


def send(
    repo: str,
    branch: str,
    items: Iterable[Item],
    *,
    remove: Iterable[str],
    message: str,
    private: bool,
    remote: Remote,
) -> str:
    """Make the repository and the branch if they are not there, and commit.

    Args:
        repo, branch: where to.
        items: files that are new or have changed.
        remove: paths to delete.
        message: of the commit, its first line.
        private: of a new repository.
        remote: what was found there; if it has changed since, nothing is written.

    Returns:
        the commit.

    Raises:
        HubAnswerError: the Hub refuses, or the connection was lost.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api = _api()
    operations: list[Any] = [
        CommitOperationAdd(i.path, i.source if isinstance(i.source, bytes) else str(i.source))
        for i in items
    ]
    operations += [CommitOperationDelete(path, is_folder=False) for path in remove]
    with asking(repo, writing=True, then=_UNFINISHED):
        if not remote.exists:
            api.create_repo(repo, private=private)
        if remote.sha is None and branch != "main":
            api.create_branch(repo, branch=branch)
        found = api.create_commit(
            repo,
            operations,
            commit_message=message,
            revision=branch,
            parent_commit=remote.sha,
        )
    return found.oid


def set_tag(repo: str, tag: str, revision: str) -> None:
    """Name a commit.

    Raises:
        HubAnswerError: the Hub refuses.
    """
    with asking(repo, writing=True):
        _api().create_tag(repo, tag=tag, revision=revision)


def address(repo: str, branch: str = "main") -> str:
    """Where a person finds it."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repo}" + ("" if branch == "main" else f"/tree/{branch}")


def settings(repo: str) -> str:
    """Where its owner decides who sees it."""
    return f"{address(repo)}/settings"


def _api() -> Any:
    from huggingface_hub import HfApi

    redact_logs()
    return HfApi(library_name="hfdl")
