"""``hfdl push``: a run to the Hugging Face Hub, what is uploaded listed first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfdl.errors import HubError

from .arguments.completion import complete_run
from .arguments.options import Json
from .errors import say
from .printing.progress import working
from .printing.text import (
    file_size,
    print_json,
    print_note,
    print_table,
    print_text,
    print_unfolded,
)

if TYPE_CHECKING:
    from hfdl.sharing.prepared import Push
    from hfdl.sharing.result import Pushed


def push(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's folder, or a model folder.",
            autocompletion=complete_run,
        ),
    ],
    repo: Annotated[
        str,
        typer.Argument(metavar="REPO", help="NAMESPACE/NAME, or NAME in your own namespace."),
    ],
    public: Annotated[
        bool, typer.Option("--public", help="Everybody may read it. Default: private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be uploaded, and stop.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; needed where no terminal is.")
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Upload this, too: predictions, mistakes, report, log, a file or a pattern; may "
            "be repeated.",
        ),
    ] = None,
    branch: Annotated[
        str,
        typer.Option("--revision", "--branch", metavar="BRANCH", help="Made if it is not there."),
    ] = "main",
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the commit says.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name the commit, such as v1.0.")
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="For the card, such as apache-2.0. Default: that of the last push."
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="For the card, such as en; may be repeated. Default: as for --license.",
        ),
    ] = None,
    delete_extra: Annotated[
        bool,
        typer.Option("--delete-extra", help="Delete what the repository holds and RUN does not."),
    ] = False,
    json: Json = False,
) -> None:
    """Upload a run to the Hugging Face Hub.

    The repository is private unless --public is given. Uploaded are the model, its tokenizer, the
    recipe, the figures and a model card; texts of the data (predictions, report) and the log stay
    here unless --include names them, checkpoints and hidden files in any case. Paths of this
    machine become names. All of it is listed before anything is written.

    Log in first: hf auth login.

    \b
    Examples:
      hfdl push runs/sentiment my-sentiment --dry-run
      hfdl push runs/sentiment my-sentiment --license apache-2.0 --language en
      hfdl push runs/sentiment my-team/sentiment --public --tag v1.0 --yes
      hfdl predict YOUR-NAME/my-sentiment "A warm and funny film."
    """
    options: dict[str, Any] = {
        "public": public, "include": include or [], "branch": branch, "message": message,
        "tag": tag, "license": license, "language": language or [], "delete_extra": delete_extra,
    }  # fmt: skip
    with working(f"reading {run}"):
        from hfdl.sharing.prepared import prepare, prepare_dry

        found = (prepare_dry if dry_run else prepare)(run, repo, **options)
    if json and dry_run:
        print_json(_as_json(found))
    elif not json:
        _list(found)
    if dry_run:
        return
    if found.nothing_to_do:
        _say_done(found.carry_out(), json=json)
        return
    _confirm(found, yes=yes)
    try:
        with working("uploading"):
            done = found.carry_out()
    except KeyboardInterrupt:
        say("interrupted", f"{found.repo} is as it was; run it again: what has arrived is not sent "
            "twice")  # fmt: skip
        raise
    _say_done(done, json=json)


def _list(found: Push) -> None:
    """What goes, what stays and what is there, before anything is written."""
    kind = "public: everybody will see it" if found.is_public else "private"
    where = f"{found.repo} ({kind}" + ("" if found.branch == "main" else f", {found.branch}") + ")"
    print_text(f"to {where}")
    print()
    rows = [[item.path, file_size(item.size), found.states[item.path]] for item in found.items]
    print_table(["file", "size", "state"], rows)
    total = sum(item.size for item in found.sent)
    print_text(f"to send: {len(found.sent)} of {len(found.items)} files, {file_size(total)}")
    if found.left:
        print()
        print_table(["stays here", "because"], [[name, why] for name, why in found.left])
    if found.extra:
        print()
        what = "deleted" if found.removed else "left as it is; --delete-extra deletes it"
        print_table(["only in the repository", ""], [[path, what] for path in found.extra])
    for note in found.notes:
        print_note(note)


def _as_json(found: Push) -> dict[str, Any]:
    return {
        "repo": found.repo,
        "revision": found.branch,
        "private": not found.is_public,
        "files": [
            {"path": i.path, "size": i.size, "state": found.states[i.path]} for i in found.items
        ],
        "left": [{"path": name, "reason": why} for name, why in found.left],
        "extra": found.extra,
        "notes": found.notes,
    }


def _confirm(found: Push, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere somebody must have said so.

    Raises:
        Exit: the answer was no.
        HubError: nobody can be asked.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HubError(
            "nobody can be asked whether it should be uploaded",
            where=found.repo,
            rule="what is pushed can be read and kept by others",
            remedy="look at the list with --dry-run, then add --yes",
        )
    if not typer.confirm(f"\nUpload to {found.repo}?", err=True):
        print_text("nothing was uploaded")
        raise typer.Exit(1)


def _say_done(done: Pushed, *, json: bool) -> None:
    if json:
        print_json(done.to_dict())
        return
    print()
    if not done.pushed and not done.deleted:
        print_text("the repository holds all of it already; nothing was uploaded")
    if done.tag:
        print_text(f"tagged {done.tag}")
    print_unfolded(done.url)
