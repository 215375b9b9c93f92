"""Work in the background: in the order in which it is due, by a few threads however much waits."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_ksef.emulator.jobs import Jobs


def begin(_: str) -> None:
    raise AssertionError("it should not have begun")


def test_many_waiting_jobs_need_few_threads_and_none_begins_after_a_stop() -> None:
    before = set(threading.enumerate())
    jobs = Jobs(delay=30)
    for number in range(2_000):
        jobs.start(begin, str(number))
    workers = set(threading.enumerate()) - before
    assert len(workers) <= 4
    jobs.stop()
    for worker in workers:
        worker.join(timeout=5)
        assert not worker.is_alive()


def test_what_is_due_first_is_done_first() -> None:
    jobs, done, both = Jobs(delay=0.05), list[str](), threading.Event()

    def work(reference: str) -> None:
        done.append(reference)
        if len(done) == 2:
            both.set()

    jobs.start(work, "late")
    jobs.delay = 0
    jobs.start(work, "early")
    assert both.wait(timeout=10)
    jobs.stop()
    assert done == ["early", "late"]


def test_a_job_is_done_while_others_take_long() -> None:
    jobs, release, done = Jobs(delay=0), threading.Event(), threading.Event()

    def take_long(_: str) -> None:
        release.wait(timeout=10)

    for number in range(3):
        jobs.start(take_long, str(number))
    jobs.start(lambda _: done.set(), "quick")
    assert done.wait(timeout=5)
    release.set()
    jobs.stop()


def test_jobs_that_fail_are_told_and_leave_their_threads(caplog: pytest.LogCaptureFixture) -> None:
    jobs, done = Jobs(delay=0), threading.Event()

    def fail(_: str) -> None:
        raise RuntimeError

    for number in range(8):
        jobs.start(fail, f"no. {number}")
    jobs.start(lambda _: done.set(), "last")
    assert done.wait(timeout=5)
    jobs.stop()
    assert "fail no. 0 failed" in caplog.text
