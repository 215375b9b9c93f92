"""Places and bytes of the files of a ZIP, held against the standard library's."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.tables import inflating
from airflow_provider_ksef.tables import zip_places as rooms
from airflow_provider_ksef.tables.zip_places import places_named, read_place, zip_places
from tests.unit.tables.engines import engine, on_both

__all__ = ["engine"]
pytestmark = on_both

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


def packed(entries: list[tuple[str, bytes, int]], comment: bytes = b"", **options: bool) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.comment = comment
        for name, content, method in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            with archive.open(entry, "w", **options) as file:
                file.write(content)
    return target


@settings(deadline=None, max_examples=60)
@given(
    entries=st.lists(
        st.tuples(names, st.binary(max_size=300), methods), max_size=5, unique_by=lambda e: e[0]
    ),
    comment=st.binary(max_size=30).filter(lambda comment: b"PK" not in comment),
    is_large=st.booleans(),
)
def test_names_and_bytes_are_those_of_the_standard_library(
    entries: list[tuple[str, bytes, int]], comment: bytes, is_large: bool
) -> None:
    source = packed(entries, comment, force_zip64=is_large)
    with zipfile.ZipFile(source) as archive:
        expected = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    assert [(name, read_place(source, place)) for name, place in zip_places(source)] == expected


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    tell = seek


def test_sizes_that_stand_behind_the_data_are_taken_from_the_list() -> None:
    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b"<a/>" * 100)
    source = io.BytesIO(target.getvalue())
    [(name, place)] = zip_places(source)
    assert (name, read_place(source, place)) == ("a.xml", b"<a/>" * 100)


def test_a_list_with_64_bit_sizes_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    source = packed(
        [(name, name.encode() * 50, zipfile.ZIP_DEFLATED) for name in ("a", "b", "c")], force_zip64=True
    )
    assert b"PK\6\6" in source.getvalue()
    assert [read_place(source, place) for _, place in zip_places(source)] == [b"a" * 50, b"b" * 50, b"c" * 50]


def test_only_the_named_are_given() -> None:
    entries = [(name, name.encode(), zipfile.ZIP_STORED) for name in ("a", "aa", "b", "xa")]
    source = packed(entries)
    assert [read_place(source, place) for place in places_named(source, "a")] == [b"a"]
    assert places_named(source, "c") == []


@pytest.mark.parametrize("offset", range(0, 200, 7))
def test_a_changed_byte_is_an_error_or_changes_nothing(offset: int) -> None:
    content = bytes(range(200))
    whole = bytearray(packed([("a.xml", content, zipfile.ZIP_DEFLATED)]).getvalue())
    whole[offset] ^= 0x55
    source = io.BytesIO(whole)
    try:
        read = [read_place(source, place) for _, place in zip_places(source)]
    except (ValueError, OSError, *rooms_errors()):
        return
    assert read == [content]


def rooms_errors() -> tuple[type[Exception], ...]:
    from airflow_provider_ksef.tables.archive import BROKEN

    return BROKEN


@pytest.mark.parametrize("size", [199, 201])
def test_a_file_of_another_size_is_an_error(size: int) -> None:
    source = packed([("a", b"a" * 200, zipfile.ZIP_DEFLATED)])
    [(_, place)] = zip_places(source)
    with pytest.raises(ValueError, match="longer or shorter"):
        read_place(source, place._replace(size=size))


@pytest.mark.parametrize("size", [199_999, 200_000, 200_001, 400_000])
def test_a_large_file_is_inflated_in_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "_AT_ONCE", 7_000)
    content = bytes(range(250)) * 800
    [(_, place)] = zip_places(source := packed([("a", content, zipfile.ZIP_DEFLATED)]))
    if size == len(content):
        assert read_place(source, place) == content
    else:
        with pytest.raises(ValueError, match="longer or shorter"):
            read_place(source, place._replace(size=size))


def test_an_absurd_list_is_not_read() -> None:
    whole = bytearray(packed([("a", b"a", zipfile.ZIP_STORED)]).getvalue())
    whole[-10:-6] = (rooms.MAX_LIST_BYTES + 1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="absurdly long"):
        list(zip_places(io.BytesIO(whole)))


def test_a_list_that_counts_wrong_is_an_error() -> None:
    for count in (0, 2):
        whole = bytearray(packed([("a", b"a", zipfile.ZIP_STORED)]).getvalue())
        whole[-12:-10] = count.to_bytes(2, "little")
        with pytest.raises(rooms_errors()):
            list(zip_places(io.BytesIO(whole)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_inflated_is_an_error(method: int) -> None:
    source = packed([("a", b"a" * 100, method)])
    with pytest.raises(ValueError, match="unknown way"):
        list(zip_places(source))
