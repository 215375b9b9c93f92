"""Invoices become one archive, cut into encrypted parts (KSeF docs: sesja-wsadowa)."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.deflating import best_engine
from airflow_provider_ksef.client.invoice_limits import DEFAULT_LIMITS
from airflow_provider_ksef.client.invoice_reading import InvoiceFile
from airflow_provider_ksef.client.splitting import PackedPart, PartWriter
from airflow_provider_ksef.client.tar_writing import write_tar_gz
from airflow_provider_ksef.client.zip_writing import write_zip
from airflow_provider_ksef.exceptions import KsefInputError

__all__ = ["COMPRESSION_TYPES", "InvoiceFile", "PackedBatch", "PackedPart", "pack_batch"]

log = logging.getLogger(__name__)

COMPRESSION_TYPES = {"zip": "Zip", "tar.gz": "TarGz"}
"""KSeF's names of the archives that we make."""
MAX_INVOICE_SIZE = 10_000_000
"""Bytes of one invoice under the widest limits that a context can be given (behaviour: 8.2)."""
MAX_PACKAGE_SIZE = 5_000_000_000
MAX_PART_SIZE = 100_000_000
MAX_PARTS = 50
MAX_NAME_LENGTH = 128
_SMALLEST_PART = 1024
_WRITERS = {"zip": write_zip, "tar.gz": write_tar_gz}
_TOLD_EVERY = 10.0
"""Seconds between two lines of progress in the log."""


@dataclass(frozen=True)
class PackedBatch:
    """
    A package as a batch session declares it.

    :param compression: ``zip`` or ``tar.gz``.
    :param size: bytes of the plain archive.
    :param hash: Base64 SHA-256 of the plain archive.
    :param parts: encrypted, on disk.
    :param invoice_hashes: Base64 SHA-256 of each invoice by its name.
    """

    compression: str
    size: int
    hash: str
    parts: tuple[PackedPart, ...]
    invoice_hashes: dict[str, str]


def pack_batch(
    files: Sequence[InvoiceFile],
    key: SessionKey,
    work_dir: Path,
    *,
    compression: str = "zip",
    part_size: int = MAX_PART_SIZE,
    max_invoices: int = DEFAULT_LIMITS.max_invoices,
) -> PackedBatch:
    """
    Pack invoices in one pass, without holding more than a few of them in memory.

    The same files, key and part size give the same parts as long as the library that deflates stays the same.

    :param files: 1 to ``max_invoices`` invoices, each read once.
    :param key: the parts are encrypted with it.
    :param work_dir: an existing folder of the caller's; the parts are written there.
    :param compression: ``zip`` or ``tar.gz``.
    :param part_size: bytes that an encrypted part has at most.
    :param max_invoices: that KSeF takes of the company in one session.
    :raises KsefInputError: where KSeF would not take the package.
    :raises KsefIntegrityError: where a file changed since it was checked.
    """
    _check(files, compression, part_size, max_invoices)
    with PartWriter(work_dir, key, part_size) as writer:
        hashes = _WRITERS[compression](_telling(files), writer.write, best_engine(compression))
        writer.finish()
    size, parts = writer.size, tuple(writer.parts)
    if size > MAX_PACKAGE_SIZE or len(parts) > MAX_PARTS:
        raise _too_much(f"{size:,} bytes in {len(parts)} parts", max_invoices)
    names = (file.name for file in files)
    return PackedBatch(compression, size, writer.hash, parts, dict(zip(names, hashes, strict=True)))


def _telling(files: Sequence[InvoiceFile]) -> Iterator[InvoiceFile]:
    """Give the files, and say now and then how far we are."""
    started = told = time.monotonic()
    size, total = 0, len(files)
    for count, file in enumerate(files):
        if (now := time.monotonic()) - told >= _TOLD_EVERY:
            told, taken = now, now - started
            log.info("Packing: %d of %d invoices, %.1f MB after %.1f s.", count, total, size / 1e6, taken)
        size += file.size
        yield file


def _check(files: Sequence[InvoiceFile], compression: str, part_size: int, max_invoices: int) -> None:
    if compression not in COMPRESSION_TYPES:
        raise KsefInputError("compression", compression, "is not known", "Give zip or tar.gz.")
    if not _SMALLEST_PART <= part_size <= MAX_PART_SIZE:
        raise KsefInputError(
            "part_size",
            part_size,
            f"is not between {_SMALLEST_PART} and {MAX_PART_SIZE} bytes",
            "Leave it at its default.",
        )
    if not files:
        raise KsefInputError("invoices", [], "there is no invoice to pack", "Name at least one XML file.")
    if len(files) > max_invoices:
        raise _too_much(f"{len(files)} invoices", max_invoices)
    for file in files:
        if file.size > MAX_INVOICE_SIZE:
            raise KsefInputError(
                "invoices",
                file.name,
                f"has {file.size:,} bytes, and KSeF takes at most {MAX_INVOICE_SIZE:,} under any limits",
                "Send fewer lines or attachments on one invoice.",
            )
    names = Counter(file.name for file in files)
    for name, count in names.items():
        if count > 1 or not 0 < len(name) <= MAX_NAME_LENGTH:
            raise KsefInputError(
                "invoices",
                name,
                f"is not a name of 1 to {MAX_NAME_LENGTH} characters that one entry alone has",
                "Give each invoice a short name of its own within the package.",
            )


def _too_much(found: str, max_invoices: int) -> KsefInputError:
    return KsefInputError(
        "invoices",
        found,
        f"a batch holds at most {max_invoices:,} invoices, {MAX_PACKAGE_SIZE:,} bytes and {MAX_PARTS} parts",
        "Nothing was sent. Send fewer invoices at a time.",
    )
