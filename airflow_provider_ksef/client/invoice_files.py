"""The files that a user names become the invoices to send."""

from __future__ import annotations

import errno
import glob
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError

MAX_NAME_LENGTH = 128
"""KSeF keeps the entry's name as ``invoiceFileName``."""


@dataclass(frozen=True)
class InvoicePath:
    """
    One invoice to send.

    :param entry_name: its name within the package, unique there.
    :param path: where it lies.
    """

    entry_name: str
    path: UPath

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine."""
        return _is_local(self.path)

    @property
    def shown(self) -> str:
        """The path as the user knows it."""
        return self.path.path if self.is_local else str(self.path)


def find_invoices(named: Sequence[UPath]) -> list[InvoicePath]:
    """
    Resolve files, folders (their ``*.xml``) and glob patterns, in a stable order and each file once.

    :param named: what the user gave.
    :raises KsefInputError: where a folder cannot be read or a name matches no file.
    """
    paths: dict[str, UPath] = {}
    for name in named:
        try:
            found = sorted(_resolve(name), key=str)
        except PermissionError as error:
            raise _unreadable(name) from error
        if not found:
            raise _no_match(str(name))
        for path in found:
            paths.setdefault(identity(path), path)
    if not paths:
        raise _no_match([])
    for path in paths.values():
        _check_name(path)
    return _with_entry_names(list(paths.values()))


def opener_of(path: UPath) -> Callable[[], BinaryIO]:
    """
    Give what opens an invoice to be read at once: without a buffer where it lies on this machine.

    :param path: of the invoice.
    """
    return partial(io.FileIO, path.path) if _is_local(path) else partial(_open, path)


def reader_of(path: UPath) -> Callable[[int], bytes]:
    """
    Give what reads an invoice from its beginning, at most so many bytes.

    :param path: of the invoice.
    """
    return partial(_read_local, path.path) if _is_local(path) else partial(_read_remote, path)


def _read_local(path: str, most: int) -> bytes:
    """Read without a file object: of ten thousand small files it takes a fifth of the time."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(file, most)
        # The last byte is asked for to see whether there is one; it is not worth another call.
        while len(content) < most - 1 and (more := os.read(file, most - len(content))):
            content += more
        return content
    finally:
        os.close(file)


def _read_remote(path: UPath, most: int) -> bytes:
    with path.open("rb") as source:
        content: bytes = source.read(most)
        while len(content) < most and (more := source.read(most - len(content))):
            content += more
        return content


def _open(path: UPath) -> BinaryIO:
    return path.open("rb")


def _no_match(named: object) -> KsefInputError:
    return KsefInputError(
        "invoices",
        named,
        "no file matches",
        "Give XML files, a glob pattern such as /data/out/*.xml, or a folder that holds .xml files.",
    )


def _resolve(name: UPath) -> Iterable[UPath]:
    """Find what a name means: first what is called so, for a name may hold brackets without a pattern."""
    if name.is_dir():
        return _xml_files(name)
    if name.exists():
        return [name]
    if glob.has_magic(name.path):
        base, pattern = _split_pattern(name)
        return (path for path in base.glob(pattern) if _is_invoice(path))
    return []


def _split_pattern(name: UPath) -> tuple[UPath, str]:
    """Split a pattern behind the deepest folder that is there."""
    base = name.parent
    pattern = [name.name]
    while not base.exists() and base != base.parent:
        pattern.insert(0, base.name)
        base = base.parent
    if _is_local(base) and not os.access(base.path, os.R_OK | os.X_OK):  # glob would just find nothing
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), base.path)
    return base, "/".join(pattern)


def _xml_files(folder: UPath) -> list[UPath]:
    return [path for path in folder.iterdir() if path.suffix.lower() == ".xml" and _is_invoice(path)]


def _is_invoice(path: UPath) -> bool:
    """A link that leads nowhere stands for an invoice: left out, it would be missed by nobody."""
    return path.is_file() or (_is_local(path) and Path(path.path).is_symlink() and not path.is_dir())


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file")


def identity(path: UPath) -> str:
    """
    Tell files and folders apart, in whatever way they are named.

    :param path: of one.
    """
    return os.path.realpath(path.path) if _is_local(path) else str(path)


def _check_name(path: UPath) -> None:
    """Refuse a name that no archive, table or log could hold, for it is no text."""
    try:
        path.path.encode()
    except UnicodeEncodeError:
        raise KsefInputError(
            "invoices",
            path.path.encode(errors="backslashreplace").decode(),
            "is a name that is not UTF-8",
            "Rename the file, or the folder above it.",
        ) from None


def _unreadable(name: UPath) -> KsefInputError:
    return KsefInputError(
        "invoices",
        str(name),
        "cannot be read: permission denied",
        "Give the worker's user the right to read the files and the folders above them.",
    )


def _with_entry_names(paths: Sequence[UPath]) -> list[InvoicePath]:
    counts = Counter(path.name for path in paths)
    kept = {name for name, count in counts.items() if count == 1 and len(name) <= MAX_NAME_LENGTH}
    numbered = [(path, _numbered(path.name, ordinal)) for ordinal, path in enumerate(paths, start=1)]
    while taken := kept & {name for path, name in numbered if path.name not in kept}:
        kept -= taken
    return [InvoicePath(path.name if path.name in kept else name, path) for path, name in numbered]


def _numbered(name: str, ordinal: int) -> str:
    prefix = f"{ordinal:05d}-"
    suffix = PurePosixPath(name).suffix
    return prefix + name.removesuffix(suffix)[: MAX_NAME_LENGTH - len(prefix) - len(suffix)] + suffix
