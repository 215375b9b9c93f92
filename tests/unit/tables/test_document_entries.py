"""Documents out of archives that nobody vouches for: exactly those of the metadata, or an error."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables import document_entries
from airflow_provider_ksef.tables.document_entries import OpenPackage
from airflow_provider_ksef.tables.documents import stage_documents
from tests.unit.tables.document_packages import METADATA, Package, fa, line, opener, package, staged_rows

XML = fa(line(NrWierszaFa="1", P_7="a"))
OTHER = fa(line(NrWierszaFa="1", P_7="b"))
PACKS = [Package.zip, Package.tar]


def refused(source: OpenPackage, made: Package, folder: Path, problem: str) -> None:
    with pytest.raises(KsefIntegrityError, match=problem):
        stage_documents(source, made.invoices, folder)


def with_entries(made: Package, *entries: tuple[str, bytes]) -> Package:
    return Package((*made.entries, *entries), made.invoices)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    "name", ["N7.xml", "../N0.xml", "/etc/passwd", "N0.xml/x", "N0", "..\\N0.xml", "a/", "N0.XML"]
)
def test_an_entry_that_the_metadata_does_not_know_is_refused(tmp_path: Path, pack: type, name: str) -> None:
    made = package(XML)
    refused(pack(with_entries(made, (name, XML))), made, tmp_path, "does not know its entry|is no file")
    assert [path for path in tmp_path.rglob("*") if path.name != "documents.unpacked"] == []


@pytest.mark.parametrize("pack", PACKS)
def test_an_entry_that_is_there_twice_is_refused(tmp_path: Path, pack: type) -> None:
    made = package(XML)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = pack(with_entries(made, ("N0.xml", XML)))
    refused(source, made, tmp_path, "has N0.xml twice")


@pytest.mark.parametrize("pack", PACKS)
def test_an_invoice_without_its_document_is_an_error(tmp_path: Path, pack: type) -> None:
    made = package(XML, OTHER)
    source = pack(Package(made.entries[1:], made.invoices))
    refused(source, made, tmp_path, "lacks the documents of 1 of its 2 invoices, such as N0")


@pytest.mark.parametrize("pack", PACKS)
def test_a_document_with_another_hash_is_an_error(tmp_path: Path, pack: type) -> None:
    made = package(XML, OTHER)
    swapped = (("N0.xml", OTHER), ("N1.xml", XML), made.entries[2])
    refused(pack(Package(swapped, made.invoices)), made, tmp_path, "The document of N0 has another hash")


@pytest.mark.parametrize("pack", PACKS)
def test_a_document_of_absurd_size_is_an_error(
    tmp_path: Path, pack: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_entries, "MAX_DOCUMENT_BYTES", 1000)
    made = package(fa(" " * 1000))
    refused(pack(made), made, tmp_path, "The document of N0 is 1,0.. bytes, more than 1,000")


def test_a_zip_that_lies_about_a_size_is_no_bomb(tmp_path: Path) -> None:
    made = package(fa(" " * 50_000_000))
    content = bytearray(made.zip()().getvalue())  # type: ignore[attr-defined]
    directory = content.index(b"PK\1\2")
    struct.pack_into("<L", content, directory + 24, 1000)
    refused(opener(bytes(content)), made, tmp_path, "N0 cannot be unpacked: its data is longer")


def test_a_zip_whose_list_points_elsewhere_is_refused(tmp_path: Path) -> None:
    made = package(XML)
    content = bytearray(made.zip()().getvalue())  # type: ignore[attr-defined]
    directory = content.index(b"PK\1\2")
    struct.pack_into("<L", content, directory + 42, 7)
    refused(opener(bytes(content)), made, tmp_path, "The document of N0 cannot be unpacked")


def test_damaged_bytes_are_found(tmp_path: Path) -> None:
    made = package(XML)
    for place in range(40, 100, 10):
        content = bytearray(made.zip()().getvalue())  # type: ignore[attr-defined]
        content[place] ^= 0xFF
        refused(opener(bytes(content)), made, tmp_path, "The document of N0 cannot be unpacked")


@pytest.mark.parametrize("pack", PACKS)
def test_a_truncated_package_is_an_error(tmp_path: Path, pack: type) -> None:
    made = package(*[fa(line(P_7=str(place) * 500)) for place in range(50)])
    content = pack(made)().getvalue()
    for kept in (1, 2, 50, len(content) // 2, len(content) - 1):
        refused(opener(content[:kept]), made, tmp_path, "cannot be unpacked|neither a ZIP nor a TAR.GZ")


def test_an_encrypted_or_oddly_compressed_zip_is_refused(tmp_path: Path) -> None:
    made = package(XML)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in made.entries:
            archive.writestr(name, content)
    refused(opener(target.getvalue()), made, tmp_path, "compressed in an unknown way")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_tar_member_that_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    made = package(XML)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        member = tarfile.TarInfo("N0.xml")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(opener(target.getvalue()), made, tmp_path, "is no file")


def test_a_stored_zip_and_one_of_another_tool_are_read(tmp_path: Path) -> None:
    made = package(XML, OTHER)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in made.entries:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                entry.write(content)
    staged = stage_documents(opener(target.getvalue()), made.invoices, tmp_path)
    assert staged_rows(staged, "invoice_documents")["xml"].to_pylist() == [XML, OTHER]


def test_what_a_tar_was_unpacked_into_is_removed(tmp_path: Path) -> None:
    made = package(XML)
    stage_documents(made.tar(), made.invoices, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}
    assert METADATA not in {path.name for path in tmp_path.iterdir()}


def test_a_tar_of_other_documents_is_not_unpacked_first(tmp_path: Path) -> None:
    made = package(XML, OTHER)
    swapped = Package((("N0.xml", OTHER), *made.entries[1:]), made.invoices)
    refused(swapped.tar(), made, tmp_path, "The document of N0 has another hash")
    assert (tmp_path / "documents.unpacked").stat().st_size == 0
