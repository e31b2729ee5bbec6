"""Several processes on one study: no trial lost, none done twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hfdl.search.study import Study


def test_workers_and_one_that_joins(search: Callable[..., Study]) -> None:
    study = search(study__trials=4, study__fresh_seeds=2, study__sampler="random", workers=2)
    assert [trial.number for trial in study.trials] == list(range(4))
    assert {trial.state for trial in study.trials} <= {"complete", "pruned"}
    alone = search(
        "alone", study__trials=4, study__fresh_seeds=2, study__sampler="random",
        study__pruner="none",
    )  # fmt: skip
    assert [t.settings for t in study.trials] == [t.settings for t in alone.trials]
    values = {t.number: t.value for t in alone.trials}
    assert all(t.value == values[t.number] for t in study.trials if t.state == "complete")
    for trial in study.trials:
        log = (study.directory / trial.folder / "log.jsonl").read_text(encoding="utf-8")
        assert log.count('"event": "end"') == 1
        assert '"event": "resume"' not in log
    joined = subprocess.run(
        [sys.executable, "-m", "hfdl.cli", "tune", str(study.directory), "--join"],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert (joined.returncode, joined.stdout) == (0, ""), joined.stderr


def test_what_another_process_does_is_left_to_it(search: Callable[..., Study]) -> None:
    """A trial whose lock is held is nobody else's, and is waited for."""
    study = search(study__trials=2)
    from hfdl.search.layout import Layout
    from hfdl.search.storage import Storage
    from hfdl.search.tune import plan_study

    given: dict[str, Any] = {"study.trials": 4}
    plan = plan_study(study.directory, given)
    one, other = (Storage(Layout(study.directory), plan) for _ in range(2))
    with one.claim() as first:
        with other.claim() as second:
            assert first is not None
            assert second is not None
            assert (first.number, second.number) == (2, 3)
            with one.claim() as third:
                assert third is None
        with other.claim() as again:  # let go of, and not ended
            assert again is not None
            assert (again.number, again.is_resumed) == (3, True)
            assert again.settings == second.settings


@pytest.mark.slow
def test_a_trial_whose_worker_is_killed_again_has_failed(
    search: Callable[..., Study], tmp_path: Path
) -> None:
    """As the system kills a process that takes more memory than there is."""
    code = "import os\n\n\ndef die(event):\n    "
    code += "if event.kind == 'update' and event.examples == 16:\n        os.kill(os.getpid(), 9)\n"
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    study = search(
        search__train__batch_size=[8, 16], search__train__learning_rate=None,
        search__train__weight_decay=None, study__sampler="grid", study__trials=...,
        train__callbacks=[f"{tmp_path}/mine.py:die"], workers=2,
    )  # fmt: skip
    assert [trial.state for trial in study.trials] == ["complete", "failed"]
    assert "was killed (signal 9" in (study.trials[1].reason or "")
