"""``hfdl attention``: what it writes, and what it refuses before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import hfdl.interpret.attention_view
from hfdl.cli.attention import attention
from hfdl.errors import ConfigError, DataError, HfdlError, OutputError

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(attention)


@app.command()
def other() -> None:
    """A second command, so that the first is called by its name."""


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["attention", *map(str, arguments)])


def fault(kind: type[HfdlError], *arguments: Any) -> str:
    error = call(*arguments).exception
    assert type(error) is kind
    assert error.exit_code == 2
    return str(error)


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of the library, which must not have happened when an argument is refused."""
    calls: list[Any] = []
    monkeypatch.setattr(
        hfdl.interpret.attention_view, "attention_view", lambda *a, **k: calls.append((a, k))
    )
    return calls


def test_a_page_and_pictures(tiny_bert: Path, tmp_path: Path) -> None:
    page, grid, one = (tmp_path / name for name in ("a.html", "a.png", "b.PNG"))
    for output, options in ((page, []), (grid, []), (one, ["--layer", 1, "--head", 2])):
        result = call(tiny_bert, "what a film", "--output", output, *options)
        assert result.exit_code == 0, result.exception
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with Image.open(grid) as first, Image.open(one) as second:
        assert first.format == second.format == "PNG"
        assert first.size != second.size


def test_arguments_reach_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class View:
        def to_html(self, path: Path, **options: Any) -> None:
            path.write_text("a page")
            calls.append((path.suffix, options))

    calls: list[Any] = []

    def view(*arguments: Any, **options: Any) -> View:
        calls.append((arguments, options))
        return View()

    monkeypatch.setattr(hfdl.interpret.attention_view, "attention_view", view)
    path = tmp_path / "a.html"
    result = call("m", "text", "--output", path, "--compare", "n", "--target", "t", "--kind",
                  "cross", "--layer", 1, "--head", 0)  # fmt: skip
    assert result.exit_code == 0, result.exception
    assert calls == [
        (("m", "text"), {"compare_with": "n", "target": "t"}),
        (".html", {"kind": "cross", "layer": 1, "head": 0}),
    ]
    assert path.read_text() == "a page"


def test_a_file_that_exists_is_kept(tiny_bert: Path, tmp_path: Path, unopened: list[Any]) -> None:
    output = tmp_path / "a.html"
    output.write_text("mine")
    message = fault(OutputError, tiny_bert, "film", "--output", output)
    assert message == f"{output}: the file exists. Choose another --output, or give --overwrite"
    assert output.read_text() == "mine"
    assert unopened == []


def test_overwrite_replaces_a_file(tiny_bert: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.html"
    output.write_text("mine")
    assert call(tiny_bert, "film", "--output", output, "--overwrite").exit_code == 0
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.svg", "the ending '.svg' is unknown; the ending says what is written: .html a page, "
                  ".png a picture. Name it: --output {folder}/a.html"),
        ("a", "it has no ending; the ending says what is written: .html a page, .png a picture. "
              "Name it: --output {folder}/a.html"),
        ("no/a.png", "there is no folder "),
        ("folder.png", "it is a folder. Name a file"),
    ],
)  # fmt: skip
def test_outputs_that_cannot_be(
    tmp_path: Path, unopened: list[Any], name: str, message: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    output = tmp_path / name
    assert fault(OutputError, "m", "t", "--output", output).startswith(
        f"{output}: {message.format(folder=tmp_path)}"
    )
    assert unopened == []


def test_mistakes_leave_no_file(tiny_bert: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.png"
    found = [
        fault(ConfigError, tiny_bert, "film", "--output", output, "--layer", 9),
        fault(ConfigError, tiny_bert, "film", "--output", output, "--layer", 0, "--head", 9),
        fault(ConfigError, tiny_bert, "film", "--output", output, "--target", "x"),
        fault(DataError, tiny_bert, "film " * 70, "--output", output),
    ]
    assert "this model's are 0 to 1" in found[0]
    assert "this model's are 0 to 3" in found[1]
    assert "has no decoder" in found[2]
    assert "has 72 tokens" in found[3]
    assert not output.exists()


@pytest.mark.parametrize("options", [["--head", "1"], ["--kind", "neither"], ["--layer", "x"]])
def test_options_that_make_no_sense(tmp_path: Path, unopened: list[Any], options: Any) -> None:
    result = call("m", "t", "--output", tmp_path / "a.png", *options)
    assert result.exit_code == 2
    assert options[0] in result.output
    assert unopened == []


def test_help_has_examples() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert result.output.count("hfdl attention ") >= 4
