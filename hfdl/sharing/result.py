"""What a push did, or would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hfdl.display import Shown


@dataclass(frozen=True, repr=False)
class Pushed(Shown):
    """A run in a repository of the Hub.

    Args:
        url: where a person finds it.
        repo: what opens it: ``hfdl.pipeline(model=pushed.repo)``.
        revision: the branch.
        commit: its id; None: nothing was uploaded (``dry_run``).
        private: whether only its owners may read it.
        pushed: paths of the files that were sent; those that the repository had already are not
            among them.
        deleted: paths that were deleted there.
        tag: of the commit; None: none.
        left: files that stay here, each with the reason.
        notes: lines for a person.
    """

    url: str
    repo: str
    revision: str
    commit: str | None
    private: bool
    pushed: list[str]
    deleted: list[str]
    tag: str | None
    left: list[tuple[str, str]]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """What ``hfdl push --json`` prints."""
        names = ("url", "repo", "revision", "commit", "private", "pushed", "deleted", "tag")
        return {name: getattr(self, name) for name in names}

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        """Place, commit and files."""
        done = "pushed to" if self.commit else "nothing uploaded yet, for"
        rows: list[tuple[str, Any]] = [
            ("url", self.url),
            ("seen by", "its owners" if self.private else "everybody"),
            ("commit", self.commit),
            ("files", ", ".join(self.pushed) or "the repository holds all of them already"),
            ("deleted", ", ".join(self.deleted)),
            ("tag", self.tag),
            ("stay here", ", ".join(name for name, _ in self.left)),
        ]
        return f"{done} {self.repo}", [(name, value) for name, value in rows if value]
