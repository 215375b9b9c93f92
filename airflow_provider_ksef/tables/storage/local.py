"""Tables in a folder of a file system."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from airflow_provider_ksef.tables.layout import OWN_FOLDER, staged_path
from airflow_provider_ksef.tables.storage.durable import locked, make_folder, sync_folder
from airflow_provider_ksef.tables.storage.folder_exchange import FolderExchange, remove_folder
from airflow_provider_ksef.tables.storage.protocol import Content, taken_over

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
_COPY_BYTES = 1 << 20
SWAP_LOCK = f"{OWN_FOLDER}/swap.lock"


class LocalStore:
    """
    A folder of a file system: write under another name, fsync, then link or rename.

    A staged file is published by a link, which never overwrites, and forbidden by removing it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: str) -> list[str]:
        """See :meth:`Store.names`."""
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except FileNotFoundError:
            return []

    def read(self, path: str) -> bytes | None:
        """See :meth:`Store.read`."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        """See :meth:`Store.open`."""
        return (self.root / path).open("rb")

    def create(self, path: str, content: bytes) -> bool:
        """See :meth:`Store.create`."""
        target = self.root / path
        make_folder(target.parent)
        staged = self._stage_anywhere(content)
        try:
            os.link(staged, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _create_in_place(target, content)
        finally:
            staged.unlink(missing_ok=True)
        sync_folder(target.parent)
        return True

    def replace(self, path: str, content: bytes) -> None:
        """See :meth:`Store.replace`."""
        target = self.root / path
        make_folder(target.parent)
        self._stage_anywhere(content).replace(target)
        sync_folder(target.parent)

    def swap(self, path: str, content: bytes, seen: bytes | None) -> bool:
        """See :meth:`Store.swap`; a lock, which dies with its holder, lets one in at a time."""
        if seen is None:
            return self.create(path, content)
        target = self.root / path
        staged = self._stage_anywhere(content)
        try:
            with locked(self.root / SWAP_LOCK):
                if self.read(path) != seen:
                    return False
                staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)
        sync_folder(target.parent)
        return True

    def remove(self, path: str) -> None:
        """See :meth:`Store.remove`."""
        (self.root / path).unlink(missing_ok=True)

    def stage(self, path: str, token: int, content: Content) -> None:
        """See :meth:`Store.stage`."""
        staged = self.root / staged_path(path, token)
        if isinstance(content, Path):
            _copy(content, staged)
        else:
            _write(staged, content)

    def publish(self, path: str, token: int, content: Content) -> None:
        """See :meth:`Store.publish`."""
        del content
        staged, target = self.root / staged_path(path, token), self.root / path
        make_folder(target.parent)
        try:
            _link(staged, target)
        except (FileExistsError, FileNotFoundError) as error:
            raise taken_over(path) from error
        staged.unlink(missing_ok=True)
        sync_folder(target.parent)

    def exchange(self, path: str, token: int, content: bytes, seen: bytes | None) -> None:
        """See :meth:`Store.exchange`."""
        del content
        target = self.root / path
        make_folder(target.parent)
        if self.read(path) != seen:
            raise taken_over(path)
        try:
            (self.root / staged_path(path, token)).replace(target)
        except FileNotFoundError as error:
            raise taken_over(path) from error
        sync_folder(target.parent)

    def forbid(self, path: str, token: int, tombstone: bytes) -> None:
        """See :meth:`Store.forbid`."""
        del tombstone
        staged = self.root / staged_path(path, token)
        if not staged.is_dir():
            staged.unlink(missing_ok=True)
        remove_folder(staged)

    def folder_exchange(self, folder: str, token: int) -> FolderExchange | None:
        """See :meth:`Store.folder_exchange`."""
        exchange = FolderExchange(self.root, folder, token)
        return exchange if exchange.is_possible() else None

    def _stage_anywhere(self, content: bytes) -> Path:
        staged = self.root / staged_path(uuid.uuid4().hex, 0)
        _write(staged, content)
        return staged


def _create_in_place(target: Path, content: bytes) -> bool:
    try:
        with target.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    return True


def _link(staged: Path, target: Path) -> None:
    """Give a staged file its name; where the file system knows no links, the lease alone guards the name."""
    try:
        os.link(staged, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        staged.rename(target)


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _copy(file: Path, staged: Path) -> None:
    """Copy a finished file in; a link would let a writer of the worker's file change the table."""
    make_folder(staged.parent)
    with file.open("rb") as source, staged.open("wb") as target:
        shutil.copyfileobj(source, target, _COPY_BYTES)
        target.flush()
        os.fsync(target.fileno())
