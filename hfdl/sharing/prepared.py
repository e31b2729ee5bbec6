"""What of a run goes to the Hub, listed before anything is sent, then sent in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hfdl.distribution import DISTRIBUTION
from hfdl.errors import HubAnswerError, HubError
from hfdl.hub import upload
from hfdl.hub.names import check_repo_name
from hfdl.hub.upload import Item, Remote
from hfdl.progress import tell
from hfdl.report.card import Shown
from hfdl.sharing.choice import choose
from hfdl.sharing.files import Shared, shared_files
from hfdl.sharing.folder import Shareable, shareable
from hfdl.sharing.openers import opener_notes
from hfdl.sharing.result import Pushed

MAIN = "main"


@dataclass(frozen=True)
class Push:
    """What a push would do: nothing has been written yet.

    Args:
        folder: what is pushed.
        repo: the repository, with its namespace where that is known.
        branch: of the repository.
        items: files as they would be there.
        states: ``new``, ``changed`` or ``unchanged`` beside what the repository holds, by path.
        left: files that stay here, and why.
        remote: what the repository holds; None: the Hub was not asked.
        extra: files that the repository holds and the run does not.
        notes: lines for a person.
        private: of a new repository.
        message: of the commit.
        tag: for the commit; None: none.
    """

    folder: Shareable
    repo: str
    branch: str
    items: list[Item]
    states: dict[str, str]
    left: list[tuple[str, str]]
    remote: Remote | None
    extra: list[str]
    notes: list[str]
    private: bool
    message: str
    tag: str | None
    removed: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[Item]:
        """The files that would be sent."""
        return [item for item in self.items if self.states[item.path] != "unchanged"]

    @property
    def nothing_to_do(self) -> bool:
        """Whether the repository holds all of it already."""
        is_there = self.remote is not None and self.remote.sha is not None
        return is_there and not self.sent and not self.removed

    @property
    def is_public(self) -> bool:
        """Whether everybody could read it."""
        if self.remote is not None and self.remote.exists:
            return not self.remote.private
        return not self.private

    def carry_out(self) -> Pushed:
        """Push.

        Raises:
            HubError: the Hub refuses, or the connection was lost.
        """
        if self.remote is None:
            raise ValueError("the Hub was not asked what it holds")
        sent, commit = self.sent, self.remote.sha
        if sent or self.removed or commit is None:
            tell(f"uploading {len(sent)} files")
            commit = upload.send(
                self.repo, self.branch, sent, remove=self.removed, message=self.message,
                private=self.private, remote=self.remote,
            )  # fmt: skip
        if self.tag is not None:
            upload.set_tag(self.repo, self.tag, commit)
        return self.result(commit)

    def result(self, commit: str | None = None) -> Pushed:
        """What was done with that commit; without one, what would be."""
        return Pushed(
            url=upload.address(self.repo, self.branch),
            repo=self.repo,
            revision=self.branch,
            commit=commit,
            private=not self.is_public,
            pushed=[item.path for item in self.sent],
            deleted=self.removed,
            tag=self.tag,
            left=self.left,
            notes=self.notes,
        )


def prepare(
    run: str | Path,
    repo: str,
    *,
    public: bool = False,
    include: Sequence[str] = (),
    branch: str = MAIN,
    message: str | None = None,
    tag: str | None = None,
    license: str | None = None,
    language: Sequence[str] = (),
    delete_extra: bool = False,
    ask_hub: bool = True,
) -> Push:
    """Find out what a push would do.

    Args:
        run: a run's folder, or a model folder.
        repo: ``NAMESPACE/NAME``, or ``NAME`` in the namespace of the token's owner.
        public: whether everybody may read a new repository, or one that is public is meant.
        include: files that stay here otherwise; see ``choose``.
        branch: made if it is not there.
        message: of the commit. Default: what was trained, and with which hfdl.
        tag: for the commit.
        license: for the card, such as ``apache-2.0``. Default: as the repository's card has it.
        language: codes for the card, such as ``en``. Default: as for ``license``.
        delete_extra: whether files that the run does not have are deleted in the repository.
        ask_hub: whether the Hub is asked what it holds; without, nothing can be pushed.

    Raises:
        ConfigError: no name of a repository, or nothing of that name to include.
        HubError: the folder cannot be pushed, or the Hub cannot be asked.
        ModelError: the folder is no whole model.
    """
    check_repo_name(repo)
    folder = shareable(run)
    choice = choose(folder.path, include)
    if ask_hub:
        upload.check_token(repo)
    if ask_hub and "/" not in repo:
        tell("asking the Hub who you are")
        repo = f"{upload.user_name(repo)}/{repo}"
    remote = None
    if ask_hub:
        tell("asking the Hub what the repository holds")
        remote = upload.look(repo, branch)
        _check(remote, repo, public=public, tag=tag)
    given = Shown(repo, "report.html" in choice.files, license, tuple(language))
    shown = given
    if remote is not None and (license is None or not language):  # what was said before holds on
        before = upload.told_before(repo, remote)
        shown = replace(given, license=license or before[0], language=given.language or before[1])
    shared = shared_files(choice.files, folder.run, shown, given)
    extra = _extra(remote, shared)
    notes = _notes(folder, shared, shown.license)
    if public and remote is not None and remote.private:
        notes.append(f"it stays private; its page changes that: {upload.settings(repo)}")
    return Push(
        folder, repo, branch, shared.items, _states(shared.items, remote), choice.left, remote,
        extra, notes, not public, message or _message(folder), tag,
        extra if delete_extra else [],
    )  # fmt: skip


def prepare_dry(run: str | Path, repo: str, **options: Any) -> Push:
    """What ``prepare`` finds; a Hub that cannot be asked is a note, since nothing is written.

    Args:
        run: as for ``prepare``.
        repo: as for ``prepare``; without a namespace where the Hub does not say whose token it is.
        options: the others of ``prepare``, but ``ask_hub``.

    Raises:
        ConfigError, HubError, ModelError: as ``prepare``, but for what the Hub did not answer.
    """
    try:
        return prepare(run, repo, **options)
    except HubAnswerError as error:
        found = prepare(run, repo, **options, ask_hub=False)
        found.notes.append(f"what the repository holds is not known: {error}")
        return found


def _states(items: Sequence[Item], remote: Remote | None) -> dict[str, str]:
    """What would become of each file of the repository."""
    states: dict[str, str] = {}
    for item in items:
        there = None if remote is None else remote.files.get(item.path)
        if there is None:
            states[item.path] = "new"
        else:
            states[item.path] = "unchanged" if item.is_same(there) else "changed"
    return states


def _check(remote: Remote, repo: str, *, public: bool, tag: str | None) -> None:
    if remote.exists and not remote.private and not public:
        raise HubError(
            "the repository is public, and everybody would see what is pushed",
            where=repo,
            rule="hfdl pushes to private repositories unless it is told otherwise",
            remedy="add --public if that is meant, or choose another repository",
        )
    if tag is not None and tag in remote.tags:
        raise HubError(
            f"it has a tag {tag!r} already",
            where=repo,
            rule="a tag is not moved: others may rely on it",
            remedy="choose another --tag",
        )


def _extra(remote: Remote | None, shared: Shared) -> list[str]:
    """What lies in the repository and is none of ours; Git's own files are left alone."""
    if remote is None:
        return []
    ours = {item.path for item in shared.items}
    return [path for path in remote.files if path not in ours and path != ".gitattributes"]


def _notes(folder: Shareable, shared: Shared, license: str | None) -> list[str]:
    notes = opener_notes(folder)
    if shared.reduced:
        notes.append(f"paths of this machine became names in {', '.join(shared.reduced)}")
    if shared.card == "kept":
        notes.append("README.md goes as it lies in the folder; remove it to have one written")
        if shared.card_names_paths:
            notes.append("that README.md names paths of this machine: look at it before it goes")
    elif license is None:
        notes.append("the card names no license; give one with --license, such as apache-2.0")
    return notes


def _message(folder: Shareable) -> str:
    from importlib.metadata import version

    what = "model" if folder.run is None else f"{folder.run.task} run"
    return f"Push {what} with hfdl {version(DISTRIBUTION)}"
