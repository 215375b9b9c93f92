"""
Where everything lies below ``tables_path``; paths here are relative to it.

The context's type is in its name (``nip-5250001210``), or DuckDB would read it as a number and pandas as
text. Nothing but finished table files is below a table's folder; leases, watermarks and what is being written
are in ``_ksef``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks

if TYPE_CHECKING:
    from upath import UPath

INVOICES_TABLE = "invoices"
DOCUMENTS_TABLE = "invoice_documents"
LINES_TABLE = "invoice_lines"
VAT_SUMMARY_TABLE = "invoice_vat_summary"
SUBMISSIONS_TABLE = "submissions"
PERMISSIONS_TABLE = "permissions"
TOKENS_TABLE = "tokens"
CERTIFICATES_TABLE = "certificates"
LOGIN_SESSIONS_TABLE = "login_sessions"
LIMITS_TABLE = "limits"
AUDIT_TABLES = (PERMISSIONS_TABLE, TOKENS_TABLE, CERTIFICATES_TABLE, LOGIN_SESSIONS_TABLE, LIMITS_TABLE)
"""The tables of snapshots."""
TABLE_NAMES = frozenset(
    {INVOICES_TABLE, LINES_TABLE, VAT_SUMMARY_TABLE, DOCUMENTS_TABLE, SUBMISSIONS_TABLE, *AUDIT_TABLES}
)
OWN_FOLDER = "_ksef"
ENVIRONMENT = f"{OWN_FOLDER}/environment.json"
SUBMISSIONS_FOLDER = f"{OWN_FOLDER}/{SUBMISSIONS_TABLE}"
SUBMISSIONS_ENVIRONMENT = f"{SUBMISSIONS_FOLDER}/environment.json"
"""A mark of its own: a sync that comes later still chooses the format of the other tables."""
LOCAL_PROTOCOLS = ("", "file", "local")
BUCKET_PROTOCOLS = ("s3", "s3a", "gs", "gcs")

_STAMP = re.compile(r"(\d{8}T\d{6}\d{7})Z_(\d{8}T\d{6}\d{7})Z_")


@dataclass(frozen=True)
class TableKey:
    """
    One part of a table that one writer at a time may extend.

    :param context: see :func:`context_name`.
    :param subject_type: the context's role on the invoices, such as ``Subject2``.
    :param table: the table's name.
    """

    context: str
    subject_type: str
    table: str = INVOICES_TABLE


def context_name(context_type: str, value: str) -> str:
    """
    Name a context in paths and in the column ``context``.

    :param context_type: ``Nip``, ``InternalId``, ``NipVatUe`` or ``PeppolId``.
    :param value: the identifier.
    :returns: such as ``nip-5250001210``.
    """
    return f"{context_type.lower()}-{value}"


def key_folder(key: TableKey) -> str:
    """Give the folder of a key's months."""
    return f"{key.table}/context={key.context}/subject_type={key.subject_type}"


def month_folder(key: TableKey, month: str) -> str:
    """Give the folder of one month, such as ``2026-03``."""
    return f"{key_folder(key)}/month={month}"


def file_name(start: str, end: str, export_reference: str, token: int, ordinal: int) -> str:
    """
    Name a table file, so that no two writers ever mean the same one.

    :param start: lower bound of the window, all seven digits; no row of the file was stored before it.
    :param end: upper bound; no row of the file was stored after it.
    :param export_reference: the export that brought the rows.
    :param token: the writer's fencing token, the number of its lease.
    :param ordinal: tells the files apart that one export brings to one month of a table, from 0.
    """
    return f"{_stamp(start)}_{_stamp(end)}_{export_reference}_{token}_{ordinal}.parquet"


def named_span(name: str) -> tuple[int, int] | None:
    """Read the bounds in microseconds that a file's name promises; None where the name is not ours."""
    match = _STAMP.match(name)
    if match is None:
        return None
    start, end = (_unstamp(part) // 10 for part in match.groups())
    return start, end


def is_table_file(name: str) -> bool:
    """Tell whether readers of a folder see a file of this name."""
    return name.endswith(".parquet") and not name.startswith((".", "_"))


def lease_folder(key: TableKey) -> str:
    """Give the folder of a key's numbered leases."""
    return f"{OWN_FOLDER}/lease/{key.table}/{key.context}/{key.subject_type}"


def watermark_path(key: TableKey) -> str:
    """Give the path of a key's watermark."""
    return f"{OWN_FOLDER}/watermark/{key.context}/{key.subject_type}.json"


def staged_path(path: str, token: int) -> str:
    """Give the path under which a file is written before it gets its own name."""
    return f"{OWN_FOLDER}/staged/{path}.{token}.part"


def check_root(root: UPath) -> None:
    """
    Check that a folder holds our tables, or nothing, or is not there yet.

    :param root: ``tables_path``.
    :raises KsefInputError: where it is a file, holds something else, or cannot be used.
    """
    _refuse(root, os.R_OK | os.W_OK | os.X_OK, "read and written")


def check_readable(root: UPath) -> None:
    """
    Check like :func:`check_root`, for somebody who only reads.

    :param root: ``tables_path``.
    :raises KsefInputError: where it is a file, holds something else, or cannot be read.
    """
    _refuse(root, os.R_OK | os.X_OK, "read")


def _refuse(root: UPath, access: int, wanted: str) -> None:
    problem, remedy = _problem(root, access, wanted)
    if problem:
        raise KsefInputError("tables_path", str(root), problem, remedy)


def _problem(root: UPath, access: int, wanted: str) -> tuple[str, str]:
    another = "Give another folder, one that is empty, not there yet, or holds tables of this package."
    try:
        root.fs.invalidate_cache()
        if root.fs.isfile(root.path):
            return "is a file", another
        entries = root.fs.ls(root.path, detail=False) if root.fs.exists(root.path) else []
        if not entries and not _bucket_is_there(root):
            return "lies in a bucket that is not there", "Make the bucket, or give another one."
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError) as error:
        return f"cannot be read ({error})", "Check the path, and that the worker may read and write there."
    names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries} - {root.path.rsplit("/", 1)[-1]}
    foreign = sorted(name for name in names - TABLE_NAMES - {OWN_FOLDER} if not name.startswith("."))
    if foreign:
        return f"holds something else: {', '.join(foreign[:3])}", another
    if root.protocol in LOCAL_PROTOCOLS:
        return _local_problem(Path(root.path), access, wanted)
    return "", ""


def _bucket_is_there(root: UPath) -> bool:
    """Ask only a store that has buckets: a folder is made with its first file."""
    return root.protocol not in BUCKET_PROTOCOLS or bool(root.fs.exists(root.path.split("/", 1)[0]))


def _local_problem(folder: Path, access: int, wanted: str) -> tuple[str, str]:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir():
        return f"cannot be made, {existing} is a file", "Give another folder."
    if not os.access(existing, access):
        return f"cannot be used, {existing} may not be {wanted}", "Allow this process's user to."
    return "", ""


def _stamp(moment: str) -> str:
    text = format_ticks(parse_ticks(moment))
    return re.sub(r"[-:.]", "", text.removesuffix("+00:00")) + "Z"


def _unstamp(stamp: str) -> int:
    d, t = stamp.split("T")
    return parse_ticks(f"{d[:4]}-{d[4:6]}-{d[6:]}T{t[:2]}:{t[2:4]}:{t[4:6]}.{t[6:]}Z")
