"""
How far a table goes: one small JSON object per context and subject type, written after the rows it counts.

It keeps KSeF's own date string with all seven fraction digits. Deleting the table restarts the sync, copying
it copies the position.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.schema import SCHEMA_VERSION
from airflow_provider_ksef.tables.storage import open_store


@dataclass(frozen=True)
class Watermark:
    """
    The position of one context and subject type.

    :param position: every invoice stored by KSeF up to here is in the table; KSeF's own date string.
    :param environment: the KSeF environment that the rows come from.
    :param schema_version: version of the table's columns when it was written.
    :param previous_position: where it stood before; None on a first run.
    :param export_reference: the export that moved it.
    :param updated_at: when it was moved, ISO 8601 by the clock of the worker.
    :param began_at: where the first run began: the table knows nothing of what was stored before, unless a
        backfill brought it. KSeF's own date string; None where it was not noted.
    """

    position: str
    environment: str
    schema_version: int
    previous_position: str | None = None
    export_reference: str = ""
    updated_at: str = ""
    began_at: str | None = None

    def to_bytes(self) -> bytes:
        """Write it as the JSON that lies in the table."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_watermark(root: UPath, key: TableKey) -> Watermark | None:
    """
    Read how far a table goes.

    :returns: None where nothing was committed yet.
    :raises KsefTableError: where it cannot be read, or a later version of this package wrote it.
    """
    path = watermark_path(key)
    return parse_watermark(open_store(root).read(path), path)


def parse_watermark(content: bytes | None, path: str) -> Watermark | None:
    """Read the bytes of a watermark; None stands for no watermark."""
    if content is None:
        return None
    try:
        watermark = msgspec.json.decode(content, type=Watermark)
    except msgspec.DecodeError as error:
        raise KsefTableError(
            f"The watermark {path} cannot be read: {error}.",
            "Restore it from a copy, or delete it: the next run with sync_from then reads everything again "
            "and writes only what is missing.",
        ) from error
    refuse_later_version(watermark.schema_version)
    return watermark


def refuse_later_version(schema_version: int) -> None:
    """Refuse tables whose columns a later version of this package made."""
    if schema_version > SCHEMA_VERSION:
        raise KsefTableError(
            f"The table was written by a later version of this package (its schema version is "
            f"{schema_version}, ours {SCHEMA_VERSION}).",
            "Upgrade airflow-provider-ksef on this worker.",
        )
