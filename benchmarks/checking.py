"""
How long it takes to check a folder of invoices before they are sent.

``python -m benchmarks.checking --xsd-dir FOLDER`` from the checkout, with the packages of the tests. It
prints the median of five, by all rules, with and without the schema, in one process and on all cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from upath import UPath

from airflow_provider_ksef.client import ContextIdentifier
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import InvoicePath, find_invoices
from airflow_provider_ksef.emulator.samples import make_samples
from benchmarks.making import NIP

DAY = date(2026, 9, 15)
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--xsd-dir", help="folder with the Ministry's schemas; else none is measured")
    arguments = parser.parse_args()
    schemas = [None, UPath(arguments.xsd_dir)] if arguments.xsd_dir else [None]
    with tempfile.TemporaryDirectory(prefix="ksef-checking-") as folder:
        for sample in make_samples(NIP, arguments.invoices, 0, 1, DAY):
            (Path(folder) / sample.name).write_bytes(sample.xml)
        found = find_invoices([UPath(folder)])
        for schema_dir in schemas:
            rules = CheckRules("FA (3)", ContextIdentifier("Nip", NIP), today=DAY, schema_dir=schema_dir)
            for processes in (1, None):
                times = [_seconds(found, rules, processes) for _ in range(ROUNDS)]
                schema = "with schema" if schema_dir else "without schema"
                cores = "one process" if processes else "all cores"
                print(f"{len(found)} invoices {schema}, {cores}: {statistics.median(times):.2f} s")


def _seconds(found: Sequence[InvoicePath], rules: CheckRules, processes: int | None) -> float:
    started = time.perf_counter()
    report = check_files(found, rules, processes=processes)
    taken = time.perf_counter() - started
    report.require_valid()
    return taken


if __name__ == "__main__":
    main()
