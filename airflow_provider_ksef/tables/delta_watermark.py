"""
Watermarks of Delta tables: application transactions of the table ``invoices``.

They are committed with the rows that they stand for, are kept through checkpoints and clean-ups of the log,
and count KSeF's moments in ticks of 100 ns, from which KSeF's own string is made again. The log forgets no
application, so a watermark that was removed is one before 1970. What else a watermark tells is metadata of
its commit, which the log forgets after a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.schema import SCHEMA_VERSION
from airflow_provider_ksef.tables.watermark import Watermark, refuse_later_version

if TYPE_CHECKING:
    from deltalake import DeltaTable

SCHEMA_VERSION_OF = "ksef:schema_version"
"""The application whose version is that of the columns."""

_NOTES = "ksef."
_NONE = -1


def positions_of(key: TableKey, watermark: Watermark | None) -> dict[str, int]:
    """Give the application transactions that hold a watermark; None stands for none."""
    if watermark is None:
        return {_application(key): _NONE, _beginning(key): _NONE}
    positions = {_application(key): parse_ticks(watermark.position), SCHEMA_VERSION_OF: SCHEMA_VERSION}
    if watermark.began_at is not None:
        positions[_beginning(key)] = parse_ticks(watermark.began_at)
    return positions


def notes_of(key: TableKey, watermark: Watermark | None) -> dict[str, str]:
    """Give the commit's metadata that tell the rest of a watermark; of none they tell only whose it was."""
    told: dict[str, str | None] = {"context": key.context, "subject_type": key.subject_type}
    if watermark is not None:
        told |= _told(watermark)
    return {f"{_NOTES}{name}": value for name, value in told.items() if value}


def _told(watermark: Watermark) -> dict[str, str | None]:
    return {
        "position": watermark.position,
        "previous_position": watermark.previous_position,
        "environment": watermark.environment,
        "schema_version": str(watermark.schema_version),
        "export_reference": watermark.export_reference,
        "updated_at": watermark.updated_at,
    }


def watermark_in(
    snapshot: DeltaTable | None, key: TableKey, environment: str, commits: Iterable[Mapping[str, Any]] = ()
) -> Watermark | None:
    """
    Read a watermark.

    :param snapshot: of the table ``invoices``.
    :param key: the part of the table.
    :param environment: what the tables are marked with.
    :param commits: metadata of recent commits, the newest first.
    :returns: None where nothing was committed yet, or it was removed.
    :raises KsefTableError: where a later version of this package wrote the table.
    """
    if snapshot is None:
        return None
    schema_version = snapshot.transaction_version(SCHEMA_VERSION_OF) or SCHEMA_VERSION
    refuse_later_version(schema_version)
    ticks = _version(snapshot, _application(key))
    if ticks is None:
        return None
    began = _version(snapshot, _beginning(key))
    notes = _notes(commits, key, ticks)
    return Watermark(
        position=notes.get("position", format_ticks(ticks)),
        environment=environment,
        schema_version=schema_version,
        previous_position=notes.get("previous_position"),
        export_reference=notes.get("export_reference", ""),
        updated_at=notes.get("updated_at", ""),
        began_at=None if began is None else format_ticks(began),
    )


def _notes(commits: Iterable[Mapping[str, Any]], key: TableKey, ticks: int) -> dict[str, str]:
    """Find the commit that put the watermark where it is."""
    for commit in commits:
        notes = {name.removeprefix(_NOTES): commit[name] for name in commit if name.startswith(_NOTES)}
        ours = (notes.get("context"), notes.get("subject_type")) == (key.context, key.subject_type)
        if ours and "position" in notes and parse_ticks(notes["position"]) == ticks:
            return notes
    return {}


def _version(snapshot: DeltaTable, application: str) -> int | None:
    version = snapshot.transaction_version(application)
    return None if version in {None, _NONE} else version


def _application(key: TableKey) -> str:
    return f"ksef:{key.context}:{key.subject_type}"


def _beginning(key: TableKey) -> str:
    return f"{_application(key)}:began"
