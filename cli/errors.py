"""Errors as one line on stderr and an exit code.

0 done; 2 the user's input, configuration, data, machine or own code; 1 a fault of hfdl's, with a
traceback, or models that `hfdl verify` finds unequal; 130 and 143 SIGINT and SIGTERM; 141 whoever
read the output has left.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hfdl.errors import HfdlError

from .continuing import continue_run

if TYPE_CHECKING:
    from hfdl.training.events import Interrupted

COMPLETE = "_HFDL_COMPLETE"
"""Set by the shell's completion script."""
REPORT = "this is a fault in hfdl: please report it with the traceback above"
OWN_CODE = "that line is in your own code, and the traceback above says what it led to"

# Typer has had Click inside or beside it; the family of usage errors is the same in both.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
_ENVIRONMENT = {
    errno.EACCES, errno.EAGAIN, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE,
    errno.ENAMETOOLONG, errno.ENFILE, errno.ENOSPC, errno.EPERM, errno.EROFS,
}  # fmt: skip


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never raises an Exception."""
    try:
        code = _invoke(list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:
        return report(error, arguments)
    return code


def report(error: Exception, arguments: Sequence[str] = ()) -> int:
    """Tell the user what went wrong, and return the exit code.

    Args:
        error: what was raised. What is not a fault of the user gets its traceback.
        arguments: that were typed.
    """
    if isinstance(error, HfdlError):
        # An argument of a function is an option here, and called as it was typed.
        where = error.where or ""
        typed = f"--{where.replace('_', '-')}"
        is_option = typed in {word.partition("=")[0] for word in arguments}
        say("error", typed + str(error)[len(where) :] if is_option else str(error))
        return error.exit_code
    if isinstance(error, _USAGE_ERROR):
        say("error", _usage(error))
        return 2
    if fault := _of_environment(error):
        say("error", fault)
        return 2
    if _is_out_of_memory(error):
        words = str(error).partition("\n")[0]
        say(
            "error",
            f"memory did not suffice{f' ({words:.120})' if words else ''}; the machine, or a limit "
            "on the process, gives no more. Free some, or take smaller batches "
            "(train.micro_batch_size=1, --batch-size 1) or a smaller model",
        )
        return 2
    return _interrupted(error) or _lost_another(error) or _unexpected(error)


def _of_environment(error: Exception) -> str | None:
    """What the system refused, of Python's or of safetensors' own errors; else None."""
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        return (f"{error.filename}: " if error.filename else "") + str(error.strerror)
    if type(error).__name__ != "SafetensorError":
        return None
    number = re.search(r"\(os error (\d+)\)", str(error))
    known = number is not None and int(number[1]) in _ENVIRONMENT
    return f"weights cannot be written: {os.strerror(int(number[1]))}" if number and known else None


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if "torch" not in sys.modules:
        return False
    from hfdl.training.memory import is_out_of_memory

    return is_out_of_memory(error)


def say(kind: str, message: str) -> None:
    """One line on stderr, whatever the message holds; a note is folded at a terminal's edge.

    Errors are not: their remedies are copied whole.
    """
    from hfdl.runs.texts import clean, fold

    line = f"{kind}: {clean(' '.join(message.split()))}"
    is_folded = kind == "note" and sys.stderr.isatty()
    width = shutil.get_terminal_size().columns if is_folded else None
    print("\n".join([line] if width is None else fold(line, width)), file=sys.stderr, flush=True)


def _invoke(arguments: list[str]) -> int:
    from typer.main import get_command

    from .app import app

    command = get_command(app)
    if COMPLETE in os.environ:  # a shell asks what could follow; it exits by itself
        command.main([], prog_name="hfdl", complete_var=COMPLETE)
    try:
        with command.make_context("hfdl", arguments) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    return 0


def _usage(error: Any) -> str:
    message = error.format_message().removeprefix("Invalid value: ").rstrip(".")
    option = getattr(error, "option_name", None)
    if option and (key := _recipe_key(option)):
        return f"{message}; keys of a recipe have no dashes: {key}=VALUE"
    path = error.ctx.command_path if getattr(error, "ctx", None) else "hfdl"
    return f"{message}{'' if message.endswith('?') else '.'} See: {path} --help"


def _recipe_key(option: str) -> str | None:
    from hfdl.config.keys import recipe_keys

    name = option.lstrip("-").replace("-", "_")
    keys = [key.name for key in recipe_keys()]
    return next((key for key in keys if name in (key, key.rpartition(".")[2])), None)


def _interrupted(error: Exception) -> int | None:
    from hfdl.training.events import Interrupted

    if not isinstance(error, Interrupted):
        return None
    # A study that stops between two runs has no update of its own.
    what = f"update {error.step}" if error.step else "what was done"
    say(
        "interrupted",
        f"{what} is saved in {error.directory}. Continue with: {_continue_with(error)}",
    )
    return 128 + error.signum


def _continue_with(error: Interrupted) -> str:
    """The command that continues a run: a launcher knows it, or whoever trains several."""
    from hfdl.training.distributed.launched import CONTINUE

    if command := os.environ.get(CONTINUE) or error.continue_with:
        return command
    together = ["--processes", str(error.processes)] if error.processes > 1 else []
    return continue_run(Path(error.directory), *together)


def _lost_another(error: Exception) -> int | None:
    """Of one of several processes: another has gone. What became of it its launcher says."""
    from hfdl.training.distributed.launched import LOST, MEETING, has_lost_another

    return LOST if MEETING in os.environ and has_lost_another(error) else None


def _unexpected(error: Exception) -> int:
    """A traceback and whose fault it is: the user's own if code of theirs was running."""
    traceback.print_exception(error)
    from hfdl.config.own_code import line_of_own_code

    if where := line_of_own_code(error):
        say("error", f"{where}: {type(error).__name__}: {error}; {OWN_CODE}")
        return 2
    say("error", f"{type(error).__name__}: {error}; {REPORT}")
    return 1


def _reader_left() -> int:
    # Python flushes stdout once more on its way out; it must not find the broken pipe again.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    return 128 + signal.SIGPIPE
