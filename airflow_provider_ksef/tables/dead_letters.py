"""Rejected files, each with KSeF's reasons as JSON beside it, for whoever mends them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath

import msgspec
from upath import UPath

from airflow_provider_ksef.tables.whole_files import check_name, keep_file, read_file, replace_file

REASONS_SUFFIX = ".reasons.json"
"""Follows the name of the file that the reasons are about."""
_HASH_DIGITS = 12


def write_rejected(rejected_path: UPath, name: str, content: bytes, reasons: Mapping[str, object]) -> str:
    """
    Copy a rejected file, then write its reasons beside it; whoever sees the reasons finds the file.

    The same file rejected again has its copy already, and gets the latest reasons. Another file of the same
    name gets one that ends in its hash.

    :param rejected_path: the folder, made where it is not there; another one than the invoices are sent from.
    :param name: of the file, without its folder.
    :param content: the file as it was sent.
    :param reasons: plain JSON: session, code, description, details ...
    :returns: where the copy lies.
    :raises KsefInputError: where the name leads elsewhere.
    """
    free = _free_name(rejected_path, check_name("name", name), content)
    path = keep_file(rejected_path, free, content)
    told = msgspec.json.format(msgspec.json.encode(reasons), indent=2) + b"\n"
    replace_file(rejected_path, f"{free}{REASONS_SUFFIX}", told)
    return str(path)


def _free_name(folder: UPath, name: str, content: bytes) -> str:
    there = read_file(folder / name)
    if there is None or there == content:
        return name
    pure = PurePosixPath(name)
    return f"{pure.stem}-{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}{pure.suffix}"
