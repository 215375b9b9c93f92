"""
Two folders change places in one step, where the kernel and the file system can (Linux, ``renameat2``).

A folder that is built beside, or was just exchanged for it, lies where staged files lie. So it is forbidden
like them: by removing it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from airflow_provider_ksef.tables.layout import OWN_FOLDER, staged_path
from airflow_provider_ksef.tables.storage.durable import make_folder, sync_file, sync_folder
from airflow_provider_ksef.tables.storage.protocol import taken_over

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_REMOVED = ".removed"


class FolderExchange:
    """
    One folder that gets new files in one step.

    :param root: ``tables_path``.
    :param folder: the folder, below it.
    :param token: the fencing token of the writer's lease.
    """

    def __init__(self, root: Path, folder: str, token: int) -> None:
        self.root = root
        self.folder = folder
        self.target = root / folder
        self.beside = root / staged_path(folder, token)

    def is_possible(self) -> bool:
        """Find out whether folders can change places here, by trying it."""
        place = self.root / OWN_FOLDER
        make_folder(place)
        return exchanges_folders(place)

    def build(self, kept: Iterable[str]) -> Path:
        """
        Make the new folder and give it the files that stay as they are.

        :param kept: their names.
        :returns: where the new files are to be written.
        """
        make_folder(self.beside.parent)
        self.beside.mkdir()
        for name in kept:
            os.link(self.target / name, self.beside / name)
        return self.beside

    def exchange(self) -> None:
        """
        Let the new folder take the old one's place.

        :raises KsefLeaseError: where a later writer forbade it.
        """
        try:
            for file in self.beside.iterdir():
                sync_file(file)
            sync_folder(self.beside)
            exchange_folders(self.beside, self.target)
        except FileNotFoundError as error:
            raise taken_over(self.folder) from error
        sync_folder(self.target.parent)
        if not any(self.target.iterdir()):
            self.target.rmdir()

    def remove(self) -> None:
        """Remove what lies beside: the old folder after the exchange, the new one where it came to none."""
        remove_folder(self.beside)


def exchange_folders(one: Path, other: Path) -> None:
    """
    Let two folders change places; nobody ever sees one of the names without a folder.

    :raises FileNotFoundError: where one of them is not there.
    :raises OSError: where it cannot be done.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError) as error:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one)) from error
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def exchanges_folders(place: Path) -> bool:
    """Find out whether folders below a place can change places, by trying it."""
    one, other = (Path(tempfile.mkdtemp(prefix="probe-", dir=place)) for _ in range(2))
    try:
        exchange_folders(one, other)
    except OSError:
        return False
    finally:
        one.rmdir()
        other.rmdir()
    return True


def remove_folder(folder: Path) -> None:
    """
    Remove a folder with its files, its name first: whoever means to exchange it finds it no more.

    What a removal that was cut has left goes, too. Nothing happens where nothing is there.
    """
    doomed = folder.with_name(f"{folder.name}{_REMOVED}")
    shutil.rmtree(doomed, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
