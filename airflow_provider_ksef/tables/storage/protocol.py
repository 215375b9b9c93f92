"""
What a commit needs of a storage, for local folders and for object stores.

Both publish a table file so that it is never overwritten, and both can forbid a publication that a dead or
late writer has announced: whoever takes a lease over forbids first and reads the table back afterwards, so a
writer that slept between its last check and its publication finds the way closed. No clock decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from airflow_provider_ksef.exceptions import KsefLeaseError

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.storage.folder_exchange import FolderExchange

Content = bytes | Path
"""What a table file is made of: bytes, or a finished file on the worker's own disk."""


class Store(Protocol):
    """Paths are relative to ``tables_path``; ``token`` is the fencing token of the writer's lease."""

    def names(self, folder: str) -> list[str]:
        """List the names in a folder as they are now; none where it is not there."""

    def read(self, path: str) -> bytes | None:
        """Read a small file whole; None where it is not there."""

    def open(self, path: str) -> BinaryIO:
        """Open a table file for reading at any place."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a file that must not be there yet; False where it is. One of many contenders wins."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whole or not at all, whether it is there or not."""

    def swap(self, path: str, content: bytes, seen: bytes | None) -> bool:
        """Put a file in the place of what was seen, or of nothing; False where another writer was faster."""

    def remove(self, path: str) -> None:
        """Remove a file; nothing happens where it is not there."""

    def stage(self, path: str, token: int, content: Content) -> None:
        """Prepare what :meth:`publish` will make visible."""

    def publish(self, path: str, token: int, content: Content) -> None:
        """Make a new file visible, whole; refused where a later writer forbade it."""

    def exchange(self, path: str, token: int, content: bytes, seen: bytes | None) -> None:
        """Put a file in the place of what was seen; refused where a later writer forbade or changed it."""

    def forbid(self, path: str, token: int, tombstone: bytes) -> None:
        """Close the way to a publication that the holder of an earlier token announced."""

    def folder_exchange(self, folder: str, token: int) -> FolderExchange | None:
        """Give what exchanges a whole folder in one step; None where the storage cannot."""


def taken_over(path: str) -> KsefLeaseError:
    """Say that a publication was refused."""
    return KsefLeaseError(
        f"Another writer took the table over before {path} was published.",
        "Nothing more of this window was published; begin it anew.",
    )
