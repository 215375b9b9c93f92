"""The files of a TAR.GZ, held against the standard library that wrote them."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.tables.archive import BROKEN
from airflow_provider_ksef.tables.tar_files import TarReader
from tests.unit.tables.engines import engine, on_both

__all__ = ["engine"]
pytestmark = on_both

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
names = st.one_of(
    st.text("abcdefgh/.-_0123456789ęą", min_size=1, max_size=60),
    st.integers(90, 300).map(lambda size: "d" * (size // 2) + "/" + "n" * (size // 2)),
).map(lambda name: "f" + name.replace("//", "/").rstrip("/"))


def tarred(entries: list[tuple[str, bytes]], kind: int = tarfile.USTAR_FORMAT, **pax: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=kind, pax_headers=pax) as archive:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def files_in(plain: bytes) -> list[tuple[str, bytes]]:
    reader = TarReader(io.BytesIO(gzip.compress(plain, 1)))
    return [(file.name, reader.read()) for file in reader]


@settings(deadline=None, max_examples=60)
@given(
    entries=st.lists(st.tuples(names, st.binary(max_size=1500)), max_size=4),
    kind=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_names_and_bytes_are_those_that_were_written(entries: list[tuple[str, bytes]], kind: int) -> None:
    assert files_in(tarred(entries, kind)) == entries


def test_a_long_name_in_ustar_is_in_two_fields() -> None:
    entries = [("d" * 90 + "/" + "n" * 60, b"x"), ("./short", b"")]
    assert files_in(tarred(entries)) == [entries[0], ("short", b"")]


def test_what_pax_says_for_all_files_names_none() -> None:
    entries = [("a", b"1"), ("b", b"2")]
    assert files_in(tarred(entries, tarfile.PAX_FORMAT, path="wrong", comment="x")) == entries


def test_a_file_that_nobody_reads_is_skipped() -> None:
    plain = tarred([("a", b"1" * 3_000_000), ("b", b"2" * 700), ("c", b"3")])
    reader = TarReader(io.BytesIO(gzip.compress(plain)))
    assert [(file.name, reader.read() if file.name == "b" else b"") for file in reader] == [
        ("a", b""),
        ("b", b"2" * 700),
        ("c", b""),
    ]


def test_links_and_folders_are_told_apart() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind in (("dir", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE), ("file", tarfile.REGTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    files = list(TarReader(io.BytesIO(gzip.compress(target.getvalue()))))
    assert [(file.name, file.is_regular) for file in files] == [
        ("dir/", False),
        ("link", False),
        ("file", True),
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_changed_header_is_an_error(kind: int) -> None:
    plain = tarred([("a.xml", b"1"), ("b.xml", b"2" * 600)], kind)
    for offset in range(0, 345, 5):
        changed = bytearray(plain)
        changed[offset] ^= 0x01
        with pytest.raises(BROKEN):
            files_in(bytes(changed))


@pytest.mark.parametrize("length", [100, 512, 600, 1500])
def test_a_cut_archive_is_an_error_even_where_its_checksum_is_right(length: int) -> None:
    plain = tarred([("a.xml", b"1" * 900)])
    with pytest.raises(ValueError, match=r"it is cut|a header is damaged"):
        files_in(plain[:length])


def test_a_wrong_checksum_at_the_end_is_an_error() -> None:
    packed = bytearray(gzip.compress(tarred([("a.xml", b"1" * 900)])))
    packed[-8] ^= 0x01
    reader = TarReader(io.BytesIO(packed))
    with pytest.raises(BROKEN):
        list(reader)


def test_an_archive_goes_on_only_with_padding() -> None:
    plain = tarred([("a.xml", b"1")])
    assert files_in(plain + b"\0" * 500_000) == [("a.xml", b"1")]
    with pytest.raises(ValueError, match="goes on after its end"):
        files_in(plain + b"\0" * 1_100_000)


@pytest.mark.parametrize("record", [b"9 size=-1\n", b"99 path=x\n", b"path=x\n", b"7 path\n", b"x path=x\n"])
def test_a_senseless_pax_record_is_an_error(record: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    plain = header.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + tarred([("a.xml", b"1")])
    with pytest.raises(BROKEN):
        files_in(plain)
