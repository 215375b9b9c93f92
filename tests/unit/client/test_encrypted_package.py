"""Encrypted parts that are read at any place as if they were one plain file."""

from __future__ import annotations

import io
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.client.crypto import BLOCK_SIZE, SessionKey, encrypt_stream
from airflow_provider_ksef.client.encrypted_package import EncryptedPackage, EncryptedPart
from airflow_provider_ksef.exceptions import KsefIntegrityError

KEY = SessionKey(bytes(range(32)), bytes(range(100, 116)))
SIZES = (300_000, 0, 1, 16, 17, 2 * BLOCK_SIZE + 5, 400)


def numbered(size: int) -> bytes:
    return b"".join(b"%09d;" % place for place in range(size // 10 + 1))[:size]


def on_disk(folder: Path, *plains: bytes) -> EncryptedPackage:
    parts = []
    for place, plain in enumerate(plains, start=1):
        path = folder / f"part-{place:03d}.aes"
        with path.open("wb") as file:
            encrypt_stream(io.BytesIO(plain), file, KEY)
        found = path.stat()
        parts.append(EncryptedPart(path, len(plain), found.st_size, found.st_mtime_ns))
    return EncryptedPackage(tuple(parts), KEY)


def cut_into(sizes: tuple[int, ...]) -> list[bytes]:
    whole = numbered(sum(sizes))
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [whole[start : start + size] for start, size in zip(starts, sizes, strict=True)]


@pytest.fixture
def package(tmp_path: Path) -> EncryptedPackage:
    return on_disk(tmp_path, *cut_into(SIZES))


def test_all_parts_are_one_stream(package: EncryptedPackage) -> None:
    with package.open() as archive:
        assert archive.read() == numbered(sum(SIZES))
        assert archive.read(1) == b""
    assert package.size == sum(SIZES)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reads=st.lists(
        st.tuples(
            st.one_of(
                st.integers(0, sum(SIZES) + 20),
                st.integers(-20, 60).map(lambda near: 300_000 + near),
            ),
            st.sampled_from([0, 1, 15, 16, 17, 1000, 200_000, BLOCK_SIZE + 1]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_reads_at_any_place_are_those_of_a_plain_file(
    package: EncryptedPackage, reads: list[tuple[int, int]]
) -> None:
    plain = io.BytesIO(numbered(sum(SIZES)))
    with package.open() as archive:
        for place, size in reads:
            assert archive.seek(place) == plain.seek(place)
            assert archive.read(size) == plain.read(size)
            assert archive.tell() == plain.tell()


def test_seeking_from_the_end_and_from_here(package: EncryptedPackage) -> None:
    with package.open() as archive:
        assert archive.seek(-5, os.SEEK_END) == package.size - 5
        assert archive.read(9) == numbered(package.size)[-5:]
        archive.seek(100)
        assert archive.seek(-40, os.SEEK_CUR) == 60
        with pytest.raises(ValueError, match="negative"):
            archive.seek(-1)


def test_only_what_is_read_is_read_from_disk(tmp_path: Path) -> None:
    package = on_disk(tmp_path, *cut_into((100, 100, 100)))
    package.parts[0].path.unlink()
    with package.open() as archive:
        archive.seek(150)
        assert archive.read(150) == numbered(300)[150:]
        archive.seek(0)
        with pytest.raises(KsefIntegrityError, match=r"part-001\.aes cannot be read"):
            archive.read(1)


def test_a_plain_file_is_written_on_demand_and_appears_whole(tmp_path: Path) -> None:
    package = on_disk(tmp_path, *cut_into((BLOCK_SIZE + 7, 100)))
    target = tmp_path / "export.zip"
    assert package.write_plain(target) == target
    assert target.read_bytes() == numbered(BLOCK_SIZE + 107)
    target.write_bytes(b"older")
    package.parts[1].path.unlink()
    with pytest.raises(KsefIntegrityError):
        package.write_plain(target)
    assert target.read_bytes() == b"older"
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("content", [b"x" * 112, b"x" * 50, b"x" * 200, b"<html>Przerwa</html>"])
def test_a_part_that_was_swapped_on_disk_is_refused(tmp_path: Path, content: bytes) -> None:
    package = on_disk(tmp_path, b"a" * 100)
    package.parts[0].path.write_bytes(content)
    os.utime(package.parts[0].path, ns=(0, package.parts[0].modified + 1))
    with package.open() as archive, pytest.raises(KsefIntegrityError, match="was changed since"):
        archive.read(1)


def test_a_part_that_is_cut_while_it_is_open_is_refused(tmp_path: Path) -> None:
    package = on_disk(tmp_path, numbered(1_000_000))
    with package.open() as archive:
        archive.read(10)
        os.truncate(package.parts[0].path, 500_000)
        archive.seek(600_000)
        with pytest.raises(KsefIntegrityError, match="is cut"):
            archive.read(10)


def test_the_key_is_not_shown(package: EncryptedPackage) -> None:
    assert "key=" not in repr(package)
    assert repr(KEY.key)[2:-1] not in repr(package)
    assert KEY.key.hex() not in repr(package)


def end_of(package: EncryptedPackage) -> bytes:
    with package.open() as archive:
        archive.seek(-100, os.SEEK_END)
        return archive.read()


def test_another_process_opens_it_too(package: EncryptedPackage) -> None:
    assert pickle.loads(pickle.dumps(package)) == package
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(end_of, package).result() == numbered(package.size)[-100:]
