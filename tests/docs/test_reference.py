"""The pages of the reference name everything there is, and cells are shown without their tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.tutorial_pages import FOLDER, Cell, pages, parts

import hfdl
from hfdl.config.keys import recipe_keys

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "extensions"))


def test_every_public_name_of_hfdl_is_in_the_interface() -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"autofunction:: hfdl\.(\w+)", page)
    assert sorted(listed) == sorted(set(hfdl.__all__) - {"__version__"})


def test_every_folder_with_a_page_is_in_the_interface() -> None:
    from reference_pages import ROOMS

    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    assert re.findall(r"^made/modules-(\w+)$", page, re.MULTILINE) == list(ROOMS)


def test_every_command_is_listed_with_its_help() -> None:
    from reference_pages import commands_page

    page = commands_page()
    commands = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert len(commands) == len(set(commands)) >= 14
    assert {"hfdl", "hfdl train", "hfdl predict", "hfdl recipes keys", "hfdl data check"} <= {
        *commands
    }
    assert page.count("Usage: hfdl") == len(commands)
    assert page.count("Examples:") == len(commands)


def test_every_key_of_a_recipe_is_listed() -> None:
    from reference_pages import keys_page

    assert re.findall(r"^`(.*)`$", keys_page(), re.MULTILINE) == [k.name for k in recipe_keys()]


def test_every_module_with_public_names_is_listed() -> None:
    from reference_pages import ROOMS, modules_page

    named = [n for room in ROOMS for n in re.findall(r"automodule:: (\S+)", modules_page(room))]
    assert len(named) == len(set(named)) > 150
    assert {"hfdl.nn.attention", "hfdl.nn.positions.rotary", "hfdl.tasks.spec"} <= set(named)


@pytest.mark.parametrize(
    ("signature", "shown"),
    [
        (
            "(run: str, precision: str = FLOAT32) -> Run",
            "(run: str, precision: str = 'float32') -> Run",
        ),
        (
            "(a, branch=MAIN, b=MAIN.x, c=MAIN[0], d=MAINLY)",
            "(a, branch='main', b=MAIN.x, c=MAIN[0], d=MAINLY)",
        ),
        ("(a: str = LONG, b=_UNSET, c=None, d=3)", "(a: str = LONG, b=_UNSET, c=None, d=3)"),
    ],
)
def test_defaults_are_shown_as_their_values(signature: str, shown: str) -> None:
    from signature_values import with_values

    scope = {"FLOAT32": "float32", "MAIN": "main", "LONG": "x" * 99, "_UNSET": object()}
    assert with_values(signature, scope) == shown


def test_no_default_of_the_interface_is_a_name() -> None:
    """What a reader could not look up: a constant of a module."""
    import ast
    import inspect

    from signature_values import with_values

    for name in set(hfdl.__all__) - {"__version__"}:
        function = inspect.unwrap(getattr(hfdl, name))
        tree = ast.parse(inspect.getsource(function)).body[0]
        assert isinstance(tree, ast.FunctionDef)
        shown = with_values(f"({ast.unparse(tree.args)})", function.__globals__)
        assert not re.search(r"= ?[A-Z][A-Z0-9_]+\b", shown), (name, shown)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("a = 1\nassert a == 1\nb = 2", "a = 1\nb = 2"),
        ("a = 1\n\nassert a\n\nb = 2", "a = 1\n\nb = 2"),
        ("a = 1\n# a is one\nassert (\n    a == 1\n)\n", "a = 1"),
        ("for a in x:\n    assert a\nb = 2", "b = 2"),
        ("for a in x:\n    assert a\n    print(a)", "for a in x:\n    print(a)"),
        ("with f() as y:\n    assert y\n", ""),
        ("np.testing.assert_allclose(a, b)\nc = 1  # fmt: skip", "c = 1"),
        ("if a:\n    assert b\nelse:\n    c = 1", "if a:\n    assert b\nelse:\n    c = 1"),
        (
            "try:\n    f()\n    raise AssertionError('it was taken')\nexcept E:\n    g()",
            "try:\n    f()\nexcept E:\n    g()",
        ),
        ("raise ValueError('no')", "raise ValueError('no')"),
        ("c = 1  # one of two", "c = 1  # one of two"),
    ],
)
def test_a_cell_without_its_tests(code: str, shown: str) -> None:
    from plain_cells import without_tests

    assert without_tests(code) == shown


PAGE = """
```{code-cell}
import a
from b import c, d
expected = [1, 2]
wanted = np.array(expected)
def helper(): return c
fitted = fit(network)
assert fitted and helper() == wanted and a
```

It is {eval}`f"{told:.2f}"`.

```{code-cell}
:tags: [hide-input]
told = 1.5
d(hidden)
hidden = 2
_ = plot(told)
```
"""


def test_what_only_assertions_use_is_left_out() -> None:
    """But not what a sentence, a later cell or a hidden one uses, nor what may change something."""
    from left_over import CELL
    from plain_cells import only_for_tests, without_tests

    unused = only_for_tests(PAGE)
    assert unused == {"a", "c", "expected", "wanted", "helper"}
    first, second = (without_tests(code, unused) for code in CELL.findall(PAGE))
    assert first == "from b import c, d\nfitted = fit(network)"
    assert second == "told = 1.5\nd(hidden)\nhidden = 2\n_ = plot(told)"


@pytest.mark.parametrize("name", pages())
def test_what_is_shown_of_a_tutorial_is_code(name: str) -> None:
    from plain_cells import only_for_tests, without_tests

    unused = only_for_tests((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    for part in parts(name):
        if isinstance(part, Cell):
            shown = without_tests(part.code, unused)
            compile(shown, str(FOLDER / name), "exec")
            assert not re.search(r"^ *assert |fmt: skip", shown, re.MULTILINE), part.line
