"""Throughput and memory along a run, as its log has them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hfdl.report.speed import STRETCHES, rates


def updates(seconds: list[float], tokens: int = 100) -> list[dict]:
    return [
        {"step": step, "tokens": tokens * step, "seconds": at}
        for step, at in enumerate(seconds, start=1)
    ]


def test_a_rate_is_tokens_by_seconds_of_updates_that_follow_another() -> None:
    # After update 2 there was an evaluation: the 10 seconds until update 3 say nothing.
    steps, found = rates(updates([1.0, 3.0, 13.0, 15.0]), [2])
    assert steps.tolist() == [2, 4]
    assert found.tolist() == pytest.approx([200 / 2, 400 / 2])
    assert rates(updates([1.0, 3.0, 13.0, 15.0]))[0].tolist() == [2, 3, 4]
    assert len(rates(updates([1.0, 3.0, 13.0]), [1, 2, 3])[0]) == 0


def test_many_updates_are_taken_together_and_nothing_is_lost() -> None:
    random = np.random.default_rng(0)
    took = random.uniform(0.1, 2.0, 5000)
    made = updates(np.cumsum(took).tolist())
    steps, found = rates(made)
    assert len(steps) == STRETCHES
    assert steps[-1] == 5000
    assert np.all(np.diff(steps) > 0)
    pairs = list(itertools.pairwise([0, *(int(step) - 1 for step in steps)]))
    tokens = [sum(one["tokens"] for one in made[a + 1 : b + 1]) for a, b in pairs]
    times = [made[b]["seconds"] - made[a]["seconds"] for a, b in pairs]
    assert found == pytest.approx(np.array(tokens) / times)


@pytest.mark.parametrize(
    "made", [[], updates([1.0]), [{"step": 1, "seconds": 1.0}, {"step": 2, "seconds": 2.0}]]
)
def test_a_log_without_tokens_or_too_short_has_no_rate(made: list[dict]) -> None:
    steps, found = rates(made)
    assert len(steps) == len(found) == 0


def test_a_clock_set_back_leaves_a_gap_not_a_negative_rate() -> None:
    steps, found = rates(updates([10.0, 12.0, 3.0, 4.0]))
    assert steps.tolist() == [2, 4]
    assert (found > 0).all()


def test_the_page_has_both_charts_where_the_log_has_them(fake_run, page, tmp_path) -> None:
    run = fake_run(2)
    made = run.log()
    for event in made:
        if event["event"] == "update":
            event["memory_bytes"] = 2**30 + event["step"] * 2**20
    run.log = lambda: made
    found = page(run, tmp_path / "with")
    assert "Tokens per second, without evaluations" in found.text
    assert "Tokens per second, with evaluations" in found.text  # of the whole run
    assert "From 1 GiB to 1.06 GiB." in found.text
    for event in made:
        event.pop("memory_bytes", None)
        event.pop("tokens", None)
    without = page(run, tmp_path / "without")
    assert "Tokens per second, without" not in without.text
    assert "Most memory held so far" not in without.text
