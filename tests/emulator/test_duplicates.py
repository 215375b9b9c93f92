"""How long the number of an invoice stays taken."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from airflow_provider_ksef.emulator.metadata import Registration
from airflow_provider_ksef.emulator.store.database import Database
from airflow_provider_ksef.emulator.store.invoices import InvoiceStore, NewInvoice
from airflow_provider_ksef.emulator.synthetic import synthesize


def test_a_number_is_free_again_after_ten_full_years(tmp_path: Path) -> None:
    store = InvoiceStore(Database(tmp_path / "state.sqlite", durable=False))
    invoice = synthesize("5250001210", "Subject1", 1, 1, date(2026, 3, 31))
    number = "5250001210-20260901-0A1B2C000000-C6"
    registration = Registration(number, "hash", 1, 2, 3, "Online", "session")
    store.add([NewInvoice(invoice.facts, registration, invoice.xml)])
    assert store.find_same(invoice.facts, date(2036, 12, 31)) == (number, "session")
    assert store.find_same(invoice.facts, date(2037, 1, 1)) is None
