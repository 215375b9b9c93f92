"""
Several processes share the files to check: this one, and others that run ``worker``.

They are programs of their own, not children of :mod:`multiprocessing`: such a child imports the parent's main
module, which is all of Airflow in a task, and a daemonic parent, such as Celery's worker, may have none.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise

from airflow_provider_ksef.client.checks.document import Outcome
from airflow_provider_ksef.client.checks.share import Share, check_share
from airflow_provider_ksef.exceptions import KsefError

MIN_SHARE = 1_000
"""Files for which another process is worth its start."""
_WORKER = "airflow_provider_ksef.client.checks.worker"
_Other = subprocess.Popen[bytes]


def check_on_all_cores(share: Share, processes: int | None) -> list[Outcome]:
    """
    Check the files of a share on several cores, in their order.

    :param processes: how many at most, this one included; None for as many as there are cores.
    :raises OSError: where reading fails for another reason than the files', which may pass.
    :raises KsefError: where a process died.
    """
    most = processes or _cores()
    own, *others = _divided(share, max(1, min(most, len(share.paths) // MIN_SHARE)))
    with ExitStack() as stack:
        at_work = [stack.enter_context(_started(other)) for other in others]
        outcomes = check_share(own)
        for process in at_work:
            outcomes += _result(process)
    return outcomes


def _divided(share: Share, count: int) -> list[Share]:
    bounds = [len(share.paths) * place // count for place in range(count + 1)]
    return [replace(share, paths=share.paths[begin:end]) for begin, end in pairwise(bounds)]


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _started(share: Share) -> Iterator[_Other]:
    command = [sys.executable, "-m", _WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  ours
        try:
            _send(process, share)
            yield process
        finally:
            process.kill()


def _send(process: _Other, share: Share) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # its end is told by its exit code
            pickle.dump(share, process.stdin)
            process.stdin.close()


def _result(process: _Other) -> Sequence[Outcome]:
    answer = process.stdout.read() if process.stdout is not None else b""
    if process.wait() != 0 or not answer:
        raise KsefError(
            f"A process that checks invoices ended with code {process.returncode}.",
            "Where it ran out of memory, give the worker more, or set processes=1.",
        )
    result = pickle.loads(answer)  # noqa: S301  our own process wrote it
    if isinstance(result, Exception):
        raise result
    outcomes: Sequence[Outcome] = result
    return outcomes
