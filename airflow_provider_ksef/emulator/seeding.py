"""Filling the emulator with synthetic invoices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from random import Random

from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.metadata import Registration
from airflow_provider_ksef.emulator.moments import (
    TICKS_PER_MICROSECOND,
    TICKS_PER_SECOND,
    format_moment,
    parse_moment,
    polish_day,
)
from airflow_provider_ksef.emulator.numbers import make_ksef_number
from airflow_provider_ksef.emulator.store.invoices import NewInvoice, Recipe
from airflow_provider_ksef.emulator.synthetic import synthesize

_CHUNK = 1000
_SAME_DATE = 0.02
_ISSUED_EARLIER = 0.15


class SeedRefused(Exception):  # noqa: N818  it says what happened
    """An order that would break what KSeF promises, or that makes no sense."""


@dataclass(frozen=True)
class SeedOrder:
    """
    Which invoices are wanted.

    :param start: first permanent storage date as ISO text; without it they are stored now.
    :param end: last one; without it now.
    :param is_forced: allow dates up to a high-water mark that clients were already told.
    """

    nip: str
    subject_type: str
    count: int
    start: str | None = None
    end: str | None = None
    seed: int = 0
    is_forced: bool = False


def seed_invoices(emulator: Emulator, order: SeedOrder) -> dict[str, object]:
    """
    Store synthetic invoices; all of them become visible at once.

    :return: how many, and the first and last permanent storage date.
    :raises SeedRefused: where the dates are wrong.
    """
    if order.count == 0:
        return {"count": 0}
    with emulator.database.transaction():
        index = _reserve(emulator, order)
        random = Random(f"{order.seed}|{order.nip}|{order.subject_type}|{index}")  # noqa: S311  repeatable
        dates = _dates(emulator, order, random)
        session = emulator.new_reference("SO")
        invoices = _make(order, index, dates, random, session)
        while chunk := list(islice(invoices, _CHUNK)):
            emulator.invoices.add(chunk)
    first, last = format_moment(dates[0]), format_moment(dates[-1])
    return {"count": len(dates), "firstPermanentStorageDate": first, "lastPermanentStorageDate": last}


def seed_at_start(emulator: Emulator) -> None:
    """
    Store what the command line orders.

    :raises SeedRefused: where its dates are wrong.
    """
    settings = emulator.settings
    for nip in dict(settings.tokens):
        order = SeedOrder(nip, "Subject2", settings.seed_invoices, settings.seed_from, settings.seed_to)
        seed_invoices(emulator, order)


def _reserve(emulator: Emulator, order: SeedOrder) -> int:
    key = (order.nip, order.subject_type, order.seed)
    found = emulator.database.row(
        "SELECT next_index FROM series WHERE nip = ? AND subject_type = ? AND seed = ?", key
    )
    index = int(found[0]) if found else 0
    emulator.database.execute(
        "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)", (*key, index + order.count)
    )
    return index


def _dates(emulator: Emulator, order: SeedOrder, random: Random) -> list[int]:
    if order.start is None:
        if order.end is not None:
            raise SeedRefused("'to' is given without 'from': give both, or none to store the invoices now")
        return emulator.hwm.recent_dates(order.count)
    start = _moment("from", order.start)
    end = emulator.clock.now() if order.end is None else _moment("to", order.end)
    if end < start:
        raise SeedRefused(f"'to' ({format_moment(end)}) is before 'from' ({format_moment(start)})")
    if start <= emulator.hwm.served and not order.is_forced:
        told = format_moment(emulator.hwm.served)
        raise SeedRefused(
            f"'from' ({format_moment(start)}) is not after {told}, a high-water mark that a client was told: "
            "KSeF promises that nothing is stored below it any more. Begin later, reset the emulator, or "
            'give "force": true to break the promise'
        )
    return _spread(start, end, order.count, random)


def _spread(start: int, end: int, count: int, random: Random) -> list[int]:
    first, last = -(-start // TICKS_PER_MICROSECOND), end // TICKS_PER_MICROSECOND
    dates: list[int] = []
    for index in range(count):
        if dates and random.random() < _SAME_DATE:
            dates.append(dates[-1])
            continue
        exact = first + (last - first) * (index + random.random()) / count
        dates.append(min(int(exact), last) * TICKS_PER_MICROSECOND)
    return dates


def _moment(name: str, text: str) -> int:
    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        raise SeedRefused(f"'{name}': '{text}' is neither an ISO 8601 date nor a date-time") from None


def _make(
    order: SeedOrder, first: int, dates: list[int], random: Random, session: str
) -> Iterator[NewInvoice]:
    for index, stored in enumerate(dates, start=first):
        acquired = stored - random.randrange(TICKS_PER_SECOND // 20, 3 * TICKS_PER_SECOND)
        invoicing = acquired - random.randrange(TICKS_PER_SECOND // 20, 5 * TICKS_PER_SECOND)
        received = polish_day(invoicing)
        days = random.randrange(1, 4) if random.random() < _ISSUED_EARLIER else 0
        issued = received - timedelta(days=days)
        made = synthesize(order.nip, order.subject_type, index, order.seed, issued)
        name = f"{order.seed}|{order.nip}|{order.subject_type}|{index}"
        technical = sha256(name.encode()).hexdigest()[:12].upper()
        registration = Registration(
            ksef_number=make_ksef_number(made.facts.seller_nip, polish_day(acquired), technical),
            hash=digest(made.xml),
            invoicing=invoicing,
            acquired=acquired,
            stored=stored,
            mode="Offline" if issued < received else "Online",
            session=session,
        )
        recipe = Recipe(order.nip, order.subject_type, index, order.seed, issued)
        yield NewInvoice(made.facts, registration, recipe)
