"""Building the packages of exports: one archive, split into parts, each encrypted with the caller's key."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from airflow_provider_ksef.emulator.crypto import encrypt_stream
from airflow_provider_ksef.emulator.store.exports import PackagePart

METADATA_NAME = "_metadata.json"
MOST_ARCHIVE_BYTES = 1_000_000_000
MOST_PART_BYTES = 50_000_000
EXTENSIONS = {"Zip": "zip", "TarGz": "tar.gz"}


ArchiveWriter = Callable[[str, bytes], None]


@contextmanager
def _zip_writer(target: BinaryIO) -> Iterator[ArchiveWriter]:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        yield archive.writestr


@contextmanager
def _tar_writer(target: BinaryIO) -> Iterator[ArchiveWriter]:
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1) as archive:

        def write(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        yield write


def join_metadata(metadata: Sequence[bytes]) -> bytes:
    """The file ``_metadata.json``."""
    return b'{"invoices":[' + b",".join(metadata) + b"]}"


def write_archive(
    path: Path,
    compression: str,
    documents: Iterable[tuple[str, bytes]],
    metadata: Sequence[bytes],
    join: Callable[[Sequence[bytes]], bytes] = join_metadata,
) -> int:
    """
    Write documents and their metadata into one archive.

    :param documents: name and content, in the order of ``metadata``; none for a package of metadata only.
    :param join: makes the file of the metadata.
    :return: how many invoices are in it: no further one is begun where it is a gigabyte already.
    """
    count = len(metadata)
    writer = _zip_writer if compression == "Zip" else _tar_writer
    with path.open("wb") as target, writer(target) as write:
        for index, (name, content) in enumerate(documents):
            if target.tell() >= MOST_ARCHIVE_BYTES:
                count = index
                break
            write(name, content)
        write(METADATA_NAME, join(metadata[:count]))
    return count


@dataclass(frozen=True)
class PartNames:
    """
    Where parts are written and what they are called.

    :param place: gives the path of the part with an ordinal number.
    :param export: the reference number of the export.
    """

    place: Callable[[int], Path]
    export: str
    compression: str

    def name(self, ordinal: int) -> str:
        return f"{self.export}-{ordinal:03d}.{EXTENSIONS[self.compression]}.aes"


def encrypt_parts(archive: Path, key: bytes, iv: bytes, names: PartNames) -> tuple[PackagePart, ...]:
    """Split an archive and encrypt each part for itself."""
    size = archive.stat().st_size
    parts = []
    with archive.open("rb") as source:
        for ordinal, start in enumerate(range(0, size, MOST_PART_BYTES), start=1):
            length = min(MOST_PART_BYTES, size - start)
            with names.place(ordinal).open("wb") as target:
                made = encrypt_stream(key, iv, source, target, length)
            parts.append(
                PackagePart(
                    ordinal=ordinal,
                    name=names.name(ordinal),
                    size=length,
                    hash=made.plain_hash,
                    encrypted_size=made.encrypted_size,
                    encrypted_hash=made.encrypted_hash,
                )
            )
    return tuple(parts)
