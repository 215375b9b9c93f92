"""
Several processes share the documents of an export: this one, and others that run ``document_worker``.

They are programs of their own, not children of :mod:`multiprocessing`: such a child imports the parent's main
module, which is all of Airflow in a task, and a daemonic parent, such as Celery's worker, may have none.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables import document_worker
from airflow_provider_ksef.tables.document_share import Share, stage_share
from airflow_provider_ksef.tables.staging import StagedDocuments

Other = subprocess.Popen[bytes]
"""A process that reads one share."""


@contextmanager
def other_processes(count: int) -> Iterator[list[Other]]:
    """
    Start processes that wait for a share each; those that still run at the end are killed.

    :param count: how many.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(_started()) for _ in range(count)]


def stage_shares(shares: Sequence[Share], others: Sequence[Other]) -> list[StagedDocuments]:
    """
    Read several shares at once: the first one here, each of the others in a process of its own.

    :param shares: at least one.
    :param others: processes that wait; as many as there are other shares, or more.
    :raises KsefIntegrityError: where a share's documents are not what the metadata says.
    :raises KsefTableError: where a process died.
    """
    at_work = others[: len(shares) - 1]
    for process, share in zip(at_work, shares[1:], strict=True):
        _send(process, share)
    own = stage_share(shares[0])
    return [own, *(_result(process) for process in at_work)]


@contextmanager
def _started() -> Iterator[Other]:
    command = [sys.executable, "-m", document_worker.__name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own
    with process:
        try:
            yield process
        finally:
            process.kill()


def _send(process: Other, share: Share) -> None:
    """Send a share; through a pipe, since it may hold the key of the package."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # its end is told by its exit code
            pickle.dump(share, process.stdin)
            process.stdin.close()


def _result(process: Other) -> StagedDocuments:
    answer = process.stdout.read() if process.stdout is not None else b""
    if process.wait() != 0 or not answer:
        raise KsefTableError(
            f"A process that reads documents ended with code {process.returncode}.",
            "Where it ran out of memory, give the worker more, or let one process do the work.",
        )
    result = pickle.loads(answer)  # noqa: S301  our own process wrote it
    if isinstance(result, Exception):
        raise result
    staged: StagedDocuments = result
    return staged
