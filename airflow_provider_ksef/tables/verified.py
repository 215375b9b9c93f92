"""Which spans of storage dates a verification has found equal to KSeF; noted beside the tables."""

from __future__ import annotations

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.layout import OWN_FOLDER, TableKey
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.storage import open_store

Span = tuple[str, str]
"""First and last storage date, both inclusive; KSeF's own date strings."""


class _Verified(msgspec.Struct, forbid_unknown_fields=False):
    windows: list[Span] = []


def note_verified(root: UPath, key: TableKey, start: str, end: str) -> None:
    """
    Note that a span of a table holds exactly what KSeF holds.

    Two verifications at once may lose one of their notes, never invent one.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param start: first storage date, inclusive; KSeF's own date string.
    :param end: last storage date, inclusive.
    """
    _write(root, key, _joined([*read_verified(root, key), (start, end)]))


def withdraw_verified(root: UPath, key: TableKey, start: str, end: str) -> None:
    """
    Note that a span of a table differs from what KSeF holds, though it may have held before.

    :param start: first storage date, inclusive; KSeF's own date string.
    :param end: last storage date, inclusive.
    """
    spans = read_verified(root, key)
    left = [part for span in spans for part in _without(span, parse_ticks(start), parse_ticks(end))]
    if left != list(spans):
        _write(root, key, left)


def read_verified(root: UPath, key: TableKey) -> tuple[Span, ...]:
    """
    Give the spans that were verified, in order; spans that touch are one.

    :raises KsefTableError: where the note cannot be read.
    """
    path = _path(key)
    content = open_store(root).read(path)
    if content is None:
        return ()
    try:
        return tuple(msgspec.json.decode(content, type=_Verified).windows)
    except msgspec.DecodeError as error:
        raise KsefTableError(
            f"The note {path} cannot be read: {error}.", "Delete it and verify the table again."
        ) from error


def is_verified(spans: tuple[Span, ...], start: int, end: int) -> bool:
    """
    Tell whether one of the spans covers a time.

    :param spans: see :func:`read_verified`.
    :param start: in ticks of 100 ns since 1970.
    :param end: the same.
    """
    return any(parse_ticks(first) <= start and end <= parse_ticks(last) for first, last in spans)


def _without(span: Span, start: int, end: int) -> list[Span]:
    first, last = span
    if parse_ticks(last) < start or end < parse_ticks(first):
        return [span]
    before, after = (first, format_ticks(start - 1)), (format_ticks(end + 1), last)
    return [part for part in (before, after) if parse_ticks(part[0]) <= parse_ticks(part[1])]


def _write(root: UPath, key: TableKey, spans: list[Span]) -> None:
    content = msgspec.json.format(msgspec.json.encode(_Verified(spans)), indent=2)
    open_store(root).replace(_path(key), content + b"\n")


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans, key=lambda span: parse_ticks(span[0])):
        if joined and parse_ticks(start) <= parse_ticks(joined[-1][1]) + 1:  # no date lies between two ticks
            last = max(joined[-1][1], end, key=parse_ticks)
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((start, end))
    return joined


def _path(key: TableKey) -> str:
    return f"{OWN_FOLDER}/verified/{key.context}/{key.subject_type}.json"
