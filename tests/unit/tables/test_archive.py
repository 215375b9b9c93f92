"""Archives that nobody vouches for: one entry is read, within bounds, or an error says why not."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
from typing import BinaryIO

import pytest

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables import archive
from airflow_provider_ksef.tables.archive import METADATA_NAME, read_metadata_entry
from tests.unit.tables.engines import engine, on_both
from tests.unit.tables.packages import tarred, zipped

__all__ = ["engine"]
pytestmark = on_both

ENTRY = (METADATA_NAME, b'{"invoices":[]}')
XML = ("5250001210-20260901-0A1B2C000000-C6.xml", b"<Faktura/>" * 500)


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("entries", [(ENTRY,), (XML, ENTRY), (ENTRY, XML)])
def test_the_metadata_is_read_wherever_it_lies(pack: type, entries: tuple[tuple[str, bytes], ...]) -> None:
    assert read_metadata_entry(pack(*entries)) == ENTRY[1]


def test_of_a_zip_nothing_else_is_read() -> None:
    source = zipped(ENTRY, ("a.xml", bytes(range(256)) * 40))
    content = bytearray(source.getvalue())  # type: ignore[attr-defined]
    content[content.index(b"a.xml") + 10] ^= 0xFF
    assert read_metadata_entry(io.BytesIO(content)) == ENTRY[1]


def doubled(pack: type) -> BinaryIO:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: BinaryIO = pack(ENTRY, ENTRY)
    return found


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_package_without_or_with_two_metadata_entries_is_an_error(pack: type) -> None:
    with pytest.raises(KsefIntegrityError, match=f"has no {METADATA_NAME}"):
        read_metadata_entry(pack(XML))
    with pytest.raises(KsefIntegrityError, match=f"has {METADATA_NAME} 2 times"):
        read_metadata_entry(doubled(pack))


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    "name", ["../_metadata.json", "/_metadata.json", "a/../_metadata.json", "a\\_metadata.json"]
)
def test_metadata_of_another_folder_is_none(pack: type, name: str) -> None:
    with pytest.raises(KsefIntegrityError, match="has no"):
        read_metadata_entry(pack((name, b"{}")))
    assert read_metadata_entry(pack((name, b"{}"), ENTRY)) == ENTRY[1]


@pytest.mark.parametrize("claimed", [0, 1, 999_999, 1_000_001, 2**32 - 2])
def test_a_zip_that_lies_about_the_size_of_its_metadata_is_an_error(claimed: int) -> None:
    whole = bytearray(zipped((METADATA_NAME, b" " * 1_000_000)).getvalue())  # type: ignore[attr-defined]
    for place in (22, whole.index(b"PK\x01\x02") + 24):
        whole[place : place + 4] = claimed.to_bytes(4, "little")
    with pytest.raises(KsefIntegrityError):
        read_metadata_entry(io.BytesIO(whole))


def test_metadata_that_is_a_link_is_not_followed() -> None:
    import tarfile

    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as made:
        link = tarfile.TarInfo(METADATA_NAME)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    with pytest.raises(KsefIntegrityError, match="has no"):
        read_metadata_entry(target)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_that_is_cut_short_is_an_error(pack: type) -> None:
    whole = pack(XML, ENTRY, ("b.xml", XML[1])).getvalue()
    for length in (2, 10, len(whole) // 2, len(whole) - 5):
        with pytest.raises(KsefIntegrityError, match=r"cannot be unpacked|has no"):
            read_metadata_entry(io.BytesIO(whole[:length]))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_flipped_bit_in_the_metadata_is_an_error(pack: type) -> None:
    whole = bytearray(pack((METADATA_NAME, bytes(range(256)) * 64)).getvalue())
    whole[len(whole) // 3] ^= 0x10
    with pytest.raises(KsefIntegrityError):
        read_metadata_entry(io.BytesIO(whole))


@pytest.mark.parametrize("content", [b"", b"P", b"<!DOCTYPE html><html>Imperva</html>", b'{"invoices":[]}'])
def test_what_is_no_archive_is_an_error(content: bytes) -> None:
    with pytest.raises(KsefIntegrityError, match=r"neither a ZIP nor a TAR\.GZ") as caught:
        read_metadata_entry(io.BytesIO(content))
    assert "The table is as it was" in str(caught.value)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_bomb_is_an_error_whatever_its_header_says(pack: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_METADATA_BYTES", 1000)
    with pytest.raises(KsefIntegrityError, match="larger than"):
        read_metadata_entry(pack((METADATA_NAME, b" " * 1001)))
    assert len(read_metadata_entry(pack((METADATA_NAME, b" " * 1000)))) == 1000


def test_a_tar_header_that_claims_gigabytes_reserves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 8 * 1024**3 - 1
    content = gzip.compress(long_name.tobuf(tarfile.GNU_FORMAT) + b"\0" * 2048)
    with pytest.raises(KsefIntegrityError):
        read_metadata_entry(io.BytesIO(content))


def test_an_encrypted_entry_is_an_error() -> None:
    whole = bytearray(zipped(ENTRY).getvalue())  # type: ignore[attr-defined]
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(KsefIntegrityError, match="cannot be unpacked"):
        read_metadata_entry(io.BytesIO(whole))


def test_an_empty_zip_has_no_metadata() -> None:
    target = io.BytesIO()
    zipfile.ZipFile(target, "w").close()
    with pytest.raises(KsefIntegrityError, match="has no"):
        read_metadata_entry(target)
