"""Files to and from KSeF's storage: streamed, several at a time, each part retried alone, without token."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import tenacity

from airflow_provider_ksef.client import retries
from airflow_provider_ksef.client.answers import error_of
from airflow_provider_ksef.client.batch import PartUpload
from airflow_provider_ksef.client.calls import Answer
from airflow_provider_ksef.client.crypto import BLOCK_SIZE, SessionKey
from airflow_provider_ksef.client.encrypted_package import EncryptedPackage, EncryptedPart
from airflow_provider_ksef.client.exports import ExportPackage, ExportPart
from airflow_provider_ksef.client.packing import PackedPart
from airflow_provider_ksef.client.parts import write_part
from airflow_provider_ksef.client.presigned import check_link, keep_signatures_out_of_logs
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.client.transport import no_answer, ssl_context, user_agent
from airflow_provider_ksef.client.usage import Usage
from airflow_provider_ksef.client.wire import Wire
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefIntegrityError,
    KsefTimeoutError,
)

log = logging.getLogger(__name__)
_PARALLEL = 4
_PATIENCE = 120.0
"""Seconds that the storage may take between two blocks."""
UPLOAD_TIME = 20 * 60.0
"""Seconds that KSeF grants for uploading, times the number of parts (KSeF docs: sesja-wsadowa)."""
_UPLOAD_TRIES = 8
"""Of each part: it takes a minute to find that the storage is gone, and as long to pack and begin anew."""


@dataclass(frozen=True)
class _Job:
    """One part's way: its number, its bytes on the wire, and the work."""

    ordinal_number: int
    size: int
    work: Callable[[], None]


