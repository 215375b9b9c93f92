"""
Where the documents of an export package lie, and their bytes, out of an archive that nobody vouches for.

KSeF's package has an entry ``{ksefNumber}.xml`` for each invoice of its ``_metadata.json`` and nothing else.
Names serve only to be compared with the KSeF numbers of the metadata; no path is ever made of one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.archive import BROKEN, GZIP_MAGIC, METADATA_NAME, REMEDY, ZIP_MAGIC
from airflow_provider_ksef.tables.tar_files import TarReader
from airflow_provider_ksef.tables.zip_places import Place, read_place, zip_places

OpenPackage = Callable[[], BinaryIO]
"""Opens the plain archive, seekable; may be sent to another process, such as ``package.open``."""

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""KSeF takes invoices of 1 MB, 3 MB with attachments; the limits of a company go up to 10 MB."""

_SUFFIX = ".xml"


@dataclass(frozen=True)
class DocumentPlaces:
    """
    The documents of a package.

    :param open: opens what they lie in; may be sent to another process.
    :param places: by KSeF number.
    """

    open: OpenPackage
    places: Mapping[str, Place]


def find_documents(package: OpenPackage, hashes: Mapping[str, str], unpacked: Path) -> DocumentPlaces:
    """
    Find the document of each invoice.

    A TAR.GZ can only be read from its beginning; its documents are unpacked into one file first.

    :param package: opens the plain archive, ZIP or TAR.GZ.
    :param hashes: SHA-256 in Base64 by KSeF number, as the metadata has them.
    :param unpacked: the file that the documents of a TAR.GZ are unpacked into.
    :raises KsefIntegrityError: where the archive is broken, lacks a document, or has an entry that is
        not in the metadata, twice or absurdly large.
    """
    with package() as source:
        magic = source.read(2)
        source.seek(0)
        try:
            if magic == ZIP_MAGIC:
                found = DocumentPlaces(package, _in_zip(source, hashes))
            elif magic == GZIP_MAGIC:
                found = DocumentPlaces(partial(_open, unpacked), _unpack_tar(source, hashes, unpacked))
            else:
                raise KsefIntegrityError("The export package is neither a ZIP nor a TAR.GZ archive.", REMEDY)
        except BROKEN as error:
            raise KsefIntegrityError(f"The export package cannot be unpacked: {error}.", REMEDY) from error
    missing = [number for number in hashes if number not in found.places]
    if missing:
        raise KsefIntegrityError(
            f"The export package lacks the documents of {len(missing)} of its {len(hashes)} invoices, "
            f"such as {missing[0]}.",
            REMEDY,
        )
    return found


def read_document(source: BinaryIO, number: str, place: Place, expected_hash: str) -> bytes:
    """
    Read one document and check it.

    :param source: what :attr:`DocumentPlaces.open` opened.
    :param number: its KSeF number.
    :param place: where it lies.
    :param expected_hash: SHA-256 in Base64, from the metadata.
    :raises KsefIntegrityError: where it is broken or another one than the metadata says.
    """
    try:
        content = bytes(read_place(source, place))
    except BROKEN as error:
        raise KsefIntegrityError(f"The document of {number} cannot be unpacked: {error}.", REMEDY) from error
    _check_hash(number, content, expected_hash)
    return content


def _check_hash(number: str, content: bytes | bytearray, expected: str) -> None:
    if b64encode(sha256(content).digest()).decode() != expected:
        raise KsefIntegrityError(
            f"The document of {number} has another hash than the package's metadata says.", REMEDY
        )


def _in_zip(source: BinaryIO, hashes: Mapping[str, str]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for name, place in zip_places(source):
        number = _number(name, hashes, places)
        if number is not None:
            _check_size(number, max(place.size, place.stored))
            places[number] = place
    return places


def _unpack_tar(source: BinaryIO, hashes: Mapping[str, str], unpacked: Path) -> dict[str, Place]:
    places: dict[str, Place] = {}
    reader = TarReader(source)
    with unpacked.open("wb") as target:
        for file in reader:
            if not file.is_regular:
                raise ValueError(f"{file.name[:200]!r} is no file")
            number = _number(file.name, hashes, places)
            if number is None:
                continue
            _check_size(number, file.size)
            document = reader.read()
            _check_hash(number, document, hashes[number])
            places[number] = Place(target.tell(), file.size, file.size, None, is_deflated=False)
            target.write(document)
    return places


def _number(name: str, hashes: Mapping[str, str], places: Mapping[str, Place]) -> str | None:
    """Give the KSeF number that an entry's name stands for; None for the metadata."""
    if name == METADATA_NAME:
        return None
    number = name.removesuffix(_SUFFIX)
    if number == name or number not in hashes:
        raise KsefIntegrityError(f"The package's metadata does not know its entry {name[:200]!r}.", REMEDY)
    if number in places:
        raise KsefIntegrityError(f"The export package has {name} twice.", REMEDY)
    return number


def _check_size(number: str, size: int) -> None:
    if size > MAX_DOCUMENT_BYTES:
        raise KsefIntegrityError(
            f"The document of {number} is {size:,} bytes, more than {MAX_DOCUMENT_BYTES:,}.", REMEDY
        )


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
