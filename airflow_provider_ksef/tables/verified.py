"""
What verifications have found of spans of storage dates: equal to KSeF, or different; noted beside the tables.

Of each instant the last verification counts. Notes are taken under a lease of their own, so that of two
verifications at once neither loses what the other has found.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterable
from dataclasses import replace

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.layout import OWN_FOLDER, TableKey
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.storage import Store, open_store

Span = tuple[str, str]
"""First and last storage date, both inclusive; KSeF's own date strings."""

_LEASE = "verified"


class _Found(msgspec.Struct, forbid_unknown_fields=False):
    windows: list[Span] = []
    different: list[Span] = []


def note_verified(root: UPath, key: TableKey, start: str, end: str) -> None:
    """
    Note that a span of a table holds exactly what KSeF holds.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param start: first storage date, inclusive; KSeF's own date string.
    :param end: last storage date, inclusive.
    :raises KsefLeaseError: where other verifications are at their notes for long.
    """
    run_steps(noting_steps(open_store(root), key, (start, end), holds=True))


def withdraw_verified(root: UPath, key: TableKey, start: str, end: str) -> None:
    """
    Note that a span of a table differs from what KSeF holds, though it may have held before.

    No month that it touches is complete until :func:`note_verified` covers it.

    :param start: first storage date, inclusive; KSeF's own date string.
    :param end: last storage date, inclusive.
    :raises KsefLeaseError: where other verifications are at their notes for long.
    """
    run_steps(noting_steps(open_store(root), key, (start, end), holds=False))


def noting_steps(
    store: Store, key: TableKey, span: Span, *, holds: bool, clock: Clock = time.time
) -> Generator[Step, None, None]:
    """Note what a verification found of a span, step by step."""
    path = _path(key)

    def work(lease: Lease) -> Generator[Step, None, None]:
        seen = store.read(path)
        yield "verified: read the notes"
        found = _parsed(seen, path)
        same, other = (found.windows, found.different) if holds else (found.different, found.windows)
        same, other = _joined([*same, span]), list(_without(other, span))
        noted = _Found(same, other) if holds else _Found(other, same)
        if noted == found:
            return
        content = msgspec.json.format(msgspec.json.encode(noted), indent=2) + b"\n"
        lease.announce((path,))
        store.stage(path, lease.token, content)
        lease.check()
        yield "verified: checked the lease"
        store.exchange(path, lease.token, content, seen)
        yield "verified: noted"

    owner = f"verified/{uuid.uuid4().hex}"
    yield from under_lease(store, replace(key, table=_LEASE), owner, clock, work)


def read_verified(root: UPath, key: TableKey) -> tuple[Span, ...]:
    """
    Give the spans that were verified, in order; spans that touch are one.

    :raises KsefTableError: where the note cannot be read.
    """
    return tuple(_read(root, key).windows)


def read_different(root: UPath, key: TableKey) -> tuple[Span, ...]:
    """
    Give the spans that the last verification found different from KSeF, in order; spans that touch are one.

    :raises KsefTableError: where the note cannot be read.
    """
    return tuple(_read(root, key).different)


def is_verified(spans: Iterable[Span], start: int, end: int) -> bool:
    """
    Tell whether one of the spans covers a time.

    :param spans: see :func:`read_verified`.
    :param start: in ticks of 100 ns since 1970.
    :param end: the same, not in it.
    """
    return any(parse_ticks(first) <= start and end <= parse_ticks(last) + 1 for first, last in spans)


def spans_within(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """
    Give the spans that touch a time.

    :param spans: see :func:`read_different`.
    :param start: in ticks of 100 ns since 1970.
    :param end: the same, not in it.
    """
    return [(first, last) for first, last in spans if parse_ticks(first) < end and start <= parse_ticks(last)]


def _read(root: UPath, key: TableKey) -> _Found:
    path = _path(key)
    return _parsed(open_store(root).read(path), path)


def _parsed(content: bytes | None, path: str) -> _Found:
    if content is None:
        return _Found()
    try:
        return msgspec.json.decode(content, type=_Found)
    except msgspec.DecodeError as error:
        raise KsefTableError(
            f"The note {path} cannot be read: {error}.", "Delete it and verify the table again."
        ) from error


def _without(spans: Iterable[Span], cut: Span) -> Generator[Span, None, None]:
    start, end = map(parse_ticks, cut)
    for first, last in spans:
        if parse_ticks(last) < start or end < parse_ticks(first):
            yield first, last
            continue
        for part in ((first, format_ticks(start - 1)), (format_ticks(end + 1), last)):
            if parse_ticks(part[0]) <= parse_ticks(part[1]):
                yield part


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
