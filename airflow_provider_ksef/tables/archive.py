"""Reading the archive of an export package, which nobody vouches for, and its one entry of metadata."""

from __future__ import annotations

import struct
from typing import BinaryIO

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.inflating import BROKEN_DEFLATE
from airflow_provider_ksef.tables.tar_files import TarReader
from airflow_provider_ksef.tables.zip_places import places_named, read_place

METADATA_NAME = "_metadata.json"
MAX_METADATA_BYTES = 256 * 1024 * 1024
"""Ten thousand invoices are some 15 MB; more than this is not KSeF's doing."""

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
BROKEN = (*BROKEN_DEFLATE, struct.error, EOFError, OSError, ValueError)
"""What archives raise that are not what they should be."""
REMEDY = "The table is as it was; export the window anew, and ask KSeF's support where it happens again."


def read_metadata_entry(source: BinaryIO) -> bytes | bytearray:
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


def _from_zip(source: BinaryIO) -> bytes | bytearray:
    places = places_named(source, METADATA_NAME)
    _check_single(len(places))
    _check_size(max(places[0].size, places[0].stored))
    return read_place(source, places[0])


def _from_tar_gz(source: BinaryIO) -> bytearray:
    found = []
    reader = TarReader(source)
    for file in reader:
        if file.name == METADATA_NAME and file.is_regular:
            _check_size(file.size)
            found.append(reader.read())
            _check_single(len(found))
    _check_single(len(found))
    return found[0]


def _check_single(count: int) -> None:
    if count != 1:
        problem = f"has {METADATA_NAME} {count} times" if count else f"has no {METADATA_NAME}"
        raise KsefIntegrityError(f"The export package {problem}.", REMEDY)


def _check_size(size: int) -> None:
    if size > MAX_METADATA_BYTES:
        raise KsefIntegrityError(
            f"The export package's {METADATA_NAME} is larger than {MAX_METADATA_BYTES // 1024**2} MB.", REMEDY
        )
