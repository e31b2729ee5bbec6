"""Which texts go to the model together, and in what order requests have their turns."""

from __future__ import annotations

import threading
import time
from typing import Any

from hfdl.serving.batcher import Batch, Batcher
from hfdl.serving.job import Call, Job


def call_of(**more: Any) -> Call:
    return Call("predict", lambda items, options: items, more.get("at", lambda o, place: o))


CALL = call_of()


def job_of(tokens: list[int], options: Any = None, rows: int = 1, call: Call = CALL) -> Job:
    items = [f"{n} tokens" for n in tokens]
    return Job(call, items, options or {}, tokens, rows, lambda answer: b"", lambda outcome: None)


def lengths(batch: Batch) -> list[int]:
    return [job.tokens[place] for job, place in batch]


def drain(batcher: Batcher) -> list[Batch]:
    batches = []
    while batch := batcher.take(wait=False):
        batches.append(batch)
    return batches


def test_every_text_is_taken_once_within_the_budget() -> None:
    batcher = Batcher(0.0, max_tokens=64)
    jobs = [job_of([5, 60, 3, 17, 31]), job_of([2]), job_of([90, 4, 4, 4]), job_of([16] * 9)]
    for job in jobs:
        batcher.add(job)
    batches = drain(batcher)
    taken = [pair for batch in batches for pair in batch]
    assert len(taken) == len(set(taken)) == sum(len(job.items) for job in jobs)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths(batch)) <= 64
    assert [90] in map(lengths, batches)  # longer than the budget: alone
    assert len(batches) < len(taken) / 2


def test_texts_of_like_length_go_together() -> None:
    batcher = Batcher(0.0, max_tokens=40)
    batcher.add(job_of([10]))
    for n in (38, 9, 1, 11, 30):
        batcher.add(job_of([n]))
    assert sorted(lengths(batcher.take(wait=False))) == [9, 10, 11]


def test_the_oldest_request_is_in_every_batch_and_then_stands_behind() -> None:
    batcher = Batcher(0.0, max_tokens=10)
    long, short = job_of([10] * 50), job_of([10] * 2)
    batcher.add(long)
    batcher.add(short)
    order = [batch[0][0] for batch in drain(batcher)]
    assert order[:4] == [long, short, long, short]  # not behind all fifty
    assert order.count(long) == 50


def test_no_request_starves_while_others_keep_coming() -> None:
    """An odd one, which shares no batch, among ever new ones that do."""
    batcher = Batcher(0.0, max_tokens=100)
    odd = job_of([50], {"top_k": 2})
    batcher.add(job_of([10]))
    batcher.add(odd)
    turn = 0
    for turn in range(10):  # noqa: B007
        batcher.add(job_of([10]))
        batch = batcher.take(wait=False)
        if batch[0][0] is odd:
            break
    assert turn <= 2


def test_other_options_or_another_form_are_another_batch() -> None:
    batcher = Batcher(0.0, max_tokens=1000)
    for options in ({}, {"top_k": 1}, {"top_k": True}, {"top_k": 1.0}, {"labels": ["a"]}):
        batcher.add(job_of([5], options))
        batcher.add(job_of([5], dict(options)))
    pair = job_of([5, 5])
    pair.items = [{"text": "a", "text_pair": "b"}, {"text": "a", "text_pair": None}]
    batcher.add(pair)
    assert [len(batch) for batch in drain(batcher)] == [2, 2, 2, 2, 2, 1, 1]


def test_options_that_hang_on_the_place_share_no_batch() -> None:
    seeded = call_of(at=lambda options, place: {"seed": 1 + place})
    batcher = Batcher(0.0, max_tokens=1000)
    for _ in range(2):
        batcher.add(job_of([5, 5], call=seeded))
    assert [len(batch) for batch in drain(batcher)] == [1] * 4


def test_rows_of_the_model_count() -> None:
    batcher = Batcher(0.0, max_tokens=100)
    for _ in range(4):
        batcher.add(job_of([10], rows=5))
    assert [len(batch) for batch in drain(batcher)] == [2, 2]


def test_a_request_that_is_over_gives_its_place_up() -> None:
    batcher = Batcher(0.0, max_tokens=10)
    first, second = job_of([10] * 3), job_of([10])
    batcher.add(first)
    batcher.add(second)
    first.drop()
    assert [job for batch in drain(batcher) for job, _ in batch] == [second]


def taken_after(batcher: Batcher) -> float:
    begun = time.monotonic()
    assert batcher.take()
    return time.monotonic() - begun


def test_one_that_is_alone_is_not_kept_waiting_and_one_of_several_is() -> None:
    batcher = Batcher(0.3, max_tokens=100)
    batcher.add(job_of([5]))
    assert taken_after(batcher) < 0.2
    batcher.add(job_of([5]))  # a second one comes while the first is under way
    assert taken_after(batcher) >= 0.3
    batcher.finished()
    batcher.finished()
    batcher.add(job_of([5]))
    threading.Timer(0.05, batcher.add, [job_of([5])]).start()
    batch = batcher.take()  # the second one is waited for, and the time is not used up
    assert len(batch) == 2


def test_a_budget_with_no_room_for_others_ends_the_wait_by_the_time() -> None:
    batcher = Batcher(0.05, max_tokens=5)
    batcher.add(job_of([5]))
    batcher.take()
    batcher.add(job_of([5]))
    begun = time.monotonic()
    assert len(batcher.take()) == 1
    assert time.monotonic() - begun < 5


def test_closing_wakes_who_waits() -> None:
    batcher = Batcher(0.0)
    threading.Timer(0.05, batcher.close).start()
    assert batcher.take() == []
    assert batcher.close() == []