class FileTransfer:
    """
    Uploads and downloads of one client.

    :param settings: the environment whose host links must lead to, and the timeout.
    :param usage: counts what goes over the wire.
    :param transport: another way to send requests than over the network, for tests.
    """

    def __init__(
        self, settings: Settings, usage: Usage, transport: httpx.BaseTransport | None = None
    ) -> None:
        keep_signatures_out_of_logs()
        wire = Wire(usage, None)
        self._settings = settings
        self._usage = usage
        self._http = httpx.Client(
            transport=transport,
            verify=ssl_context(),
            timeout=httpx.Timeout(max(settings.timeout, _PATIENCE), connect=settings.timeout),
            headers={"User-Agent": user_agent()},
            event_hooks={"request": [wire.before], "response": [wire.after]},
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def upload_parts(self, uploads: Sequence[PartUpload], parts: Sequence[PackedPart]) -> None:
        """
        Upload every part to its place.

        :param uploads: where to.
        :param parts: what.
        :raises KsefIntegrityError: where KSeF did not give one place for each part, or leads elsewhere.
        :raises KsefApiError: where a link has expired (403) or the storage refuses a part.
        :raises KsefTimeoutError: where a part was not begun within the time that KSeF grants.
        """
        deadline = time.monotonic() + UPLOAD_TIME * len(parts)
        places = {upload.ordinal_number: upload for upload in uploads}
        if sorted(upload.ordinal_number for upload in uploads) != [part.ordinal_number for part in parts]:
            raise KsefIntegrityError(
                f"KSeF asks for {len(uploads)} parts, declared were {len(parts)}.",
                "Begin a new session; the one that was opened has no effect.",
            )
        jobs = []
        for part in parts:
            place = places[part.ordinal_number]
            link = check_link(self._settings.environment, place.url)
            work = partial(self._upload, part, place, link, deadline)
            jobs.append(_Job(part.ordinal_number, part.size, work))
        self._do_all("Uploaded", jobs)

    def download_package(self, package: ExportPackage, key: SessionKey, folder: Path) -> EncryptedPackage:
        """
        Download and verify all parts; they stay encrypted on disk.

        :param package: of a finished export.
        :param key: the export's key.
        :param folder: where the parts appear when all of them are there and right.
        :returns: the package, which opens as its plain archive.
        :raises KsefInputError: where the package has no parts, because there are no invoices.
        :raises KsefIntegrityError: where a part is not what KSeF announced.
        :raises KsefApiError: where a link has expired (403): read the export's status again.
        """
        if not package.parts:
            raise KsefInputError(
                "package", package.parts, "has no parts", "An export without invoices needs no download."
            )
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"part-{place:03d}.aes" for place in range(1, len(package.parts) + 1)]
        unfinished = [path.with_name(f"{path.name}.partial") for path in paths]
        try:
            self._do_all("Downloaded", self._downloads(package, key, unfinished))
            parts = [
                _arrived(part, path.replace(target))
                for part, path, target in zip(package.parts, unfinished, paths, strict=True)
            ]
        finally:
            for path in unfinished:
                path.unlink(missing_ok=True)
        return EncryptedPackage(tuple(parts), key)

    def _downloads(self, package: ExportPackage, key: SessionKey, targets: Sequence[Path]) -> list[_Job]:
        jobs: list[_Job] = []
        for part, target in zip(package.parts, targets, strict=True):
            link = check_link(self._settings.environment, part.url)
            work = partial(self._download, part, key, link, target)
            jobs.append(_Job(part.ordinal_number, part.encrypted_size, work))
        return jobs

    def _do_all(self, done: str, jobs: Sequence[_Job]) -> None:
        """Do the jobs in parallel; the first failure cancels those that have not begun."""
        started, finished_size = time.monotonic(), 0
        total = sum(job.size for job in jobs)
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="ksef-transfer") as pool:
            running = {pool.submit(job.work): job for job in jobs}
            try:
                for future in as_completed(running):
                    future.result()
                    job = running[future]
                    finished_size += job.size
                    what = f"{done} part {job.ordinal_number} of {len(jobs)}"
                    _tell(what, finished_size, total, time.monotonic() - started)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _upload(self, part: PackedPart, place: PartUpload, link: str, deadline: float) -> None:
        def put() -> None:
            _check_time(part, deadline)
            with part.path.open("rb") as file:
                response = self._http.request(place.method, link, headers=dict(place.headers), content=file)
            self._check(response)

        try:
            self._with_retries(place.method, link, put, _UPLOAD_TRIES)
        except KsefApiError as error:
            if error.fault.http_status in {401, 403}:
                raise KsefApiError(error.fault, _link_has_expired(part)) from error
            raise

    def _download(self, part: ExportPart, key: SessionKey, link: str, target: Path) -> None:
        def get() -> None:
            with (
                self._http.stream("GET", link, headers={"Accept-Encoding": "identity"}) as response,
                target.open("wb") as file,
            ):
                self._check(response)
                write_part(response.iter_bytes(BLOCK_SIZE), part, key, file)
                self._usage.count_received(response.num_bytes_downloaded)

        self._with_retries("GET", link, get)

    def _with_retries(
        self, method: str, link: str, work: Callable[[], None], tries: int = retries.TRIES
    ) -> None:
        what = f"{method} {urlsplit(link).path}"

        def once() -> None:
            try:
                work()
            except httpx.HTTPError as error:
                raise no_answer(error, what, self._settings) from error

        tenacity.Retrying(**retries.policy(what, is_safe=True, tries=tries))(once)

    def _check(self, response: httpx.Response) -> None:
        """Raise where the storage refuses, or a page for people came in place of a file."""
        is_page = "text/html" in response.headers.get("content-type", "")
        if response.is_success and not is_page:
            return
        response.read()
        request = response.request
        if response.is_success:
            raise KsefIntegrityError(
                f"{request.method} {request.url.path} gave an HTML page in place of a file.",
                "Check what stands between you and KSeF, or whether KSeF is under maintenance.",
            )
        raise error_of(
            Answer(
                request.method,
                request.url.path,
                response.status_code,
                dict(response.headers),
                response.content,
                time.monotonic(),
            )
        )


def _tell(what: str, finished_size: int, total: int, seconds: float) -> None:
    done, speed = finished_size / 1e6, finished_size / 1e6 / max(seconds, 1e-3)
    log.info("%s: %.1f of %.1f MB after %.1f s, %.1f MB/s.", what, done, total / 1e6, seconds, speed)


def _check_time(part: PackedPart, deadline: float) -> None:
    """Give up where KSeF would refuse: it looks at the time when an upload begins, not when it ends."""
    if time.monotonic() > deadline:
        minutes = UPLOAD_TIME / 60
        raise KsefTimeoutError(
            f"Part {part.ordinal_number} was not begun within {minutes:.0f} minutes times the parts.",
            "The session has no effect: begin a new one, over a faster line or with fewer invoices.",
        )


def _link_has_expired(part: PackedPart) -> str:
    return (
        f"The link for part {part.ordinal_number} has expired or was changed on its way. "
        "Begin a new session; the one that was opened has no effect."
    )


def _arrived(part: ExportPart, path: Path) -> EncryptedPart:
    return EncryptedPart(path, part.size, part.encrypted_size, path.stat().st_mtime_ns)
