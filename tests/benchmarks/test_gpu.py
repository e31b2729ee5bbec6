"""The script for a GPU runs on a CPU, on toy sizes, and a failed check stops it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.cuda import checks
from benchmarks.cuda.setting import DECILES, Setting


def test_it_checks_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")  # the script sets it: this takes it back
    file = tmp_path / "gpu.json"
    assert gpu.main(["--device", "cpu", "--tiny", "--output", str(file)]) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert {name: result["right"] for name, result in found["checks"].items()} == {
        "parity": True, "accumulation": True, "resume": True,
    }  # fmt: skip
    assert found["checks"]["resume"]["difference"] == 0.0
    for name in ("bert", "gpt2"):
        assert all(0 < share < 2 for share in found[name]["mfu"].values())
        assert math.isfinite(found[name]["ratio"]["value"])
    for size in (1, 8):
        assert found["greedy"][f"batch {size}"]["tokens_per_second"]["hfdl"] > 0


def test_a_failed_check_stops_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(setting: Any) -> dict[str, Any]:
        return {"right": False}

    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(checks, "CHECKS", (broken,))
    file = tmp_path / "gpu.json"
    assert gpu.main(["--device", "cpu", "--tiny", "--output", str(file)]) == 1
    assert "bert" not in json.loads(file.read_text(encoding="utf-8"))


def test_lengths_are_spread_as_the_deciles_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    lengths = sorted(Setting.of("cpu", tiny=False).lengths(20_000))
    for part, decile in enumerate(DECILES[1:-1], start=1):
        assert lengths[part * 2000] == pytest.approx(decile, rel=0.06)
    assert max(lengths) <= DECILES[-1]
