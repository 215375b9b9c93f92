"""Folders of invoices that are packed: small ones as the emulator's generator makes them, and large ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from airflow_provider_ksef.emulator.synthetic import synthesize
from benchmarks.making import NIP

SMALL, LARGE = "small", "large"
_LEAST, _MOST = 3_000, 8_000
_LARGE_SIZE = 200_000
_DAY = date(2026, 5, 4)
_LINE = b"<FaWiersz>"
_AFTER_LINE = b"</FaWiersz>"
_DONE = ".done"


def make_batches(folder: Path, small: int, large: int) -> None:
    """
    Make the folders where they are not there yet.

    :param folder: where they are kept.
    :param small: how many invoices of 3 to 8 KB.
    :param large: how many of 200 KB; none makes no folder.
    """
    _fill(folder / SMALL, itertools.islice(_small_invoices(), small))
    if large:
        _fill(folder / LARGE, _large_invoices(large))


def _fill(folder: Path, invoices: Iterator[bytes]) -> None:
    if (folder.with_suffix(_DONE)).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number, xml in enumerate(invoices, start=1):
        (folder / f"invoice-{number:05d}.xml").write_bytes(xml)
    folder.with_suffix(_DONE).touch()


def _small_invoices() -> Iterator[bytes]:
    for index in itertools.count():
        xml = synthesize(NIP, "Subject1", index, 0, _DAY).xml
        if _LEAST <= len(xml) <= _MOST:
            yield xml


def _large_invoices(count: int) -> Iterator[bytes]:
    """Give each the head and the end of a small one, and the lines of many."""
    some = list(itertools.islice(_small_invoices(), 3_000))
    lines = itertools.cycle([_LINE + line for xml in some for line in _lines_of(xml)])
    for xml in itertools.islice(itertools.cycle(some), count):
        head, _, rest = xml.partition(_LINE)
        end = rest.rpartition(_AFTER_LINE)[2]
        body = bytearray(head)
        while len(body) < _LARGE_SIZE:
            body += next(lines)
        yield bytes(body + end)


def _lines_of(xml: bytes) -> list[bytes]:
    return [part.partition(_AFTER_LINE)[0] + _AFTER_LINE for part in xml.split(_LINE)[1:]]
