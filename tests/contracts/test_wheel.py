"""The wheel: its name, extras and bounds, and every file that a user needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from hfdl.distribution import DISTRIBUTION

ROOT = Path(__file__).parents[2]
ROOMS = {"hfdl": "hfdl", "cli": "hfdl/cli", "recipes": "hfdl/recipes"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = {
    "datasets", "demo", "dev", "docs", "lora", "onnx", "serve", "tensorboard", "test",
    "translation", "tune",
}  # fmt: skip
FOR_DEVELOPERS = {"dev", "docs", "test"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from what it is built of alone."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for folder in ROOMS:
        shutil.copytree(
            ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def requirements(metadata: Message) -> list[Requirement]:
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def extra_of(requirement: Requirement) -> str | None:
    for extra in EXTRAS:
        if requirement.marker and requirement.marker.evaluate({"extra": extra}):
            return extra
    return None


# ---- what is in it -----------------------------------------------------------------------------


def test_pyproject_lists_every_folder_of_code() -> None:
    """By hand, since two lie elsewhere than their names say."""
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {
        ".".join((*package.split("/"), *file.parent.relative_to(ROOT / folder).parts))
        for folder, package in ROOMS.items()
        for file in (ROOT / folder).rglob("*.py")
    }
    assert listed == sorted(listed)
    assert set(listed) == folders
    assert len(listed) >= 48


def test_it_holds_every_file_of_the_checkout(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    expected = {f"{ROOMS[name.partition('/')[0]]}/{name.partition('/')[2]}" for name in tracked}
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert expected - held == set()
    assert {name.partition("/")[0] for name in held} == {"hfdl"}  # no module cli, recipes or tests
    assert len(held) > 500


# ---- what it says ------------------------------------------------------------------------------


def test_its_name_is_not_that_of_another_project(wheel: Path, metadata: Message) -> None:
    assert metadata["Name"] == DISTRIBUTION == "hfdl-transformers"
    assert wheel.name.startswith("hfdl_transformers-")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_no_requirement_names_the_other_project(metadata: Message) -> None:
    assert "hfdl" not in {requirement.name for requirement in requirements(metadata)}


def test_it_has_these_extras(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS
    by_extra = {extra_of(requirement) for requirement in requirements(metadata)}
    assert by_extra == {None, *EXTRAS}


def test_every_bound_has_a_floor_and_transformers_a_cap(metadata: Message) -> None:
    bounds = {
        requirement.name: {clause.operator for clause in requirement.specifier}
        for requirement in requirements(metadata)
        if extra_of(requirement) not in FOR_DEVELOPERS
    }
    assert {name for name, operators in bounds.items() if ">=" not in operators} == set()
    [transformers] = [r for r in requirements(metadata) if r.name == "transformers"]
    assert "6.0.0" not in transformers.specifier
    assert "5.24.0" in transformers.specifier
    assert len(bounds) >= 25


def test_inference_does_without_these(metadata: Message) -> None:
    core = {r.name for r in requirements(metadata) if extra_of(r) is None}
    others = {"datasets", "pandas", "pyarrow", "scipy", "scikit-learn", "sentence-transformers"}
    assert core & others == set()
    assert {"torch", "transformers", "tokenizers", "safetensors"} <= core


def test_classifiers_and_addresses(metadata: Message) -> None:
    classifiers = metadata.get_all("Classifier", [])
    assert "Programming Language :: Python :: 3.11" in classifiers
    assert "Typing :: Typed" in classifiers
    assert not [
        line for line in classifiers if line.startswith("License ::")
    ]  # the expression says
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL", []))
    assert urls["Homepage"] == f"https://pypi.org/project/{DISTRIBUTION}/"


def test_constraints_hold_every_direct_requirement(metadata: Message) -> None:
    """The versions that the tests pass with lie within the bounds."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    pinned = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    checked = [r for r in requirements(metadata) if r.name != DISTRIBUTION and extra_of(r) != "dev"]
    for requirement in checked:
        version = pinned[requirement.name.lower().replace("_", "-")]
        assert version in requirement.specifier, requirement
    assert len(checked) >= 40


# ---- the namesake ------------------------------------------------------------------------------


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv = {['hfdl', *arguments]!r}; "
    code += "import hfdl.cli; hfdl.cli.main()"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=site
    )


def test_python_that_is_started_in_a_checkout_finds_all_of_it(tmp_path: Path) -> None:
    """hfdl/ of the checkout comes before an installed package, and lacks cli/ and recipes/."""
    for folder in ROOMS:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    asks = (
        "import hfdl, hfdl.cli, hfdl.recipes; from hfdl.config.load import recipe_names; "
        "print(len(recipe_names()), hfdl.__file__, hfdl.cli.__file__, *hfdl.recipes.__path__)"
    )
    found = subprocess.run(
        [sys.executable, "-c", asks], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=True,
    ).stdout.split()  # fmt: skip
    assert int(found[0]) >= 15
    places = [Path(place).relative_to(tmp_path) for place in found[1:]]
    assert places == [Path("hfdl/__init__.py"), Path("cli/__init__.py"), Path("recipes")]


def test_a_namesake_in_the_same_folder_is_told(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    alone = run(tmp_path, "recipes", "list")
    assert (alone.returncode, alone.stderr) == (0, "")
    # What the other project's wheel lays over ours, where it is installed second.
    (tmp_path / "hfdl" / "__init__.py").write_text('"""Another project."""\n')
    (tmp_path / "hfdl" / "cli.py").write_text("def main():\n    print('another command')\n")
    (tmp_path / "hfdl-0.4.0.dist-info").mkdir()
    asked = run(tmp_path, "--version")
    assert (asked.returncode, asked.stdout) == (0, f"hfdl {PROJECT['project']['version']}\n")
    assert "another project's package, hfdl 0.4.0, is installed" in asked.stderr
    shared = run(tmp_path, "recipes", "list")
    assert shared.returncode == 0
    assert shared.stdout == alone.stdout
    assert shared.stderr == (
        "warning: another project's package, hfdl 0.4.0, is installed in the same folder and "
        f"shares files with this one ({tmp_path / 'hfdl'}); this one is hfdl-transformers on the "
        "index. Take both away and install this one again: "
        "pip uninstall --yes hfdl hfdl-transformers\n"
    )
