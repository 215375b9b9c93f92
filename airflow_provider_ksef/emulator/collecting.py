"""Making collective identifiers."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.moments import polish_day
from airflow_provider_ksef.emulator.numbers import make_collective_identifier
from airflow_provider_ksef.emulator.store.collective import Collected, Collective

_LEAST = 2
_MOST_PER_INVOICE = 132


def collect(emulator: Emulator, caller: Caller, invoices: Sequence[Collected]) -> Collective:
    """
    Give invoices of one seller a number for all of them.

    :raises Invalid: where they are too few or too many.
    :raises ApiError: 71005 for a number that is there twice, 71001 for one that KSeF does not have, 71004 for
        several sellers, 71002 for an invoice that is under too many identifiers of the context already.
    """
    now = emulator.clock.now()
    with emulator.database.transaction():
        most = emulator.limits.context(caller.context).collective_identifier["maxInvoices"]
        if not _LEAST <= len(invoices) <= most:
            raise Invalid(
                f"'invoices' must contain between {_LEAST} and {most} items. You entered {len(invoices)}."
            )
        numbers = [invoice.ksef_number for invoice in invoices]
        _check_once(numbers)
        seller = _seller(emulator.invoices.sellers(numbers, now), numbers)
        _check_room(emulator.collective.counts(caller.context, numbers))
        number = make_collective_identifier(seller, polish_day(now))
        collective = Collective(number, caller.context, seller, now, len(numbers))
        emulator.collective.add(collective, invoices)
    return collective


def _check_once(numbers: Sequence[str]) -> None:
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            raise ApiError(71005, f"Numer KSeF {number} występuje w żądaniu więcej niż raz.")
        seen.add(number)


def _seller(sellers: dict[str, str], numbers: Sequence[str]) -> str:
    for number in numbers:
        if number not in sellers:
            raise ApiError(71001, f"Faktura o numerze KSeF {number} nie została znaleziona.")
    if len(set(sellers.values())) > 1:
        raise ApiError(71004, "Wszystkie faktury muszą być wystawione przez tego samego sprzedawcę.")
    return sellers[numbers[0]]


def _check_room(counts: dict[str, int]) -> None:
    for number, count in counts.items():
        if count >= _MOST_PER_INVOICE:
            detail = "jest już przypisana do maksymalnej liczby Identyfikatorów Zbiorczych."
            raise ApiError(71002, f"Faktura o numerze KSeF {number} {detail}")
