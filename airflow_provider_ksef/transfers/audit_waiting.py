"""A long list is read to its end: where KSeF's rate limits cut it short, the task waits with what it has."""

from __future__ import annotations

import logging
import time
from typing import TypeVar

from airflow_provider_ksef.client.calls import Call, Flow, Pause, Step, Walk
from airflow_provider_ksef.exceptions import KsefError, KsefTimeoutError
from airflow_provider_ksef.operators.long_waits import moment_to_go_on

log = logging.getLogger(__name__)
T = TypeVar("T")


def read_to_its_end(flow: Flow[T], deadline: float) -> Flow[T]:
    """
    Read lists, and once one has shown that it has a second page, wait in place for KSeF's rate limits.

    A list with more pages than an hour leaves calls would never end for a task that begins it anew.

    :param flow: that reads the lists.
    :param deadline: until when it may wait, in seconds since the epoch.
    :raises KsefTimeoutError: where it would have to wait longer.
    """
    walk = Walk(flow)
    is_long = False
    while walk.step is not None:
        is_long = is_long or _is_next_page(walk.step)
        try:
            outcome = yield walk.step
        except KsefError as error:
            moment = moment_to_go_on(error) if is_long else None
            if moment is None:
                walk.fail(error)
            else:
                yield _waiting(error, moment, deadline)
        else:
            walk.answer(outcome)
    return walk.result


def _is_next_page(step: Step) -> bool:
    return isinstance(step, Call) and bool(
        step.params.get("pageOffset") or step.headers.get("x-continuation-token")
    )


def _waiting(error: KsefError, moment: float, deadline: float) -> Pause:
    if moment > deadline:
        raise KsefTimeoutError(
            "KSeF's rate limits left no time to read a long list within the task's timeout.",
            "Let the task run when fewer others call KSeF for this company, or raise timeout.",
        ) from error
    log.warning(
        "%s The task waits in its slot, so that the pages that it has read are not read again.", error
    )
    return Pause(max(0.0, moment - time.time()))
