"""The files beside the database: uploaded parts and finished packages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Files:
    """
    A folder of files that belong to sessions and exports.

    :param folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uploads = folder / "uploads"
        self._packages = folder / "packages"
        self._work = folder / "work"
        shutil.rmtree(self._work, ignore_errors=True)
        for each in (self._uploads, self._packages, self._work):
            each.mkdir(parents=True, exist_ok=True)

    def upload(self, session: str, ordinal: int) -> Path:
        """Where an encrypted part of a session lies."""
        return self._uploads / f"{session}-{ordinal}"

    def package_part(self, export: str, ordinal: int) -> Path:
        """Where an encrypted part of an export lies."""
        return self._packages / f"{export}-{ordinal}"

    def new_upload(self) -> Path:
        """A name for what is being received, on the same file system as :meth:`upload`."""
        with tempfile.NamedTemporaryFile(dir=self._work, delete=False) as made:
            return Path(made.name)

    @contextmanager
    def working_file(self) -> Iterator[Path]:
        """A file that is gone afterwards."""
        path = self.new_upload()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def empty(self) -> None:
        """Remove all files."""
        for folder in (self._uploads, self._packages, self._work):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
