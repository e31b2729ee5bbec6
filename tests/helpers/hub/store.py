"""What the stand-in holds: users, repositories, commits and large files, all in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

LARGE = (".safetensors", ".parquet", ".bin", ".model")
"""Endings of files that go the way of large ones, as the Hub's .gitattributes have them."""


class Refused(Exception):  # noqa: N818  # an answer, not a fault of the stand-in
    """A request that the Hub does not follow: status, what it says, and its X-Error-Code."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Blob:
    """A file's content; ``large``: whether it was sent as a large file."""

    content: bytes
    large: bool

    @property
    def oid(self) -> str:
        """Git's id of it: of a large file, of its pointer."""
        content = self.content
        if self.large:
            content = (
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
                f"size {len(self.content)}\n"
            ).encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.oid


@dataclass
class Repo:
    """A repository: its commits by id, and where branches and tags point."""

    id: str
    kind: str
    private: bool
    gated: bool = False
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commit("main", {}, "initial commit")

    def commit(self, branch: str, files: dict[str, Blob], message: str) -> str:
        """Let the branch hold these files."""
        listing = repr((self.id, len(self.commits), sorted(files)))
        sha = hashlib.sha1(listing.encode()).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        self.messages.append(message)
        return sha

    def sha(self, revision: str) -> str:
        found = self.branches.get(revision) or self.tags.get(revision) or revision
        if found not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def files(self, revision: str = "main") -> dict[str, Blob]:
        return self.commits[self.sha(revision)]


@dataclass
class Store:
    """All of it. ``tokens``: what a token may do: a user's name, and whether it may write."""

    tokens: dict[str, tuple[str, bool]] = field(default_factory=dict)
    orgs: dict[str, list[str]] = field(default_factory=dict)
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def user(self, token: str | None) -> str | None:
        if token is None:
            return None
        if token not in self.tokens:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.tokens[token][0]

    def repo(self, kind: str, name: str, token: str | None) -> Repo:
        """A repository that the token may read."""
        user, found = self.user(token), self.repos.get((kind, name))
        if found is None or (found.private and not self._is_member(user, name)):
            if user is None:
                raise Refused(401, "Invalid username or password.")
            raise Refused(404, "Repository not found", "RepoNotFound")
        if found.gated and not self._is_member(user, name):
            raise Refused(403 if user else 401, "Access to it is restricted.", "GatedRepo")
        return found

    def writable(self, kind: str, name: str, token: str | None) -> Repo:
        found = self.repo(kind, name, token)
        self.check_write(name.partition("/")[0], token)
        return found

    def check_write(self, namespace: str, token: str | None) -> None:
        user = self.user(token)
        if token is None or user is None:
            raise Refused(401, "Invalid username or password.")
        if not self.tokens[token][1] or not self._is_member(user, namespace + "/"):
            raise Refused(403, f"You don't have the rights to write under {namespace!r}")

    def create(self, kind: str, name: str, *, private: bool, gated: bool = False) -> Repo:
        if (kind, name) in self.repos:
            raise Refused(409, "You already created this model repo")
        self.repos[kind, name] = Repo(name, kind, private, gated)
        return self.repos[kind, name]

    def put(
        self, name: str, files: dict[str, bytes], *, kind: str = "model", private: bool = False
    ) -> Repo:
        """A repository with these files, as if somebody had pushed them."""
        repo = self.repos.get((kind, name)) or self.create(kind, name, private=private)
        blobs = {path: Blob(content, path.endswith(LARGE)) for path, content in files.items()}
        repo.commit("main", blobs, "files")
        return repo

    def _is_member(self, user: str | None, name: str) -> bool:
        owner = name.partition("/")[0]
        return user is not None and (user == owner or user in self.orgs.get(owner, []))


def tree_entry(path: str, blob: Blob) -> dict[str, Any]:
    """A file as a listing of the Hub has it."""
    entry: dict[str, Any] = {
        "type": "file", "path": path, "size": len(blob.content), "oid": blob.oid,
    }  # fmt: skip
    if blob.large:
        entry["lfs"] = {"oid": blob.sha256, "size": len(blob.content), "pointerSize": 134}
    return entry
