"""Code of the user's own that a recipe names: ``file.py:NAME`` or ``module:NAME``.

The one loader of it, for tasks, attentions, metrics, models, callbacks and optimizers. What a
user's file raises is not caught here: the command line names its line, by ``line_of_own_code``.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.own_paths import absolute, is_file
from hfdl.errors import ConfigError, OwnCodeError, did_you_mean, nearest

_PACKAGE = Path(__file__).resolve().parents[1]
_OTHERS = [_PACKAGE, _PACKAGE.parent / "cli"] + [
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
]
_folders: set[Path] = set()
"""Where the user's own code was loaded from."""


@dataclass(frozen=True)
class OwnPart:
    """A function, class or object of the user's.

    Args:
        path: as a recipe names it; of a file absolute.
        value: the object.
        file: where its module stands; None where it has no file.
        sha256: of that file's bytes, in hex.
    """

    path: str
    value: Any
    file: Path | None
    sha256: str | None

    @property
    def name(self) -> str:
        """What stands behind the colon."""
        return self.path.rpartition(":")[2]


def load_own(path: str, key: str, what: str) -> OwnPart:
    """Import what a recipe names; a module of the working folder included.

    Args:
        path: ``file.py:NAME`` or ``module:NAME``.
        key: of the recipe, for messages.
        what: the object in words, such as ``a function``.

    Raises:
        ConfigError: there is no such file or module, or it has no such name. Whatever else the
            user's own code raises while it is imported goes through.
    """
    source, colon, name = absolute(path).rpartition(":")
    if not colon or not source or not name.isidentifier():
        raise ConfigError(
            f"{path!r} names no code",
            where=key,
            rule=f"{what} of your own is named file.py:NAME or module:NAME",
            remedy="write for instance " + as_override(key, f"{source or 'my.py'}:NAME"),
        )
    module = _from_file(Path(source), key) if is_file(source) else _from_module(source, key)
    if not hasattr(module, name):
        raise ConfigError(
            f"{source} has no {name!r}",
            where=key,
            rule=f"{what} of your own is named file.py:NAME or module:NAME",
            remedy=did_you_mean(name, _defined(module)),
        )
    file = _file_of(module)
    digest = None if file is None else sha256(file)
    return OwnPart(f"{source}:{name}", getattr(module, name), file, digest)


def sha256(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def line_of_own_code(error: BaseException) -> str | None:
    """The last line of the user's own code that an error came through, as ``FILE, line N``."""
    if isinstance(error, SyntaxError) and error.filename and _is_own(error.filename):
        return f"{error.filename}, line {error.lineno}"
    lines = [
        f"{frame.f_code.co_filename}, line {number}"
        for frame, number in traceback.walk_tb(error.__traceback__)
        if _is_own(frame.f_code.co_filename)
    ]
    return lines[-1] if lines else None


@contextmanager
def no_exit(then: str = "") -> Iterator[None]:
    """While active, own code that ends the program (``sys.exit``) is an error, not the end.

    Args:
        then: what to do once it is mended, for the message.

    Raises:
        OwnCodeError: it tried to.
    """
    try:
        yield
    except SystemExit as leave:
        where = line_of_own_code(leave) or _line_outside(leave)
        if where is None:
            raise
        raise OwnCodeError(
            f"SystemExit({'' if leave.code is None else repr(leave.code)}) in your own code",
            where=where,
            rule="a part of your own does not end the program that calls it",
            remedy="raise another exception there, or return" + then,
        ) from leave


def _line_outside(error: BaseException) -> str | None:
    """The last line that an error came through of what is neither hfdl's nor installed."""
    lines = [
        f"{name}, line {number}"
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not (name := frame.f_code.co_filename).startswith("<")
        and not any(other in Path(name).resolve().parents for other in _OTHERS)
    ]
    return lines[-1] if lines else None


def _is_own(filename: str) -> bool:
    """Whether a file stands where own code was loaded from, and is none of an installed package."""
    if not _folders or filename.startswith("<"):
        return False
    parents = Path(filename).resolve().parents
    return any(f in parents for f in _folders) and not any(o in parents for o in _OTHERS)


def _from_file(file: Path, key: str) -> ModuleType:
    if not file.is_file():
        raise ConfigError(
            f"there is no file {str(file)!r}",
            where=key,
            rule="a relative path is taken from the folder that hfdl is run in, as data.train is",
            remedy=_nearest_file(file),
        )
    file = file.resolve()
    # The digest is in the name, so that an edited file is read anew and an unchanged one is not.
    digest = hashlib.sha256(str(file).encode() + file.read_bytes()).hexdigest()
    name = f"hfdl_own_{file.stem}_{digest[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{str(file)!r} is no Python file", where=key, rule="it ends in .py")
    module = sys.modules[name] = module_from_spec(spec)
    _folders.add(file.parent)
    try:
        with _on_path(file.parent), no_exit():
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _from_module(name: str, key: str) -> ModuleType:
    here = Path.cwd()
    if (here / name.partition(".")[0]).with_suffix(".py").is_file() or (
        here / name.partition(".")[0]
    ).is_dir():
        _folders.add(here.resolve())
    try:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ModuleNotFoundError("not a module's name", name=name)
        with _on_path(here), no_exit():
            module = import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name
        if missing is not None and not (name == missing or name.startswith(f"{missing}.")):
            raise  # the user's module misses another one
        raise ConfigError(
            f"there is no module {name!r}: {error}",
            where=key,
            rule="a module is an installed one or a file in the folder that hfdl is run in",
            remedy=f"check that there is a {name.replace('.', '/')}.py, or name the file itself: "
            + as_override(key, f"PATH/{name.rpartition('.')[2]}.py:NAME"),
        ) from error
    file = _file_of(module)
    if file is not None and not any(other in file.resolve().parents for other in _OTHERS):
        _folders.add(file.resolve().parent)
    return module


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    """While active, modules of the folder can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file) if file and Path(file).is_file() else None


def _defined(module: ModuleType) -> list[str]:
    """What the module itself defines that could be meant."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _nearest_file(file: Path) -> str:
    siblings = [each.name for each in file.parent.glob("*.py")] if file.parent.is_dir() else []
    close = nearest(file.name, siblings)
    return f"did you mean {str(file.parent / close)!r}?" if close else "correct the path"
