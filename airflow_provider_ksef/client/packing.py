"""Invoices become one archive, cut into encrypted parts (KSeF docs: sesja-wsadowa)."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from airflow_provider_ksef.client.crypto import BLOCK_SIZE, SessionKey, base64_text
from airflow_provider_ksef.client.splitting import PackedPart, PartWriter
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError

__all__ = ["COMPRESSION_TYPES", "InvoiceFile", "PackedBatch", "PackedPart", "pack_batch"]

COMPRESSION_TYPES = {"zip": "Zip", "tar.gz": "TarGz"}
"""KSeF's names of the archives that we make."""
MAX_INVOICES = 10_000
MAX_PACKAGE_SIZE = 5_000_000_000
MAX_PART_SIZE = 100_000_000
MAX_PARTS = 50
MAX_NAME_LENGTH = 128
_SMALLEST_PART = 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of all entries: the same files give the same archive."""


@dataclass(frozen=True)
class InvoiceFile:
    """
    An invoice to be packed.

    :param name: of the entry in the archive, unique there; KSeF gives it back as ``invoiceFileName``.
    :param open: opens the XML for reading.
    :param size: bytes of the XML.
    """

    name: str
    open: Callable[[], BinaryIO] = field(repr=False)
    size: int


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
) -> PackedBatch:
    """
    Pack invoices in one pass, without holding more than a block of them in memory.

    :param files: 1 to 10,000 invoices, each read once.
    :param key: the parts are encrypted with it.
    :param work_dir: an existing folder of the caller's; the parts are written there.
    :param compression: ``zip`` or ``tar.gz``.
    :param part_size: bytes that an encrypted part has at most.
    :raises KsefInputError: where KSeF would not take the package.
    """
    _check(files, compression, part_size)
    write_archive = {"zip": _write_zip, "tar.gz": _write_tar_gz}[compression]
    writer = PartWriter(work_dir, key, part_size)
    with io.BufferedWriter(writer, BLOCK_SIZE) as archive:
        hashes = write_archive(files, archive)
        archive.flush()
        writer.finish()
    size, parts = writer.size, tuple(writer.parts)
    if size > MAX_PACKAGE_SIZE or len(parts) > MAX_PARTS:
        raise _too_much(f"{size:,} bytes in {len(parts)} parts")
    return PackedBatch(compression, size, writer.hash, parts, hashes)


class _Hashing:
    """Reads an invoice, and hashes what is read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._sha256 = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._sha256.update(block)
        self.size += len(block)
        return block

    @property
    def hash(self) -> str:
        return base64_text(self._sha256.digest())


def _write_zip(files: Sequence[InvoiceFile], archive: BinaryIO) -> dict[str, str]:
    def add(file: InvoiceFile, source: _Hashing) -> None:
        entry = zipfile.ZipInfo(file.name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with zipped.open(entry, "w") as target:
            shutil.copyfileobj(source, target, BLOCK_SIZE)

    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        return _add_all(files, add)


def _write_tar_gz(files: Sequence[InvoiceFile], archive: BinaryIO) -> dict[str, str]:
    def add(file: InvoiceFile, source: _Hashing) -> None:
        entry = tarfile.TarInfo(file.name)
        entry.size = file.size
        with suppress(OSError):  # the file is shorter than it was; _add_all tells
            tar.addfile(entry, source)
        source.read(1)

    with (
        gzip.GzipFile("", "wb", 6, archive, mtime=0) as zipped,
        tarfile.open(mode="w|", fileobj=zipped, format=tarfile.PAX_FORMAT) as tar,
    ):
        return _add_all(files, add)


def _add_all(files: Sequence[InvoiceFile], add: Callable[[InvoiceFile, _Hashing], None]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for file in files:
        with file.open() as opened:
            source = _Hashing(opened)
            add(file, source)
        if source.size != file.size:
            raise KsefIntegrityError(
                f"{file.name} changed while it was packed, from {file.size} bytes to {source.size} or more.",
                "Nothing was sent. Write invoices under another name and rename them when they are whole.",
            )
        hashes[file.name] = source.hash
    return hashes


def _check(files: Sequence[InvoiceFile], compression: str, part_size: int) -> None:
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
    if len(files) > MAX_INVOICES:
        raise _too_much(f"{len(files)} invoices")
    names = Counter(file.name for file in files)
    for name, count in names.items():
        if count > 1 or not 0 < len(name) <= MAX_NAME_LENGTH:
            raise KsefInputError(
                "invoices",
                name,
                f"is not a name of 1 to {MAX_NAME_LENGTH} characters that one entry alone has",
                "Give each invoice a short name of its own within the package.",
            )


def _too_much(found: str) -> KsefInputError:
    return KsefInputError(
        "invoices",
        found,
        f"a batch holds at most {MAX_INVOICES:,} invoices, {MAX_PACKAGE_SIZE:,} bytes and {MAX_PARTS} parts",
        "Nothing was sent. Send fewer invoices at a time.",
    )
