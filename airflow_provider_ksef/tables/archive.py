"""Reading the archive of an export package, which nobody vouches for, and its one entry of metadata."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from airflow_provider_ksef.exceptions import KsefIntegrityError

METADATA_NAME = "_metadata.json"
MAX_METADATA_BYTES = 256 * 1024 * 1024
"""Ten thousand invoices are some 15 MB; more than this is not KSeF's doing."""

_MAX_PADDING = 1024 * 1024

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What archives raise that are not what they should be."""
REMEDY = "The table is as it was; export the window anew, and ask KSeF's support where it happens again."


def read_metadata_entry(source: BinaryIO) -> bytes:
    """
    Read ``_metadata.json`` of a plain ZIP or TAR.GZ package; a ZIP's other entries are not touched.

    :param source: the decrypted package, seekable.
    :raises KsefIntegrityError: where it is not an archive, is cut short, or lacks the entry, has it twice or
        absurdly large.
    """
    source.seek(0)
    start = source.read(2)
    source.seek(0)
    try:
        if start == ZIP_MAGIC:
            return _from_zip(source)
        if start == GZIP_MAGIC:
            return _from_tar_gz(source)
    except BROKEN as error:
        raise KsefIntegrityError(f"The export package cannot be unpacked: {error}.", REMEDY) from error
    raise KsefIntegrityError("The export package is neither a ZIP nor a TAR.GZ archive.", REMEDY)


def _from_zip(source: BinaryIO) -> bytes:
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename == METADATA_NAME]
        _check_single(len(entries))
        with archive.open(entries[0]) as entry:
            return _read_bounded(cast("BinaryIO", entry))


def _from_tar_gz(source: BinaryIO) -> bytes:
    found = []
    with open_tar_gz(source) as archive:
        for member in archive:
            if member.name.removeprefix("./") != METADATA_NAME or not member.isfile():
                continue
            entry = archive.extractfile(member)
            if entry is not None:
                found.append(_read_bounded(cast("BinaryIO", entry)))
            _check_single(len(found))
    _check_single(len(found))
    return found[0]


@contextmanager
def open_tar_gz(source: BinaryIO) -> Iterator[tarfile.TarFile]:
    """
    Open a TAR.GZ that is read once, from its beginning to its end, where its checksum is checked.

    :param source: the archive, at its beginning.
    """
    with gzip.GzipFile(fileobj=source) as plain:
        bounded = cast("BinaryIO", _BoundedReads(plain))
        with tarfile.open(fileobj=bounded, mode="r:") as archive:
            yield archive
        if len(plain.read(_MAX_PADDING + 1)) > _MAX_PADDING:  # gzip's own checksum stands at its very end
            raise KsefIntegrityError("The export package goes on after its archive's end.", REMEDY)


class _BoundedReads:
    """A stream whose single reads are bounded: a TAR header may claim a name of gigabytes."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self.stream = stream
        self.seek = stream.seek
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if size > MAX_METADATA_BYTES:
            raise _too_large()
        return self.stream.read(size)


def _check_single(count: int) -> None:
    if count != 1:
        problem = f"has {METADATA_NAME} {count} times" if count else f"has no {METADATA_NAME}"
        raise KsefIntegrityError(f"The export package {problem}.", REMEDY)


def _read_bounded(entry: BinaryIO) -> bytes:
    content = entry.read(MAX_METADATA_BYTES + 1)
    if len(content) > MAX_METADATA_BYTES:
        raise _too_large()
    return content


def _too_large() -> KsefIntegrityError:
    return KsefIntegrityError(
        f"The export package's {METADATA_NAME} is larger than {MAX_METADATA_BYTES // 1024**2} MB.", REMEDY
    )
