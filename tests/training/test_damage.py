"""A bit of any file of any checkpoint, flipped, cut off or gone with its file, is noticed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import hfdl
from hfdl.training.files import damage

FLIPS, CUTS = 80, 12


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """Those of a run that was stopped before its end: two states, and the best weights."""
    from hfdl.training.events import Event, StopTraining, Updated

    def stop(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 7:
            raise StopTraining("enough")

    run = tmp_path_factory.mktemp("damage") / "run"
    settings: dict[str, Any] = {
        "model.name": str(tiny_bert), "data.max_samples": 60, "data.max_length": 16,
        "train.steps": 9, "train.save_every": 2, "train.evaluate_every": 3,
    }  # fmt: skip
    with pytest.raises(StopTraining):
        hfdl.train("sentiment", settings, output=run, report=False, listener=stop)
    return run / "checkpoints"


def test_every_file_of_every_checkpoint(checkpoints: Path) -> None:
    folders = sorted(checkpoints.iterdir())
    assert [folder.name.partition("-")[0] for folder in folders] == ["best", "step", "step"]
    draw, done = random.Random(0), Counter[str]()
    for folder in folders:
        assert damage(folder) is None
        for file in sorted(folder.iterdir()):
            done["files"] += 1
            whole = file.read_bytes()
            for place in sorted(draw.sample(range(len(whole)), min(FLIPS, len(whole)))):
                flipped = whole[place] ^ (1 << draw.randrange(8))
                file.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
                assert damage(folder) is not None, (file.name, place)
                done["flipped bits"] += 1
            for size in {0, 1, len(whole) - 1, *draw.sample(range(len(whole)), CUTS)}:
                if not whole[size:].strip():
                    continue  # the line end of a manifest
                file.write_bytes(whole[:size])
                assert damage(folder) is not None, (file.name, size)
                done["cuts"] += 1
            file.unlink()
            assert damage(folder) is not None, file.name
            done["deletions"] += 1
            file.write_bytes(whole)
        assert damage(folder) is None
    assert (done["files"], done["deletions"]) == (14, 14)
    assert done["flipped bits"] == 14 * FLIPS
    assert done["cuts"] >= 14 * CUTS
