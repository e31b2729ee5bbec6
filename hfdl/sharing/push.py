"""``push``: a run to the Hugging Face Hub, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hfdl.sharing.prepared import MAIN, prepare, prepare_dry
from hfdl.sharing.result import Pushed


def push(
    run: str | Path,
    repo: str,
    *,
    public: bool = False,
    include: str | Sequence[str] = (),
    branch: str = MAIN,
    message: str | None = None,
    tag: str | None = None,
    license: str | None = None,
    language: str | Sequence[str] = (),
    delete_extra: bool = False,
    dry_run: bool = False,
) -> Pushed:
    """Upload a run to the Hugging Face Hub, as ``hfdl push --yes`` does: nobody is asked.

    Log in first, with ``hf auth login`` or ``HF_TOKEN``. Texts of the data (predictions, mistakes,
    report), the log, checkpoints, hidden files and code of your own stay here, and paths of this
    machine become the names at their ends.

    Args:
        run: a run's folder, or a model folder.
        repo: ``NAMESPACE/NAME``, or ``NAME`` in the namespace of the token's owner. Made if it is
            not there.
        public: whether everybody may read it; needed to push to one that is public, too.
        include: what stays here otherwise: ``predictions``, ``mistakes``, ``report``, ``log``,
            names of files or patterns.
        branch: made if it is not there.
        message: of the commit. Default: what was trained, and with which hfdl.
        tag: for the commit, such as ``v1.0``.
        license: for the card, such as ``apache-2.0``. Default: as the repository's card has it.
        language: for the card: a code such as ``en``, or several. Default: as for ``license``.
        delete_extra: whether files that the run does not have are deleted in the repository.
        dry_run: whether to stop before anything is written. The Hub is asked what it holds; where
            it cannot be (no token, no network), ``notes`` say so, and every file counts as new.

    Returns:
        where it is, its commit, the files that were sent (that would be), and those that stay.

    Raises:
        ConfigError: no name of a repository, or nothing of that name to include.
        HubError: the folder cannot be pushed, the Hub refuses, or the connection was lost. The
            repository is then as it was.
        ModelError: the folder is no whole model.
    """
    found = (prepare_dry if dry_run else prepare)(
        run,
        repo,
        public=public,
        include=[include] if isinstance(include, str) else include,
        branch=branch,
        message=message,
        tag=tag,
        license=license,
        language=[language] if isinstance(language, str) else language,
        delete_extra=delete_extra,
    )
    return found.result() if dry_run else found.carry_out()
