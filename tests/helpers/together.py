"""Trainings by several processes of one group: started once, for any number of runs.

python -m helpers.together JOBS.json      one of the processes; its rank is in the environment
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """One training.

    Args:
        recipe: its name.
        settings: overrides of it.
        output: the run's folder.
        resume: go on with what is there.
        stop_after: updates after which a signal comes; None: it runs to the end.
    """

    recipe: str
    settings: dict[str, Any]
    output: str
    resume: bool = False
    stop_after: int | None = None


def run(job: Job) -> None:
    """Train in this process, alone or as one of several."""
    import hfdl
    from hfdl.training.events import Event, Interrupted, Updated

    def listener(event: Event) -> None:
        if isinstance(event, Updated) and event.step == job.stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        hfdl.train(
            job.recipe, job.settings, output=job.output, resume=job.resume, report=False,
            listener=listener,
        )  # fmt: skip
        assert job.stop_after is None
    except Interrupted:
        assert job.stop_after is not None


def run_together(jobs: Sequence[Job], folder: Path, processes: int = 2) -> None:
    """Run all jobs, one after another, by so many processes."""
    folder.mkdir(exist_ok=True)
    file = folder / "jobs.json"
    file.write_text(json.dumps([asdict(job) for job in jobs]), encoding="utf-8")
    shared = {
        **os.environ, "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes),
        "OMP_NUM_THREADS": "1", "HFDL_MEETING_FILE": str(folder / "meeting"),
        "PYTHONPATH": str(TESTS),
    }  # fmt: skip
    workers = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "helpers.together", str(file)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(processes)
    ]  # fmt: skip
    try:
        # Not communicate: it would close stdin, which ends them (see launched).
        said = [worker.stderr.read() for worker in workers if worker.stderr]
        codes = [worker.wait(timeout=60) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert codes == [0] * processes, "\n".join(text[-3000:] for text in said)


def main() -> None:
    """Run the jobs of a file."""
    from hfdl.training.distributed.launched import end_with_launcher, leave

    end_with_launcher()
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        run(Job(**job))
    leave()


if __name__ == "__main__":
    main()
