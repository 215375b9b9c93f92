"""Files beside the tables, in folders of the user's: whole or not there at all, and nothing but them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError
from airflow_provider_ksef.tables.layout import LOCAL_PROTOCOLS
from airflow_provider_ksef.tables.storage import ObjectStore
from airflow_provider_ksef.tables.storage.durable import make_folder, sync_folder


def check_name(field: str, name: str) -> str:
    """
    Give a file's name back.

    :raises KsefInputError: where it would lead to another folder, or be hidden.
    """
    if not name or name.startswith(".") or set(name) & set("/\\\0"):
        raise KsefInputError(field, name, "is not the name of a file", "Give a name without a folder.")
    return name


def keep_file(folder: UPath, name: str, content: bytes) -> UPath:
    """
    Write a file that never changes; nothing happens where the same bytes are there.

    :param folder: made where it is not there.
    :param name: see :func:`check_name`.
    :param content: the whole file.
    :raises KsefIntegrityError: where other bytes are there.
    """
    path = folder / check_name("name", name)
    there = read_file(path)
    if there is None and not _create(folder, name, content):
        there = read_file(path)
    if there is not None and there != content:
        raise KsefIntegrityError(
            f"{path} is there with other bytes (SHA-256 {_hash(there)}, not {_hash(content)}).",
            "Nothing was written. Move the file away, or give another folder.",
        )
    return path


def replace_file(folder: UPath, name: str, content: bytes) -> UPath:
    """
    Write a file whole, in the place of one that is there.

    :param folder: made where it is not there.
    :param name: see :func:`check_name`.
    :param content: the whole file.
    """
    path = folder / check_name("name", name)
    if read_file(path) == content:
        return path
    if folder.protocol in LOCAL_PROTOCOLS:
        with _staged(Path(folder.path), content) as staged:
            staged.replace(path.path)
        sync_folder(Path(folder.path))
    else:
        _objects(folder).replace(name, content)
    return path


def read_file(path: UPath) -> bytes | None:
    """Read a file whole, as it is now; None where it is not there."""
    if path.protocol in LOCAL_PROTOCOLS:
        try:
            return Path(path.path).read_bytes()
        except FileNotFoundError:
            return None
    return _objects(path.parent).read(path.name)


def _create(folder: UPath, name: str, content: bytes) -> bool:
    if folder.protocol not in LOCAL_PROTOCOLS:
        return _objects(folder).create(name, content)
    target = Path(folder.path) / name
    with _staged(Path(folder.path), content) as staged:
        try:
            os.link(staged, target)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if target.exists():
                return False
            staged.rename(target)
    sync_folder(target.parent)
    return True


@contextlib.contextmanager
def _staged(folder: Path, content: bytes) -> Iterator[Path]:
    """Write to a hidden name in the folder, which is gone afterwards."""
    make_folder(folder)
    staged = folder / f".{uuid.uuid4().hex}.part"
    try:
        with staged.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield staged
    finally:
        staged.unlink(missing_ok=True)


def _objects(folder: UPath) -> ObjectStore:
    return ObjectStore(folder.fs, folder.path, folder.protocol)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
