"""The files that a user names become the invoices of a batch, checked before anything is sent."""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO

from upath import UPath

from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.exceptions import KsefInputError

MAX_SIZE = 1_000_000
"""Bytes of an invoice without an attachment (behaviour: limits of the context)."""
MAX_SIZE_WITH_ATTACHMENT = 3_000_000
MAX_NAME_LENGTH = 128
"""KSeF keeps the entry's name as ``invoiceFileName``."""
SHOWN_PROBLEMS = 5


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
    def shown(self) -> str:
        """The path as the user knows it."""
        return self.path.path if _is_local(self.path) else str(self.path)


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
            paths.setdefault(_identity(path), path)
    if not paths:
        raise _no_match([])
    return _with_entry_names(list(paths.values()))


@dataclass(frozen=True)
class CheckedInvoices:
    """
    Invoices that may be sent.

    :param files: what the package is made of.
    :param digest: hexadecimal SHA-256 over names and contents; the same files give the same digest.
    """

    files: tuple[InvoiceFile, ...]
    digest: str


def check_invoices(invoices: Sequence[InvoicePath]) -> CheckedInvoices:
    """
    Check that each file can be read, is well-formed XML and within KSeF's size limits.

    :param invoices: what :func:`find_invoices` found.
    :raises KsefInputError: names the files and what is wrong with each, the first few of them.
    :raises OSError: where reading fails for another reason than the files', which may pass.
    """
    files: list[InvoiceFile] = []
    problems: list[str] = []
    digest = hashlib.sha256()
    for invoice in invoices:
        try:
            content = invoice.path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            problems.append(f"{invoice.shown}: cannot be read ({error.strerror or error})")
            continue
        problem = problem_of(content)
        if problem:
            problems.append(f"{invoice.shown}: {problem}")
        digest.update(f"{invoice.entry_name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        files.append(InvoiceFile(invoice.entry_name, opener_of(invoice.path), len(content)))
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        raise KsefInputError(
            "invoices",
            f"{len(problems)} of {len(invoices)} files",
            "; ".join(problems[:SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else ""),
            "Nothing was sent. Mend or remove these files and run the task again.",
        )
    return CheckedInvoices(tuple(files), digest.hexdigest())


def opener_of(path: UPath) -> Callable[[], BinaryIO]:
    """
    Give what opens an invoice to be read at once: without a buffer where it lies on this machine.

    :param path: of the invoice.
    """
    return partial(io.FileIO, path.path) if _is_local(path) else partial(_open, path)


def _open(path: UPath) -> BinaryIO:
    return path.open("rb")


def problem_of(content: bytes) -> str | None:
    """
    Say what is wrong with an invoice's bytes, or None.

    :param content: the whole file.
    """
    if not content:
        return "the file is empty"
    if len(content) > MAX_SIZE_WITH_ATTACHMENT:
        return f"has {len(content):,} bytes, KSeF takes at most {MAX_SIZE_WITH_ATTACHMENT:,}"
    return _xml_problem(content)


def _xml_problem(content: bytes) -> str | None:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        return f"is not well-formed XML: {error.msg}"
    if len(content) > MAX_SIZE and root.find("{*}Zalacznik") is None:
        return f"has {len(content):,} bytes, KSeF takes at most {MAX_SIZE:,} without an attachment"
    return None


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
        return (path for path in base.glob(pattern) if path.is_file())
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
    return [path for path in folder.iterdir() if path.suffix.lower() == ".xml" and path.is_file()]


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file")


def _identity(path: UPath) -> str:
    """Tell files apart: one that is named in two ways is sent once."""
    return os.path.realpath(path.path) if _is_local(path) else str(path)


def _unreadable(name: UPath) -> KsefInputError:
    return KsefInputError(
        "invoices",
        str(name),
        "cannot be read: permission denied",
        "Give the worker's user the right to read the files and the folders above them.",
    )


def _with_entry_names(paths: Sequence[UPath]) -> list[InvoicePath]:
    counts = Counter(path.name for path in paths)
    return [
        InvoicePath(
            path.name
            if counts[path.name] == 1 and len(path.name) <= MAX_NAME_LENGTH
            else _numbered(path.name, ordinal),
            path,
        )
        for ordinal, path in enumerate(paths, start=1)
    ]


def _numbered(name: str, ordinal: int) -> str:
    prefix = f"{ordinal:05d}-"
    suffix = PurePosixPath(name).suffix
    return prefix + name.removesuffix(suffix)[: MAX_NAME_LENGTH - len(prefix) - len(suffix)] + suffix
