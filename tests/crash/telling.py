"""What a try tells of itself while it runs; nothing of what it does is changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client.exports import ExportPackage, ExportStatus
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.tables import leased
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.lease import Lease, Step
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter

Tell = Callable[[str, Any], None]


def tell_all(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    """
    Tell where the try is, and what it meets.

    :param tell: takes ``step`` with each request to KSeF and each step at the tables or at a secret's file,
        ``committing`` and ``committed`` with the end of a window, and ``met`` with what is worth counting.
    """
    _tell_requests(patch, tell)
    _tell_steps(patch, tell)
    _tell_secrets(patch, tell)
    _tell_commits(patch, tell)
    _tell_takeovers(patch, tell)


def _tell_requests(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    request = httpx.HTTPTransport.handle_request

    def telling(transport: httpx.HTTPTransport, asked: httpx.Request) -> httpx.Response:
        tell("step", f"{asked.method} {_endpoint(asked.url.path)}")
        return request(transport, asked)

    patch.setattr(httpx.HTTPTransport, "handle_request", telling)


def _tell_steps(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    run = leased.run_steps

    def telling(running: Generator[Step, None, Any]) -> Generator[Step, None, Any]:
        while True:
            try:
                step = next(running)
            except StopIteration as done:
                return done.value
            tell("step", step if isinstance(step, str) else "lease: waiting")
            yield step

    for name, module in list(sys.modules.items()):
        if name.startswith("airflow_provider_ksef.tables.") and hasattr(module, "run_steps"):
            patch.setattr(module, "run_steps", lambda running: run(telling(running)))


def _tell_secrets(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    def telling(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def told(*given: Any) -> Any:
            tell("step", f"sink: {name}")
            act(*given)
            tell("step", f"sink: {name} done")

        return told

    for name in ("keep_pending", "save", "drop_pending"):
        patch.setattr(FileSink, name, telling(name, getattr(FileSink, name)))


def _tell_commits(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    package, commit = Exporter.package, TableWriter.commit
    window_is = ""

    def telling_package(exporter: Exporter, status: ExportStatus) -> ExportPackage | None:
        nonlocal window_is
        found = package(exporter, status)
        window_is = "cut finer by KSeF" if found and found.is_truncated else "whole"
        tell("met", f"export of a window, {window_is}")
        return found

    def telling_commit(
        writer: TableWriter, window: CommittedWindow, rows: IncomingRows, *, moves_watermark: bool
    ) -> Taken:
        tell("committing", window.end)
        taken = commit(writer, window, rows, moves_watermark=moves_watermark)
        tell("committed", window.end)
        tell("met", f"commit of a window, {window_is}")
        return taken

    patch.setattr(Exporter, "package", telling_package)
    patch.setattr(TableWriter, "commit", telling_commit)


def _tell_takeovers(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    forbid = Lease._forbid_earlier

    def telling(lease: Lease, tombstone: Callable[[str], bytes]) -> Generator[Step, None, None]:
        for number in lease._numbers():
            earlier = lease._read(number)
            if number < lease.token and earlier.expires_at:
                whose = "its own" if earlier.owner == lease.owner else "another's"
                when = "run out" if earlier.expires_at <= lease.clock() else "running"
                what = "with files announced" if earlier.announced else "with nothing announced"
                tell("met", f"{whose} lease taken over, {when}, {what}")
        yield from forbid(lease, tombstone)

    patch.setattr(Lease, "_forbid_earlier", telling)


def _endpoint(path: str) -> str:
    """Name what is asked for without the references in it."""
    parts = path.removeprefix("/v2").strip("/").split("/")
    return "/".join(part for part in parts if not any(character.isdigit() for character in part))
