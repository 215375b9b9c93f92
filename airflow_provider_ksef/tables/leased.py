"""Work that is done under the lease of one context and subject type, and how its steps are run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.lease import PAUSE_SECONDS, Clock, Lease, Pause, Step
from airflow_provider_ksef.tables.month_files import tombstone
from airflow_provider_ksef.tables.storage import Store

Result = TypeVar("Result")


def under_lease(
    store: Store,
    key: TableKey,
    owner: str,
    clock: Clock,
    work: Callable[[Lease], Generator[Step, None, Result]],
) -> Generator[Step, None, Result]:
    """
    Take the lease, do some work, and give the lease back.

    :param key: whose lease; one guards all tables of a context and subject type.
    :param owner: see :class:`lease.LeaseRecord`.
    :param work: what is to be done; where it fails, the next writer is let in at once, and forbids what was
        announced.
    :raises KsefLeaseError: where another writer keeps the lease, or took it over.
    """
    lease = Lease(store, key, owner, clock)
    yield from lease.acquire(tombstone=lambda path: tombstone(path.split("/")[0]))
    try:
        result = yield from work(lease)
    except Exception as error:
        if isinstance(error, FileNotFoundError):
            lease.check()  # another writer may have merged the file with others
        with contextlib.suppress(Exception):
            lease.give_up()
        raise
    lease.finish()
    yield "lease: given back"
    return result


def under_leases(
    store: Store,
    key: TableKey,
    owner: str,
    clock: Clock,
    works: Iterable[Callable[[Lease], Generator[Step, None, Result]]],
) -> Generator[Step, None, list[Result]]:
    """
    Do one work after the other, each under a lease of its own, and now and then let others have it.

    :param works: see :func:`under_lease`, which has the other parameters, too.
    """
    results, rested = [], clock()
    for work in works:
        if clock() - rested > 10 * PAUSE_SECONDS:
            yield Pause(2 * PAUSE_SECONDS)  # whoever waits for the lease gets it
            rested = clock()
        results.append((yield from under_lease(store, key, owner, clock, work)))
    return results


def run_steps(steps: Generator[Step, None, Result]) -> Result:
    """Run steps to their end and sit their pauses out."""
    while True:
        try:
            step = next(steps)
        except StopIteration as done:
            result: Result = done.value
            return result
        if isinstance(step, Pause):
            time.sleep(step.seconds)
