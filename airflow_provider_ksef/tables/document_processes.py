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


def stage_shares(shares: Sequence[Share]) -> list[StagedDocuments]:
    """
    Read several shares at once: the first one here, each of the others in a process of its own.

    :param shares: at least one.
    :raises KsefIntegrityError: where a share's documents are not what the metadata says.
    :raises KsefTableError: where a process died.
    """
    with ExitStack() as stack:
        others = [stack.enter_context(_started(share)) for share in shares[1:]]
        own = stage_share(shares[0])
        return [own, *(_result(process) for process in others)]


@contextmanager
def _started(share: Share) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", document_worker.__name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own
    with process:
        try:
            _send(process, share)
            yield process
        finally:
            process.kill()


def _send(process: subprocess.Popen[bytes], share: Share) -> None:
    """Send a share; through a pipe, since it may hold the key of the package."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # its end is told by its exit code
            pickle.dump(share, process.stdin)
            process.stdin.close()


def _result(process: subprocess.Popen[bytes]) -> StagedDocuments:
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
