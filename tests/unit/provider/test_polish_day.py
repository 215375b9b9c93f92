"""The day that no invoice may be issued after is Poland's, which begins an hour or two before UTC's."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace

import pytest
from upath import UPath

from airflow_provider_ksef.client import ContextIdentifier, Settings, TokenCredential
from airflow_provider_ksef.client.invoice_files import find_invoices
from airflow_provider_ksef.client.invoice_limits import InvoiceLimits
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.emulator.samples import make_samples
from airflow_provider_ksef.operators import invoice_checks
from tests.emulator_process import NIP, TOKEN

SETTINGS = Settings(
    Environment("custom", "http://127.0.0.1/v2", "https://qr-test.ksef.mf.gov.pl"),
    ContextIdentifier("Nip", NIP),
    TokenCredential(TOKEN),
    30.0,
)
PATHS = dict.fromkeys(("tables_path", "upo_path", "rejected_path"))
OPERATOR = SimpleNamespace(
    form_code="FA (3)", allow_self_invoicing=False, schema_dir=None, on_invalid="fail", **PATHS
)


@pytest.mark.parametrize(
    ("now", "issued", "is_right"),
    [
        ("2026-03-31T21:59:59", date(2026, 4, 1), False),
        ("2026-03-31T22:00:00", date(2026, 4, 1), True),
        ("2026-01-31T22:59:59", date(2026, 2, 1), False),
        ("2026-01-31T23:00:00", date(2026, 2, 1), True),
        ("2026-01-31T23:00:00", date(2026, 2, 2), False),
    ],
)
def test_an_invoice_is_of_the_future_until_its_day_begins_in_poland(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, issued: date, is_right: bool
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(invoice_checks, "datetime", Clock)
    (tmp_path / "a.xml").write_bytes(make_samples(NIP, 1, 0, 1, issued)[0].xml)
    found = find_invoices([UPath(tmp_path)])
    report = invoice_checks.check_invoices(OPERATOR, SETTINGS, found, InvoiceLimits)  # type: ignore[arg-type]
    assert [problem.rule for problem in report.problems] == (
        [] if is_right else ["invoice.issue-date-in-future"]
    )
