"""docs/hyperparameter-search.md: its recipe, its commands and its Python are run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "hyperparameter-search.md"
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    (recipe,) = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(recipe, encoding="utf-8")
    program = tmp_path / "bin" / "hfdl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hfdl.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    shown = [block for block in blocks("bash") if not block.startswith("pip ")]
    assert len(shown) == 5
    for block in shown:
        done = subprocess.run(
            ["bash", "-e", "-c", block], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/tuned/report.html").is_file()


def test_its_figures_are_those_of_the_benchmarks() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    luck = json.loads((RESULTS / "search_luck.json").read_text(encoding="utf-8"))["summary"]
    words = luck["words"]
    assert f"`gain` in {words['gain']} of {luck['searches']} such searches" in page
    assert f"`worse` in {words['worse']}:" in page
    found = json.loads((RESULTS / "search_samplers.json").read_text(encoding="utf-8"))
    cells = [f"{found[kind]['best']:.4f}" for kind in ("grid", "random", "tpe", "cma_es")]
    cells = [f"{found['default']:.4f}", *cells]
    assert f"| {' | '.join(cells)} |" in page
    assert all(
        found[kind]["best"] > found["default"] for kind in ("grid", "random", "tpe", "cma_es")
    )


def test_its_counts_are_those_of_the_code() -> None:
    """Trials that there are, those at random, and the setting behind the table."""
    from hfdl.search.plan import TRIALS
    from hfdl.search.samplers import STARTUP

    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"`study.trials` is {TRIALS} unless it is set" in page
    assert f"`tpe` draws its first {STARTUP} trials at random" in page
    (recipe,) = blocks("yaml")
    (trials,) = re.findall(r"trials: (\d+)", recipe)
    assert int(trials) < STARTUP
    assert f"the {trials} of the example above are a random search" in page
    found = json.loads((RESULTS / "search_samplers.json").read_text(encoding="utf-8"))
    (startup,) = re.findall(r"`study.startup_trials=(\d+)`", page)
    program = (RESULTS.parent / "search_samplers.py").read_text(encoding="utf-8")
    assert f'"startup_trials": {startup}' in program
    first = [found[kind]["values"][: int(startup)] for kind in ("random", "tpe")]
    assert first[0] == first[1]
    assert found["random"]["values"] != found["tpe"]["values"]
