"""
What a table of a million invoices takes: 100 packages of 10,000 into an empty one, and then one more.

``python -m benchmarks.scale`` from the checkout. Each package is read from encrypted parts on disk and
committed as a sync does it: lease, read-back, files, watermark. The calls to KSeF are those that a sync needs
at the least. The exit code is 1 where the last package takes more than 1.3 times as long as the first, or a
row is missing; medians of the first and the last five stand for both, since one commit takes little time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401
from upath import UPath

from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.table_format import TABLE_FORMATS, TableFormat, open_tables
from airflow_provider_ksef.transfers.plan import plan_exports
from benchmarks import ours
from benchmarks.many_packages import made_packages, start_of
from benchmarks.memory import most_resident, resident
from benchmarks.packages import Package

KEY = TableKey("nip-5250001210", "Subject2")
MOST = 1.3
_FEW = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--packages", type=int, default=100, help="before the last one")
    parser.add_argument("--invoices", type=int, default=10_000, help="in each package")
    parser.add_argument("--table-format", choices=TABLE_FORMATS, default="parquet")
    arguments = parser.parse_args()
    count = arguments.packages + 1
    with tempfile.TemporaryDirectory(prefix="ksef-scale-") as folder:
        root = UPath(Path(folder) / "tables")
        tables = open_tables(root, arguments.table_format)
        idle = resident()
        taken = []
        for ordinal, package in enumerate(made_packages(Path(folder), count, arguments.invoices)):
            taken.append(_seconds(tables, ordinal, package))
            if (ordinal + 1) % 10 == 0:
                print(f"{ordinal + 1} of {count} packages", file=sys.stderr, flush=True)
        memory = most_resident() - idle
        numbers = read("invoices", root, columns=["ksef_number"]).column(0)
        found = len(numbers.unique())
    ratio = statistics.median(taken[-_FEW:]) / statistics.median(taken[:_FEW])
    print(
        f"{arguments.packages} packages: {sum(taken[:-1]):.1f} s; one more: {taken[-1]:.3f} s\n"
        f"first {_FEW}: {_text(taken[:_FEW])} s; last {_FEW}: {_text(taken[-_FEW:])} s; ratio {ratio:.2f}\n"
        f"extra memory at most: {memory:.0f} MB\n"
        f"calls to KSeF: {plan_exports([count])}\n"
        f"invoices in the table: {found}"
    )
    return 0 if ratio <= MOST and len(numbers) == found == count * arguments.invoices else 1


def _seconds(tables: TableFormat, ordinal: int, package: Package) -> float:
    started = time.perf_counter()
    invoices = ours.invoices_of(ours.verified(package))
    window = CommittedWindow(_bound(ordinal), _bound(ordinal + 1), f"EH-{ordinal}")
    rows = IncomingRows(invoices)
    tables.commit(KEY, window, rows, environment="test", owner="dag/run/task/-1", moves_watermark=True)
    return time.perf_counter() - started


def _bound(ordinal: int) -> str:
    return start_of(ordinal).strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")


def _text(taken: list[float]) -> str:
    return " ".join(f"{each:.3f}" for each in taken)


if __name__ == "__main__":
    sys.exit(main())
