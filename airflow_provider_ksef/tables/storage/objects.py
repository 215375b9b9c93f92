"""Tables in an object store, through fsspec."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.storage.protocol import Content, taken_over

_REFUSED = ("PreconditionFailed", "412")
_TRY_AGAIN = ("ConditionalRequestConflict", "409")
_CREATE_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.05


class ObjectStore:
    """
    A prefix of a bucket, or any other file system of fsspec: one put makes an object, whole or not at all.

    A table file is published by a put that only creates, and forbidden by putting a file without rows in its
    place. fsspec caches listings, so they are read anew each time.
    """

    def __init__(self, fs: AbstractFileSystem, root: str, protocol: str) -> None:
        self.fs = fs
        self.root = root.rstrip("/")
        self.protocol = protocol

    def names(self, folder: str) -> list[str]:
        """See :meth:`Store.names`."""
        self.fs.invalidate_cache()
        try:
            entries = cast("list[str]", self.fs.ls(self._full(folder), detail=False))
        except FileNotFoundError:
            return []
        return sorted(name for entry in entries if (name := entry.rstrip("/").rsplit("/", 1)[-1]))

    def read(self, path: str) -> bytes | None:
        """See :meth:`Store.read`."""
        try:
            return cast("bytes", self.fs.cat_file(self._full(path)))
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        """See :meth:`Store.open`."""
        return cast("BinaryIO", self.fs.open(self._full(path), "rb"))

    def create(self, path: str, content: bytes) -> bool:
        """See :meth:`Store.create`."""
        for number in range(_CREATE_TRIES):
            try:
                self.fs.pipe_file(self._full(path), content, mode="create")
            except FileExistsError:
                break
            except OSError as error:
                if _code(error) in _TRY_AGAIN:  # another put of it is under way, and may come to nothing
                    time.sleep(_FIRST_PAUSE_SECONDS * 2**number)
                    continue
                if _code(error) not in _REFUSED:
                    raise
                break
            return True
        else:
            if self.read(path) is None:
                raise KsefTableError(
                    f"The storage did not say whether {path} is there: another put of it is under way.",
                    "The task may simply be retried.",
                )
        # a put whose answer was lost is sent again by the library, and then finds itself
        return self.read(path) == content

    def replace(self, path: str, content: bytes) -> None:
        """See :meth:`Store.replace`."""
        self.fs.pipe_file(self._full(path), content)

    def swap(self, path: str, content: bytes, seen: bytes | None) -> bool:
        """
        See :meth:`Store.swap`.

        On S3 the put itself is conditional; elsewhere the object is compared just before.
        """
        if seen is None:
            return self.create(path, content)
        condition = self._condition(path)
        done = self.read(path) == seen and self._put_if(path, content, condition)
        return done or self.read(path) == content

    def remove(self, path: str) -> None:
        """See :meth:`Store.remove`."""
        try:
            self.fs.rm_file(self._full(path))
        except FileNotFoundError:
            return

    def stage(self, path: str, token: int, content: Content) -> None:
        """Do nothing: the object is built already, in memory or on the worker's disk."""

    def publish(self, path: str, token: int, content: Content) -> None:
        """See :meth:`Store.publish`."""
        del token
        if not self.create(path, content.read_bytes() if isinstance(content, Path) else content):
            raise taken_over(path)

    def exchange(self, path: str, token: int, content: bytes, seen: bytes | None) -> None:
        """See :meth:`Store.exchange`."""
        del token
        if not self.swap(path, content, seen):
            raise taken_over(path)

    def forbid(self, path: str, token: int, tombstone: bytes) -> None:
        """See :meth:`Store.forbid`; a watermark needs no tombstone, its exchange is conditional."""
        del token
        if path.endswith(".parquet"):
            self.create(path, tombstone)

    def folder_exchange(self, folder: str, token: int) -> None:
        """Give nothing: objects have no folders."""

    def _condition(self, path: str) -> dict[str, Any]:
        if self.protocol not in {"s3", "s3a"}:
            return {}
        self.fs.invalidate_cache()
        try:
            return {"IfMatch": self.fs.info(self._full(path))["ETag"]}
        except FileNotFoundError:
            return {}

    def _put_if(self, path: str, content: bytes, condition: dict[str, Any]) -> bool:
        try:
            self.fs.pipe_file(self._full(path), content, **condition)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and _code(error) not in _REFUSED + _TRY_AGAIN:
                raise
            return False
        return True

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"


def _code(error: OSError) -> str:
    """Give S3's own error code, which s3fs keeps in the cause."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
