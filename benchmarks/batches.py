"""Folders of invoices that are packed: small ones of many sellers, and large ones with many lines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from airflow_provider_ksef.emulator.synthetic import synthesize
from airflow_provider_ksef.emulator.synthetic.companies import SELLERS
from airflow_provider_ksef.emulator.synthetic.dice import Dice

SMALL, LARGE = "3-to-8-kb", "200-kb"
_LEAST, _MOST, _MOST_USUAL = 3_000, 8_000, 6_600
_LINES = 60_000
"""Different ones, each with a catalogue number of its own."""
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
    """Give invoices of many sellers, whose lines have catalogue numbers, as ERP systems write them."""
    lines = itertools.cycle(_numbered_lines(_LINES))
    for index in itertools.count():
        dice = Dice(f"packing {index}")
        xml = _synthetic(index)
        size = dice.between(_LEAST, _MOST_USUAL)
        head, _, rest = xml.partition(_LINE)
        end = rest.rpartition(_AFTER_LINE)[2]
        body = bytearray(head)
        while len(body) + len(end) < size:
            body += next(lines)
        if rest and _LEAST <= len(body) + len(end) <= _MOST:
            yield bytes(body + end)


def _numbered_lines(count: int) -> list[bytes]:
    lines = itertools.chain.from_iterable(_lines_of(_synthetic(index)) for index in itertools.count())
    dice = Dice("catalogue numbers")
    return [
        line.replace(b"</P_7>", b"</P_7><Indeks>%08d</Indeks>" % dice.below(10**8), 1)
        for line in itertools.islice(lines, count)
    ]


def _synthetic(index: int) -> bytes:
    return synthesize(SELLERS[index % len(SELLERS)].nip, "Subject1", index, 0, _DAY).xml


def _large_invoices(count: int) -> Iterator[bytes]:
    """Give each the head and the end of a small one, and the lines of many."""
    some = list(itertools.islice(_small_invoices(), 3_000))
    lines = itertools.cycle([line for xml in some for line in _lines_of(xml)])
    for xml in itertools.islice(itertools.cycle(some), count):
        head, _, rest = xml.partition(_LINE)
        end = rest.rpartition(_AFTER_LINE)[2]
        body = bytearray(head)
        while len(body) < _LARGE_SIZE:
            body += next(lines)
        yield bytes(body + end)


def _lines_of(xml: bytes) -> list[bytes]:
    return [_LINE + part.partition(_AFTER_LINE)[0] + _AFTER_LINE for part in xml.split(_LINE)[1:]]
