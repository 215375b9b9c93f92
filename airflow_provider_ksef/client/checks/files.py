"""Many files checked at once: the way in."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from airflow_provider_ksef.client.checks.document import Outcome
from airflow_provider_ksef.client.checks.duplicates import with_duplicates
from airflow_provider_ksef.client.checks.finding import Finding
from airflow_provider_ksef.client.checks.processes import check_on_all_cores
from airflow_provider_ksef.client.checks.report import CheckedFile, CheckReport, Problem
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.checks.schemas import read_schema
from airflow_provider_ksef.client.checks.share import Share, check_each, read_content, without_folder
from airflow_provider_ksef.client.forms import ONLINE_FORMS, form_of
from airflow_provider_ksef.client.invoice_files import InvoicePath, opener_of

READERS = 16
"""Files of an object store that are read at once."""
log = logging.getLogger(__name__)


def check_files(
    invoices: Sequence[InvoicePath], rules: CheckRules, *, processes: int | None = None
) -> CheckReport:
    """
    Check invoices by all rules, and tell all problems of all files.

    :param invoices: what :func:`~airflow_provider_ksef.client.invoice_files.find_invoices` found.
    :param rules: what they are held against, the company's limits among it.
    :param processes: how many may work at once, this one included; None for as many as there are cores.
    :raises KsefInputError: where the rules are wrong: an unknown form, a folder without its schema.
    :raises OSError: where reading fails for another reason than the files', which may pass.
    """
    started = time.monotonic()
    schema = _schema(rules)
    plain = without_folder(rules)
    outcomes: Sequence[Outcome]
    if all(invoice.is_local for invoice in invoices):
        paths = [invoice.path.path for invoice in invoices]
        outcomes = check_on_all_cores(Share(paths, plain, schema), processes)
    else:
        outcomes = list(check_each(_read_ahead(invoices, rules.limits.largest), plain, schema))
    shown = [invoice.shown for invoice in invoices]
    report = _report(invoices, with_duplicates(list(zip(shown, outcomes, strict=True))))
    seconds = time.monotonic() - started
    log.info("Checked %d files in %.1f s: %d are wrong.", len(invoices), seconds, report.invalid_count)
    return report


def _schema(rules: CheckRules) -> Mapping[str, bytes]:
    if rules.form_code is not None:
        form_of(rules.form_code, ONLINE_FORMS, "KSeF")
        if rules.schema_dir is not None:
            return read_schema(rules.schema_dir, rules.form_code)
    return {}


def _read_ahead(invoices: Sequence[InvoicePath], most: int) -> Iterator[bytes | Finding]:
    """Read some files at once, and no more before they are checked, so that memory stays flat."""
    openers = (opener_of(invoice.path) for invoice in invoices)
    with ThreadPoolExecutor(READERS) as pool:
        while some := list(islice(openers, READERS)):
            yield from pool.map(partial(read_content, most=most), some)


def _report(invoices: Sequence[InvoicePath], outcomes: Sequence[Outcome]) -> CheckReport:
    pairs = list(zip(invoices, outcomes, strict=True))
    files = [
        CheckedFile(invoice, outcome.size, outcome.sha256, outcome.facts)
        for invoice, outcome in pairs
        if not outcome.findings
    ]
    problems = [
        Problem(invoice.shown, found.line, found.rule, found.message, found.remedy)
        for invoice, outcome in pairs
        for found in outcome.findings
    ]
    return CheckReport(tuple(files), tuple(problems))
