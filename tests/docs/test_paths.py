"""Every module and file of hfdl that the documentation names is there."""

from __future__ import annotations

import re
import runpy
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
] + [page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts]
# Where a package's modules lie, for those that lie outside hfdl/.
OUTSIDE = {"hfdl.cli": ROOT / "cli", "hfdl.recipes": ROOT / "recipes"}

# hfdl.nn.functional.attention, but not the file hfdl.mplstyle.
DOTTED = re.compile(r"(?<![\w./-])hfdl(?:\.[A-Za-z_]\w*)+(?!\.?\w|/)")
FILE = re.compile(r"(?<![\w./-])(?:hfdl|cli|tests|recipes|benchmarks)/[\w./-]*\w")
STYLE_SHEET = "hfdl.mplstyle"


# `name`, `Class.method` and `OTHER` in `hfdl/data/x.py`: the names, then the file.
_NAME = r"`[A-Za-z_][\w.]*`"
NAMES_IN_FILE = re.compile(
    rf"({_NAME}(?:(?:, | and | or ){_NAME})*) (?:in|of) `((?:hfdl|cli|tests)/[\w/.-]+\.py)`"
)
# A step of a journey: | what happens | `module.py` | `function` ... |
STEP = re.compile(r"^\| [^|]+ \| (`(?:hfdl|cli)/[^|]+`) \| `([A-Za-z_][\w.]*)`", re.MULTILINE)


def named(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """What a pattern finds, with the place it was found at."""
    found = []
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            place = f"{page.relative_to(ROOT)}:{number}"
            found += [(match.group(), place) for match in pattern.finditer(line)]
    return [(name, place) for name, place in found if name != STYLE_SHEET]


def is_module(name: str) -> bool:
    path = OUTSIDE.get(name, ROOT / Path(*name.split(".")))
    return path.is_dir() or path.with_suffix(".py").is_file()


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or what is found in the longest module of its front."""
    module, rest = name, []
    while not is_module(module):
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
    found = import_module(module) if rest else None
    for attribute in rest:
        if not hasattr(found, attribute):
            return False
        found = getattr(found, attribute)
    return True


def test_every_dotted_name_of_hfdl_resolves() -> None:
    found = named(DOTTED)
    known = {name: resolves(name) for name, _ in found}
    assert [f"{place} names {name}" for name, place in found if not known[name]] == []
    assert len(known) >= 40


def test_every_file_is_there() -> None:
    found = named(FILE)
    assert [f"{place} names {name}" for name, place in found if not (ROOT / name).exists()] == []
    assert len({name for name, _ in found}) >= 120


def defines(file: str, name: str) -> bool:
    """Whether a file defines a function, class, constant or field of this name."""
    source = (ROOT / file).read_text(encoding="utf-8")
    words = [rf"^\s*(?:def|class) {w}\b|^\s*{w}\b[^=\n]*=|^\s+{w}:" for w in name.split(".")]
    return all(re.search(word, source, re.MULTILINE) for word in words)


def test_what_is_said_to_be_in_a_file_is_in_it() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    pairs = {
        (name, file)
        for names, file in NAMES_IN_FILE.findall(" ".join(text.split()))
        for name in re.findall(r"`([\w.]+)`", names)
    }
    assert [f"{name} in {file}" for name, file in sorted(pairs) if not defines(file, name)] == []
    assert len(pairs) >= 35


def test_each_step_of_the_journeys_names_a_function_of_its_file() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = [(re.findall(r"`([^`]+)`", files), name) for files, name in STEP.findall(page)]
    wrong = [(files, name) for files, name in steps if not any(defines(f, name) for f in files)]
    assert wrong == []
    assert len(steps) >= 25


def test_a_wrong_name_is_seen() -> None:
    assert defines("hfdl/nn/functional.py", "attention")
    assert not defines("hfdl/report/page.py", "SECTIONS")
    assert resolves("hfdl.nn.functional.attention")
    assert not resolves("hfdl.nn.functional.nothing")
    assert not resolves("hfdl.inspect.switch")


def test_the_import_table_is_that_of_the_contract() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (nothing else|`[\w.`, ]+`) \|$", page, re.MULTILINE)
    table = {unit: set(re.findall(r"`([\w.]+)`", needs)) for unit, needs in rows}
    contract = runpy.run_path(str(ROOT / "tests" / "contracts" / "test_imports.py"))
    assert table == contract["ALLOWED"]
